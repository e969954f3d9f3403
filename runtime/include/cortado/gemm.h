// Matrix products. fully_connected: packed weights, one row (a matrix-vector product, bound by memory) or many. matmul: both
// matrices known at run time only, packed on the way in blocks that fit the caches.
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
template <int B, int kRows, int V>
CORTADO_INLINE TileFunction gemm_tile(int rows) {
  constexpr int eight = kRows > 8 ? 8 : 1, four = kRows > 4 ? 4 : 1, two = kRows > 2 ? 2 : 1;
  if (rows == kRows) return &register_tile<B, kRows, V, 1, 0, 0, kRows>;
  if (rows == eight) return &register_tile<B, eight, V, 1, 0, 0, eight>;
  if (rows == four) return &register_tile<B, four, V, 1, 0, 0, four>;
  if (rows == two) return &register_tile<B, two, V, 1, 0, 0, two>;
  return &register_tile<B, 1, V, 1, 0, 0, 1>;
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

inline constexpr std::int64_t kGemvAhead = 1024; /**< Floats from the weights in use to those to bring into L1: hardware stops at 4 KiB pages. */

/** x[k] · w[k][V][B]: eight or more independent sums, to stream weights as fast as memory gives them. */
template <int B, int V>
CORTADO_NOINLINE void gemv_panel(std::int64_t k, const float* x, const float* w, float* sums) {
  using F = Vec<float, B>;
  constexpr int chains = V >= 8 ? 1 : 8 / V;
  F acc[chains][V] = {};
  std::int64_t i = 0;
  for (; i + chains <= k; i += chains, w += chains * V * B) {
    static_for<0, chains>([&](auto chain) __attribute__((always_inline)) {
      const F xi = splat<F>(x[i + chain]);
      static_for<0, V>([&](auto v) __attribute__((always_inline)) {
        prefetch_ahead<B, 3>(w + (chain * V + v) * B, kGemvAhead);
        acc[chain][v] = fma(xi, load<F>(w + (chain * V + v) * B), acc[chain][v]);
      });
    });
  }
  for (; i < k; ++i, w += V * B) {
    static_for<0, V>([&](auto v) __attribute__((always_inline)) { acc[0][v] = fma(splat<F>(x[i]), load<F>(w + v * B), acc[0][v]); });
  }
  static_for<0, V>([&](auto v) __attribute__((always_inline)) {
    F sum = acc[0][v];
    static_for<1, chains>([&](auto chain) __attribute__((always_inline)) { sum = sum + acc[chain][v]; });
    store(sums + v * B, sum);
  });
}

inline constexpr int kFcTiles = 4;              /**< Tiles of rows that share a pass over the weights. */
inline constexpr std::int64_t kFcDepth = 256;   /**< Inputs per visit of a tile, so that a panel's weights stay in L1. */

/** 0 if kRows = 1, else 4 · 4 · kRows · in_features, rounded up to 64. */
template <const FcShape& S, int kRows>
constexpr std::size_t fully_connected_scratch_bytes() {
  return kRows == 1 ? 0 : static_cast<std::size_t>(round_up(std::int64_t{4} * kFcTiles * kRows * S.in_features, 64));
}

/** Up to kFcTiles·kRows rows, packed one tile after the other, times one panel: weights are read from memory once. */
template <int B, int kRows, int V>
void multiply_panel(std::int64_t k, std::int64_t rows, const float* packed_x, const float* w, float* sums) {
  constexpr int panel = B * V;
  for (std::int64_t first = 0; first < k; first += kFcDepth) {
    const int depth = static_cast<int>(min_of(kFcDepth, k - first));
    const TileLoops loops{0, 0, 0, B, panel, 1, 1, 1, depth, depth, first > 0, kFcDepth * panel};
    for (std::int64_t row = 0; row < rows;) {
      const int tile_rows = gemm_tile_rows<kRows>(rows - row);
      gemm_tile<B, kRows, V>(tile_rows)(loops, TileFinish{}, packed_x + row * k + first * tile_rows, w + first * panel, sums + row * panel, nullptr);
      row += tile_rows;
    }
  }
}

/**
 * y[m, n] = ep(x[m, k] · wᵀ), plain. w: [ceil(n/(V·B))][k][V][B], zero past n (packFullyConnected). Parts split the column
 * panels, so that each weight is read by one part only. kRows = 1: matrix-vector products, one row after the other.
 */
template <const FcShape& S, int kRows, class Ep>
void fully_connected(Part part, std::int64_t m, const float* x, const float* w, float* y, const Ep& ep, void* scratch) {
  constexpr int B = S.block, V = S.vectors, panel = B * V, group = kRows == 1 ? 1 : kFcTiles * kRows;
  constexpr std::int64_t k = S.in_features, n = S.out_features;
  const Range share = share_of(part, ceil_div(n, panel));
  float sums[group * panel];
  for (std::int64_t row = 0; row < m; row += group) {
    const int rows = static_cast<int>(min_of(group, m - row));
    float* packed_x = static_cast<float*>(scratch);
    for (int first = 0; rows > 1 && first < rows;) {
      const int tile_rows = gemm_tile_rows<kRows>(rows - first);
      pack_rows(x + (row + first) * k, k, 1, tile_rows, k, packed_x + first * k);
      first += tile_rows;
    }
    for (std::int64_t p = share.begin; p < share.end; ++p) {
      if (rows == 1) {
        gemv_panel<B, V>(k, x + row * k, w + p * k * panel, sums);
      } else if constexpr (kRows > 1) {
        multiply_panel<B, kRows, V>(k, rows, packed_x, w + p * k * panel, sums);
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
