// The loops around the register tile, shared by the direct, first-layer and transposed convolutions. One function for all
// shapes of a net: what differs is data (ConvLoops) and two to four tile functions.
//   for image, group, band: copy the band with its padding; for output tile, chunk of input channels, register tile.
// Work items are (image, group, band, output tile), so that parts balance even when a layer has few pixels or few channels.
// Partial sums over chunks live in y, so y must not alias anything the epilogue reads. E is the element of x, w and y: float, or
// bf16, which takes all input channels in one chunk, since y cannot hold sums.
#pragma once

#include <cstring>

#include "cortado/conv2d_shape.h"
#include "cortado/epilogue.h"
#include "cortado/register_tile.h"

namespace cortado {

/** A finished tile, for the epilogue: `vectors` rows of `pixels` vectors. */
template <class E>
struct FinishedTile {
  E* y;
  std::int64_t vector_stride;
  std::int64_t pixel_stride;
  std::int64_t channel;
  std::int64_t offset;
  int vectors;
  int pixels;
};

/**
 * The epilogue with its type erased, because tile functions are shared and epilogues are not: either what the tile does in
 * registers, or apply, which runs over each finished tile while that is in the L1 cache (null if there is nothing to do).
 */
template <class E>
struct EpilogueCall {
  const void* functor;
  void (*apply)(const void* functor, const FinishedTile<E>& tile, const float* sums, std::int64_t vector_stride, std::int64_t pixel_stride);
  TileFinish finish;
  const E* residual;
};

template <int B, class E, class Ep>
CORTADO_NOINLINE void apply_epilogue(const void* functor, const FinishedTile<E>& tile, const float* sums, std::int64_t vector_stride,
                                     std::int64_t pixel_stride) {
  using F = Vec<float, B>;
  const Ep& ep = *static_cast<const Ep*>(functor);
  for (int v = 0; v < tile.vectors; ++v) {
    std::int64_t at = v * tile.vector_stride;
    for (int p = 0; p < tile.pixels; ++p, at += tile.pixel_stride) {
      store(tile.y + at, finish<F, ChannelLanes>(ep, load<F>(sums + v * vector_stride + p * pixel_stride), tile.channel + v * B, tile.offset + at));
    }
  }
}

/** True for the epilogues that tiles apply in registers. */
template <class E, class Ep>
inline constexpr bool kInRegisters =
    std::is_same_v<Ep, NoEpilogue> || std::is_same_v<Ep, BiasResidualClampOf<E>> || std::is_same_v<Ep, BiasSlope>;

/** True if the sums have to stay floats until the epilogue is done, in another place than y. */
template <class E, class Ep>
inline constexpr bool kNeedsSums = !std::is_same_v<E, float> && !kInRegisters<E, Ep>;

template <int B, class E, class Ep>
EpilogueCall<E> epilogue_call(const Ep& ep) {
  if constexpr (std::is_same_v<Ep, NoEpilogue>) {
    return {};
  } else if constexpr (std::is_same_v<Ep, BiasResidualClampOf<E>>) {
    const bool has_floor = !(ep.floor == -kInfinityF), has_ceiling = !(ep.ceiling == kInfinityF);
    return {nullptr, nullptr, {nullptr, ep.bias, nullptr, ep.residual != nullptr, has_floor, has_ceiling, ep.floor, ep.ceiling}, ep.residual};
  } else if constexpr (std::is_same_v<Ep, BiasSlope>) {
    return {nullptr, nullptr, {nullptr, ep.bias, ep.slope, false, false, false, 0, 0}, nullptr};
  } else {
    return {&ep, &apply_epilogue<B, E, Ep>, {}, nullptr};
  }
}

/**
 * Sums of fewer products begin with the bias, which is free. Longer ones get it last: a bias larger than the products would
 * round off each of them (a style net's outputs lost half a digit).
 */
inline constexpr int kFewProducts = 64;

/** Strides count elements. */
template <class E>
struct ConvLoopsOf {
  // x: pixels of `x_unit` elements (B when blocked, 1 when plain); `outer` channel steps per group.
  std::int64_t x_image;
  std::int64_t x_group;
  std::int64_t x_outer;
  int x_unit;
  int in_height;
  int in_width;
  int pad_top;
  int pad_left;
  bool copies_band;
  int band_height_step; /**< = stride_h: input rows per output row. */
  int kernel_extent_h;  /**< Dilated kernel height. */
  int band_width;       /**< Input columns of a band, padding included. */
  int stride_w;
  // y.
  std::int64_t y_image;
  std::int64_t y_group;
  std::int64_t y_vector;
  std::int64_t y_row;
  std::int64_t y_pixel;
  std::int64_t y_offset;       /**< Of the first pixel (transposed convolution: of the phase). */
  std::int64_t y_dense_image;  /**< Image stride that the epilogue's offsets count with. */
  // Loops.
  int groups;
  int group_channels_out;
  int block;
  int vectors;
  int group_vectors; /**< Vectors of output channels per group. */
  std::int64_t w_group;
  std::int64_t w_vector; /**< Weights per output vector of a tile: outer·middle·inner·lanes·B, last lanes counted right. */
  std::int64_t w_outer;  /**< Weights per output vector and outer step. */
  int outer;
  int chunk_outer;
  int middle;
  int inner;
  int lanes;
  int last_lanes;
  int middle_rows; /**< Input rows from one middle step to the next (dilation). */
  int inner_cols;
  bool bands_along_cols;
  TileGrid grid;
  bool long_rows; /**< Tiles of the first rows (else the first cols) are the longer ones. */
  TileFunctionOf<E> tile[2][2]; /**< [longer][fewer vectors]. */
  TileFunctionOf<E, float> sums_tile[2][2]; /**< The same with float sums as their result; null where E is float or no epilogue needs it. */
};
using ConvLoops = ConvLoopsOf<float>;

inline constexpr int kMostTileFloats = 64 * 16; /**< Of a tile's sums: more than any target's registers hold. */

/** Where a band's input begins and how it is strided. */
template <class E>
struct BandSource {
  const E* origin; /**< Input under the first output pixel of the image (may point before a copy: only offset, never read there). */
  std::int64_t outer_stride;
  std::int64_t row_stride;
  int first_row; /**< Output row that `origin` stands for. */
};

/** Copies elements, rounding them where the types differ. */
template <class E, class X>
CORTADO_INLINE void copy_elements(E* to, const X* from, std::int64_t count) {
  if constexpr (std::is_same_v<E, X>) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(E));
  } else {
    std::int64_t i = 0;
    for (; i + kFloatLanes <= count; i += kFloatLanes) store(to + i, load<Vec<float, kFloatLanes>>(from + i));
    for (; i < count; ++i) store(to + i, load<float>(from + i));
  }
}

/** Copies input rows [first_row, first_row + rows) of all channel steps, with zeros where the image ends. */
template <class E, class X>
void copy_band(const ConvLoopsOf<E>& l, const X* x, int first_row, int rows, E* band) {
  const int left = l.pad_left > 0 ? l.pad_left : 0;
  const int skip = l.pad_left < 0 ? -l.pad_left : 0;
  const int room = l.band_width - left;
  const int have = l.in_width - skip < room ? l.in_width - skip : room;
  const std::size_t unit_bytes = static_cast<std::size_t>(l.x_unit) * sizeof(E);
  for (int outer = 0; outer < l.outer; ++outer) {
    const X* plane = x + outer * l.x_outer;
    for (int row = first_row; row < first_row + rows; ++row) {
      if (row < 0 || row >= l.in_height) {
        std::memset(static_cast<void*>(band), 0, static_cast<std::size_t>(l.band_width) * unit_bytes);
      } else {
        const X* source = plane + (static_cast<std::int64_t>(row) * l.in_width + skip) * l.x_unit;
        std::memset(static_cast<void*>(band), 0, static_cast<std::size_t>(left) * unit_bytes);
        copy_elements(band + left * l.x_unit, source, static_cast<std::int64_t>(have) * l.x_unit);
        std::memset(static_cast<void*>(band + (left + have) * l.x_unit), 0, static_cast<std::size_t>(room - have) * unit_bytes);
      }
      band += static_cast<std::int64_t>(l.band_width) * l.x_unit;
    }
  }
}

/** A tile whose epilogue cannot run in registers and whose y cannot hold sums: they stay in floats on the stack. */
template <class E>
CORTADO_NOINLINE void finish_sums(const ConvLoopsOf<E>& l, TileLoops loops, TileFunctionOf<E, float> tile, const E* x, const E* w, const EpilogueCall<E>& ep,
                                  const FinishedTile<E>& finished) {
  alignas(64) float sums[kMostTileFloats];
  loops.y_pixel_stride = l.block;
  loops.y_vector_stride = std::int64_t{finished.pixels} * l.block;
  tile(loops, TileFinish{}, x, w, sums, nullptr);
  ep.apply(ep.functor, finished, sums, loops.y_vector_stride, loops.y_pixel_stride);
}

/** One output tile (up to `vectors` vectors of channels) of one band: all chunks, all register tiles. */
struct BandTiles {
  int row_begin;
  int row_end;
  int col_begin;
  int col_end;
};

template <class E>
void run_band_tile(const ConvLoopsOf<E>& l, const BandSource<E>& source, const BandTiles& tiles, int vector_begin, const E* w, E* y,
                   std::int64_t channel, std::int64_t offset, const EpilogueCall<E>& ep) {
  const int vectors = l.group_vectors - vector_begin < l.vectors ? l.group_vectors - vector_begin : l.vectors;
  const TileFunctionOf<E>* short_or_long[2] = {l.tile[0], l.tile[1]};
  const int fewer = vectors < l.vectors ? 1 : 0;
  TileLoops loops{};
  loops.x_outer_stride = source.outer_stride;
  loops.x_middle_stride = l.middle_rows * source.row_stride;
  loops.x_inner_stride = static_cast<std::int64_t>(l.inner_cols) * l.x_unit;
  loops.y_vector_stride = l.y_vector;
  loops.y_pixel_stride = l.y_pixel;
  loops.middle = l.middle;
  loops.inner = l.inner;
  loops.lanes = l.lanes;
  loops.w_ahead = l.chunk_outer * l.w_outer * vectors;
  TileFinish start{};  // a chunk that is not the last: nothing but the start
  TileFinish finish = ep.finish;
  if (finish.bias != nullptr) {
    finish.bias += channel;
    const bool is_short = l.outer * l.middle * l.inner * l.lanes < kFewProducts;
    if (is_short) start.start = finish.start = finish.bias;
    if (is_short) finish.bias = nullptr;
  }
  if (ep.finish.slope != nullptr) finish.slope = ep.finish.slope + channel;
  for (int outer = 0; outer < l.outer; outer += l.chunk_outer) {
    const bool is_last = outer + l.chunk_outer >= l.outer;
    loops.outer = is_last ? l.outer - outer : l.chunk_outer;
    loops.last_lanes = is_last ? l.last_lanes : l.lanes;
    loops.accumulate = outer > 0;
    const E* chunk_w = w + outer * l.w_outer * vectors;
    const E* chunk_x = source.origin + outer * source.outer_stride;
    for (int r = tiles.row_begin; r < tiles.row_end; ++r) {
      const int row = l.grid.rows.begin(r);
      const E* row_x = chunk_x + static_cast<std::int64_t>(row - source.first_row) * l.band_height_step * source.row_stride;
      for (int c = tiles.col_begin; c < tiles.col_end; ++c) {
        const int col = l.grid.cols.begin(c);
        const bool is_long = l.long_rows ? r < l.grid.rows.longer() : c < l.grid.cols.longer();
        const std::int64_t at = row * l.y_row + col * l.y_pixel;
        const E* tile_x = row_x + static_cast<std::int64_t>(col) * l.stride_w * l.x_unit;
        const E* residual = ep.residual == nullptr ? nullptr : ep.residual + offset + at;
        const bool needs_sums = !std::is_same_v<E, float> && ep.apply != nullptr;
        if (!needs_sums) short_or_long[is_long ? 1 : 0][fewer](loops, is_last ? finish : start, tile_x, chunk_w, y + at, residual);
        if (is_last && ep.apply != nullptr) {
          const int rows = l.grid.rows.begin(r + 1) - row;
          const int cols = l.grid.cols.begin(c + 1) - col;
          const FinishedTile<E> tile{y + at, l.y_vector, l.y_pixel, channel, offset + at, vectors, rows * cols};
          if constexpr (std::is_same_v<E, float>) {
            ep.apply(ep.functor, tile, y + at, l.y_vector, l.y_pixel);
          } else {
            finish_sums(l, loops, l.sums_tile[is_long ? 1 : 0][fewer], tile_x, chunk_w, ep, tile);
          }
        }
      }
    }
  }
}

/** The whole convolution, or this part's items of it. `scratch` holds one copied band; x of another type than E is always copied. */
template <class E, class X>
void run_conv_loops(Part part, std::int64_t n, const ConvLoopsOf<E>& l, const X* x, const E* w, E* y, const EpilogueCall<E>& ep, E* scratch) {
  const int band_axis = l.bands_along_cols ? l.grid.cols.count : l.grid.rows.count;
  const std::int64_t bands = ceil_div(band_axis, l.grid.band_tiles);
  const std::int64_t m_tiles = ceil_div(l.group_vectors, l.vectors);
  const Range share = share_of(part, n * l.groups * bands * m_tiles);
  std::int64_t ready_band = -1;
  BandSource<E> source{};
  for (std::int64_t item = share.begin; item < share.end; ++item) {
    const std::int64_t band_id = item / m_tiles;
    const int vector_begin = static_cast<int>(item % m_tiles) * l.vectors;
    const int band = static_cast<int>(band_id % bands);
    const std::int64_t group = band_id / bands % l.groups;
    const std::int64_t image = band_id / bands / l.groups;
    const int begin = band * l.grid.band_tiles;
    const int end = begin + l.grid.band_tiles < band_axis ? begin + l.grid.band_tiles : band_axis;
    const BandTiles tiles = l.bands_along_cols ? BandTiles{0, l.grid.rows.count, begin, end}
                                               : BandTiles{begin, end, 0, l.grid.cols.count};
    if (band_id != ready_band) {
      ready_band = band_id;
      const X* group_x = x + image * l.x_image + group * l.x_group;
      if (!std::is_same_v<E, X> || l.copies_band) {
        const int row_begin = l.bands_along_cols ? 0 : l.grid.rows.begin(tiles.row_begin);
        const int out_rows = l.grid.rows.begin(tiles.row_end) - row_begin;
        // A pointwise convolution's rows are one: all of them are copied.
        const int rows = l.bands_along_cols ? l.in_height : (out_rows - 1) * l.band_height_step + l.kernel_extent_h;
        copy_band(l, group_x, row_begin * l.band_height_step - l.pad_top, rows, scratch);
        const std::int64_t row_stride = static_cast<std::int64_t>(l.band_width) * l.x_unit;
        source = BandSource<E>{scratch, rows * row_stride, row_stride, row_begin};
      } else if constexpr (std::is_same_v<E, X>) {
        const std::int64_t row_stride = static_cast<std::int64_t>(l.in_width) * l.x_unit;
        source = BandSource<E>{group_x - l.pad_top * row_stride - l.pad_left * l.x_unit, l.x_outer, row_stride, 0};
      }
    }
    const std::int64_t at = group * l.y_group + vector_begin * l.y_vector + l.y_offset;
    run_band_tile(l, source, tiles, vector_begin, w + group * l.w_group + vector_begin * l.w_vector, y + image * l.y_image + at,
                  group * l.group_channels_out + static_cast<std::int64_t>(vector_begin) * l.block, image * l.y_dense_image + at, ep);
  }
}

/** Picks the tile functions of a grid: the shorter and, if the split is uneven, the longer tile; all and fewer vectors. */
template <int B, int kVectors, int kFewerVectors, int kShortPixels, int kLongPixels, int kPixelStride, int kRowPixels, int kRowStride, int kLanes,
          class E, class Out>
constexpr void set_tile_functions(TileFunctionOf<E, Out> (&tile)[2][2]) {
  tile[0][0] = &register_tile<B, kShortPixels, kVectors, kPixelStride, kRowPixels, kRowStride, 1, kLanes, E, Out>;
  tile[1][0] = &register_tile<B, kLongPixels, kVectors, kPixelStride, kRowPixels, kRowStride, 1, kLanes, E, Out>;
  if constexpr (kFewerVectors > 0) {
    tile[0][1] = &register_tile<B, kShortPixels, kFewerVectors, kPixelStride, kRowPixels, kRowStride, 1, kLanes, E, Out>;
    tile[1][1] = &register_tile<B, kLongPixels, kFewerVectors, kPixelStride, kRowPixels, kRowStride, 1, kLanes, E, Out>;
  }
}

}  // namespace cortado
