// The part of the CUDA runtime API that Cortado uses, for programs without a GPU. Names and meanings are CUDA's. A stream
// really is asynchronous: what is submitted to it waits until somebody synchronizes, and the memory of the device cannot be touched
// outside of that, so a step of the host that forgets to wait reads old values, and one that takes a device pointer crashes.
// Only what a test needs is here; capturing records submissions, launching a graph submits them again.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <utility>
#include <vector>

#include "cortado_cuda/emulation/checks.h"

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorNoDevice = 100,
  cudaErrorStreamCaptureUnsupported = 900,
};
enum cudaMemcpyKind { cudaMemcpyHostToHost, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice, cudaMemcpyDefault };
enum cudaStreamCaptureMode { cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal, cudaStreamCaptureModeRelaxed };
enum cudaStreamCaptureStatus { cudaStreamCaptureStatusNone, cudaStreamCaptureStatusActive, cudaStreamCaptureStatusInvalidated };

inline constexpr unsigned cudaStreamNonBlocking = 1;
inline constexpr unsigned cudaHostRegisterDefault = 0;

namespace cortado_emulation {

using Work = std::function<void()>;

struct Graph {
  std::vector<Work> work;
};

struct Stream {
  std::vector<Work> waiting;
  Graph* capturing = nullptr;
};

struct Event {
  double ms = 0;
};

// Memory of the device: whole pages that are closed except while a stream works; the last byte lies before a closed page.
struct DeviceBlock {
  unsigned char* pages;
  std::size_t page_bytes;  // without the closed page
  void* data;
};

struct Machine {
  std::vector<DeviceBlock> blocks;
  std::vector<Stream*> streams{&default_stream};
  Stream default_stream;
  int open = 0;
  std::size_t launches = 0;  // kernels and copies executed, for tests
  std::size_t captures = 0;  // graphs instantiated, for tests
  bool refuses_graphs = false;
};

inline Machine& machine() {
  static Machine* const instance = new Machine;  // never destroyed: exit handlers may still free
  return *instance;
}

inline void protect(int access) {
  for (const DeviceBlock& block : machine().blocks) mprotect(block.pages, block.page_bytes, access);
}

inline void drain(Stream* stream) {
  if (stream->waiting.empty()) return;
  if (machine().open++ == 0) protect(PROT_READ | PROT_WRITE);
  std::vector<Work> work;
  work.swap(stream->waiting);
  for (const Work& item : work) item();
  machine().launches += work.size();
  if (--machine().open == 0) protect(PROT_NONE);
}

inline void drain_all() {
  for (Stream* stream : machine().streams) drain(stream);
}

inline Stream* stream_of(Stream* stream) { return stream != nullptr ? stream : &machine().default_stream; }

/** Appends work to a stream, or to the graph that it is captured into. */
inline void submit(Stream* stream, Work work) {
  Stream* const target = stream_of(stream);
  if (target->capturing != nullptr) target->capturing->work.push_back(std::move(work));
  else target->waiting.push_back(std::move(work));
}

}  // namespace cortado_emulation

using cudaStream_t = cortado_emulation::Stream*;
using cudaGraph_t = cortado_emulation::Graph*;
using cudaGraphExec_t = cortado_emulation::Graph*;
using cudaEvent_t = cortado_emulation::Event*;

inline cudaError_t cudaGetDeviceCount(int* count) { return *count = 1, cudaSuccess; }
inline cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidValue; }
inline cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }

inline cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  using namespace cortado_emulation;
  constexpr std::size_t page = 4096, alignment = 256;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  const std::size_t room = (rounded + page - 1) / page * page;
  void* const pages = mmap(nullptr, room + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return cudaErrorMemoryAllocation;
  auto* const start = static_cast<unsigned char*>(pages);
  // Garbage, as a device's memory holds.
  mprotect(start, room, PROT_READ | PROT_WRITE);
  std::memset(start, 0xff, room);
  if (machine().open == 0) mprotect(start, room, PROT_NONE);
  *data = start + room - rounded;
  machine().blocks.push_back({start, room, *data});
  CORTADO_CHECK(add_region(cortado::cuda::emulation::ShadowRegion::kDevice, *data, bytes));
  return cudaSuccess;
}
inline cudaError_t cudaFree(void* data) {
  using namespace cortado_emulation;
  if (data == nullptr) return cudaSuccess;
  drain_all();
  auto& blocks = machine().blocks;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].data != data) continue;
    CORTADO_CHECK(remove_region(data));
    munmap(blocks[i].pages, blocks[i].page_bytes + 4096);
    blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(i));
    return cudaSuccess;
  }
  return cudaErrorInvalidValue;
}
inline cudaError_t cudaHostRegister([[maybe_unused]] void* data, [[maybe_unused]] std::size_t bytes, unsigned) {
  CORTADO_CHECK(add_region(cortado::cuda::emulation::ShadowRegion::kHost, data, bytes));
  return cudaSuccess;
}
inline cudaError_t cudaHostUnregister([[maybe_unused]] void* data) {
  CORTADO_CHECK(remove_region(data));
  return cudaSuccess;
}

inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new cortado_emulation::Stream;
  cortado_emulation::machine().streams.push_back(*stream);
  return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  cortado_emulation::drain(stream);
  auto& streams = cortado_emulation::machine().streams;
  for (std::size_t i = 0; i < streams.size(); ++i)
    if (streams[i] == stream) streams.erase(streams.begin() + static_cast<std::ptrdiff_t>(i));
  delete stream;
  return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  cortado_emulation::Stream* const target = cortado_emulation::stream_of(stream);
  if (target->capturing != nullptr) return cudaErrorStreamCaptureUnsupported;
  return cortado_emulation::drain(target), cudaSuccess;
}
inline cudaError_t cudaDeviceSynchronize() { return cortado_emulation::drain_all(), cudaSuccess; }

inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  cortado_emulation::submit(stream, [=] {
    std::memcpy(to, from, bytes);
    CORTADO_CHECK(mark(to, bytes, true));
  });
  return cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  cortado_emulation::submit(stream, [=] {
    std::memset(to, value, bytes);
    CORTADO_CHECK(mark(to, bytes, true));
  });
  return cudaSuccess;
}
inline cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  cortado_emulation::drain_all();
  cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  return cudaStreamSynchronize(nullptr);
}

/** Asynchronous on the default stream, which other streams do not wait for (all of ours are made with cudaStreamNonBlocking). */
inline cudaError_t cudaMemset(void* to, int value, std::size_t bytes) { return cudaMemsetAsync(to, value, bytes, nullptr); }

inline cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  const bool active = cortado_emulation::stream_of(stream)->capturing != nullptr;
  return *status = active ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone, cudaSuccess;
}
inline cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream == nullptr || stream->capturing != nullptr) return cudaErrorStreamCaptureUnsupported;
  return stream->capturing = new cortado_emulation::Graph, cudaSuccess;
}
inline cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return *graph = std::exchange(stream->capturing, nullptr), cudaSuccess;
}
inline cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  if (cortado_emulation::machine().refuses_graphs) return cudaErrorStreamCaptureUnsupported;
  ++cortado_emulation::machine().captures;
  return *exec = new cortado_emulation::Graph(*graph), cudaSuccess;
}
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { return delete exec, cudaSuccess; }
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  for (const cortado_emulation::Work& item : exec->work) cortado_emulation::submit(stream, item);
  return cudaSuccess;
}

inline cudaError_t cudaEventCreate(cudaEvent_t* event) { return *event = new cortado_emulation::Event, cudaSuccess; }
inline cudaError_t cudaEventDestroy(cudaEvent_t event) { return delete event, cudaSuccess; }
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  cortado_emulation::submit(stream, [event] {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    event->ms = static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
  });
  return cudaSuccess;
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t) { return cortado_emulation::drain_all(), cudaSuccess; }
inline cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t begin, cudaEvent_t end) {
  return *ms = static_cast<float>(end->ms - begin->ms), cudaSuccess;
}
