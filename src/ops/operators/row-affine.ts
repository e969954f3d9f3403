// Elementwise operators with parameters per column or per channel: BatchBoxCox, ElementwiseLinear, NormalizePlanarYUV.

import { dimEquals, dimToString, shapeSize } from '../../ir/dim.js';
import { arg, binary, compare, constant, select, unary } from '../../ir/expr.js';
import type { Value } from '../../ir/graph.js';
import { typeToString } from '../../ir/type.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineElementwise, kFloatTypes } from '../define-elementwise.js';
import { readAxis, reshapeTo } from '../flatten-import.js';

export const batchBoxCox = defineElementwise({
  name: 'BatchBoxCox',
  doc: 'with t = max(x + lambda2, 1e-6): log(t) where lambda1 = 0, else (t^lambda1 - 1) / lambda1',
  source: 'caffe2/operators/batch_box_cox_op.cc',
  inputs: [
    { name: 'x', doc: '[n, d...]' },
    { name: 'lambda1', doc: '[d...]' },
    { name: 'lambda2', doc: '[d...]' },
  ],
  attrs: {},
  dtypes: kFloatTypes,
  scalar: (_attrs, [dtype = 'f32']) => {
    const shifted = binary('max', binary('add', arg(0), arg(2)), constant(1e-6, dtype));
    const power = binary('sub', binary('pow', shifted, arg(1)), constant(1, dtype));
    return select(compare('eq', arg(1), constant(0, dtype)), unary('log', shifted), binary('div', power, arg(1)));
  },
  caffe2: {
    BatchBoxCox: importBatchBoxCox,
    ElementwiseLinear: importElementwiseLinear,
    NormalizePlanarYUV: importPlanarYuv,
  },
  examples: [
    {
      inputs: [
        { dims: [3, 4], range: [0, 2] },
        { dims: [4], values: [0, 0.5, 1, -1] },
        { dims: [4], range: [0, 1] },
      ],
    },
  ],
});

/** Input i as a vector over the dims of x from `axis` on. */
function columnVector(scope: ImportScope, i: number, x: Value, axis: number): Value {
  const vector = scope.input(i);
  const rest = x.type.shape.slice(axis);
  if (vector.type.shape.length !== 1 || !dimEquals(shapeSize(vector.type.shape), shapeSize(rest))) {
    scope.fail('there must be one value per column', {
      blob: vector.name,
      expected: `[${dimToString(shapeSize(rest))}]`,
      got: typeToString(vector.type),
    });
  }
  return rest.length === 1 ? vector : reshapeTo(scope, vector, rest);
}

function importBatchBoxCox(scope: ImportScope): readonly Value[] {
  scope.expectInputs(3);
  scope.expectOutputs(1);
  scope.args.int('min_block_size', 256);
  const x = scope.input(0);
  if (x.type.shape.length < 1) scope.fail('BatchBoxCox needs rows', { blob: x.name, got: typeToString(x.type) });
  return [scope.emitOne('BatchBoxCox', [x, columnVector(scope, 1, x, 1), columnVector(scope, 2, x, 1)])];
}

/** y = x * a + b per column of x flattened at axis. */
function importElementwiseLinear(scope: ImportScope): readonly Value[] {
  scope.expectInputs(3);
  scope.expectOutputs(1);
  const x = scope.input(0);
  const axis = readAxis(scope, 'axis', 1, x.type.shape.length);
  return [scope.emitOne('AffineChannel', [x, columnVector(scope, 1, x, axis), columnVector(scope, 2, x, axis)])];
}

/** y = (x - mean[c]) / deviation[c]; both are given as [1, c]. */
function importPlanarYuv(scope: ImportScope): readonly Value[] {
  scope.expectInputs(3);
  scope.expectOutputs(1);
  const x = scope.input(0);
  const c = x.type.shape[1];
  if (x.type.shape.length !== 4 || c === undefined) {
    return scope.fail('NormalizePlanarYUV needs an image [n, c, h, w]', { blob: x.name, got: typeToString(x.type) });
  }
  const [mean, deviation] = [1, 2].map((i) => {
    const vector = scope.input(i);
    const [, channels] = vector.type.shape;
    if (vector.type.shape.length !== 2 || channels === undefined || !dimEquals(shapeSize(vector.type.shape), c)) {
      scope.fail('there must be one value per channel', {
        blob: vector.name,
        expected: `[1,${dimToString(c)}]`,
        got: typeToString(vector.type),
      });
    }
    return reshapeTo(scope, vector, [c, 1, 1]);
  });
  return [scope.emitOne('Div', [scope.emitOne('Sub', [x, mean]), deviation])];
}
