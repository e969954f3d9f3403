// Warp operations and asynchronous copies on the host, with the register layouts of the PTX manual ("Matrix Fragments for
// mma.m16n8k16", "…m16n8k8", "ldmatrix"). All 32 lanes take part. A product is exact, a dot product is rounded once.
#pragma once

#include <cmath>

#include "cortado_cuda/emulation/block.h"
#include "cortado_cuda/emulation/half.h"

namespace cortado::cuda::emulation {

template <class T>
struct Shuffle {
  T value;
  int source;
  T result;
};

/** Value of lane `source`, where lanes outside the segment of `width` keep their own. */
template <class T>
inline T shuffle(const char* name, T value, int source) {
  Shuffle<T> mine{value, source, value};
  warp_operation(name, &mine, [](void** slots) {
    for (int lane = 0; lane < kWarp; ++lane) {
      Shuffle<T>* to = static_cast<Shuffle<T>*>(slots[lane]);
      if (to == nullptr || to->source < 0 || to->source >= kWarp) continue;
      const Shuffle<T>* from = static_cast<const Shuffle<T>*>(slots[to->source]);
      if (from == nullptr) fail("a shuffle reads a lane that the warp does not have");
      to->result = from->value;
    }
  });
  return mine.result;
}

/** One lane's part of d = a·b + c. */
struct MatrixMultiply {
  float* d;
  const std::uint32_t* a;
  const std::uint32_t* b;
};

inline void require_whole_warp(void* const* slots, const char* operation) {
  for (int lane = 0; lane < kWarp; ++lane) {
    if (slots[lane] == nullptr) fail(std::string(operation) + " needs 32 lanes");
  }
}

/** d[16][8] += a[16][k] · b[k][8], with the accumulators spread over the lanes. */
template <int K>
CORTADO_UNCHECKED inline void multiply_accumulate(void* const* slots, const float (&a)[16][K], const float (&b)[8][K]) {
  for (int lane = 0; lane < kWarp; ++lane) {
    float* d = static_cast<MatrixMultiply*>(slots[lane])->d;
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + i / 2 * 8, col = lane % 4 * 2 + i % 2;
      double sum = static_cast<double>(d[i]);
      for (int k = 0; k < K; ++k) sum += static_cast<double>(a[row][k]) * static_cast<double>(b[col][k]);
      d[i] = static_cast<float>(sum);
    }
  }
}

inline float half_of_word(std::uint32_t word, int which) {
  return half_to_float(__half{static_cast<std::uint16_t>(which == 0 ? word & 0xffffu : word >> 16)});
}

/** mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32, in place. */
CORTADO_UNCHECKED inline void mma_f16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  MatrixMultiply mine{d, a, b};
  warp_operation("mma.m16n8k16.f16", &mine, [](void** slots) CORTADO_UNCHECKED {
    require_whole_warp(slots, "mma");
    float rows[16][16], cols[8][16];
    for (int lane = 0; lane < kWarp; ++lane) {
      const MatrixMultiply* part = static_cast<const MatrixMultiply*>(slots[lane]);
      const int group = lane / 4, pair = lane % 4 * 2;
      for (int i = 0; i < 8; ++i) rows[group + i / 2 % 2 * 8][pair + i % 2 + i / 4 * 8] = half_of_word(part->a[i / 2], i % 2);
      for (int i = 0; i < 4; ++i) cols[group][pair + i % 2 + i / 2 * 8] = half_of_word(part->b[i / 2], i % 2);
    }
    multiply_accumulate<16>(slots, rows, cols);
  });
}

/** What the unit reads of a word: the 13 low bits of the fraction are ignored. */
inline float tf32_of_word(std::uint32_t word) { return bits_float(word & 0xffffe000u); }

/** cvt.rna.tf32.f32: nearest, halves away from zero. */
inline std::uint32_t tf32_from_float(float x) {
  const std::uint32_t bits = float_bits(x);
  return (bits & 0x7f800000u) == 0x7f800000u ? bits : (bits + 0x1000u) & 0xffffe000u;
}

/** mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32, in place. */
CORTADO_UNCHECKED inline void mma_tf32(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  MatrixMultiply mine{d, a, b};
  warp_operation("mma.m16n8k8.tf32", &mine, [](void** slots) CORTADO_UNCHECKED {
    require_whole_warp(slots, "mma");
    float rows[16][8], cols[8][8];
    for (int lane = 0; lane < kWarp; ++lane) {
      const MatrixMultiply* part = static_cast<const MatrixMultiply*>(slots[lane]);
      const int group = lane / 4, col = lane % 4;
      for (int i = 0; i < 4; ++i) rows[group + i % 2 * 8][col + i / 2 * 4] = tf32_of_word(part->a[i]);
      for (int i = 0; i < 2; ++i) cols[group][col + i * 4] = tf32_of_word(part->b[i]);
    }
    multiply_accumulate<8>(slots, rows, cols);
  });
}

struct LoadMatrix {
  const void* row;
  std::uint32_t* result;
};

/** ldmatrix.sync.aligned.m8n8.x4.shared.b16: lane 8·i + r names row r of matrix i. */
CORTADO_UNCHECKED inline void load_matrices(std::uint32_t (&result)[4], const void* row) {
  if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0) fail("ldmatrix: a row that is not aligned to 16 bytes");
  bank_log().note(current_thread(), row, 16);
  CORTADO_CHECK(used(row, 16, false));
  LoadMatrix mine{row, result};
  warp_operation("ldmatrix", &mine, [](void** slots) CORTADO_UNCHECKED {
    require_whole_warp(slots, "ldmatrix");
    for (int matrix = 0; matrix < 4; ++matrix) {
      std::uint32_t words[8][4];
      for (int r = 0; r < 8; ++r) std::memcpy(words[r], static_cast<LoadMatrix*>(slots[matrix * 8 + r])->row, 16);
      for (int lane = 0; lane < kWarp; ++lane) static_cast<LoadMatrix*>(slots[lane])->result[matrix] = words[lane / 4][lane % 4];
    }
  });
}

/** cp.async: nothing arrives before wait; what is there until then is poison. */
CORTADO_UNCHECKED inline void copy_async(void* target, const void* source, int bytes, int valid_bytes) {
  if (reinterpret_cast<std::uintptr_t>(target) % static_cast<unsigned>(bytes) != 0) fail("cp.async: a target that is not aligned to its size");
  if (valid_bytes > 0 && reinterpret_cast<std::uintptr_t>(source) % static_cast<unsigned>(bytes) != 0) fail("cp.async: a source that is not aligned to its size");
  AsyncCopies& copies = block_state().copies[static_cast<std::size_t>(current_thread())];
  bank_log().note(current_thread(), target, bytes);
  std::memset(target, kPoison, static_cast<std::size_t>(bytes));
  CORTADO_CHECK(used(target, static_cast<std::size_t>(bytes), true));
  CORTADO_CHECK(mark(target, static_cast<std::size_t>(bytes), false));
  copies.pending.push_back(PendingCopy{target, source, static_cast<std::size_t>(bytes), static_cast<std::size_t>(valid_bytes), copies.committed});
}

inline void commit_copies() { block_state().copies[static_cast<std::size_t>(current_thread())].committed += 1; }

/** The generic proxy has written there: the asynchronous one may not see it before this thread's next fence.proxy.async. */
inline void note_arrival(const void* target) {
  BlockState& state = block_state();
  const std::ptrdiff_t chunk = (static_cast<const char*>(target) - static_cast<const char*>(shared_memory())) / 16;
  if (chunk < 0 || chunk >= static_cast<std::ptrdiff_t>(state.arrivals.size())) return;
  const int thread = current_thread();
  state.arrivals[static_cast<std::size_t>(chunk)] = Arrival{static_cast<unsigned>(thread) + 1, state.proxy_fences[static_cast<std::size_t>(thread)]};
}

/** cp.async.wait_group: all but the `newest` last groups arrive. */
CORTADO_UNCHECKED inline void wait_copies(int newest) {
  AsyncCopies& copies = block_state().copies[static_cast<std::size_t>(current_thread())];
  std::size_t kept = 0;
  for (const PendingCopy& copy : copies.pending) {
    if (copy.group >= copies.committed - newest) {
      copies.pending[kept++] = copy;
      continue;
    }
    if (copy.valid_bytes > 0) {
      CORTADO_CHECK(used(copy.source, copy.valid_bytes, false));
      std::memcpy(copy.target, copy.source, copy.valid_bytes);
    }
    CORTADO_CHECK(used(copy.target, copy.bytes, true));
    std::memset(static_cast<char*>(copy.target) + copy.valid_bytes, 0, copy.bytes - copy.valid_bytes);
    note_arrival(copy.target);
  }
  copies.pending.resize(kept);
}

}  // namespace cortado::cuda::emulation
