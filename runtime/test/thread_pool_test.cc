// The pool: every part once, writes visible, pools side by side, starting and stopping; and what a region costs.
#include "cortado/thread_pool.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <time.h>

#include "check.h"

namespace {

using namespace cortado;

struct OwnedPool {
  explicit OwnedPool(int threads) {
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, sizeof(ThreadPool) + ThreadPool::worker_bytes(threads)) != 0) std::abort();
    pool = ::new (memory) ThreadPool;
    CHECK(pool->start(threads));
  }
  ~OwnedPool() {
    pool->stop();
    std::free(pool);
  }
  ThreadPool* pool;
};

struct Counts {
  int of_part[64];
  int parts;
  int wrong;
};

void count_part(void* argument, Part part) {
  auto* const counts = static_cast<Counts*>(argument);
  // Plain memory: a part run twice, or a region that ends early, is a data race for ThreadSanitizer and a wrong sum here.
  if (part.count != counts->parts) counts->wrong = 1;
  counts->of_part[part.index] += 1;
}

void run_regions(ThreadPool* pool, int regions) {
  Counts counts{};
  int expected[64] = {};
  for (int r = 0; r < regions; ++r) {
    counts.parts = 1 + r * 7 % 64;
    pool->parallel(count_part, &counts, counts.parts);
    for (int p = 0; p < counts.parts; ++p) ++expected[p];
    if (r % 500 == 0) {
      const timespec pause{0, r % 1000 == 0 ? 1'000'000 : 20'000};  // long enough to fall asleep, or not
      nanosleep(&pause, nullptr);
    }
  }
  CHECK(std::memcmp(counts.of_part, expected, sizeof expected) == 0);
  CHECK(counts.wrong == 0);
}

void* run_beside(void*) {
  OwnedPool owned(3);
  run_regions(owned.pool, 3000);
  return nullptr;
}

void test_side_by_side() {
  pthread_t other;
  CHECK(pthread_create(&other, nullptr, run_beside, nullptr) == 0);
  run_beside(nullptr);
  pthread_join(other, nullptr);
}

void test_start_and_stop() {
  for (int i = 0; i < 100; ++i) {
    OwnedPool owned(2 + i % 3);
    CHECK(owned.pool->threads() == 2 + i % 3);
    if (i % 2 == 0) run_regions(owned.pool, 3);
  }
}

double now_us() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
}

constexpr double kPartUs = 5;

void work_a_while(void*, Part) {
  for (const double end = now_us() + kPartUs; now_us() < end;) {
  }
}

// Parts of 5 us, one per thread: what a region takes beyond that. Median and best, for other processes share the machine.
void measure(int threads) {
  OwnedPool owned(threads);
  constexpr int kRegions = 4000;
  static double took[kRegions];
  for (double& us : took) {
    const double begin = now_us();
    owned.pool->parallel(work_a_while, nullptr, threads);
    us = now_us() - begin - kPartUs;
  }
  std::qsort(took, kRegions, sizeof(double), [](const void* a, const void* b) {
    const double x = *static_cast<const double*>(a), y = *static_cast<const double*>(b);
    return (x > y) - (x < y);
  });
  double asleep = 1e9;
  for (int i = 0; i < 20; ++i) {
    const timespec pause{0, 2'000'000};
    nanosleep(&pause, nullptr);
    const double begin = now_us();
    owned.pool->parallel(work_a_while, nullptr, threads);
    const double us = now_us() - begin - kPartUs;
    if (us < asleep) asleep = us;
  }
  printf("%d threads: a region costs %.2f us (best %.2f) while spinning, %.2f us after sleep\n", threads, took[kRegions / 2], took[0], asleep);
}

}  // namespace

int main(int argc, char**) {
  for (int threads = 2; threads <= 5; ++threads) {
    OwnedPool owned(threads);
    run_regions(owned.pool, 4000);
  }
  test_side_by_side();
  test_start_and_stop();
  CHECK(cortado::usable_cpus() >= 1);
  if (argc > 1) {
    measure(2);
    measure(4);
  }
  return check_result();
}
