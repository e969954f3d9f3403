// Weights packed for a kernel, in the precision of the target: floats, or bf16 in pairs of lanes.

import { makeTensor, type NumericTensor } from '../../ir/tensor.js';
import type { KernelRequest } from '../../ops/kernel-call.js';
import { type LaneRun, packInPairs } from '../pack-bf16.js';
import { elementBytes } from '../pack-conv.js';
import { packOnce } from '../pack-once.js';

/** `pack()` as a tensor; `runs()` says which of its rows are neighbouring lanes. Packed once for the same `form`. */
export function packedTensor(
  { target }: KernelRequest,
  weights: Float32Array,
  form: readonly unknown[],
  pack: () => Float32Array,
  runs: () => Iterable<LaneRun>,
): NumericTensor {
  if (elementBytes(target) === 4) {
    const data = packOnce(weights, form, pack);
    return makeTensor('f32', [data.length], data);
  }
  const data = packOnce(weights, [...form, 'bf16'], () => packInPairs(pack(), runs()));
  return makeTensor('bf16', [data.length], data);
}
