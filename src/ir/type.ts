// Tensor types: dtype, logical shape, physical layout, quantization. The logical shape never changes with the layout: a
// blocked NCHW16c tensor still has shape [n, c, h, w].

import { type Dim, dimMax, dimToString, type Shape, shapeEquals, shapeMaxSize, shapeToString } from './dim.js';
import { type DType, dtypeSizeBytes } from './dtype.js';
import { shortestFloat } from './numbers.js';

/**
 * rowMajor: dense, last dim fastest. blocked: [n][ceil(c/block)][spatial…][block], lanes past c undefined. With a pitch there is one
 * block, a range of the channels of a wider image: [n][spatial…], `pitch` elements from one pixel to the next.
 */
export type Layout =
  | { readonly kind: 'rowMajor' }
  | { readonly kind: 'blocked'; readonly block: number; readonly pitch?: number };

export const kRowMajor: Layout = { kind: 'rowMajor' };

/** What the integers of a quantized tensor stand for: real = scale * (q - zeroPoint), one pair for the whole tensor. */
export interface Quantization {
  /** A float32, above 0. */
  readonly scale: number;
  readonly zeroPoint: number;
}

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly layout: Layout;
  /** Set when the rank differs from branch to branch of an If: all shapes it may take; `shape` is then the first. */
  readonly variants?: readonly Shape[];
  /**
   * Set for 8-bit quantized tensors and their int32 biases. For importers and people: operators compute with integer
   * attributes of their own, and a pass may lose it.
   */
  readonly quantization?: Quantization;
  /** Whose memory holds the bytes: the host's when absent. */
  readonly memory?: 'device';
  /** Float elements are rounded to halfs in memory; operators still compute with floats. */
  readonly storage?: 'f16';
}

export function tensorType(dtype: DType, shape: Shape, layout: Layout = kRowMajor): TensorType {
  return { dtype, shape, layout };
}

/** The same elements under another shape: dtype and quantization stay. */
export function withShape(type: TensorType, shape: Shape): TensorType {
  const { quantization } = type;
  return { ...tensorType(type.dtype, shape), ...(quantization === undefined ? {} : { quantization }) };
}

export function layoutEquals(a: Layout, b: Layout): boolean {
  return layoutToString(a) === layoutToString(b);
}

export function layoutToString(layout: Layout): string {
  if (layout.kind === 'rowMajor') return '';
  return layout.pitch === undefined ? `@c${layout.block}` : `@c${layout.block}/${layout.pitch}`;
}

export function typeEquals(a: TensorType, b: TensorType): boolean {
  return (
    a.dtype === b.dtype &&
    shapeEquals(a.shape, b.shape) &&
    layoutEquals(a.layout, b.layout) &&
    a.memory === b.memory &&
    a.storage === b.storage &&
    variantKey(a.variants) === variantKey(b.variants) &&
    quantizationEquals(a.quantization, b.quantization)
  );
}

function variantKey(variants: readonly Shape[] | undefined): string {
  return (variants ?? []).map(shapeToString).join('|');
}

export function quantizationEquals(a: Quantization | undefined, b: Quantization | undefined): boolean {
  return a?.scale === b?.scale && a?.zeroPoint === b?.zeroPoint;
}

/** `q(0.02,128)`: scale, zero point. */
export function quantizationToString(quantization: Quantization | undefined): string {
  return quantization === undefined ? '' : `q(${shortestFloat(quantization.scale)},${quantization.zeroPoint})`;
}

/** `f32[1,64,56,56]@c16`; 64 channels of an image of 256 as `@c64/256`; variants as `f32[2,3]|[1]`; quantized as `u8[1,56,56,64]q(0.02,128)`. */
export function typeToString(type: TensorType): string {
  const shapes = type.variants === undefined ? shapeToString(type.shape) : type.variants.map(shapeToString).join('|');
  return `${type.dtype}${shapes}${layoutToString(type.layout)}${quantizationToString(type.quantization)}`;
}

/** Elements that the physical layout stores at most, padding lanes of the last channel block included. */
export function maxStoredElements(type: TensorType): number {
  if (type.variants !== undefined) return Math.max(...type.variants.map(shapeMaxSize));
  if (type.layout.kind === 'rowMajor') return shapeMaxSize(type.shape);
  const block = type.layout.block;
  const stored = type.shape.map<Dim>((dim, axis) => (axis === 1 ? Math.ceil(dimMax(dim) / block) * block : dim));
  return shapeMaxSize(stored);
}

/** Bytes of the stored elements. */
export function maxSizeBytes(type: TensorType): number {
  return maxStoredElements(type) * dtypeSizeBytes(type.storage ?? type.dtype);
}

/** Bytes from the first stored element to the last: more than the stored ones where there is a pitch. */
export function maxSpanBytes(type: TensorType): number {
  const { layout } = type;
  const stored = maxStoredElements(type);
  if (layout.kind === 'rowMajor' || layout.pitch === undefined || stored === 0) return maxSizeBytes(type);
  const span = (stored / layout.block - 1) * layout.pitch + layout.block;
  return span * dtypeSizeBytes(type.storage ?? type.dtype);
}

/** No machine that nets are compiled for holds more; sums over a whole net stay exact numbers below it. */
export const kMaxTensorBytes = 2 ** 40;

/** False for a type whose tensors may need more than any machine has. */
export function isOfPossibleSize(type: TensorType): boolean {
  // A product of huge dims may be NaN or infinite.
  return maxSizeBytes(type) <= kMaxTensorBytes;
}

/** `1x64x56x56` for people. */
export function shapeForPeople(shape: Shape): string {
  return shape.length === 0 ? 'scalar' : shape.map(dimToString).join('x');
}
