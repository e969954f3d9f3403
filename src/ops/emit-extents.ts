// Shapes as tensors: constants where the dims are known, a Shape node where they vary.

import { isStaticShape, type Shape } from '../ir/dim.js';
import type { Value } from '../ir/graph.js';
import { tensorFromNumbers } from '../ir/tensor.js';
import type { ImportScope } from './caffe2-import.js';

/** The dims `shape` of `value` as a 1-D tensor. */
export function emitExtents(scope: ImportScope, shape: Shape, dtype: 'i32' | 'i64', value: Value): Value {
  if (isStaticShape(shape)) return scope.constant(tensorFromNumbers(dtype, [shape.length], shape), 'shape');
  const extents = scope.emitOne('Shape', [value]);
  return dtype === 'i64' ? extents : scope.emitOne('Cast', [extents], { to: dtype });
}
