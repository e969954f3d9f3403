// Weights packed for a kernel, in the precision of the target: floats, halves, or bf16 in pairs of lanes.

import { floatsToHalf, makeTensor, type NumericTensor } from '../../ir/tensor.js';
import { blockedStorage, type KernelRequest } from '../../ops/kernel-call.js';
import { packOnce } from '../pack-once.js';
import { type LaneRun, packInPairs } from '../pack-pairs.js';

/** `pack()` as a tensor; `runs()` says which of its rows are neighbouring lanes. Packed once for the same `form`. */
export function packedTensor(
  { target }: KernelRequest,
  weights: Float32Array,
  form: readonly unknown[],
  pack: () => Float32Array,
  runs: () => Iterable<LaneRun>,
): NumericTensor {
  const { dtype } = blockedStorage(target);
  if (dtype === 'bf16') {
    const data = packOnce(weights, [...form, dtype], () => packInPairs(pack(), runs()));
    return makeTensor(dtype, [data.length], data);
  }
  const data = packOnce(weights, [...form, dtype], () => (dtype === 'f16' ? floatsToHalf(pack()) : pack()));
  return makeTensor(dtype, [data.length], data);
}
