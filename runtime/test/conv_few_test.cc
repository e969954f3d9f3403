// conv2d_few against the reference: plain and blocked input, strides, padding, transposed phases, channel groups, parts.
#include "cortado/conv2d_few.h"

#include "kernel_check.h"
#include "reference.h"

namespace {

using namespace cortado;
constexpr int B = kFloatLanes;

/** [m][c][kh][kw] ([c][m][kh][kw] if transposed) → the order of conv2d_few, taps of a phase found by trying all. */
std::vector<float> pack_few(const Conv2dShape& s, int channels, bool transposed, const std::vector<float>& w) {
  std::vector<float> packed;
  const int phases_h = transposed ? s.stride_h : 1, phases_w = transposed ? s.stride_w : 1;
  for (int fh = 0; fh < phases_h; ++fh)
    for (int fw = 0; fw < phases_w; ++fw)
      for (int first = 0; first < s.out_channels; first += channels)
        for (int c = 0; c < s.in_channels; ++c)
          for (int i = 0; i < s.kernel_h; ++i)
            for (int j = 0; j < s.kernel_w; ++j) {
              const int kh = transposed ? s.kernel_h - 1 - i : i, kw = transposed ? s.kernel_w - 1 - j : j;
              if (transposed && ((kh - fh - s.pad_top) % s.stride_h != 0 || (kw - fw - s.pad_left) % s.stride_w != 0)) continue;
              for (int m = first; m < first + channels && m < s.out_channels; ++m) {
                packed.push_back(transposed ? w[reference::at4(c, m, kh, kw, s.out_channels, s.kernel_h, s.kernel_w)]
                                            : w[reference::at4(m, c, kh, kw, s.in_channels, s.kernel_h, s.kernel_w)]);
              }
            }
  return packed;
}

template <const Conv2dShape& S, const Conv2dFewTile& T, bool kTransposed, bool kBlockedInput>
void check_few(const char* name, std::int64_t n, int parts) {
  const std::int64_t in_pixels = std::int64_t{S.in_height} * S.in_width, out_pixels = std::int64_t{S.out_height} * S.out_width;
  const auto x = check::numbers(n * S.in_channels * in_pixels, 1);
  const auto w = check::numbers(std::int64_t{S.out_channels} * S.in_channels * S.kernel_h * S.kernel_w, 2);
  const auto bias = check::numbers(std::int64_t{S.out_channels}, 3);
  const auto residual = check::numbers(n * S.out_channels * out_pixels, 4);
  auto expected = kTransposed ? reference::conv2d_transpose(S, n, x, w) : reference::conv2d(S, n, x, w);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::size_t channel = i / static_cast<std::size_t>(out_pixels) % static_cast<std::size_t>(S.out_channels);
    expected[i] = std::fmax(expected[i] + static_cast<double>(bias[channel]) + static_cast<double>(residual[i]), 0.0);
  }
  const auto packed = pack_few(S, T.channels, kTransposed, w);
  const auto input = kBlockedInput ? check::to_blocked(x, n, S.in_channels, in_pixels, B) : x;
  auto y = check::unset(n * S.out_channels * out_pixels);
  check::in_parts(parts, [&](Part part) {
    std::vector<float> scratch(conv2d_few_scratch_bytes<S, T, kTransposed>() / sizeof(float), std::numeric_limits<float>::quiet_NaN());
    const BiasResidualClamp ep{bias.data(), residual.data(), 0.0f, kInfinityF};
    conv2d_few<S, T, kTransposed, kBlockedInput>(part, n, input.data(), packed.data(), y.data(), ep, scratch.data());
  });
  check::close(name, y, expected, 2e-5);
}

constexpr Conv2dFewTile kThree{3, 3, 4};
constexpr Conv2dFewTile kTwo{2, 2, 6};
constexpr Conv2dFewTile kAll{3, 4, 100};
//                                    C    H   W  M OH  OW kh kw sh sw pt pl dh dw g  B
inline constexpr Conv2dShape kNine{B + 3, 21, 37, 3, 21, 37, 9, 9, 1, 1, 4, 4, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kFive{2 * B, 9, 2 * B, 5, 9, 2 * B, 3, 3, 1, 1, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kPlain{2, 10, 70, 3, 5, 68, 3, 3, 2, 1, 1, 0, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kDilated{B, 12, 19, 1, 12, 17, 3, 3, 1, 1, 2, 0, 2, 1, 1, B, 0, 0};
//                                    C    H   W  M OH  OW kh kw sh sw pt pl dh dw g  B
inline constexpr Conv2dShape kUp{B, 10, 22, 3, 20, 44, 4, 4, 2, 2, 1, 1, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kUpNine{12, 10, 22, 3, 22, 47, 9, 9, 2, 2, 2, 2, 1, 1, 1, B, 0, 0};
inline constexpr Conv2dShape kUpThree{3, 7, 9, 3, 19, 25, 2, 2, 3, 3, 1, 1, 1, 1, 1, B, 0, 0};

}  // namespace

int main() {
  check_few<kNine, kThree, false, true>("9x9 to 3 channels", 2, 3);
  check_few<kNine, kTwo, false, true>("9x9 to 3 channels, two at a time", 1, 1);
  check_few<kNine, kAll, false, true>("9x9 to 3 channels, one band", 1, 2);
  check_few<kFive, kThree, false, true>("3x3 to 5 channels, whole vectors", 1, 2);
  check_few<kPlain, kThree, false, false>("3x3 from 2 plain channels, rows of stride 2", 2, 2);
  check_few<kDilated, kThree, false, true>("3x3 to 1 channel, dilated rows", 1, 1);
  check_few<kUp, kTwo, true, true>("4x4 transposed by 2", 2, 2);
  check_few<kUpNine, kTwo, true, true>("9x9 transposed by 2", 1, 3);
  check_few<kUpThree, kTwo, true, false>("2x2 transposed by 3, from plain", 1, 1);
  return check::report();
}
