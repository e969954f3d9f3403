// On which CPUs a net runs: phones and boards have fast and slow ones.
#pragma once

#include "bytes.h"

namespace cortado {

/**
 * Binds this process, and the threads it starts later, to the CPUs that `which` names: `fast` for those with at least three
 * quarters of the greatest capacity, or numbers and ranges, `0,4-7`. False with a message where that cannot be done.
 */
bool set_affinity(const char* which, Error* error);

}  // namespace cortado
