// What the harness asks of the operating system beyond the C library.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cortado {

/** Most memory that the process ever had resident; 0 where the system does not tell. */
std::uint64_t peak_resident_bytes();

/** Path of the running executable; `fallback` where the system does not tell. */
const char* executable_path(const char* fallback, char* path, std::size_t room);

/** False, with errno set, unless the folder is there afterwards. */
bool make_folder(const char* path);

/** Bytes of a path up to its file name. */
std::size_t folder_length(const char* path);

}  // namespace cortado
