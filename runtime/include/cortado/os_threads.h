// The system's threads as the pool needs them: POSIX threads, or those of Windows. Plain data, made and unmade by functions.
#pragma once

#include <cstddef>

#if defined(_WIN32)
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#endif

namespace cortado {

using ThreadFunction = void* (*)(void* argument);

#if defined(_WIN32)

struct OsThread {
  HANDLE handle;
  ThreadFunction function;
  void* argument;
};

/** A lock and what its holders wait for. */
struct OsSignal {
  SRWLOCK lock;
  CONDITION_VARIABLE arrived;
};

inline DWORD WINAPI run_os_thread(void* thread) {
  const OsThread* const self = static_cast<const OsThread*>(thread);
  self->function(self->argument);
  return 0;
}

/** The object must stay where it is until the thread is joined. */
inline bool start_os_thread(OsThread* thread, ThreadFunction function, void* argument, std::size_t stack_bytes) {
  thread->function = function;
  thread->argument = argument;
  thread->handle = CreateThread(nullptr, stack_bytes, run_os_thread, thread, STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr);
  return thread->handle != nullptr;
}

inline void join_os_thread(OsThread* thread) {
  WaitForSingleObject(thread->handle, INFINITE);
  CloseHandle(thread->handle);
}

inline bool make_os_signal(OsSignal* signal) {
  InitializeSRWLock(&signal->lock);
  InitializeConditionVariable(&signal->arrived);
  return true;
}

inline void unmake_os_signal(OsSignal*) {}
inline void lock_os_signal(OsSignal* signal) { AcquireSRWLockExclusive(&signal->lock); }
inline void unlock_os_signal(OsSignal* signal) { ReleaseSRWLockExclusive(&signal->lock); }
inline void wait_os_signal(OsSignal* signal) { SleepConditionVariableSRW(&signal->arrived, &signal->lock, INFINITE, 0); }
inline void wake_os_signal(OsSignal* signal) { WakeAllConditionVariable(&signal->arrived); }
inline void yield_os_thread() { SwitchToThread(); }

#else

struct OsThread {
  pthread_t thread;
};

struct OsSignal {
  pthread_mutex_t lock;
  pthread_cond_t arrived;
};

inline bool start_os_thread(OsThread* thread, ThreadFunction function, void* argument, std::size_t stack_bytes) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setstacksize(&attributes, stack_bytes);
  const bool started = pthread_create(&thread->thread, &attributes, function, argument) == 0;
  pthread_attr_destroy(&attributes);
  return started;
}

inline void join_os_thread(OsThread* thread) { pthread_join(thread->thread, nullptr); }

inline bool make_os_signal(OsSignal* signal) {
  if (pthread_mutex_init(&signal->lock, nullptr) != 0) return false;
  if (pthread_cond_init(&signal->arrived, nullptr) == 0) return true;
  pthread_mutex_destroy(&signal->lock);
  return false;
}

inline void unmake_os_signal(OsSignal* signal) {
  pthread_cond_destroy(&signal->arrived);
  pthread_mutex_destroy(&signal->lock);
}

inline void lock_os_signal(OsSignal* signal) { pthread_mutex_lock(&signal->lock); }
inline void unlock_os_signal(OsSignal* signal) { pthread_mutex_unlock(&signal->lock); }
inline void wait_os_signal(OsSignal* signal) { pthread_cond_wait(&signal->arrived, &signal->lock); }
inline void wake_os_signal(OsSignal* signal) { pthread_cond_broadcast(&signal->arrived); }
inline void yield_os_thread() { sched_yield(); }

#endif

}  // namespace cortado
