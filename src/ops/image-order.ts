// The `order` argument: the IR knows channels-first images only, so an importer puts Transpose nodes around the operator
// when the net says NHWC.

import type { Value } from '../ir/graph.js';
import type { ImportScope } from './caffe2-import.js';

export type ImageOrder = 'NCHW' | 'NHWC';

/** Argument `order`: NCHW (default) or NHWC, in capitals or small letters. */
export function readOrder(scope: ImportScope): ImageOrder {
  const text = scope.args.text('order', 'NCHW');
  if (text === 'NCHW' || text === 'nchw') return 'NCHW';
  if (text === 'NHWC' || text === 'nhwc') return 'NHWC';
  return scope.fail('unknown storage order', { expected: 'NCHW or NHWC', got: text });
}

/** [n, spatial..., c] to [n, c, spatial...]. */
export function channelsFirst(scope: ImportScope, value: Value, order: ImageOrder): Value {
  const rank = value.type.shape.length;
  if (order === 'NCHW' || rank < 3) return value;
  return scope.emitOne('Transpose', [value], { perm: [0, rank - 1, ...range(1, rank - 1)] });
}

/** [n, c, spatial...] back to the net's order. */
export function restoreOrder(scope: ImportScope, value: Value, order: ImageOrder): Value {
  const rank = value.type.shape.length;
  if (order === 'NCHW' || rank < 3) return value;
  return scope.emitOne('Transpose', [value], { perm: [0, ...range(2, rank), 1] });
}

function range(begin: number, end: number): readonly number[] {
  return Array.from({ length: Math.max(0, end - begin) }, (_, i) => begin + i);
}
