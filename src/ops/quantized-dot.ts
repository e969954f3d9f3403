// Weights of 8-bit convolutions for the kernel by dot products of four bytes, runtime/include/cortado/quantized_dot.h.

import { makeTensor, type NumericTensor } from '../ir/tensor.js';

/** kDotPixels, kDotChannels and kDotTaps of the header. */
const kDotPixels = 8;
const kDotChannels = 8;
const kDotTaps = 4;

export interface DotWeights {
  /** [ceil(m / 8)][ceil(taps / 4)][8][4] bytes, zero past m and past the taps. */
  readonly weights: NumericTensor;
  /** taps * xZero * wZero - xZero * sum of the weights, mod 2^32, of each m; zero past m. */
  readonly offsets: NumericTensor;
}

/** weights: [m][taps]. */
export function packDotWeights(weights: Uint8Array, m: number, xZero: number, wZero: number): DotWeights {
  const taps = weights.length / m;
  const steps = Math.ceil(taps / kDotTaps);
  const channels = roundUp(m, kDotChannels);
  const packed = new Uint8Array(channels * steps * kDotTaps);
  const offsets = new Int32Array(channels);
  for (let channel = 0; channel < m; channel++) {
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const weight = weights[channel * taps + tap] ?? 0;
      sum += weight;
      const step = Math.floor(channel / kDotChannels) * steps + Math.floor(tap / kDotTaps);
      packed[(step * kDotChannels + (channel % kDotChannels)) * kDotTaps + (tap % kDotTaps)] = weight;
    }
    offsets[channel] = xZero * (taps * wZero - sum);
  }
  return { weights: makeTensor('u8', [packed.length], packed), offsets: makeTensor('i32', [channels], offsets) };
}

/** Windows of eight pixels and their sums. */
export function dotScratchBytes(taps: number, m: number): number {
  return roundUp(kDotPixels * roundUp(taps, kDotTaps), 64) + 4 * kDotPixels * roundUp(m, kDotChannels);
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
