// Arithmetic of 8-bit operators, as their kernels in runtime/include/cortado/quantized.h do it: real factors become an
// integer multiplier and a right shift, products are taken in 64 bits, the rounding is written out.

import { fail } from '../errors.js';

/** A factor as multiplier * 2^-31 * 2^-shift. */
export interface FixedFactor {
  readonly multiplier: number;
  readonly shift: number;
}

/** Least and greatest factor that q31Factor takes: 2^-32 <= factor < 1. */
export const kLeastQ31Factor = 2 ** -32;

/**
 * QNNPACK's split of a float32 factor below 1: 24 bits of mantissa moved up by 7, so that the multiplier lies in
 * [2^30, 2^31). 0.5 gives multiplier 2^30 and shift 0; 0.3 gives 1288490240 and shift 1.
 */
export function q31Factor(factor: number): FixedFactor {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, factor);
  const word = bits.getUint32(0);
  const shift = 126 - (word >>> 23);
  if (!(factor > 0) || shift < 0 || shift > 31) fail('internal', `factor ${factor} is not in [2^-32, 1)`);
  return { multiplier: ((word & 0x7fffff) | 0x800000) * 128, shift };
}

/**
 * acc * multiplier * 2^-31, rounded half up, then * 2^-shift, rounded half away from zero. acc 7 by 0.25 (2^30, shift 1): the
 * product is 7 / 2 -> 4, then 4 / 2 -> 2; acc -7: -7 / 2 -> -3, then -3 / 2 = -1.5 -> -2.
 */
export function q31Scale(acc: number, { multiplier, shift }: FixedFactor): number {
  const product = highProduct(acc, multiplier);
  const mask = 2 ** shift - 1;
  const remainder = (product & mask) - (acc < 0 ? 1 : 0);
  return (product >> shift) + (remainder > mask >>> 1 ? 1 : 0);
}

/** value * multiplier * 2^-31, halves up: 5 by 2^30 gives 3, -5 gives -2. */
function highProduct(value: number, multiplier: number): number {
  return Number((BigInt(value) * BigInt(multiplier) + (1n << 30n)) >> 31n);
}

/**
 * TensorFlow Lite's split of a double factor in (0, 1): mantissa rounded to 31 bits. 0.75 gives multiplier 1610612736 and
 * shift 0; 0.1 gives 1717986918 and shift 3.
 */
export function roundedFactor(factor: number): FixedFactor {
  if (!(factor > 0 && factor < 1)) fail('internal', `factor ${factor} is not in (0, 1)`);
  let mantissa = factor;
  let shift = 0;
  for (; mantissa < 0.5; shift++) mantissa *= 2;
  const multiplier = Math.round(mantissa * 2 ** 31);
  if (multiplier === 2 ** 31 && shift > 0) return { multiplier: 2 ** 30, shift: shift - 1 };
  return { multiplier: Math.min(multiplier, 2 ** 31 - 1), shift };
}

/**
 * value * multiplier * 2^-31, rounded half up (gemmlowp's SaturatingRoundingDoublingHighMul), then * 2^-shift, rounded half away
 * from zero. Value 3 by 0.75: 2.25 -> 2; value -6 by 0.25 (2^30, shift 1): -3, then -1.5 -> -2; value -5: -2.5 -> -2, then -1.
 */
export function roundedScale(value: number, { multiplier, shift }: FixedFactor): number {
  const high = highProduct(value, multiplier);
  const mask = 2 ** shift - 1;
  const remainder = high & mask;
  const threshold = (mask >>> 1) + (high < 0 ? 1 : 0);
  return (high >> shift) + (remainder > threshold ? 1 : 0);
}

export function clampInt(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
