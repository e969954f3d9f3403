// What FC, MatMul, Softmax and their kin do to their inputs: canonical axes and flattening to two dims.

import { isStatic, type Shape, shapeToString } from '../ir/dim.js';
import type { Value } from '../ir/graph.js';
import { canonicalAxis } from './axes.js';
import type { ImportScope } from './caffe2-import.js';

/** Integer argument `name` as an axis of a tensor of `rank` dims; negative values count from the end. */
export function readAxis(scope: ImportScope, name: string, fallback: number, rank: number): number {
  const axis = scope.args.int(name, fallback);
  return (
    canonicalAxis(axis, rank) ??
    scope.fail(`argument ${name} is out of range`, {
      expected: rank === 0 ? 'a tensor with at least one dim' : `${-rank} to ${rank - 1} for ${rank} dims`,
      got: String(axis),
    })
  );
}

/** x as [product of dims before axis, product of the rest]. */
export function flattenAt(scope: ImportScope, x: Value, axis: number): Value {
  return x.type.shape.length === 2 && axis === 1 ? x : scope.emitOne('Flatten', [x], { axis });
}

/** Reshape to sizes of which at most one varies at run time. */
export function reshapeTo(scope: ImportScope, x: Value, shape: Shape): Value {
  if (shape.filter((dim) => !isStatic(dim)).length > 1) {
    scope.fail('cannot reshape a tensor in which several sizes vary', {
      code: 'unsupported',
      got: shapeToString(x.type.shape),
      remedy: 'fix all sizes but one, the batch for example',
    });
  }
  return scope.emitOne('Reshape', [x], { shape: shape.map((dim) => (isStatic(dim) ? dim : -1)) });
}
