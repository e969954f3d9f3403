// On which CPUs a net runs: phones and boards have fast and slow ones.
#pragma once

#include "bytes.h"

namespace cortado {

/** Binds this thread, and those that it starts later, to CPUs as choose_cpus takes them. False with a message where that cannot be done. */
bool set_affinity(const char* which, Error* error);

}  // namespace cortado
