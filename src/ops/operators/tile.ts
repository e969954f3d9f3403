// Tile: repeats a tensor along one axis.

import { dimMul } from '../../ir/dim.js';
import { tensorType } from '../../ir/type.js';
import { int } from '../attributes.js';
import { canonicalAxis, sizeFromAxis, sizeToAxis } from '../axes.js';
import { stridesOf } from '../broadcast.js';
import { copyStrided } from '../copy-tensor.js';
import { defineOp } from '../define.js';
import { readConstantVector } from '../read-arguments.js';
import { stridedCopyCall } from '../strided-copy.js';

export const tile = defineOp({
  name: 'Tile',
  doc: 'x repeated `tiles` times along `axis`',
  source: 'caffe2/operators/tile_op.h',
  inputs: [{ name: 'x', doc: 'any dtype' }],
  outputs: [{ name: 'y', doc: 'tiles copies of x' }],
  attrs: { tiles: int('copies'), axis: int('0 to rank - 1') },
  infer: (request) => {
    const x = request.type(0);
    const { tiles, axis } = request.attrs;
    if (tiles < 0) request.fail('tiles must not be negative', { got: String(tiles) });
    return [
      tensorType(
        x.dtype,
        x.shape.map((dim, i) => (i === axis ? dimMul(dim, tiles) : dim)),
      ),
    ];
  },
  reference: (request) => {
    const x = request.tensor(0);
    const { tiles, axis } = request.attrs;
    const strides = stridesOf(x.dims);
    const split = <T>(list: readonly T[], extra: T): readonly T[] => [
      ...list.slice(0, axis),
      extra,
      ...list.slice(axis),
    ];
    const y = copyStrided(x, split(x.dims, tiles), split(strides, 0));
    return [{ ...y, dims: x.dims.map((dim, i) => (i === axis ? dim * tiles : dim)) }];
  },
  lower: (request, { tiles, axis }) => {
    const shape = request.node.inputs[0]?.type.shape ?? [];
    const outer = sizeToAxis(shape, axis);
    const inner = sizeFromAxis(shape, axis);
    return stridedCopyCall(request, [outer, tiles, inner], [inner, 0, 1], 0);
  },
  caffe2: {
    Tile: (scope) => {
      scope.expectInputs(1, 3);
      scope.expectOutputs(1);
      const x = scope.input(0);
      const fromInput = (i: number, what: string): number => readConstantVector(scope, i, what, 1)[0] ?? 1;
      const given = scope.args.int('tiles', 1);
      const givenAxis = scope.args.int('axis', 0);
      if (scope.inputCount < 2 && !scope.args.has('tiles'))
        scope.fail('Tile needs the argument tiles or a second input');
      if (scope.inputCount < 3 && !scope.args.has('axis')) scope.fail('Tile needs the argument axis or a third input');
      const rank = x.type.shape.length;
      const wanted = scope.inputCount > 2 ? fromInput(2, 'the axis') : givenAxis;
      const axis =
        canonicalAxis(wanted, rank) ??
        scope.fail('the axis of Tile is out of range', { expected: `${-rank} to ${rank - 1}`, got: String(wanted) });
      return [scope.emitOne('Tile', [x], { tiles: scope.inputCount > 1 ? fromInput(1, 'tiles') : given, axis })];
    },
  },
  examples: [
    { attrs: { tiles: 3, axis: 0 }, inputs: [{ dims: [2, 3], range: [-1, 1] }] },
    { attrs: { tiles: 2, axis: 1 }, inputs: [{ dtype: 'i32', dims: [2, 3, 2], range: [0, 9] }] },
  ],
});
