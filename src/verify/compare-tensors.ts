// Compares a tensor with the expected one. An element passes when |a - e| <= atol + rtol * |e|; NaN equals NaN and equal
// infinities pass; atol may be in units of max|e|. Integers must be equal, except bytes of pictures, since a
// float that lands next to an integer is truncated either way: in fp32 one in a thousand may differ by one step, else more.

import { getNumber, type Tensor } from '../ir/tensor.js';
import type { Precision } from '../ops/kernel-call.js';

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
  /** atol is multiplied by max|e|. */
  readonly scaleAtol: boolean;
}

export const kDefaultTolerance: Tolerance = { rtol: 1e-4, atol: 1e-5, scaleAtol: true };

const kTolerances: { readonly [precision in Precision]: Tolerance } = {
  fp32: kDefaultTolerance,
  tf32: { rtol: 1e-2, atol: 3e-3, scaleAtol: true },
  fp16: { rtol: 1e-2, atol: 3e-3, scaleAtol: true },
  bf16: { rtol: 3e-2, atol: 3e-2, scaleAtol: true },
};

/** CPUs sum up to 64 products in fp16; nets were measured to err by up to 0.6 % of the largest value. */
const kShortSumsTolerance: Tolerance = { rtol: 1e-2, atol: 1e-2, scaleAtol: true };

/** What is expected of a net: factors of 10 bits of fraction err by 2^-11 each, those of bf16's 7 bits by 2^-8. */
export function toleranceOf(precision: Precision = 'fp32', isOnDevice = true): Tolerance {
  return precision === 'fp16' && !isOnDevice ? kShortSumsTolerance : kTolerances[precision];
}

const kLargestByte = 255;

/** By how much bytes of pictures may differ, and what share of them. */
interface ByteTolerance {
  readonly steps: number;
  readonly share: number;
}

const kByteTolerance: ByteTolerance = { steps: 1, share: 1e-3 };

/**
 * A float that errs by a part of a step falls into the next byte as often. Errors are well below atol · 255 steps in the middle: fp32's
 * 1e-5 is 0.0026 steps, and one byte in a thousand may differ; fp16's 3e-3 is most of a step and three in ten.
 */
function byteTolerance({ atol, scaleAtol }: Tolerance): ByteTolerance {
  if (!scaleAtol) return kByteTolerance;
  const steps = Math.max(kByteTolerance.steps, Math.round(kLargestByte * atol));
  return { steps, share: Math.max(kByteTolerance.share, Math.min(1, 100 * atol)) };
}

export interface TensorComparison {
  readonly name: string;
  readonly pass: boolean;
  readonly maxAbs: number;
  /** Largest |a - e| / |e| over elements above 1e-3 max|e|. */
  readonly maxRel: number;
  /** maxAbs / max|e|. */
  readonly maxScaled: number;
  readonly badCount: number;
  readonly count: number;
  /** The first element that fails, or what makes the tensors incomparable. */
  readonly detail?: string;
}

/** Compares one tensor; another dtype or shape fails. */
export function compareTensors(name: string, expected: Tensor, actual: Tensor, tolerance: Tolerance): TensorComparison {
  const incomparable = typeDifference(expected, actual);
  const count = expected.data.length;
  if (incomparable !== undefined || expected.dtype === 'str') {
    const infinite = Number.POSITIVE_INFINITY;
    const detail = incomparable ?? 'string tensors are not compared';
    return {
      name,
      pass: false,
      maxAbs: infinite,
      maxRel: infinite,
      maxScaled: infinite,
      badCount: count,
      count,
      detail,
    };
  }
  const { rtol, atol } = limits(expected, tolerance);
  const largest = maxAbsOf(expected);
  let [maxAbs, maxRel, badCount, first, different] = [0, 0, 0, -1, 0];
  for (let i = 0; i < count; i++) {
    const [e, a] = [getNumber(expected, i), getNumber(actual, i)];
    if (Object.is(e, a) || e === a) continue;
    const difference = Math.abs(a - e);
    different++;
    if (!Number.isFinite(e) || !(difference <= atol + rtol * Math.abs(e))) {
      badCount++;
      if (first < 0) first = i;
    }
    if (!(difference <= maxAbs)) maxAbs = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    if (Math.abs(e) > 1e-3 * largest) maxRel = Math.max(maxRel, difference / Math.abs(e));
  }
  const maxScaled = maxAbs === 0 ? 0 : maxAbs / (largest === 0 ? 1 : largest);
  const measured = { name, maxAbs, maxRel, maxScaled, badCount, count };
  if (first >= 0) {
    const detail = `element ${first} is ${getNumber(actual, first)}, expected ${getNumber(expected, first)}`;
    return { ...measured, pass: false, detail };
  }
  if (expected.dtype !== 'u8' || different <= Math.max(1, count * byteTolerance(tolerance).share))
    return { ...measured, pass: true };
  return { ...measured, pass: false, detail: `${different} of ${count} bytes differ, too many for rounding` };
}

function typeDifference(expected: Tensor, actual: Tensor): string | undefined {
  const text = ({ dtype, dims }: Tensor): string => `${dtype} [${dims.join(',')}]`;
  return text(expected) === text(actual) ? undefined : `${text(actual)} instead of ${text(expected)}`;
}

function limits(expected: Tensor, tolerance: Tolerance): { readonly rtol: number; readonly atol: number } {
  switch (expected.dtype) {
    case 'f32':
    case 'f64':
    case 'f16': {
      const unit = tolerance.scaleAtol ? maxAbsOf(expected) : 1;
      return { rtol: tolerance.rtol, atol: tolerance.atol * unit };
    }
    case 'u8':
      return { rtol: 0, atol: byteTolerance(tolerance).steps };
    default:
      return { rtol: 0, atol: 0 };
  }
}

function maxAbsOf(tensor: Tensor): number {
  let largest = 0;
  for (let i = 0; i < tensor.data.length; i++) {
    const value = Math.abs(getNumber(tensor, i));
    if (value > largest && Number.isFinite(value)) largest = value;
  }
  return largest;
}
