// Convolution as an implicit matrix product: y[pixel][channel] = ep(Σ_k x[pixel's window][k] · w[channel][k]). Asynchronous copies
// fill stages ahead of the arithmetic (tile_math.h); conv_gather.h says where a pixel's window lies. Blocks may split the sum:
// the last to finish adds the parts in order, so results do not depend on timing.
#pragma once

#include "cortado_cuda/conv_gather.h"
#include "cortado_cuda/image.h"
#include "cortado_cuda/tile_math.h"

namespace cortado::cuda {

/** Fills one operand's rows in shared memory; each thread owns one column of chunks in every kStep-th row. */
template <class T>
struct TileLoader {
  static constexpr int kChunks = T::k.k_bytes / 16;
  static constexpr int kThreads = gemm_threads(T::k);
  static constexpr int kStep = kThreads / kChunks;
  static constexpr int kA = T::k.rows / kStep;
  static constexpr int kB = T::k.cols / kStep;
  static_assert(T::k.rows % kStep == 0 && T::k.cols % kStep == 0 && kThreads % kChunks == 0, "threads must fill whole rows");
  static_assert(T::k.stages >= 2, "copies run ahead of the arithmetic");
};

/** What identifies a block's work. */
struct TilePlace {
  int tile; /**< Among all tiles of the grid, for scratch and counters. */
  int first_row;
  int first_col;
  int group;
  int phase;
  int split;
};

template <class S, class T>
CORTADO_DEVICE TilePlace tile_place() {
  constexpr int col_tiles = static_cast<int>(ceil_div(out_group(S::k), T::k.cols));
  const int tile = static_cast<int>(blockIdx.y * gridDim.x + blockIdx.x);
  const int col_tile = static_cast<int>(blockIdx.y) % col_tiles, rest = static_cast<int>(blockIdx.y) / col_tiles;
  return TilePlace{tile, static_cast<int>(blockIdx.x) * T::k.rows, col_tile * T::k.cols, rest % S::k.groups, rest / S::k.groups, static_cast<int>(blockIdx.z)};
}

/** Starts the copy of a piece, or copies what is too short for that. */
template <int kBytes, class Element>
CORTADO_DEVICE void copy_piece(char* to, const GatherSource<Element>& from) {
  if constexpr (kBytes >= 4) {
    copy_async<kBytes>(to, from.at, from.exists ? kBytes : 0);
  } else {
    store(reinterpret_cast<Element*>(to), from.exists ? load<float>(from.at) : 0.0f);
  }
}

/** Whether every step's chunks lie within k: known at compile time, no chunk is asked. */
template <class T, class Gather, class Element>
inline constexpr bool kStepsAreWhole = Gather::kPhases == 1 && Gather::kLongest * sizeof(Element) % T::k.k_bytes == 0;

/** Starts the copies of the pixels of step `step` into its stage. */
template <class S, class T, class Gather, class Element>
CORTADO_DEVICE void load_pixels(const Gather& gather, const GatherRow<Element> (&rows)[TileLoader<T>::kA], int step, char* stage) {
  using Loader = TileLoader<T>;
  constexpr int wide = kWide<Element>, piece = gather_piece<Element>(S::k), piece_bytes = piece * static_cast<int>(sizeof(Element));
  const int chunk = static_cast<int>(threadIdx.x) % Loader::kChunks, first = static_cast<int>(threadIdx.x) / Loader::kChunks;
  constexpr bool is_inside = kStepsAreWhole<T, Gather, Element>;
  const int k = (step * Loader::kChunks + chunk) * wide;
  CORTADO_UNROLL
  for (int i = 0; i < Loader::kA; ++i) {
    const int row = first + i * Loader::kStep;
    char* to = stage + row * T::k.k_bytes + swizzled_chunk<T::k.k_bytes>(row, chunk) * 16;
    CORTADO_UNROLL
    for (int p = 0; p < wide / piece; ++p) {
      const GatherSource<Element> from = gather.template source<is_inside>(rows[i], static_cast<unsigned>(k + p * piece));
      copy_piece<piece_bytes>(to + p * piece_bytes, from);
    }
  }
}

/** Starts the copies of the filters of step `step` into its stage. */
template <class T, class Gather, class Element>
CORTADO_DEVICE void load_filters(const Gather& gather, const Element* w, int col_limit, int step, char* stage) {
  using Loader = TileLoader<T>;
  const int chunk = static_cast<int>(threadIdx.x) % Loader::kChunks, first = static_cast<int>(threadIdx.x) / Loader::kChunks;
  const int k = (step * Loader::kChunks + chunk) * kWide<Element>;
  char* filters = stage + T::k.rows * T::k.k_bytes;
  const bool in_filter = kStepsAreWhole<T, Gather, Element> || k < gather.k();
  CORTADO_UNROLL
  for (int i = 0; i < Loader::kB; ++i) {
    const int col = first + i * Loader::kStep;
    const bool exists = every(in_filter, col < col_limit);
    char* to = filters + col * T::k.k_bytes + swizzled_chunk<T::k.k_bytes>(col, chunk) * 16;
    copy_async<16>(to, w + gather.filter(col) - gather.filter(0) + k, exists ? 16 : 0);
  }
}

/** The rows that this thread fills. */
template <class T, class Gather, class Element>
CORTADO_DEVICE void gather_rows(const Gather& gather, const TilePlace& place, int total, const Element* x, GatherRow<Element> (&rows)[TileLoader<T>::kA]) {
  using Loader = TileLoader<T>;
  CORTADO_UNROLL
  for (int i = 0; i < Loader::kA; ++i) {
    const int row = place.first_row + static_cast<int>(threadIdx.x) / Loader::kChunks + i * Loader::kStep;
    const bool exists = row < total;
    rows[i] = gather.row(x, exists ? row / gather.pixels() : 0, exists ? row % gather.pixels() : 0, place.group, exists);
  }
}

/** The block's sums over its share of k, staged as floats in shared memory. */
template <class S, class T, class Math, class Gather>
CORTADO_DEVICE void accumulate_tile(const Gather& gather, const TilePlace& place, int n, const typename Math::Element* x,
                                    const typename Math::Element* w, char* shared) {
  using Element = typename Math::Element;
  using Tile = typename Math::template Tile<T>;
  // All stages but the one that is read now and those that products in flight still read.
  constexpr int step_elements = T::k.k_bytes / static_cast<int>(sizeof(Element)), stages = T::k.stages, ahead = stages - 1 - Tile::kInFlight;
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  GatherRow<Element> rows[TileLoader<T>::kA];
  gather_rows<T>(gather, place, n * gather.pixels(), x, rows);
  const Element* filters = w + gather.filter(place.group * out_group(S::k) + place.first_col);
  const int steps = (gather.k() + step_elements - 1) / step_elements;
  const int begin = steps * place.split / T::k.splits, end = steps * (place.split + 1) / T::k.splits;
  const int col_limit = out_group(S::k) - place.first_col;
  const auto start_filters = [&](int step, int stage) {
    if (step < end) load_filters<T>(gather, filters, col_limit, step, shared + stage * gemm_stage_bytes(T::k));
  };
  const auto start_pixels = [&](int step, int stage) {
    if (step < end) load_pixels<S, T>(gather, rows, step, shared + stage * gemm_stage_bytes(T::k));
    commit_copies();
  };
  // Filters are nobody's results: where launches overlap, they come while the kernel before still runs, with the first group of copies.
  if constexpr (kOverlapsLaunches) {
    for (int stage = 0; stage < ahead; ++stage) start_filters(begin + stage, stage);
  }
  begin_kernel();
  for (int stage = 0; stage < ahead; ++stage) {
    if constexpr (!kOverlapsLaunches) start_filters(begin + stage, stage);
    start_pixels(begin + stage, stage);
  }
  Tile tile;
  int reading = 0, writing = ahead;
  for (int step = begin; step < end; ++step) {
    wait_copies<ahead - 1>();
    Tile::publish();
    __syncthreads();
    start_filters(step + ahead, writing);
    start_pixels(step + ahead, writing);
    const char* stage = shared + reading * gemm_stage_bytes(T::k);
    tile.accumulate(stage, stage + T::k.rows * T::k.k_bytes, warp, lane, step > begin);
    reading = reading + 1 == stages ? 0 : reading + 1;
    writing = writing + 1 == stages ? 0 : writing + 1;
  }
  tile.finish();
  wait_copies<0>();
  __syncthreads();
  tile.stage(reinterpret_cast<float*>(shared), warp, lane, begin == end);
  __syncthreads();
}

/** Chunks of 4 floats of a tile: kThreads · i + thread. */
template <class T>
inline constexpr int kTileQuads = T::k.rows * T::k.cols / 4;

/**
 * Stores the block's part of a split sum; true in the block that came last, whose shared tile then holds the whole sum, added in
 * the order of the splits. It leaves the counter at 0 for the next run.
 */
template <class T>
CORTADO_DEVICE bool combine_splits(const TilePlace& place, float* tile, float* partial, unsigned* counters) {
  __shared__ bool is_last;
  const std::int64_t tiles = static_cast<std::int64_t>(gridDim.x) * gridDim.y;
  for (int i = static_cast<int>(threadIdx.x); i < kTileQuads<T>; i += gemm_threads(T::k)) {
    const int row = i / (T::k.cols / 4), col = i % (T::k.cols / 4) * 4;
    const Pack<4> quad = load<Pack<4>>(tile + row * gemm_staged_pitch(T::k) + col);
    store(partial + (place.split * tiles + place.tile) * T::k.rows * T::k.cols + i * 4, quad);
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();  // passes on what the barrier has ordered: the whole block's part
    is_last = atomicAdd(counters + place.tile, 1u) == static_cast<unsigned>(T::k.splits - 1);
    __threadfence();
  }
  __syncthreads();
  if (!is_last) return false;
  for (int i = static_cast<int>(threadIdx.x); i < kTileQuads<T>; i += gemm_threads(T::k)) {
    const int row = i / (T::k.cols / 4), col = i % (T::k.cols / 4) * 4;
    Pack<4> sum = splat<Pack<4>>(0.0f);
    CORTADO_UNROLL_BY(4)
    for (int split = 0; split < T::k.splits; ++split) {
      sum = sum + load<Pack<4>>(partial + (split * tiles + place.tile) * T::k.rows * T::k.cols + i * 4);
    }
    store(tile + row * gemm_staged_pitch(T::k) + col, sum);
  }
  if (threadIdx.x == 0) counters[place.tile] = 0;
  __syncthreads();
  return true;
}

/** Channels [channel, channel + N) of one pixel through the epilogue; of a single group those past out_channels become 0, those past y_written are left alone. */
template <class S, int N, class Element, class Ep>
CORTADO_DEVICE void store_sums(const Pack<N>& sums, std::int64_t pixel, int channel, int group_end, Element* y, const Ep& ep) {
  const std::int64_t offset = dense_offset(pixel, S::k.out_channels, channel);
  Element* at = y + pixel * S::k.y_stored;
  if constexpr (S::k.y_stored % N == 0 && (S::k.groups == 1 || out_group(S::k) % N == 0)) {
    store_channels<true>(at, finish(ep, sums, channel, offset), channel, S::k.out_channels, S::k.y_written);
  } else {
    for (int i = 0; i < N; ++i) {
      if (channel + i < group_end) {
        store(at + channel + i, finish(ep, sums.lane[i], channel + i, offset + i));
      } else if (S::k.groups == 1 && channel + i < S::k.y_written) {
        store(at + channel + i, 0.0f);
      }
    }
  }
}

/** The zeros past the channels of several groups: the first column of blocks writes them, whatever its own channels are. */
template <class S, class T, class Gather, class Element>
CORTADO_DEVICE void store_padding(const Gather& gather, const TilePlace& place, int total, Element* y) {
  constexpr int padding = S::k.y_written - S::k.out_channels;
  if (place.group != 0 || place.first_col != 0) return;
  for (int i = static_cast<int>(threadIdx.x); i < T::k.rows * padding; i += gemm_threads(T::k)) {
    const int at = place.first_row + i / padding;
    if (at >= total) continue;
    store(y + gather.out_pixel(at / gather.pixels(), at % gather.pixels()) * S::k.y_stored + S::k.out_channels + i % padding, 0.0f);
  }
}

/** The finished tile through the epilogue to y, 16 bytes at a time. */
template <class S, class T, class Gather, class Element, class Ep>
CORTADO_DEVICE void store_tile(const Gather& gather, const TilePlace& place, int n, const float* tile, Element* y, const Ep& ep) {
  constexpr int N = kWide<Element>, per_row = T::k.cols / N;
  const int total = n * gather.pixels(), group_end = (place.group + 1) * out_group(S::k);
  if constexpr (S::k.groups > 1 && S::k.y_written > S::k.out_channels) store_padding<S, T>(gather, place, total, y);
  for (int i = static_cast<int>(threadIdx.x); i < T::k.rows * per_row; i += gemm_threads(T::k)) {
    const int row = i / per_row, col = i % per_row * N;
    const int at = place.first_row + row, channel = place.group * out_group(S::k) + place.first_col + col;
    const bool has_padding = S::k.groups == 1 && channel + N > S::k.out_channels && channel < S::k.y_written;
    if (at >= total || (place.first_col + col >= out_group(S::k) && !has_padding)) continue;
    const Pack<N> sums = load<Pack<N>>(tile + row * gemm_staged_pitch(T::k) + col);
    store_sums<S>(sums, gather.out_pixel(at / gather.pixels(), at % gather.pixels()), channel, group_end, y, ep);
  }
}

template <class T>
CORTADO_DEVICE char* gemm_shared() {
  if constexpr (T::k.warpgroups != 0) {
    return static_cast<char*>(swizzled_shared());
  } else {
    return static_cast<char*>(dynamic_shared());
  }
}

template <class S, class T, class Math, class Gather, class Ep>
__global__ void __launch_bounds__(gemm_threads(T::k), gemm_resident_blocks(T::k))
    conv2d_gemm_kernel(int n, const typename Math::Element* x, const typename Math::Element* w, typename Math::Element* y, Ep ep, float* partial,
                       unsigned* counters) {
  char* shared = gemm_shared<T>();
  const TilePlace place = tile_place<S, T>();
  const Gather gather(place.phase);
  accumulate_tile<S, T, Math>(gather, place, n, x, w, shared);
  float* tile = reinterpret_cast<float*>(shared);
  if constexpr (T::k.splits > 1) {
    if (!combine_splits<T>(place, tile, partial, counters)) return;
  }
  store_tile<S, T>(gather, place, n, tile, y, ep);
}

/** Grid of a product: tiles of pixels; tiles of channels of all groups and phases; splits. */
template <class Gather>
constexpr Launch gemm_launch(const Conv2dShape& s, const GemmTile& t, std::int64_t n) {
  const std::int64_t channel_tiles = ceil_div(s.out_channels / s.groups, t.cols) * s.groups * Gather::kPhases;
  return Launch{dim3(static_cast<unsigned>(ceil_div(n * Gather::most_pixels(), t.rows)), static_cast<unsigned>(channel_tiles), static_cast<unsigned>(t.splits)),
                dim3(static_cast<unsigned>(gemm_threads(t))), gemm_shared_bytes(t)};
}

template <const Conv2dShape& S, class Math, bool kTransposed>
using GatherOf = std::conditional_t<kTransposed, TransposedGather<ShapeType<S>, typename Math::Element>, ForwardGather<ShapeType<S>, typename Math::Element>>;

/** Tiles of the grid: how many counters a split needs, and partial sums of rows · cols floats for each and split. */
template <const Conv2dShape& S, const GemmTile& T, class Math, bool kTransposed>
constexpr std::int64_t gemm_tiles(std::int64_t n) {
  const Launch launch = gemm_launch<GatherOf<S, Math, kTransposed>>(S, T, n);
  return static_cast<std::int64_t>(launch.grid.x) * launch.grid.y;
}
template <const Conv2dShape& S, const GemmTile& T, class Math, bool kTransposed>
constexpr std::size_t gemm_scratch_bytes(std::int64_t n) {
  return T.splits == 1 ? 0 : static_cast<std::size_t>(gemm_tiles<S, T, Math, kTransposed>(n) * T.splits * T.rows * T.cols) * sizeof(float);
}

template <const Conv2dShape& S, const GemmTile& T, class Math, bool kTransposed, class Ep>
void launch_gemm(cudaStream_t stream, std::int64_t n, const typename Math::Element* x, const typename Math::Element* w, typename Math::Element* y,
                 const Ep& ep, void* scratch, unsigned* counters) {
  using Gather = GatherOf<S, Math, kTransposed>;
  const Launch l = gemm_launch<Gather>(S, T, n);
  launch(conv2d_gemm_kernel<ShapeType<S>, TileType<T>, Math, Gather, Ep>, l.grid, l.block, l.shared_bytes, stream, static_cast<int>(n), x, w, y, ep,
         static_cast<float*>(scratch), counters);
}

/** y = ep(x ∗ w). Math = HalfMath, Tf32Math or FloatMath. scratch, counters: only if T.splits > 1; counters are 0 before and after. */
template <const Conv2dShape& S, const GemmTile& T, class Math, class Ep>
void conv2d_gemm(cudaStream_t stream, std::int64_t n, const typename Math::Element* x, const typename Math::Element* w, typename Math::Element* y,
                 const Ep& ep, void* scratch = nullptr, unsigned* counters = nullptr) {
  launch_gemm<S, T, Math, false>(stream, n, x, w, y, ep, scratch, counters);
}

/** The transposed convolution, one phase of the output per row of the grid; S as of the operator (x is the smaller image). */
template <const Conv2dShape& S, const GemmTile& T, class Math, class Ep>
void conv2d_transpose_gemm(cudaStream_t stream, std::int64_t n, const typename Math::Element* x, const typename Math::Element* w,
                           typename Math::Element* y, const Ep& ep, void* scratch = nullptr, unsigned* counters = nullptr) {
  launch_gemm<S, T, Math, true>(stream, n, x, w, y, ep, scratch, counters);
}

}  // namespace cortado::cuda
