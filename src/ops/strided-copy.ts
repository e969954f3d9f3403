// The kernel call of every operator that only moves elements: y[i] = x[offset + sum of index * stride], y dense.

import { type Dim, dimMul, type Shape, shapeMaxSize } from '../ir/dim.js';
import type { KernelCall, KernelRequest } from './kernel-call.js';

/** Elements that make a part worth its thread. */
const kElementsPerPart = 32768;

/** How many parts an element-by-element kernel over `shape` is worth. */
export function partsFor(shape: Shape, request: KernelRequest): number {
  return Math.max(1, Math.min(request.target.threads, Math.floor(shapeMaxSize(shape) / kElementsPerPart)));
}

/** Row-major strides of a shape whose dims may vary. */
export function denseStrides(shape: Shape): Dim[] {
  const strides: Dim[] = new Array<Dim>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = dimMul(strides[i + 1] ?? 1, shape[i + 1] ?? 1);
  return strides;
}

/** A call of strided_copy from input 0 to output 0 of the node. */
export function stridedCopyCall(request: KernelRequest, dims: Shape, strides: readonly Dim[], offset: Dim): KernelCall {
  const dtype = request.node.inputs[0]?.type.dtype ?? 'f32';
  const isScalar = dims.length === 0;
  return {
    header: 'cortado/strided_copy.h',
    fn: 'strided_copy',
    template: [
      { kind: 'dtype', dtype },
      { kind: 'number', value: Math.max(1, dims.length) },
    ],
    args: [
      { kind: 'input', index: 0 },
      { kind: 'output', index: 0 },
      { kind: 'dims', shape: isScalar ? [1] : dims },
      { kind: 'dims', shape: isScalar ? [0] : strides },
      { kind: 'extent', dim: offset },
    ],
    parts: partsFor(dims, request),
  };
}
