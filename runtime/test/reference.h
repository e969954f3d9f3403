// Reference convolution and pooling for the tests: plain tensors, float64 sums, one obvious loop nest.
#pragma once

#include <vector>

#include "cortado/conv2d_shape.h"

namespace reference {

using Values = std::vector<float>;

inline std::size_t at4(std::int64_t a, std::int64_t b, std::int64_t c, std::int64_t d, std::int64_t nb, std::int64_t nc, std::int64_t nd) {
  return static_cast<std::size_t>(((a * nb + b) * nc + c) * nd + d);
}

/** x [n, c, h, w] ∗ w [m, c/groups, kh, kw] → [n, m, oh, ow]. */
inline std::vector<double> conv2d(const cortado::Conv2dShape& s, std::int64_t n, const Values& x, const Values& w) {
  const int cg = s.in_channels / s.groups, mg = s.out_channels / s.groups;
  std::vector<double> y(static_cast<std::size_t>(n * s.out_channels * s.out_height * s.out_width));
  std::size_t to = 0;
  for (std::int64_t image = 0; image < n; ++image)
    for (int m = 0; m < s.out_channels; ++m)
      for (int oh = 0; oh < s.out_height; ++oh)
        for (int ow = 0; ow < s.out_width; ++ow, ++to)
          for (int c = 0; c < cg; ++c)
            for (int kh = 0; kh < s.kernel_h; ++kh)
              for (int kw = 0; kw < s.kernel_w; ++kw) {
                const int ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
                const int iw = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
                if (ih < 0 || ih >= s.in_height || iw < 0 || iw >= s.in_width) continue;
                y[to] += static_cast<double>(x[at4(image, m / mg * cg + c, ih, iw, s.in_channels, s.in_height, s.in_width)]) *
                         static_cast<double>(w[at4(m, c, kh, kw, cg, s.kernel_h, s.kernel_w)]);
              }
  return y;
}

/** x [n, c, h, w] scattered by w [c, m/groups, kh, kw] → [n, m, oh, ow]. */
inline std::vector<double> conv2d_transpose(const cortado::Conv2dShape& s, std::int64_t n, const Values& x, const Values& w) {
  const int cg = s.in_channels / s.groups, mg = s.out_channels / s.groups;
  std::vector<double> y(static_cast<std::size_t>(n * s.out_channels * s.out_height * s.out_width));
  for (std::int64_t image = 0; image < n; ++image)
    for (int c = 0; c < s.in_channels; ++c)
      for (int m = 0; m < mg; ++m)
        for (int ih = 0; ih < s.in_height; ++ih)
          for (int iw = 0; iw < s.in_width; ++iw)
            for (int kh = 0; kh < s.kernel_h; ++kh)
              for (int kw = 0; kw < s.kernel_w; ++kw) {
                const int oh = ih * s.stride_h - s.pad_top + kh * s.dilation_h;
                const int ow = iw * s.stride_w - s.pad_left + kw * s.dilation_w;
                if (oh < 0 || oh >= s.out_height || ow < 0 || ow >= s.out_width) continue;
                y[at4(image, c / cg * mg + m, oh, ow, s.out_channels, s.out_height, s.out_width)] +=
                    static_cast<double>(x[at4(image, c, ih, iw, s.in_channels, s.in_height, s.in_width)]) *
                    static_cast<double>(w[at4(c, m, kh, kw, mg, s.kernel_h, s.kernel_w)]);
              }
  return y;
}

/** [m][c/groups][kh][kw] → the order of conv2d_direct, written index by index. */
inline Values pack_direct(const cortado::Conv2dShape& s, int vectors, const Values& w) {
  const int cg = s.in_channels / s.groups, mg = s.out_channels / s.groups, b = s.block;
  const int group_vectors = (mg + b - 1) / b;
  Values packed;
  for (int g = 0; g < s.groups; ++g)
    for (int first = 0; first < group_vectors; first += vectors)
      for (int block = 0; block < cg; block += b)
        for (int kh = 0; kh < s.kernel_h; ++kh)
          for (int kw = 0; kw < s.kernel_w; ++kw)
            for (int c = block; c < block + b && c < cg; ++c)
              for (int v = first; v < first + vectors && v < group_vectors; ++v)
                for (int lane = 0; lane < b; ++lane) {
                  const int m = v * b + lane;
                  packed.push_back(m < mg ? w[at4(g * mg + m, c, kh, kw, cg, s.kernel_h, s.kernel_w)] : 0.0f);
                }
  return packed;
}

/** [m][c][kh][kw] → the order of conv2d_first. */
inline Values pack_first(const cortado::Conv2dShape& s, int vectors, const Values& w) {
  const int b = s.block, all_vectors = (s.out_channels + b - 1) / b;
  Values packed;
  for (int first = 0; first < all_vectors; first += vectors)
    for (int c = 0; c < s.in_channels; ++c)
      for (int kh = 0; kh < s.kernel_h; ++kh)
        for (int kw = 0; kw < s.kernel_w; ++kw)
          for (int v = first; v < first + vectors && v < all_vectors; ++v)
            for (int lane = 0; lane < b; ++lane) {
              const int m = v * b + lane;
              packed.push_back(m < s.out_channels ? w[at4(m, c, kh, kw, s.in_channels, s.kernel_h, s.kernel_w)] : 0.0f);
            }
  return packed;
}

/** [m][c][3][3] → [m_tile][position][c][v][b]; rows of G written out. */
inline Values pack_winograd(const cortado::Conv2dShape& s, int outputs, int vectors, const Values& w) {
  const double two[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
  const double four[6][3] = {{64.0 / 81, 0, 0},
                             {-128.0 / 243, -32.0 / 81, -8.0 / 27},
                             {-128.0 / 243, 32.0 / 81, -8.0 / 27},
                             {32.0 / 243, 16.0 / 81, 8.0 / 27},
                             {32.0 / 243, -16.0 / 81, 8.0 / 27},
                             {0, 0, 1}};
  const auto row = [&](int i) { return outputs == 2 ? two[i] : four[i]; };
  const int b = s.block, side = outputs + 2, blocks = (s.out_channels + b - 1) / b;
  Values packed;
  for (int first = 0; first < blocks; first += vectors)
    for (int i = 0; i < side; ++i)
      for (int j = 0; j < side; ++j)
        for (int c = 0; c < s.in_channels; ++c)
          for (int m = first * b; m < (first + vectors) * b && m < blocks * b; ++m) {
            double sum = 0;
            for (int kh = 0; kh < 3 && m < s.out_channels; ++kh)
              for (int kw = 0; kw < 3; ++kw) {
                sum += row(i)[kh] * row(j)[kw] * static_cast<double>(w[at4(m, c, kh, kw, s.in_channels, 3, 3)]);
              }
            packed.push_back(static_cast<float>(sum));
          }
  return packed;
}

/** Caffe2's [c][m][kh][kw] → the order of conv2d_transpose. */
inline Values pack_transpose(const cortado::Conv2dShape& s, int vectors, const Values& w) {
  const int b = s.block;
  Values packed;
  const int all = (s.out_channels + b - 1) / b;
  for (int fh = 0; fh < s.stride_h; ++fh)
    for (int fw = 0; fw < s.stride_w; ++fw)
      for (int first = 0; first < all; first += vectors)
        for (int block = 0; block < s.in_channels; block += b)
          for (int kh = s.kernel_h - 1; kh >= 0; --kh)
            for (int kw = s.kernel_w - 1; kw >= 0; --kw) {
              if ((kh - fh - s.pad_top) % s.stride_h != 0 || (kw - fw - s.pad_left) % s.stride_w != 0) continue;
              for (int c = block; c < block + b && c < s.in_channels; ++c)
                for (int m = first * b; m < (first + vectors) * b && m < all * b; ++m)
                  packed.push_back(m < s.out_channels ? w[at4(c, m, kh, kw, s.out_channels, s.kernel_h, s.kernel_w)] : 0.0f);
            }
  return packed;
}

}  // namespace reference
