// Runs every net of a batch program on the inputs of a file and writes what came out to another (batch_run.h has their
// formats). Each net runs in a process of its own, so a crash or an endless loop costs one net; nets of a GPU share one until it
// dies or the GPU reports an error (CORTADO_BATCH_SHARES_PROCESS), since making its context takes longer than any net. Each buffer that a net is
// given ends where a page without access begins: a read or write past it is a crash, not luck.
// Usage: batch INPUTS RESULTS
#include "batch_run.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace batch {

namespace {

constexpr size_t kPage = 4096;
std::FILE* results = nullptr;

}  // namespace

void stop(const char* message) {
  std::fprintf(stderr, "batch: %s\n", message);
  std::_Exit(3);
}

// Memory whose last byte is followed by a page that cannot be touched. Never freed: the process is short-lived.
void* guarded(size_t bytes, unsigned char fill) {
  const size_t room = (bytes + kPage - 1) / kPage * kPage;
  void* start = mmap(nullptr, room + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) stop("out of memory");
  unsigned char* end = static_cast<unsigned char*>(start) + room;
  if (mprotect(end, kPage, PROT_NONE) != 0) stop("mprotect failed");
  if (room > 0) std::memset(start, fill, room);
  return end - bytes;
}

bool buffers_intact() { return true; }

void write_result(const void* data, size_t bytes) { std::fwrite(data, 1, bytes, results); }

}  // namespace batch

namespace {

using namespace batch;

constexpr unsigned kTimeLimitSeconds = 20;

#if defined(CORTADO_BATCH_SHARES_PROCESS)
constexpr int kNetsPerProcess = 1 << 30;
#else
constexpr int kNetsPerProcess = 1;
#endif

// What a child has finished, for its parent.
struct Progress {
  int nets;
  off_t bytes;
};

// In the child: runs up to kNetsPerProcess nets of the rest.
[[noreturn]] void run_nets(const BatchNet* const* nets, int count, Reader& reader, int file, Progress* progress) {
  results = fdopen(file, "wb");
  for (int i = 0; i < count && i < kNetsPerProcess; i++) {
    alarm(kTimeLimitSeconds);
    const bool is_usable = run_net(*nets[i], read_inputs(reader, true));
    std::fflush(results);
    progress->bytes = lseek(file, 0, SEEK_CUR);
    progress->nets = i + 1;
    if (!is_usable) break;
  }
  std::_Exit(0);
}

// Runs nets in a child; whatever a dying child has written of its last is replaced by a record of its death. How many are done.
int run_in_child(const BatchNet* const* nets, int count, Reader& reader, int file, Progress* progress) {
  *progress = Progress{0, lseek(file, 0, SEEK_END)};
  const pid_t child = fork();
  if (child < 0) stop("fork failed");
  if (child == 0) run_nets(nets, count, reader, file, progress);
  int status = 0;
  if (waitpid(child, &status, 0) != child) stop("waitpid failed");
  const bool has_ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  const int done = progress->nets + (has_ended ? 0 : 1);
  for (int i = 0; i < done; i++) read_inputs(reader, false);
  if (has_ended) return done;
  const int64_t record[2] = {1, WIFSIGNALED(status) ? WTERMSIG(status) : 0};
  if (ftruncate(file, progress->bytes) != 0 || lseek(file, 0, SEEK_END) != progress->bytes) stop("cannot rewind the results");
  if (write(file, record, sizeof record) != static_cast<ssize_t>(sizeof record)) stop("cannot write the results");
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) stop("usage: batch INPUTS RESULTS");
  const int source = open(argv[1], O_RDONLY);
  struct stat about {};
  if (source < 0 || fstat(source, &about) != 0) stop("cannot read the inputs");
  const size_t size = static_cast<size_t>(about.st_size);
  const void* data = size == 0 ? "" : mmap(nullptr, size, PROT_READ, MAP_PRIVATE, source, 0);
  if (data == MAP_FAILED) stop("cannot map the inputs");
  const int file = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (file < 0) stop("cannot create the results");
  Reader reader(static_cast<const unsigned char*>(data), static_cast<const unsigned char*>(data) + size);
  std::vector<const BatchNet*> nets;
  for (int b = 0; b < kBatchCount; b++) {
    for (const BatchNet* net = kBatches[b]; net->id != nullptr; net++) nets.push_back(net);
  }
  void* const shared = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) stop("out of memory");
  const int count = static_cast<int>(nets.size());
  for (int done = 0; done < count;) done += run_in_child(nets.data() + done, count - done, reader, file, static_cast<Progress*>(shared));
  return 0;
}
