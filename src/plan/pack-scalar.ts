// Packs weights for cores without vectors: four output channels side by side, the order of conv2d_scalar.h and fc_scalar.h.

import { type ConvGeometry, dilatedExtent } from './pack-conv.js';

/** kScalarChannels of runtime/include/cortado/scalar_tile.h. */
const kChannels = 4;

/** Caffe2's [m][c/group][kh][kw] → [group][m_tile][c][kh][kw][4], zero past the last channel of a group. */
export function packConv2dScalar(weights: Float32Array, s: ConvGeometry): Float32Array {
  const groupOut = s.outChannels / s.groups;
  const taps = (s.inChannels / s.groups) * s.kernelH * s.kernelW;
  const tiles = Math.ceil(groupOut / kChannels);
  const packed = new Float32Array(s.groups * tiles * taps * kChannels);
  let to = 0;
  for (let group = 0; group < s.groups; group++) {
    for (let first = 0; first < tiles * kChannels; first += kChannels) {
      for (let tap = 0; tap < taps; tap++) {
        for (let m = first; m < first + kChannels; m++, to++) {
          if (m < groupOut) packed[to] = weights[(group * groupOut + m) * taps + tap] ?? 0;
        }
      }
    }
  }
  return packed;
}

/** conv2d_depthwise_scalar_scratch_bytes: as many padded input rows as a window has. */
export function depthwiseScratchBytes(s: ConvGeometry): number {
  const width = (s.outWidth - 1) * s.strideW + dilatedExtent(s.kernelW, s.dilationW);
  return Math.ceil((4 * dilatedExtent(s.kernelH, s.dilationH) * width) / 64) * 64;
}

/** Caffe2's [n][k] → tiles of [k][8] outputs, the last of [k][4] where four suffice; zero past n. */
export function packFcScalar(weights: Float32Array, outFeatures: number, inFeatures: number): Float32Array {
  const packed = new Float32Array(Math.ceil(outFeatures / kChannels) * kChannels * inFeatures);
  let to = 0;
  for (let first = 0; first < outFeatures; first += 2 * kChannels) {
    const width = outFeatures - first > kChannels ? 2 * kChannels : kChannels;
    for (let k = 0; k < inFeatures; k++) {
      for (let n = first; n < first + width; n++, to++) {
        if (n < outFeatures) packed[to] = weights[n * inFeatures + k] ?? 0;
      }
    }
  }
  return packed;
}
