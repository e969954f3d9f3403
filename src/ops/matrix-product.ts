// What FC, MatMul and BatchMatMul share: the reference product of two matrices and the portable kernel's call.

import type { Dim } from '../ir/dim.js';
import { biasedFunctor, inputArg, kFunctorArg, kRowParts, outputArg, structArg } from './kernel-arguments.js';
import type { KernelCall, KernelRequest } from './kernel-call.js';

export interface ProductSizes<D> {
  readonly m: D;
  readonly n: D;
  readonly k: D;
  readonly transA: boolean;
  readonly transB: boolean;
}

/** a · b in double: a at aFrom is [m][k] ([k][m] if transposed), b at bFrom is [k][n] ([n][k] if transposed). */
export function multiply(
  a: Float32Array,
  aFrom: number,
  b: Float32Array,
  bFrom: number,
  sizes: ProductSizes<number>,
): Float64Array {
  const { m, n, k, transA, transB } = sizes;
  const y = new Float64Array(m * n);
  for (let row = 0; row < m; row++) {
    for (let col = 0; col < n; col++) {
      let sum = 0;
      for (let i = 0; i < k; i++) {
        const left = a[aFrom + (transA ? i * m + row : row * k + i)] ?? 0;
        sum += left * (b[bFrom + (transB ? col * k + i : i * n + col)] ?? 0);
      }
      y[row * n + col] = sum;
    }
  }
  return y;
}

export interface BatchSizes {
  readonly batch: Dim;
  readonly aBatch: Dim;
  readonly bBatch: Dim;
}

/** The call of runtime/include/cortado/matmul_generic.h. */
export function lowerProduct(
  request: KernelRequest,
  sizes: ProductSizes<Dim>,
  biasInput: number,
  batches: BatchSizes = { batch: 1, aBatch: 1, bBatch: 1 },
): KernelCall {
  return {
    header: 'cortado/matmul_generic.h',
    fn: 'matmul_generic',
    template: [],
    args: [
      structArg('BatchMatmulDims', [
        ['batch', batches.batch],
        ['a_batch', batches.aBatch],
        ['b_batch', batches.bBatch],
        ['m', sizes.m],
        ['n', sizes.n],
        ['k', sizes.k],
        ['trans_a', sizes.transA],
        ['trans_b', sizes.transB],
      ]),
      inputArg(0),
      inputArg(1),
      outputArg(),
      kFunctorArg,
    ],
    ...biasedFunctor(request, biasInput),
    parts: kRowParts,
  };
}
