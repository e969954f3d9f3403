// Runs every net of a batch program on the inputs of a file and writes what came out to another (batch_run.h has their
// formats). Each net runs in a process of its own, so a crash or an endless loop costs one net. Each buffer that a net is
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

// Runs the net in a child; whatever a dying child has written is replaced by a record of its death.
void run_in_child(const BatchNet& net, Reader& reader, int file) {
  const off_t start = lseek(file, 0, SEEK_END);
  const pid_t child = fork();
  if (child < 0) stop("fork failed");
  if (child == 0) {
    alarm(kTimeLimitSeconds);
    results = fdopen(file, "wb");
    run_net(net, read_inputs(reader, true));
    std::fflush(results);
    std::_Exit(0);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) stop("waitpid failed");
  read_inputs(reader, false);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  const int64_t record[2] = {1, WIFSIGNALED(status) ? WTERMSIG(status) : 0};
  if (ftruncate(file, start) != 0 || lseek(file, start, SEEK_SET) != start) stop("cannot rewind the results");
  if (write(file, record, sizeof record) != static_cast<ssize_t>(sizeof record)) stop("cannot write the results");
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
  for (int b = 0; b < kBatchCount; b++) {
    for (const BatchNet* net = kBatches[b]; net->id != nullptr; net++) run_in_child(*net, reader, file);
  }
  return 0;
}
