// Matrix products. fully_connected: packed weights, one row (a matrix-vector product, bound by memory) or many. matmul: both
// matrices known at run time only, packed on the way in blocks that fit the caches.
// Packed weights may be bf16, in pairs of rows, or halves; x is then rounded on the way, y is floats.
// A register tile multiplies kRows rows of x, stored [k][kRows], by a panel of V·B columns, stored [k][V][B].
#pragma once

#include <cstring>

#include "cortado/epilogue.h"
#include "cortado/register_tile.h"

namespace cortado {

struct FcShape {
  int in_features;
  int out_features;
  int block;   /**< B: floats per vector. */
  int vectors; /**< Vectors per column panel; 2 suits most machines. */
};

/** Rows of the next tile when `left` rows remain: kRows, or the largest of 8, 4, 2, 1 that is less. */
template <int kRows>
CORTADO_INLINE int gemm_tile_rows(std::int64_t left) {
  if (left >= kRows) return kRows;
  for (int rows = 8; rows > 1; rows /= 2) {
    if (rows < kRows && rows <= left) return rows;
  }
  return 1;
}

/** The register tile for a row count that gemm_tile_rows gives; x is packed [k][rows]. */
template <int B, int kRows, int V, class E = float>
CORTADO_INLINE TileFunctionOf<E, float> gemm_tile(int rows) {
  constexpr int step = kProductLanes<E>;
  constexpr int eight = kRows > 8 ? 8 : 1, four = kRows > 4 ? 4 : 1, two = kRows > 2 ? 2 : 1;
  if (rows == kRows) return &register_tile<B, kRows, V, step, 0, 0, kRows, 0, E, float>;
  if (rows == eight) return &register_tile<B, eight, V, step, 0, 0, eight, 0, E, float>;
  if (rows == four) return &register_tile<B, four, V, step, 0, 0, four, 0, E, float>;
  if (rows == two) return &register_tile<B, two, V, step, 0, 0, two, 0, E, float>;
  return &register_tile<B, 1, V, step, 0, 0, 1, 0, E, float>;
}

/** to[k][rows] = from[row][k]; element (row, k) at from + row·row_stride + k·k_stride. */
inline void pack_rows(const float* from, std::int64_t row_stride, std::int64_t k_stride, int rows, std::int64_t k, float* to) {
  for (int row = 0; row < rows; ++row) {
    const float* source = from + row * row_stride;
    for (std::int64_t i = 0; i < k; ++i) to[i * rows + row] = source[i * k_stride];
  }
}

/** Epilogue and store of rows × (V·B) sums, of which the first `cols` columns exist; y rows are y_row floats apart. */
template <int B, class Ep>
CORTADO_INLINE void store_gemm_tile(const float* sums, std::int64_t sums_row, int rows, std::int64_t cols, float* y, std::int64_t y_row,
                                    const Ep& ep, std::int64_t channel, std::int64_t offset) {
  using F = Vec<float, B>;
  const int whole = static_cast<int>(cols) / B, tail = static_cast<int>(cols) % B;
  for (int row = 0; row < rows; ++row, sums += sums_row) {
    for (int v = 0; v < whole; ++v) {
      const std::int64_t at = row * y_row + v * B;
      store(y + at, finish<F, ChannelLanes>(ep, load<F>(sums + v * B), channel + v * B, offset + at));
    }
    for (int lane = 0; lane < tail; ++lane) {
      const std::int64_t c = whole * B + lane, at = row * y_row + c;
      y[at] = finish<float, ChannelLanes>(ep, sums[c], channel + c, offset + at);
    }
  }
}

inline constexpr std::int64_t kGemvAhead = 1024; /**< Elements from the weights in use to those to bring into L1: hardware stops at 4 KiB pages. */

/** to[k/step][rows][step] = from[row][k], rounded, step = kProductLanes<E>; zero past a k that is no multiple. */
template <class E>
void pack_rounded_rows(const float* from, std::int64_t row_stride, int rows, std::int64_t k, E* to) {
  constexpr int step = kProductLanes<E>;
  for (int row = 0; row < rows; ++row) {
    const float* source = from + row * row_stride;
    std::int64_t i = 0;
    if constexpr (step == 1) {
      if (rows == 1) {
        for (; i + kFloatLanes <= k; i += kFloatLanes) store(to + i, load<Vec<float, kFloatLanes>>(source + i));
      }
    }
    for (; i < k; ++i) to[i / step * step * rows + row * step + i % step] = E(source[i]);
    for (; i % step != 0; ++i) to[i / step * step * rows + row * step + i % step] = E(0.0f);
  }
}

/** x[k] · w[k][V][B], k whole steps of a product: eight or more independent sums, to stream weights as fast as memory gives them. */
template <int B, int V, class E>
CORTADO_NOINLINE void gemv_panel(std::int64_t k, const E* x, const E* w, float* sums) {
  using F = Vec<float, B>;
  using P = Products<E, F>;
  constexpr int step = kProductLanes<E>, chains = V >= 8 ? 1 : 8 / V;
  // What a chain adds up between visits of the sums in memory; all of k where sums are floats.
  const std::int64_t span = P::kMostProducts > 0 ? P::kMostProducts * chains : k;
  for (std::int64_t first = 0; first < k; first += span) {
    const std::int64_t end = min_of(first + span, k);
    typename P::Sum acc[chains][V] = {};
    std::int64_t i = first;
    for (; i + chains * step <= end; i += chains * step, w += chains * V * B * step) {
      static_for<0, chains>([&](auto chain) __attribute__((always_inline)) {
        const auto xi = P::broadcast(x + i + chain * step);
        static_for<0, V>([&](auto v) __attribute__((always_inline)) {
          const E* filter = w + (chain * V + v) * (B * step);
          constexpr int vector_bytes = B * step * static_cast<int>(sizeof(E));
          // Once for the vectors of a cache line.
          if constexpr ((chain * V + v) * vector_bytes % 64 == 0) prefetch_ahead<B * step, 3>(filter, kGemvAhead);
          acc[chain][v] = P::add(acc[chain][v], xi, P::weights(filter));
        });
      });
    }
    for (; i < end; i += step, w += V * B * step) {
      static_for<0, V>([&](auto v) __attribute__((always_inline)) { acc[0][v] = P::add(acc[0][v], P::broadcast(x + i), P::weights(w + v * (B * step))); });
    }
    static_for<0, V>([&](auto v) __attribute__((always_inline)) {
      F sum = P::widen(acc[0][v]);
      static_for<1, chains>([&](auto chain) __attribute__((always_inline)) { sum = sum + P::widen(acc[chain][v]); });
      store(sums + v * B, first == 0 ? sum : load<F>(sums + v * B) + sum);
    });
  }
}

inline constexpr int kFcTiles = 4;              /**< Tiles of rows that share a pass over the weights. */
inline constexpr std::int64_t kFcDepth = 256;   /**< Inputs per visit of a tile, so that a panel's weights stay in L1. */

/** Rows of x that are packed together, sizeof(E) · in_features each (bf16: an even number), rounded up to 64. A float row is read in place. */
template <const FcShape& S, int kRows, class E = float>
constexpr std::size_t fully_connected_scratch_bytes() {
  const std::int64_t rows = kRows > 1 ? kFcTiles * kRows : std::is_same_v<E, float> ? 0 : 1;
  return static_cast<std::size_t>(round_up(static_cast<std::int64_t>(sizeof(E)) * rows * round_up(S.in_features, kProductLanes<E>), 64));
}

/** Up to kFcTiles·kRows rows, packed one tile after the other, times one panel: weights are read from memory once. */
template <int B, int kRows, int V, class E>
void multiply_panel(std::int64_t k, std::int64_t rows, const E* packed_x, const E* w, float* sums) {
  constexpr int panel = B * V;
  for (std::int64_t first = 0; first < k; first += kFcDepth) {
    const int depth = static_cast<int>(min_of(kFcDepth, k - first));
    // Where sums are widened, steps are as long as they may be.
    const int most = Products<E, Vec<float, B>>::kMostProducts, lanes = most > 0 && most < depth ? most : depth;
    const int outer = static_cast<int>(ceil_div(depth, lanes)), last_lanes = depth - (outer - 1) * lanes;
    for (std::int64_t row = 0; row < rows;) {
      const int tile_rows = gemm_tile_rows<kRows>(rows - row);
      const TileLoops loops{lanes * tile_rows, 0, 0, B, panel, outer, 1, 1, lanes, last_lanes, first > 0, kFcDepth * panel};
      gemm_tile<B, kRows, V, E>(tile_rows)(loops, TileFinish{}, packed_x + row * k + first * tile_rows, w + first * panel, sums + row * panel, nullptr);
      row += tile_rows;
    }
  }
}

/**
 * y[m, n] = ep(x[m, k] · wᵀ), plain. w: [ceil(n/(V·B))][k][V][B], bf16 in pairs [k/2][V][B][2], zero past n (packFullyConnected). Parts split the column
 * panels, so that each weight is read by one part only. kRows = 1: matrix-vector products, one row after the other.
 */
template <const FcShape& S, int kRows, class Ep, class E>
void fully_connected(Part part, std::int64_t m, const float* x, const E* w, float* y, const Ep& ep, void* scratch) {
  constexpr int B = S.block, V = S.vectors, panel = B * V, group = kRows == 1 ? 1 : kFcTiles * kRows;
  constexpr std::int64_t k = S.in_features, n = S.out_features, packed_k = round_up(k, kProductLanes<E>);
  const Range share = share_of(part, ceil_div(n, panel));
  float sums[group * panel];
  for (std::int64_t row = 0; row < m; row += group) {
    const int rows = static_cast<int>(min_of(group, m - row));
    E* packed_x = static_cast<E*>(scratch);
    for (int first = 0; first < rows;) {
      const int tile_rows = gemm_tile_rows<kRows>(rows - first);
      if constexpr (!std::is_same_v<E, float>) {
        pack_rounded_rows(x + (row + first) * k, k, tile_rows, k, packed_x + first * packed_k);
      } else if (rows > 1) {
        pack_rows(x + (row + first) * k, k, 1, tile_rows, k, packed_x + first * k);
      }
      first += tile_rows;
    }
    const E* one_row;
    if constexpr (std::is_same_v<E, float>) {
      one_row = x + row * k;
    } else {
      one_row = packed_x;
    }
    for (std::int64_t p = share.begin; p < share.end; ++p) {
      if (rows == 1) {
        gemv_panel<B, V>(packed_k, one_row, w + p * packed_k * panel, sums);
      } else if constexpr (kRows > 1) {
        multiply_panel<B, kRows, V>(packed_k, rows, packed_x, w + p * packed_k * panel, sums);
      }
      const std::int64_t at = row * n + p * panel;
      store_gemm_tile<B>(sums, panel, rows, min_of(panel, n - p * panel), y + at, n, ep, p * panel, at);
    }
  }
}

/** Run-time extents: y[m, n] = a · b; a is [m, k] ([k, m] if trans_a), b is [k, n] ([n, k] if trans_b). */
struct MatmulDims {
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
  std::int64_t trans_a;
  std::int64_t trans_b;
};

inline constexpr std::int64_t kMatmulDepth = 256;   /**< Products per pass. */
inline constexpr std::int64_t kMatmulWidth = 512;   /**< Columns packed together. */

/** 4 · 256 · (512 + kRows). */
template <int B, int kRows, int V>
constexpr std::size_t matmul_scratch_bytes() {
  static_assert(kMatmulWidth % (B * V) == 0);
  return static_cast<std::size_t>(kMatmulDepth * (kMatmulWidth + kRows)) * sizeof(float);
}

/** b[k0 .. k0+depth)[n0 .. n0+width) → [panel][depth][V·B], zeros past the last column. */
template <int kPanel>
void pack_columns(const MatmulDims& d, const float* b, std::int64_t k0, std::int64_t depth, std::int64_t n0, std::int64_t width, float* to) {
  const std::int64_t k_stride = d.trans_b != 0 ? 1 : d.n, n_stride = d.trans_b != 0 ? d.k : 1;
  for (std::int64_t first = 0; first < width; first += kPanel) {
    const std::int64_t cols = min_of(kPanel, width - first);
    const float* from = b + k0 * k_stride + (n0 + first) * n_stride;
    for (std::int64_t i = 0; i < depth; ++i, to += kPanel) {
      for (std::int64_t c = 0; c < cols; ++c) to[c] = from[i * k_stride + c * n_stride];
      for (std::int64_t c = cols; c < kPanel; ++c) to[c] = 0.0f;
    }
  }
}

/** One packed block of b against all rows of a. First pass stores, later ones add, the last applies the epilogue. */
template <int B, int kRows, int V, class Ep>
void matmul_block(const MatmulDims& d, const float* a, const float* packed_b, float* packed_a, Range depth, Range cols, float* y, const Ep& ep) {
  constexpr int panel = B * V;
  const std::int64_t count = depth.end - depth.begin;
  const TileLoops loops{0, 0, 0, B, panel, 1, 1, 1, static_cast<int>(count), static_cast<int>(count), true, 0};
  const std::int64_t row_stride = d.trans_a != 0 ? 1 : d.k, k_stride = d.trans_a != 0 ? d.m : 1;
  float sums[kRows * panel];
  for (std::int64_t row = 0; row < d.m;) {
    const int rows = gemm_tile_rows<kRows>(d.m - row);
    pack_rows(a + row * row_stride + depth.begin * k_stride, row_stride, k_stride, rows, count, packed_a);
    const TileFunction tile = gemm_tile<B, kRows, V>(rows);
    for (std::int64_t col = cols.begin; col < cols.end; col += panel) {
      const std::int64_t width = min_of(panel, cols.end - col);
      std::memset(sums, 0, sizeof(float) * static_cast<std::size_t>(rows * panel));
      for (int r = 0; r < rows && depth.begin > 0; ++r) {
        std::memcpy(sums + r * panel, y + (row + r) * d.n + col, sizeof(float) * static_cast<std::size_t>(width));
      }
      tile(loops, TileFinish{}, packed_a, packed_b + (col - cols.begin) * count, sums, nullptr);
      const std::int64_t at = row * d.n + col;
      if (depth.end == d.k) {
        store_gemm_tile<B>(sums, panel, rows, width, y + at, d.n, ep, col, at);
      } else {
        store_gemm_tile<B>(sums, panel, rows, width, y + at, d.n, NoEpilogue{}, col, at);
      }
    }
    row += rows;
  }
}

/** y = ep(a · b). Parts split the columns. k = 0 gives ep(0). */
template <int B, int kRows, int V, class Ep>
void matmul(Part part, const MatmulDims& d, const float* a, const float* b, float* y, const Ep& ep, void* scratch) {
  constexpr int panel = B * V;
  const Range share = share_of(part, d.n, panel);
  float* packed_b = static_cast<float*>(scratch);
  float* packed_a = packed_b + kMatmulDepth * kMatmulWidth;
  for (std::int64_t col = share.begin; col < share.end; col += kMatmulWidth) {
    const Range cols{col, min_of(col + kMatmulWidth, share.end)};
    std::int64_t k = 0;
    do {
      const Range depth{k, min_of(k + kMatmulDepth, d.k)};
      pack_columns<panel>(d, b, depth.begin, depth.end - depth.begin, cols.begin, cols.end - cols.begin, packed_b);
      matmul_block<B, kRows, V>(d, a, packed_b, packed_a, depth, cols, y, ep);
      k = depth.end;
    } while (k < d.k);
  }
}

}  // namespace cortado
