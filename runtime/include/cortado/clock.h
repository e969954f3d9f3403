// Nanoseconds of a clock that never goes back; 0 where the system has none (bare metal: callers give their own).
#pragma once

#include <cstdint>

#if defined(_WIN32)
extern "C" __declspec(dllimport) int __stdcall QueryPerformanceCounter(union _LARGE_INTEGER* count);
extern "C" __declspec(dllimport) int __stdcall QueryPerformanceFrequency(union _LARGE_INTEGER* count);
#elif defined(__unix__) || defined(__APPLE__)
#include <time.h>
#endif

namespace cortado {

inline std::uint64_t monotonic_ns() {
#if defined(_WIN32)
  std::int64_t count = 0, frequency = 1;
  QueryPerformanceCounter(reinterpret_cast<union _LARGE_INTEGER*>(&count));
  QueryPerformanceFrequency(reinterpret_cast<union _LARGE_INTEGER*>(&frequency));
  const auto whole = static_cast<std::uint64_t>(count / frequency), rest = static_cast<std::uint64_t>(count % frequency);
  return whole * 1'000'000'000u + rest * 1'000'000'000u / static_cast<std::uint64_t>(frequency);
#elif defined(__unix__) || defined(__APPLE__)
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_nsec);
#else
  return 0;
#endif
}

}  // namespace cortado
