// Memory of an instance that the library owns.
#pragma once

#include <cstddef>

namespace cortado {

/**
 * Memory whose pages are there from the start, large ones where the system has them, so that the first run does not stop at
 * each; nullptr when there is none.
 */
void* allocate_memory(std::size_t bytes);

/** `bytes` as they were asked for; nullptr is fine. */
void free_memory(void* memory, std::size_t bytes);

}  // namespace cortado
