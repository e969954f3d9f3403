// Writes every traced tensor to DIR/NNNN.BLOB.npy, in the order of execution, and DIR/index.tsv: file, op index, blob.
#pragma once

#include <cstdio>

#include "bytes.h"
#include "cortado/cortado.h"

namespace cortado {

class TraceFiles {
 public:
  ~TraceFiles();

  // Makes the directory if need be.
  bool open(const char* directory, Error* error);
  // False if a file could not be written or nothing was traced.
  bool close(Error* error);

  // A cortado_trace_fn; `user` is the TraceFiles.
  static void write(void* user, std::int32_t op, const char* blob, const cortado_tensor* tensor);

 private:
  const char* directory_ = nullptr;
  std::FILE* index_ = nullptr;
  int count_ = 0;
  Error error_;
};

}  // namespace cortado
