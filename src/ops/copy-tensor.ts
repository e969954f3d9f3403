// Host tensors moved element by element, whatever their dtype: what the references of layout operators are made of.

import { elementCount, makeTensor, type NumericTensor, type Tensor } from '../ir/tensor.js';
import { forEachIndex } from './broadcast.js';
import { numeric } from './builder.js';

/** y[i] = x[offset + sum of index * stride], over all indices of `dims`. */
export function copyStrided(x: Tensor, dims: readonly number[], strides: readonly number[], offset = 0): NumericTensor {
  const source = numeric(x);
  const y = makeTensor(source.dtype, dims);
  if (elementCount(dims) === 0) return y;
  forEachIndex(dims, [strides], (flat, [at]) => {
    y.data[flat] = source.data[offset + (at ?? 0)] as never;
  });
  return y;
}

/** Copies `count` elements between tensors of one dtype. */
export function copyRange(from: NumericTensor, fromAt: number, to: NumericTensor, toAt: number, count: number): void {
  (to.data as Float32Array).set((from.data as Float32Array).subarray(fromAt, fromAt + count), toAt);
}

/** The same elements under other dims; strings too. */
export function withDims(x: Tensor, dims: readonly number[]): Tensor {
  return x.dtype === 'str' ? { ...x, dims } : makeTensor(x.dtype, dims, x.data);
}
