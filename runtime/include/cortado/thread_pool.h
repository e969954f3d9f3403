// A static pool of persistent workers: parallel(parts) calls a function once for each part and returns when all are
// done. The caller works too, so a pool of n threads has n - 1 workers. Parts are claimed one by one: a worker that
// sleeps or was preempted delays nobody else. Workers spin for a while after each region, then sleep.
// Pools are independent of each other. parallel() never allocates; one thread at a time may call it.
#pragma once

#include "cortado/model.h"

#if CORTADO_THREADS

#include "cortado/cpus.h"
#include "cortado/os_threads.h"

namespace cortado {

using PartFunction = void (*)(void* argument, Part part);

class ThreadPool {
 public:
  static constexpr int kMaxThreads = 256;
  static constexpr int kMaxParts = 65535;

  // Bytes that follow a ThreadPool object in memory for its workers.
  static std::size_t worker_bytes(int threads);

  // `this` lies in memory with worker_bytes(threads) behind it. The workers are bound to `cpus` unless it is empty. False if
  // a thread cannot be started; then none is left.
  bool start(int threads, const CpuSet& cpus = CpuSet{});
  void stop();

  // 1 <= parts <= kMaxParts. What the caller wrote before is visible to all parts; what they wrote, to the caller after.
  void parallel(PartFunction function, void* argument, int parts);

  int threads() const { return n_workers_ + 1; }

 private:
  static void* work(void* pool);
  bool claim_and_run();
  void sleep_until_work();
  void wake_sleepers();

  // region number (32 bits) | parts (16) | next unclaimed part (16). A claim is a compare-exchange on the whole word, so
  // a late worker can neither take a part of a newer region with an older function nor the other way round.
  alignas(64) std::atomic<std::uint64_t> ticket_{0};
  std::atomic<PartFunction> function_{nullptr};
  std::atomic<void*> argument_{nullptr};

  alignas(64) std::atomic<int> done_{0};

  alignas(64) std::atomic<int> sleepers_{0};
  std::atomic<bool> stopping_{false};
  int n_workers_ = 0;
  CpuSet cpus_;
  OsSignal work_arrived_;
};

}  // namespace cortado

#endif
