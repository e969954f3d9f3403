// Axes and sizes as Caffe2 counts them: negative axes from the end, products of dims before and behind an axis.

import { type Dim, type Shape, shapeSize } from '../ir/dim.js';

/** The axis in 0..rank-1, or undefined when it lies outside -rank..rank-1. */
export function canonicalAxis(axis: number, rank: number): number | undefined {
  if (axis < -rank || axis >= rank) return undefined;
  return axis < 0 ? axis + rank : axis;
}

/** Product of the dims before `axis`. */
export function sizeToAxis(shape: Shape, axis: number): Dim {
  return shapeSize(shape.slice(0, axis));
}

/** Product of the dims from `axis` on. */
export function sizeFromAxis(shape: Shape, axis: number): Dim {
  return shapeSize(shape.slice(axis));
}
