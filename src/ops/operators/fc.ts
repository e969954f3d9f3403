// FC: the fully connected layer, a matrix product with a bias per output. Importers flatten images and weights first.

import { type Dim, dimEquals, isStatic, shapeMaxSize, shapeSize, shapeToString } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { typeToString } from '../../ir/type.js';
import type { Caffe2Import, ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank, checkVector } from '../check-input.js';
import { defineOp } from '../define.js';
import { flattenAt, readAxis, reshapeTo } from '../flatten-import.js';
import { lowerType } from '../kernel-arguments.js';
import { lowerProduct, multiply } from '../matrix-product.js';
import { floatData, floatOutput } from '../reference-tensors.js';

export const fc = defineOp({
  name: 'FC',
  doc: 'y = x · wᵀ + b',
  source: 'caffe2/operators/fully_connected_op.h',
  inputs: [
    { name: 'x', doc: '[m, k]' },
    { name: 'w', doc: '[n, k]' },
    { name: 'b', doc: '[n]' },
  ],
  outputs: [{ name: 'y', doc: '[m, n]' }],
  attrs: {},
  infer: (request) => {
    const x = checkDType(request, 0, 'the input');
    const w = checkDType(request, 1, 'the weight');
    checkRank(request, 0, 'the input', 2);
    checkRank(request, 1, 'the weight', 2);
    const [m = 1, k = 1] = x.shape;
    const [n = 1, own = 1] = w.shape;
    if (!dimEquals(k, own)) {
      request.fail('input and weight do not fit', {
        input: 1,
        expected: 'the same number of input features in both',
        got: `${typeToString(x)} and ${typeToString(w)}`,
      });
    }
    checkVector(request, 2, 'the bias', n);
    return [{ ...x, shape: [m, n] }];
  },
  reference: (request) => {
    const x = request.tensor(0);
    const bias = floatData(request.tensor(2));
    const y = floatOutput(request);
    const [m = 0, k = 0] = x.dims;
    const n = bias.length;
    const sizes = { m, n, k, transA: false, transB: true };
    const product = multiply(floatData(x), 0, floatData(request.tensor(1)), 0, sizes);
    product.forEach((sum, i) => {
      y.data[i] = sum + (bias[i % n] ?? 0);
    });
    return [y.tensor];
  },
  macs: ({ inputs }) => shapeMaxSize(inputs[0]?.shape ?? []) * shapeMaxSize(inputs[1]?.shape.slice(0, 1) ?? []),
  lower: (request) => {
    const [m = 1, k = 1] = lowerType(request, 0).shape;
    const [n = 1] = lowerType(request, 1).shape;
    return lowerProduct(request, { m, n, k, transA: false, transB: true }, 2);
  },
  caffe2: { FC: importFc(false), FCTransposed: importFc(true) },
  examples: [
    { inputs: [{ dims: [3, 5] }, { dims: [4, 5] }, { dims: [4] }] },
    { note: 'long rows', inputs: [{ dims: [1, 300] }, { dims: [7, 300] }, { dims: [7] }] },
  ],
});

function importFc(isTransposed: boolean): Caffe2Import {
  return (scope) => {
    scope.expectInputs(3);
    scope.expectOutputs(1);
    scope.args.bool('float16_compute', false);
    scope.args.ignore('order', 'use_cudnn', 'cudnn_exhaustive_search');
    const x = scope.input(0);
    const { shape } = x.type;
    const axis = readAxis(scope, 'axis', 1, shape.length);
    checkFlattened(scope, x, axis);
    const weight = flattenWeight(scope, isTransposed);
    const y = scope.emitOne('FC', [flattenAt(scope, x, axis), weight, scope.input(2)]);
    const features: Dim = weight.type.shape[0] ?? 1;
    return [axis === 1 ? y : reshapeTo(scope, y, [...shape.slice(0, axis), features])];
  };
}

/** Features that vary at run time cannot meet a weight. */
function checkFlattened(scope: ImportScope, x: Value, axis: number): void {
  const features = shapeSize(x.type.shape.slice(axis));
  if (!isStatic(features)) {
    scope.fail('the number of input features varies at run time', {
      blob: x.name,
      expected: `fixed dims from axis ${axis} on`,
      got: shapeToString(x.type.shape),
    });
  }
}

/** The weight as [n, k]; argument axis_w splits its dims. */
function flattenWeight(scope: ImportScope, isTransposed: boolean): Value {
  const w = scope.input(1);
  const axis = readAxis(scope, 'axis_w', 1, w.type.shape.length);
  const flat = flattenAt(scope, w, axis);
  return isTransposed ? scope.emitOne('Transpose', [flat], { perm: [1, 0] }) : flat;
}
