// PRelu: a leaky rectifier whose slope is learned, per channel or shared.

import { shapeMaxSize } from '../../ir/dim.js';
import { arg, binary, constant } from '../../ir/expr.js';
import type { Value } from '../../ir/graph.js';
import { typeToString } from '../../ir/type.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineElementwise } from '../define-elementwise.js';
import { readOrder } from '../image-order.js';
import { perChannel } from './spatial-bn.js';

export const prelu = defineElementwise({
  name: 'PRelu',
  doc: 'y = max(x, 0) + min(x, 0) * slope; importers give a slope per channel the shape [c, 1, 1]',
  source: 'caffe2/operators/prelu_op.cc',
  inputs: [
    { name: 'x', doc: 'any shape' },
    { name: 'slope', doc: 'broadcasts to x' },
  ],
  attrs: {},
  dtypes: ['f32'],
  scalar: () =>
    binary('add', binary('max', arg(0), constant(0)), binary('mul', binary('min', arg(0), constant(0)), arg(1))),
  caffe2: { PRelu: importPrelu },
  examples: [
    { inputs: [{ dims: [2, 3, 4, 5], range: [-1, 1] }, { dims: [3, 1, 1] }] },
    { note: 'shared slope', inputs: [{ dims: [2, 3], range: [-1, 1] }, { dims: [1] }] },
  ],
});

function importPrelu(scope: ImportScope): readonly Value[] {
  scope.expectInputs(2);
  scope.expectOutputs(1);
  const order = readOrder(scope);
  const x = scope.input(0);
  const slope = scope.input(1);
  const rank = x.type.shape.length;
  if (rank < 2) scope.fail('PRelu needs an input with channels', { blob: x.name, got: typeToString(x.type) });
  const isShared = shapeMaxSize(slope.type.shape) === 1;
  const shaped = isShared
    ? scope.emitOne('Reshape', [slope], { shape: [1] })
    : perChannel(scope, slope, x, order === 'NCHW' ? 1 : rank - 1);
  return [scope.emitOne('PRelu', [x, shaped])];
}
