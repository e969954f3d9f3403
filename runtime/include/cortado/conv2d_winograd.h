// Winograd convolution, blocked → blocked: 3×3, stride 1, dilation 1, groups = 1 (Lavin & Gray, arXiv 1509.09308).
//   y = Aᵀ [ Σ_c (G w Gᵀ) ⊙ (Bᵀ x B) ] A on tiles of kOut × kOut outputs: (kOut + 2)² products instead of 9 · kOut².
// Filters are transformed and packed by the compiler (packConv2dWinograd): [m_tile][position][cb][lane c][v][B]; or they stay
// 3×3 (packConv2dFirst: [m_tile][c][kh][kw][v][B]), a quarter of the bytes, and each item transforms its own, some channels at a time.
// x and y are of elements E, float or bf16; so are the transformed tiles and filters that are multiplied (bf16 filters always come
// transformed, in pairs of channels). Sums and transforms are float.
// Work items are (image, group of tiles, output tile): a group's input is transformed once per part that needs it and stays in
// the L2 cache; each item multiplies it with one block of weights per position and transforms back at once.
#pragma once

#include "cortado/conv_loops.h"

namespace cortado {

/** How a Winograd convolution is cut. */
struct WinogradTile {
  int outputs;      /**< Per tile side: 2 or 4. */
  int group;        /**< Tiles whose input is transformed together. */
  int pixels;       /**< Tiles of the register tile. */
  int vectors;      /**< Vectors of output channels of the register tile. */
  int chunk_blocks; /**< Input-channel blocks whose 3×3 filters are transformed together; 0: w holds transformed filters. */
};

/** 1-D transforms of F(2, 3): points 0, 1, −1, ∞. */
struct Winograd2 {
  template <class F>
  static CORTADO_INLINE void input(const F (&x)[4], F (&out)[4]) {
    out[0] = x[0] - x[2];
    out[1] = x[1] + x[2];
    out[2] = x[2] - x[1];
    out[3] = x[1] - x[3];
  }
  template <class F>
  static CORTADO_INLINE void output(const F (&m)[4], F (&y)[2]) {
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] - m[3];
  }
  template <class F>
  static CORTADO_INLINE void filter(const F (&w)[3], F (&g)[4]) {
    const F even = 0.5f * (w[0] + w[2]), odd = 0.5f * w[1];
    g[0] = w[0];
    g[1] = even + odd;
    g[2] = even - odd;
    g[3] = w[2];
  }
};

/** 1-D transforms of F(4, 3): points 0, ±3/4, ±3/2, ∞; less error than ±1, ±2, and every constant is exact. */
struct Winograd4 {
  static constexpr float a = 0.75f, b = 1.5f;
  template <class F>
  static CORTADO_INLINE void input(const F (&x)[6], F (&out)[6]) {
    const F near_even = x[4] - b * b * x[2], near_odd = a * (x[3] - b * b * x[1]);
    const F far_even = x[4] - a * a * x[2], far_odd = b * (x[3] - a * a * x[1]);
    out[0] = a * a * b * b * x[0] - (a * a + b * b) * x[2] + x[4];
    out[1] = near_even + near_odd;
    out[2] = near_even - near_odd;
    out[3] = far_even + far_odd;
    out[4] = far_even - far_odd;
    out[5] = a * a * b * b * x[1] - (a * a + b * b) * x[3] + x[5];
  }
  template <class F>
  static CORTADO_INLINE void output(const F (&m)[6], F (&y)[4]) {
    const F near_sum = m[1] + m[2], near_difference = m[1] - m[2], far_sum = m[3] + m[4], far_difference = m[3] - m[4];
    y[0] = m[0] + near_sum + far_sum;
    y[1] = a * near_difference + b * far_difference;
    y[2] = a * a * near_sum + b * b * far_sum;
    y[3] = a * a * a * near_difference + b * b * b * far_difference + m[5];
  }
  /** Row p of G is (1, p, p²) / Π(p − q); the product is the same for p and −p. */
  template <class F>
  static CORTADO_INLINE void filter(const F (&w)[3], F (&g)[6]) {
    constexpr float zero = static_cast<float>(1 / (0.75 * 0.75 * 1.5 * 1.5));
    constexpr float near = static_cast<float>(1 / (2 * 0.75 * 0.75 * (0.75 * 0.75 - 1.5 * 1.5)));
    constexpr float far = static_cast<float>(1 / (2 * 1.5 * 1.5 * (1.5 * 1.5 - 0.75 * 0.75)));
    const F near_even = near * w[0] + near * a * a * w[2], near_odd = near * a * w[1];
    const F far_even = far * w[0] + far * b * b * w[2], far_odd = far * b * w[1];
    g[0] = zero * w[0];
    g[1] = near_even + near_odd;
    g[2] = near_even - near_odd;
    g[3] = far_even + far_odd;
    g[4] = far_even - far_odd;
    g[5] = w[2];
  }
};

template <int kOut>
using Winograd = std::conditional_t<kOut == 2, Winograd2, Winograd4>;

/** Sizes that follow from the shape and the cut. */
template <const Conv2dShape& S, const WinogradTile& T, class E>
struct WinogradSizes {
  static constexpr int B = S.block;
  static constexpr int side = T.outputs + 2;
  static constexpr int positions = side * side;
  static constexpr int tile_cols = static_cast<int>(ceil_div(S.out_width, T.outputs));
  static constexpr int tiles = tile_cols * static_cast<int>(ceil_div(S.out_height, T.outputs));
  static constexpr int groups = static_cast<int>(ceil_div(tiles, T.group));
  static constexpr int in_blocks = static_cast<int>(ceil_div(S.in_channels, B));
  static constexpr int out_blocks = static_cast<int>(ceil_div(S.out_channels, B));
  static constexpr int vectors = out_blocks < T.vectors ? out_blocks : T.vectors;
  /** Elements of x and floats of y per position; a vector more than needed, so that positions do not meet in one set of the L1 cache. */
  static constexpr std::int64_t x_position = (std::int64_t{in_blocks} * T.group + static_cast<int>(sizeof(float) / sizeof(E))) * B;
  static constexpr std::int64_t y_position = (std::int64_t{vectors} * T.group + 1) * B;
  /** Of filters that are transformed here, for a whole chunk. */
  static constexpr int chunk_blocks = T.chunk_blocks < in_blocks ? T.chunk_blocks : in_blocks;
  static constexpr std::int64_t w_position = chunk_blocks == 0 ? 0 : (std::int64_t{chunk_blocks} * B * vectors + 1) * B;
};

/** positions · B · ((sizeof(E) · ⌈C/B⌉ + 4 · vectors) · group + 8), and 4 · positions · B · (chunk · B · vectors + 1) for filters transformed here. */
template <const Conv2dShape& S, const WinogradTile& T, class E = float>
constexpr std::size_t conv2d_winograd_scratch_bytes() {
  using Z = WinogradSizes<S, T, E>;
  constexpr std::int64_t bytes = static_cast<int>(sizeof(E)) * Z::x_position + static_cast<int>(sizeof(float)) * (Z::y_position + Z::w_position);
  return static_cast<std::size_t>(Z::positions * bytes);
}

/** Bᵀ x B of one tile of one block of channels. x: the image's block; row, col: first pixel under the tile, may lie outside. */
template <const Conv2dShape& S, int kOut, bool kInside, class E>
CORTADO_NOINLINE void winograd_input_tile(const E* x, int row, int col, E* to, std::int64_t to_position) {
  using F = Vec<float, S.block>;
  constexpr int side = kOut + 2;
  F half[side][side];
  static_for<0, side>([&](auto j) __attribute__((always_inline)) {
    F column[side], result[side];
    static_for<0, side>([&](auto i) __attribute__((always_inline)) {
      const bool is_inside = kInside || (row + i >= 0 && row + i < S.in_height && col + j >= 0 && col + j < S.in_width);
      column[i] = is_inside ? load<F>(x + (std::int64_t{row + i} * S.in_width + col + j) * S.block) : F{};
    });
    Winograd<kOut>::input(column, result);
    static_for<0, side>([&](auto i) __attribute__((always_inline)) { half[i][j] = result[i]; });
  });
  static_for<0, side>([&](auto i) __attribute__((always_inline)) {
    F result[side];
    Winograd<kOut>::input(half[i], result);
    static_for<0, side>([&](auto j) __attribute__((always_inline)) { store(to + (i * side + j) * to_position, result[j]); });
  });
}

/** Aᵀ m A of one tile of one block of channels, epilogue, store. y, offset: the tile's first output; rows × cols exist. */
template <const Conv2dShape& S, int kOut, class Ep, class E>
CORTADO_NOINLINE void winograd_output_tile(const float* m, std::int64_t m_position, int rows, int cols, E* y, const Ep& ep, std::int64_t channel,
                                           std::int64_t offset) {
  using F = Vec<float, S.block>;
  constexpr int side = kOut + 2;
  F half[kOut][side];
  static_for<0, side>([&](auto j) __attribute__((always_inline)) {
    F column[side], result[kOut];
    static_for<0, side>([&](auto i) __attribute__((always_inline)) { column[i] = load<F>(m + (i * side + j) * m_position); });
    Winograd<kOut>::output(column, result);
    static_for<0, kOut>([&](auto i) __attribute__((always_inline)) { half[i][j] = result[i]; });
  });
  static_for<0, kOut>([&](auto i) __attribute__((always_inline)) {
    F result[kOut];
    Winograd<kOut>::output(half[i], result);
    static_for<0, kOut>([&](auto j) __attribute__((always_inline)) {
      const std::int64_t at = (std::int64_t{i} * S.out_width + j) * S.block;
      if (i < rows && j < cols) store(y + at, finish<F, ChannelLanes>(ep, result[j], channel, offset + at));
    });
  });
}

/** Transforms all channels of tiles [first, first + group) of an image; tiles past the last repeat it. */
template <const Conv2dShape& S, const WinogradTile& T, class E>
void winograd_input_group(const E* x, int first, E* to) {
  using Z = WinogradSizes<S, T, E>;
  constexpr std::int64_t plane = std::int64_t{S.in_height} * S.in_width * S.block;
  for (int block = 0; block < Z::in_blocks; ++block) {
    for (int k = 0; k < T.group; ++k) {
      const int tile = first + k < Z::tiles ? first + k : Z::tiles - 1;
      const int row = tile / Z::tile_cols * T.outputs - S.pad_top, col = tile % Z::tile_cols * T.outputs - S.pad_left;
      E* tile_to = to + (std::int64_t{block} * T.group + k) * S.block;
      if (row >= 0 && col >= 0 && row + Z::side <= S.in_height && col + Z::side <= S.in_width) {
        winograd_input_tile<S, T.outputs, true>(x + block * plane, row, col, tile_to, Z::x_position);
      } else {
        winograd_input_tile<S, T.outputs, false>(x + block * plane, row, col, tile_to, Z::x_position);
      }
    }
  }
}

/** A span of input-channel blocks: what one pass over the products adds up. */
struct WinogradBlocks {
  int first;
  int count;
  int last_lanes; /**< Channels of the last block. */
};

/** Brings share `position` of `count` elements into the L2 cache; they may lie past the end of the weights. */
template <int kPositions, class E>
CORTADO_INLINE void prefetch_share(const E* at, std::int64_t count, int position) {
  constexpr std::int64_t line = 64 / sizeof(E);
  const std::int64_t end = (position + 1) * count / kPositions / line * line;
  for (std::int64_t i = position * count / kPositions / line * line; i < end; i += line) prefetch_ahead<line>(at, i);
}

/**
 * The products of one group with kVectors vectors of output channels: a matrix product per position, added to earlier blocks'.
 * Meanwhile `next_count` elements of filters from `next` on come from memory.
 */
template <const Conv2dShape& S, const WinogradTile& T, int kVectors, class E>
void winograd_products(const WinogradBlocks& blocks, const E* x, const E* w, std::int64_t w_position, float* y, const E* next, std::int64_t next_count) {
  using Z = WinogradSizes<S, T, E>;
  constexpr Split split = split_by(T.group, T.pixels);
  constexpr int longer = split.base() + (split.longer() > 0 ? 1 : 0);
  constexpr std::int64_t x_block = std::int64_t{T.group} * S.block;
  const TileLoops loops{x_block, 0, 0, x_block, S.block, blocks.count, 1, 1, S.block, blocks.last_lanes, blocks.first > 0, w_position};
  x += blocks.first * x_block;
  for (int position = 0; position < Z::positions; ++position, w += w_position, x += Z::x_position, y += Z::y_position) {
    prefetch_share<Z::positions>(next, next_count, position);
    for (int tile = 0; tile < split.count; ++tile) {
      const std::int64_t at = std::int64_t{split.begin(tile)} * S.block;
      const TileFunctionOf<E, float> multiply = tile < split.longer() ? &register_tile<S.block, longer, kVectors, S.block, 0, 0, 1, 0, E, float>
                                                                      : &register_tile<S.block, split.base(), kVectors, S.block, 0, 0, 1, 0, E, float>;
      multiply(loops, TileFinish{}, x + at, w, y + at, nullptr);
    }
  }
}

/** G w Gᵀ of one channel and one vector of output channels; taps are w_tap floats apart. */
template <int B, int kOut>
CORTADO_INLINE void winograd_filter(const float* w, std::int64_t w_tap, float* to, std::int64_t to_position) {
  using F = Vec<float, B>;
  constexpr int side = kOut + 2;
  F half[side][3];
  static_for<0, 3>([&](auto j) __attribute__((always_inline)) {
    const F column[3] = {load<F>(w + j * w_tap), load<F>(w + (3 + j) * w_tap), load<F>(w + (6 + j) * w_tap)};
    F result[side];
    Winograd<kOut>::filter(column, result);
    static_for<0, side>([&](auto i) __attribute__((always_inline)) { half[i][j] = result[i]; });
  });
  static_for<0, side>([&](auto i) __attribute__((always_inline)) {
    F result[side];
    Winograd<kOut>::filter(half[i], result);
    static_for<0, side>([&](auto j) __attribute__((always_inline)) { store(to + (i * side + j) * to_position, result[j]); });
  });
}

/** Filters of `channels` input channels and kVectors vectors of output channels: [c][kh][kw][v][B] → [position][c][v][B]. */
template <int B, int kOut, int kVectors>
CORTADO_NOINLINE void winograd_filters(int channels, const float* w, float* to, std::int64_t to_position) {
  constexpr std::int64_t w_tap = std::int64_t{kVectors} * B;
  for (int c = 0; c < channels; ++c, w += 9 * w_tap, to += w_tap)
    static_for<0, kVectors>([&](auto v) __attribute__((always_inline)) { winograd_filter<B, kOut>(w + v * B, w_tap, to + v * B, to_position); });
}

/** All products of one group with one output tile; `filters`: room for a chunk's transformed filters. */
template <const Conv2dShape& S, const WinogradTile& T, int kVectors, class E>
void winograd_multiply(const E* x, const E* w, float* y, float* filters) {
  using Z = WinogradSizes<S, T, E>;
  constexpr int last_lanes = S.in_channels - (Z::in_blocks - 1) * S.block;
  if constexpr (Z::chunk_blocks == 0) {
    winograd_products<S, T, kVectors>({0, Z::in_blocks, last_lanes}, x, w, round_up(S.in_channels, kProductLanes<E>) * kVectors * S.block, y, w, 0);
  } else {
    for (int first = 0; first < Z::in_blocks; first += Z::chunk_blocks) {
      const bool is_last = first + Z::chunk_blocks >= Z::in_blocks;
      const WinogradBlocks blocks{first, is_last ? Z::in_blocks - first : Z::chunk_blocks, is_last ? last_lanes : S.block};
      const int channels = (blocks.count - 1) * S.block + blocks.last_lanes;
      winograd_filters<S.block, T.outputs, kVectors>(channels, w, filters, Z::w_position);
      const std::int64_t floats = std::int64_t{channels} * 9 * kVectors * S.block;
      w += floats;
      winograd_products<S, T, kVectors>(blocks, x, filters, Z::w_position, y, w, floats);
    }
  }
}

/** y = ep(x ∗ w). */
template <const Conv2dShape& S, const WinogradTile& T, class Ep, class E>
void conv2d_winograd(Part part, std::int64_t n, const E* x, const E* w, E* y, const Ep& ep, void* scratch) {
  static_assert(S.kernel_h == 3 && S.kernel_w == 3 && S.stride_h == 1 && S.stride_w == 1 && S.dilation_h == 1 && S.dilation_w == 1 && S.groups == 1,
                "Winograd: 3×3, stride 1, dilation 1, no groups");
  static_assert(T.outputs == 2 || T.outputs == 4);
  static_assert(std::is_same_v<E, float> || T.chunk_blocks == 0, "filters of halves and bf16 come transformed");
  using Z = WinogradSizes<S, T, E>;
  constexpr std::int64_t x_plane = std::int64_t{S.in_height} * S.in_width * S.block, y_plane = std::int64_t{S.out_height} * S.out_width * S.block;
  constexpr int m_tiles = static_cast<int>(ceil_div(Z::out_blocks, Z::vectors)), fewer = Z::out_blocks % Z::vectors;
  const std::int64_t x_image = stride_or(S.x_image_stride, Z::in_blocks * x_plane);
  const std::int64_t y_image = stride_or(S.y_image_stride, Z::out_blocks * y_plane);
  E* transformed = static_cast<E*>(scratch);
  float* products = reinterpret_cast<float*>(transformed + Z::positions * Z::x_position);
  float* filters = products + Z::positions * Z::y_position;
  constexpr int w_channel = Z::chunk_blocks == 0 ? Z::positions : 9;
  const Range share = share_of(part, n * Z::groups * m_tiles);
  std::int64_t ready_group = -1;
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t group = item / m_tiles, image = group / Z::groups;
    const int first_vector = static_cast<int>(item % m_tiles) * Z::vectors, first_tile = static_cast<int>(group % Z::groups) * T.group;
    if (group != ready_group) winograd_input_group<S, T>(x + image * x_image, first_tile, transformed);
    ready_group = group;
    const E* m_tile_w = w + std::int64_t{first_vector} * S.block * round_up(S.in_channels, kProductLanes<E>) * w_channel;
    const int vectors = Z::out_blocks - first_vector < Z::vectors ? fewer : Z::vectors;
    if (vectors == Z::vectors) {
      winograd_multiply<S, T, Z::vectors>(transformed, m_tile_w, products, filters);
    } else if constexpr (fewer > 0) {
      winograd_multiply<S, T, fewer>(transformed, m_tile_w, products, filters);
    }
    for (int k = 0; k < T.group && first_tile + k < Z::tiles; ++k) {
      const int row = (first_tile + k) / Z::tile_cols * T.outputs, col = (first_tile + k) % Z::tile_cols * T.outputs;
      for (int v = 0; v < vectors; ++v) {
        const std::int64_t at = (first_vector + v) * y_plane + (std::int64_t{row} * S.out_width + col) * S.block;
        winograd_output_tile<S, T.outputs>(products + (std::int64_t{v} * T.group + k) * S.block, Z::y_position, S.out_height - row, S.out_width - col,
                                           y + image * y_image + at, ep, std::int64_t{first_vector + v} * S.block, image * Z::out_blocks * y_plane + at);
      }
    }
  }
}

}  // namespace cortado
