// Which CPUs are chosen, on machines that are folders laid out like Linux's description of its CPUs; and the binding of threads.
#include "cortado/cpus.h"

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <new>
#include <string>

#include "check.h"
#include "cortado/thread_pool.h"

namespace {

using namespace cortado;

std::string folder;

// A machine of eight CPUs in a folder of its own; a file of each CPU holds its number of `values`, 0 = the file is missing.
std::string machine(const char* name, const char* file, const long (&values)[8]) {
  const std::string root = folder + "/" + name;
  mkdir(root.c_str(), 0700);
  for (int cpu = 0; cpu < 8; ++cpu) {
    const std::string at = root + "/cpu" + std::to_string(cpu);
    mkdir(at.c_str(), 0700);
    mkdir((at + "/cpufreq").c_str(), 0700);
    if (values[cpu] == 0) continue;
    std::FILE* const stream = std::fopen((at + "/" + file).c_str(), "w");
    CHECK(stream != nullptr);
    if (stream == nullptr) continue;
    std::fprintf(stream, "%ld\n", values[cpu]);
    std::fclose(stream);
  }
  return root;
}

CpuSet cpus(std::initializer_list<int> numbers) {
  CpuSet set;
  for (const int cpu : numbers) set.add(cpu);
  return set;
}

bool same(const CpuSet& a, const CpuSet& b) {
  for (int cpu = 0; cpu < CpuSet::kMost; ++cpu)
    if (a.has(cpu) != b.has(cpu)) return false;
  return true;
}

void test_fast() {
  const CpuSet all = cpus({0, 1, 2, 3, 4, 5, 6, 7});
  const std::string phone = machine("phone", "cpu_capacity", {325, 325, 325, 325, 871, 871, 871, 1024});
  CHECK(same(fast_cpus(all, phone.c_str()), cpus({4, 5, 6, 7})));
  CHECK(same(fast_cpus(cpus({0, 1, 2}), phone.c_str()), cpus({0, 1, 2})));
  CHECK(same(fast_cpus(cpus({3, 4}), phone.c_str()), cpus({4})));
  const std::string board = machine("board", "cpufreq/cpuinfo_max_freq", {1800000, 1800000, 1416000, 1416000, 1300000, 1300000, 1800000, 1350000});
  CHECK(same(fast_cpus(all, board.c_str()), cpus({0, 1, 2, 3, 6, 7})));
  const std::string unknown = machine("unknown", "cpu_capacity", {0, 0, 0, 0, 0, 0, 0, 0});
  CHECK(same(fast_cpus(all, unknown.c_str()), all));
  CHECK(same(fast_cpus(all, "/no/such/folder"), all));
  CHECK(fast_cpus(CpuSet{}, phone.c_str()).count() == 0);
}

void test_choices() {
  const std::string phone = folder + "/phone";
  const CpuSet among = cpus({0, 1, 2, 3, 4, 5, 6});
  const auto chosen = [&](const char* which) {
    CpuSet set;
    return choose_cpus(which, among, &set, phone.c_str()) ? set : CpuSet{};
  };
  CHECK(same(chosen("all"), among));
  CHECK(same(chosen("fast"), cpus({4, 5, 6})));
  CHECK(same(chosen("0,4-6"), cpus({0, 4, 5, 6})));
  CHECK(same(chosen("3-3"), cpus({3})));
  for (const char* wrong : {"", "slow", "0,", ",0", "3-1", "-1", "1-", "0 1", "7", "0-7", "1024", "0-9999999", "99999999999999999999"}) CHECK(chosen(wrong).count() == 0);
  CpuSet set;
  CHECK(!choose_cpus("all", CpuSet{}, &set, phone.c_str()));
}

// Parts note whether the thread that runs them is bound to one CPU.
struct Note {
  std::atomic<int> bound{0}, parts{0};
};

void note_binding(void* argument, Part part) {
  auto* const note = static_cast<Note*>(argument);
  if (part.index > 0) {
    // The caller waits in part 0 until the worker has run the other one.
    note->bound.store(own_cpus().count());
    note->parts.fetch_add(1);
  } else {
    while (note->parts.load() == 0) yield_os_thread();
  }
}

int binding_of_worker(const CpuSet& to) {
  void* memory = nullptr;
  if (posix_memalign(&memory, 64, sizeof(ThreadPool) + ThreadPool::worker_bytes(2)) != 0) std::abort();
  auto* const pool = ::new (memory) ThreadPool;
  CHECK(pool->start(2, to));
  Note note;
  pool->parallel(note_binding, &note, 2);
  pool->stop();
  std::free(memory);
  return note.bound.load();
}

void test_binding() {
  const CpuSet own = own_cpus();
  CHECK(own.count() == usable_cpus());
  CpuSet one;
  for (int cpu = 0; cpu < CpuSet::kMost && one.count() == 0; ++cpu)
    if (own.has(cpu)) one.add(cpu);
  CHECK(binding_of_worker(one) == 1);
  CHECK(binding_of_worker(CpuSet{}) == own.count());
  CHECK(same(own_cpus(), own));  // the caller stays free
  CHECK(bind_thread(one) && same(own_cpus(), one));
  CHECK(bind_thread(own));
}

}  // namespace

int main(int, char** argv) {
  folder = argv[1];
  test_fast();
  test_choices();
  test_binding();
  return check_result();
}
