// The CPU that the program runs on, by the name that its system tells.
#pragma once

#include <cstddef>

namespace cortado {

/** `AMD EPYC (family 26 model 2)`, `CPU 0x41 part 0xd0b`, or `unknown`; cut to fit, always terminated. */
void cpu_name(char* text, std::size_t bytes);

}  // namespace cortado
