// Linux and its like, macOS, Windows.
#include "system.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <direct.h>
#include <windows.h>
// After windows.h, whose types it uses.
#include <psapi.h>
#else
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#endif
#if defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

namespace cortado {

#if defined(_WIN32)

std::uint64_t peak_resident_bytes() {
  PROCESS_MEMORY_COUNTERS counters;
  counters.cb = sizeof counters;
  return K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters) != 0 ? counters.PeakWorkingSetSize : 0;
}

const char* executable_path(const char* fallback, char* path, std::size_t room) {
  const DWORD length = GetModuleFileNameA(nullptr, path, static_cast<DWORD>(room));
  return length > 0 && length < room ? path : fallback;
}

bool make_folder(const char* path) { return _mkdir(path) == 0 || errno == EEXIST; }

std::size_t folder_length(const char* path) {
  std::size_t length = std::strlen(path);
  while (length > 0 && path[length - 1] != '/' && path[length - 1] != '\\' && path[length - 1] != ':') --length;
  return length;
}

#else

std::uint64_t peak_resident_bytes() {
#if defined(__linux__)
  // What getrusage tells begins with the memory of the process that started this one.
  if (std::FILE* const status = std::fopen("/proc/self/status", "r")) {
    char line[256];
    unsigned long long kilobytes = 0;
    while (kilobytes == 0 && std::fgets(line, sizeof line, status) != nullptr)
      if (std::sscanf(line, "VmHWM: %llu", &kilobytes) != 1) kilobytes = 0;
    std::fclose(status);
    if (kilobytes > 0) return kilobytes * 1024;
  }
#endif
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#if defined(__APPLE__)
  return static_cast<std::uint64_t>(usage.ru_maxrss);
#else
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
#endif
}

const char* executable_path(const char* fallback, char* path, std::size_t room) {
#if defined(__APPLE__)
  auto size = static_cast<std::uint32_t>(room);
  return _NSGetExecutablePath(path, &size) == 0 ? path : fallback;
#else
  const ssize_t length = readlink("/proc/self/exe", path, room - 1);
  if (length <= 0) return fallback;
  path[length] = '\0';
  return path;
#endif
}

bool make_folder(const char* path) { return mkdir(path, 0777) == 0 || errno == EEXIST; }

std::size_t folder_length(const char* path) {
  const char* const slash = std::strrchr(path, '/');
  return slash != nullptr ? static_cast<std::size_t>(slash - path) + 1 : 0;
}

#endif

}  // namespace cortado
