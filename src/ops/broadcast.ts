// Numpy broadcasting: shapes are aligned at the last dim; a dim of 1 stretches.

import { type Dim, dimEquals, isStatic, type Shape, shapeToString } from '../ir/dim.js';

/** The broadcast shape, or a sentence saying why there is none. */
export function inferBroadcast(shapes: readonly Shape[]): Shape | string {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    let dim: Dim = 1;
    for (const shape of shapes) {
      const own = shape[axis - (rank - shape.length)] ?? 1;
      if (isStatic(own) && own === 1) continue;
      if (isStatic(dim) && dim === 1) dim = own;
      else if (!dimEquals(dim, own)) return `shapes ${shapes.map(shapeToString).join(' and ')} do not broadcast`;
    }
    result.push(dim);
  }
  return result;
}

/** Row-major strides in elements. */
export function stridesOf(dims: readonly number[]): readonly number[] {
  const strides: number[] = new Array<number>(dims.length).fill(1);
  for (let i = dims.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] ?? 1) * (dims[i + 1] ?? 1);
  return strides;
}

/** Strides that read `dims` as if broadcast to `target`: 0 along stretched dims. */
export function broadcastStrides(dims: readonly number[], target: readonly number[]): readonly number[] {
  const own = stridesOf(dims);
  const skip = target.length - dims.length;
  return target.map((_, axis) => (axis < skip || dims[axis - skip] === 1 ? 0 : (own[axis - skip] ?? 0)));
}

/** Calls back for every index of `dims` in row-major order with the offset into each strided operand. */
export function forEachIndex(
  dims: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (flat: number, offsets: readonly number[]) => void,
): void {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const index = new Array<number>(dims.length).fill(0);
  const offsets = new Array<number>(strides.length).fill(0);
  for (let flat = 0; flat < count; flat++) {
    visit(flat, offsets);
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      const wraps = next === dims[axis];
      index[axis] = wraps ? 0 : next;
      for (let k = 0; k < strides.length; k++) {
        const stride = strides[k]?.[axis] ?? 0;
        offsets[k] = (offsets[k] ?? 0) + (wraps ? stride * (1 - next) : stride);
      }
      if (!wraps) break;
    }
  }
}
