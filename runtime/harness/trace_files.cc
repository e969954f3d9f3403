#include "trace_files.h"

#include <cerrno>
#include <cstring>

#include "npy.h"
#include "system.h"

namespace cortado {

namespace {

// Blob names may hold anything; file names keep letters, digits, '_', '.' and '-'.
void file_name_of(const char* blob, char* name, std::size_t room) {
  std::size_t n = 0;
  for (; blob[n] != '\0' && n + 1 < room; ++n) {
    const char c = blob[n];
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    name[n] = plain ? c : '_';
  }
  name[n] = '\0';
}

}  // namespace

TraceFiles::~TraceFiles() {
  if (index_ != nullptr) std::fclose(index_);
}

bool TraceFiles::open(const char* directory, Error* error) {
  directory_ = directory;
  if (!make_folder(directory))
    return fail(error, kExitRun, "the directory %s cannot be made: %s", directory, std::strerror(errno));
  char path[4096];
  std::snprintf(path, sizeof path, "%s/index.tsv", directory);
  index_ = std::fopen(path, "w");
  return index_ != nullptr || fail(error, kExitRun, "%s cannot be written: %s", path, std::strerror(errno));
}

void TraceFiles::write(void* user, std::int32_t op, const char* blob, const cortado_tensor* tensor) {
  auto* const self = static_cast<TraceFiles*>(user);
  char name[160], path[4096];
  file_name_of(blob, name, sizeof name);
  std::snprintf(path, sizeof path, "%s/%04d.%s.npy", self->directory_, self->count_, name);
  Bytes file;
  if (!format_npy(*tensor, &file)) fail(&self->error_, kExitRun, "there is no memory to trace %s", blob);
  else if (write_file(path, file.data(), file.size(), &self->error_))
    std::fprintf(self->index_, "%04d.%s.npy\t%d\t%s\n", self->count_, name, op, blob);
  ++self->count_;
}

bool TraceFiles::close(Error* error) {
  const bool closed = std::fclose(index_) == 0;
  index_ = nullptr;
  if (error_.exit_code != 0) return fail(error, error_.exit_code, "%s", error_.text);
  if (!closed) return fail(error, kExitRun, "%s/index.tsv cannot be written", directory_);
  if (count_ == 0) return fail(error, kExitUsage, "this net was compiled without tracing; compile it with --trace");
  return true;
}

}  // namespace cortado
