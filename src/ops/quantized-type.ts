// What definitions of 8-bit operators share: attributes of their result, its type, checks and kernel arguments.

import { fail } from '../errors.js';
import type { Shape } from '../ir/dim.js';
import { makeTensor, type NumericTensor, type Tensor } from '../ir/tensor.js';
import { type TensorType, tensorType, typeToString } from '../ir/type.js';
import { float, int } from './attributes.js';
import type { InferRequest, ReferenceRequest } from './define.js';
import type { KernelArg } from './kernel-call.js';
import { outputDims } from './reference-tensors.js';

export const kOutputRange = {
  yScale: float('what one step of y stands for', 1),
  yZero: int('the y that stands for 0', 0),
  low: int('least y', 0),
  high: int('greatest y', 255),
};

export const kFixedFactor = {
  multiplier: int('of the factor multiplier * 2^-31 * 2^-shift'),
  shift: int('of the factor'),
};

/** u8 of a shape, quantized as the attributes say. */
export function quantizedType(shape: Shape, attrs: { readonly yScale: number; readonly yZero: number }): TensorType {
  return { ...tensorType('u8', shape), quantization: { scale: attrs.yScale, zeroPoint: attrs.yZero } };
}

/** Type of input i, which must be u8 with the rank. */
export function checkBytes<A>(request: InferRequest<A>, i: number, name: string, rank?: number): TensorType {
  const type = request.type(i);
  if (type.dtype !== 'u8' || (rank !== undefined && type.shape.length !== rank)) {
    request.fail(`${name} is not of the expected type`, {
      input: i,
      expected: rank === undefined ? 'u8' : `u8 of ${rank} dims`,
      got: typeToString(type),
    });
  }
  return type;
}

/** The elements of a u8 tensor. */
export function byteData(tensor: Tensor): Uint8Array {
  return tensor.data instanceof Uint8Array ? tensor.data : fail('internal', `bytes were expected, got ${tensor.dtype}`);
}

/** The elements of an int32 tensor. */
export function int32Data(tensor: Tensor): Int32Array {
  return tensor.data instanceof Int32Array ? tensor.data : fail('internal', `i32 was expected, got ${tensor.dtype}`);
}

/** A zeroed u8 tensor shaped like output 0, and its elements. */
export function byteOutput<A>(request: ReferenceRequest<A>): {
  readonly tensor: NumericTensor;
  readonly data: Uint8Array;
} {
  const data = makeTensor('u8', outputDims(request));
  return { tensor: data, data: byteData(data) };
}

export function intArg(value: number): KernelArg {
  return { kind: 'literal', value, dtype: 'i32' };
}
