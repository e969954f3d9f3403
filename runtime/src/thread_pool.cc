// The pool's protocol. A region is published by one store of ticket_, claimed by compare-exchange, and over when done_
// reaches its number of parts; function_ and argument_ change only while no part is unfinished.
#include "cortado/thread_pool.h"

#if CORTADO_THREADS

#include "cortado/clock.h"

namespace cortado {

namespace {

// Long enough to bridge the serial steps between two regions, short enough not to burn a core while the host is idle.
constexpr std::uint64_t kSpinNs = 200'000;
constexpr int kPausesPerLook = 64;
// A caller that waits for a preempted worker gives its CPU away after this many looks.
constexpr int kLooksBeforeYield = 256;
constexpr std::size_t kWorkerStackBytes = std::size_t{1} << 20;

inline void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__arm__) && __ARM_ARCH >= 7)
  __asm__ volatile("yield" ::: "memory");
#endif
}

constexpr std::uint64_t make_ticket(std::uint64_t region, int parts, int next) {
  return region << 32 | static_cast<std::uint64_t>(parts) << 16 | static_cast<std::uint64_t>(next);
}
constexpr int parts_of(std::uint64_t ticket) { return static_cast<int>(ticket >> 16 & 0xffff); }
constexpr int next_of(std::uint64_t ticket) { return static_cast<int>(ticket & 0xffff); }
constexpr bool has_work(std::uint64_t ticket) { return next_of(ticket) < parts_of(ticket); }

OsThread* workers_of(ThreadPool* pool) { return reinterpret_cast<OsThread*>(pool + 1); }

}  // namespace

std::size_t ThreadPool::worker_bytes(int threads) { return static_cast<std::size_t>(threads - 1) * sizeof(OsThread); }

bool ThreadPool::start(int threads, const CpuSet& cpus) {
  cpus_ = cpus;
  if (!make_os_signal(&work_arrived_)) return false;
  bool started = true;
  while (started && n_workers_ < threads - 1) {
    started = start_os_thread(&workers_of(this)[n_workers_], work, this, kWorkerStackBytes);
    if (started) ++n_workers_;
  }
  if (!started) stop();
  return started;
}

void ThreadPool::stop() {
  stopping_.store(true);
  lock_os_signal(&work_arrived_);
  wake_os_signal(&work_arrived_);
  unlock_os_signal(&work_arrived_);
  for (int i = 0; i < n_workers_; ++i) join_os_thread(&workers_of(this)[i]);
  n_workers_ = 0;
  unmake_os_signal(&work_arrived_);
}

void ThreadPool::parallel(PartFunction function, void* argument, int parts) {
  function_.store(function, std::memory_order_relaxed);
  argument_.store(argument, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  const std::uint64_t region = (ticket_.load(std::memory_order_relaxed) >> 32) + 1;
  // Part 0 is the caller's from the start. Sequentially consistent against sleepers_: either we see the sleeper, or it sees the ticket.
  ticket_.store(make_ticket(region, parts, 1));
  if (sleepers_.load() > 0) wake_sleepers();
  function(argument, Part{0, parts});
  done_.fetch_add(1, std::memory_order_relaxed);
  while (claim_and_run()) {
  }
  for (int looks = 0; done_.load(std::memory_order_acquire) != parts; ++looks) {
    if (looks < kLooksBeforeYield)
      for (int i = 0; i < 4; ++i) pause_cpu();
    else
      yield_os_thread();
  }
}

bool ThreadPool::claim_and_run() {
  std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
  while (has_work(ticket)) {
    const PartFunction function = function_.load(std::memory_order_relaxed);
    void* const argument = argument_.load(std::memory_order_relaxed);
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    function(argument, Part{next_of(ticket), parts_of(ticket)});
    done_.fetch_add(1, std::memory_order_release);
    return true;
  }
  return false;
}

void* ThreadPool::work(void* pool) {
  auto* const self = static_cast<ThreadPool*>(pool);
  if (self->cpus_.count() > 0) bind_thread(self->cpus_);
  std::uint64_t idle_since = monotonic_ns();
  while (!self->stopping_.load(std::memory_order_relaxed)) {
    if (self->claim_and_run()) {
      while (self->claim_and_run()) {
      }
      idle_since = monotonic_ns();
    }
    // The clock is read once in many looks: a look that finds work must be quick.
    bool found = false;
    for (int i = 0; i < kPausesPerLook && !found; ++i) {
      pause_cpu();
      found = has_work(self->ticket_.load(std::memory_order_relaxed));
    }
    if (!found && monotonic_ns() - idle_since > kSpinNs) {
      self->sleep_until_work();
      idle_since = monotonic_ns();
    }
  }
  return nullptr;
}

void ThreadPool::sleep_until_work() {
  lock_os_signal(&work_arrived_);
  sleepers_.fetch_add(1);
  while (!has_work(ticket_.load()) && !stopping_.load()) wait_os_signal(&work_arrived_);
  sleepers_.fetch_sub(1);
  unlock_os_signal(&work_arrived_);
}

void ThreadPool::wake_sleepers() {
  lock_os_signal(&work_arrived_);
  wake_os_signal(&work_arrived_);
  unlock_os_signal(&work_arrived_);
}

}  // namespace cortado

#endif
