// Tensor types: dtype, logical shape, physical layout. The logical shape never changes with the layout: a blocked
// NCHW16c tensor still has shape [n, c, h, w].

import { type Dim, dimMax, dimToString, type Shape, shapeEquals, shapeMaxSize, shapeToString } from './dim.js';
import { type DType, dtypeSizeBytes } from './dtype.js';

/** rowMajor: dense, last dim fastest. blocked: [n][ceil(c/block)][spatial…][block], lanes past c undefined. */
export type Layout = { readonly kind: 'rowMajor' } | { readonly kind: 'blocked'; readonly block: number };

export const kRowMajor: Layout = { kind: 'rowMajor' };

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly layout: Layout;
  /** Set when the rank differs from branch to branch of an If: all shapes it may take; `shape` is then the first. */
  readonly variants?: readonly Shape[];
}

export function tensorType(dtype: DType, shape: Shape, layout: Layout = kRowMajor): TensorType {
  return { dtype, shape, layout };
}

export function layoutEquals(a: Layout, b: Layout): boolean {
  return layoutToString(a) === layoutToString(b);
}

export function layoutToString(layout: Layout): string {
  return layout.kind === 'rowMajor' ? '' : `@c${layout.block}`;
}

export function typeEquals(a: TensorType, b: TensorType): boolean {
  return (
    a.dtype === b.dtype &&
    shapeEquals(a.shape, b.shape) &&
    layoutEquals(a.layout, b.layout) &&
    variantKey(a.variants) === variantKey(b.variants)
  );
}

function variantKey(variants: readonly Shape[] | undefined): string {
  return (variants ?? []).map(shapeToString).join('|');
}

/** `f32[1,64,56,56]@c16`; variants as `f32[2,3]|[1]`. */
export function typeToString(type: TensorType): string {
  const shapes = type.variants === undefined ? shapeToString(type.shape) : type.variants.map(shapeToString).join('|');
  return `${type.dtype}${shapes}${layoutToString(type.layout)}`;
}

/** Elements that the physical layout stores at most, padding lanes of the last channel block included. */
export function maxStoredElements(type: TensorType): number {
  if (type.variants !== undefined) return Math.max(...type.variants.map(shapeMaxSize));
  if (type.layout.kind === 'rowMajor') return shapeMaxSize(type.shape);
  const block = type.layout.block;
  const stored = type.shape.map<Dim>((dim, axis) => (axis === 1 ? Math.ceil(dimMax(dim) / block) * block : dim));
  return shapeMaxSize(stored);
}

export function maxSizeBytes(type: TensorType): number {
  return maxStoredElements(type) * dtypeSizeBytes(type.dtype);
}

/** `1x64x56x56` for people. */
export function shapeForPeople(shape: Shape): string {
  return shape.length === 0 ? 'scalar' : shape.map(dimToString).join('x');
}
