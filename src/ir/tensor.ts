// Host tensors: concrete dims and a typed array, row-major. Used by files, constants and the reference interpreter.
// bool is stored as 0/1 bytes, f16 and bf16 as raw bits; strings are a list of byte strings.

import { fail } from '../errors.js';
import type { DType } from './dtype.js';

export type NumericData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | BigInt64Array;

export interface NumericTensor {
  readonly dtype: Exclude<DType, 'str'>;
  readonly dims: readonly number[];
  readonly data: NumericData;
}

export interface StringTensor {
  readonly dtype: 'str';
  readonly dims: readonly number[];
  readonly data: readonly Uint8Array[];
}

export type Tensor = NumericTensor | StringTensor;

/** A zeroed typed array of `count` elements for a dtype. */
export function allocateData(dtype: Exclude<DType, 'str'>, count: number): NumericData {
  switch (dtype) {
    case 'f32':
      return new Float32Array(count);
    case 'f64':
      return new Float64Array(count);
    case 'i8':
      return new Int8Array(count);
    case 'u8':
    case 'bool':
      return new Uint8Array(count);
    case 'i16':
      return new Int16Array(count);
    case 'u16':
    case 'f16':
    case 'bf16':
      return new Uint16Array(count);
    case 'i32':
      return new Int32Array(count);
    case 'i64':
      return new BigInt64Array(count);
  }
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** A tensor over existing data; fails when the element count does not match the dims. */
export function makeTensor(dtype: Exclude<DType, 'str'>, dims: readonly number[], data?: NumericData): NumericTensor {
  const count = elementCount(dims);
  const storage = data ?? allocateData(dtype, count);
  if (storage.length !== count) {
    fail('internal', `tensor data has ${storage.length} elements for dims [${dims.join(',')}]`);
  }
  return { dtype, dims, data: storage };
}

/** float32 tensor from numbers. */
export function floatTensor(dims: readonly number[], values: ArrayLike<number>): NumericTensor {
  return makeTensor('f32', dims, Float32Array.from(values));
}

export function int64Tensor(dims: readonly number[], values: readonly (number | bigint)[]): NumericTensor {
  return makeTensor(
    'i64',
    dims,
    BigInt64Array.from(values, (value) => BigInt(value)),
  );
}

/** A tensor of any numeric dtype from numbers (i64 through BigInt; bool as value != 0; integers wrap as in C). */
export function tensorFromNumbers(
  dtype: Exclude<DType, 'str'>,
  dims: readonly number[],
  values: ArrayLike<number>,
): NumericTensor {
  const tensor = makeTensor(dtype, dims);
  for (let i = 0; i < values.length; i++) setNumber(tensor, i, values[i] ?? 0);
  return tensor;
}

/** Element i as a number; int64 beyond 2^53 loses digits (use `data` directly where that matters). */
export function getNumber(tensor: Tensor, i: number): number {
  if (tensor.dtype === 'str') return fail('internal', 'a string tensor has no numbers');
  const value = tensor.data[i];
  if (value === undefined) return fail('internal', `element ${i} of ${tensor.data.length} read`);
  if (tensor.dtype === 'f16') return halfToNumber(Number(value));
  if (tensor.dtype === 'bf16') return bfloat16ToNumber(Number(value));
  return Number(value);
}

export function setNumber(tensor: NumericTensor, i: number, value: number): void {
  if (tensor.data instanceof BigInt64Array) tensor.data[i] = BigInt(Math.trunc(value));
  else if (tensor.dtype === 'bool') tensor.data[i] = value !== 0 ? 1 : 0;
  else if (tensor.dtype === 'f16') tensor.data[i] = numberToHalf(value);
  else if (tensor.dtype === 'bf16') tensor.data[i] = numberToBfloat16(value);
  else tensor.data[i] = value;
}

/** All elements as numbers. */
export function toNumbers(tensor: Tensor): readonly number[] {
  return Array.from({ length: elementCount(tensor.dims) }, (_, i) => getNumber(tensor, i));
}

/** The same data under other dims. */
export function reshapeTensor(tensor: NumericTensor, dims: readonly number[]): NumericTensor {
  return makeTensor(tensor.dtype, dims, tensor.data);
}

/** IEEE binary16 bits to a number: sign 1, exponent 5 (bias 15), fraction 10. */
export function halfToNumber(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Nearest binary16, ties to even: 1 + 2^-11 gives 0x3c00, 1 + 3 * 2^-11 gives 0x3c02. */
export function numberToHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude === 0 ? 2 ** -24 : magnitude)));
  const adjusted =
    magnitude < 2 ** exponent ? exponent - 1 : magnitude >= 2 ** (exponent + 1) ? exponent + 1 : exponent;
  const bounded = Math.max(-14, adjusted);
  const scaled = magnitude / 2 ** (bounded - 10);
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  // rounded counts units of 2^(bounded-10): below 1024 only when subnormal; a carry to 2048 moves into the exponent.
  return sign | (bounded === -14 ? rounded : ((bounded + 15) << 10) + (rounded - 1024));
}

/** numberToHalf of many float32 numbers, by their bits. */
export function halvesOf(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] ?? 0;
    const magnitude = word & 0x7fffffff;
    // Normal halves, 2^-14 to 65520: 13 bits of fraction go, ties to even; the exponent's bias falls by 112.
    halves[i] =
      magnitude >= 0x38800000 && magnitude < 0x477ff000
        ? ((word >>> 16) & 0x8000) | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
        : numberToHalf(values[i] ?? 0);
  }
  return halves;
}

const kFloatBits = new Float32Array(1);
const kBits = new Uint32Array(kFloatBits.buffer);

/** The bits of a bf16 are the upper half of a float32's. */
export function bfloat16ToNumber(bits: number): number {
  kBits[0] = bits << 16;
  return kFloatBits[0] ?? 0;
}

/**
 * The float32 of the value, then the nearest bf16, ties to even: 1 + 2^-8 gives 0x3f80, 1 + 3 * 2^-8 gives 0x3f82. Beyond the
 * largest bf16 by half a step: infinity. A NaN stays one.
 */
export function numberToBfloat16(value: number): number {
  kFloatBits[0] = value;
  const bits = kBits[0] ?? 0;
  if (Number.isNaN(value)) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** numberToHalf of a float32 array, many times as fast. */
export function floatsToHalf(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? 0;
    const size = word & 0x7fffffff;
    // From 2^-14, where halves become normal, to 65520, where they end: 13 bits of fraction are rounded off.
    const isNormal = size >= 0x38800000 && size < 0x477ff000;
    const sign = (word >>> 16) & 0x8000;
    halves[i] = isNormal
      ? sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13)
      : numberToHalf(values[i] ?? 0);
  }
  return halves;
}
