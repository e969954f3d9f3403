// What reference implementations share: typed access to float tensors and to the concrete output shape.

import { fail } from '../errors.js';
import { isStatic } from '../ir/dim.js';
import { makeTensor, type NumericTensor, type Tensor } from '../ir/tensor.js';
import type { ReferenceRequest } from './define.js';

/** The elements of a float tensor. */
export function floatData(tensor: Tensor): Float32Array {
  if (tensor.dtype !== 'f32' || !(tensor.data instanceof Float32Array)) {
    return fail('internal', `a float tensor was expected, got ${tensor.dtype}`);
  }
  return tensor.data;
}

/** The elements of optional float input i. */
export function optionalFloats<A>(request: ReferenceRequest<A>, i: number): Float32Array | undefined {
  const tensor = request.inputs[i];
  return tensor === undefined ? undefined : floatData(tensor);
}

/** Dims of output i; fails for a size that depends on values. */
export function outputDims<A>(request: ReferenceRequest<A>, i = 0): readonly number[] {
  const shape = request.outputs[i]?.shape ?? fail('internal', `the node has no output ${i}`);
  return shape.map((dim) => (isStatic(dim) ? dim : fail('internal', `output ${i} has a size that depends on values`)));
}

/** A zeroed float tensor shaped like output i, and its elements. */
export function floatOutput<A>(
  request: ReferenceRequest<A>,
  i = 0,
): { readonly tensor: NumericTensor; readonly data: Float32Array } {
  const tensor = makeTensor('f32', outputDims(request, i));
  return { tensor, data: floatData(tensor) };
}

/** Product of dims[begin..end). */
export function sizeOf(dims: readonly number[], begin = 0, end = dims.length): number {
  return dims.slice(begin, end).reduce((product, dim) => product * dim, 1);
}
