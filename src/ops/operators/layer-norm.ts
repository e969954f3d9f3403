// LayerNorm: each row of the input, flattened at an axis, is brought to mean 0 and variance 1.

import { shapeMaxSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { tensorType } from '../../ir/type.js';
import { float, int } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkVector } from '../check-input.js';
import { defineOp } from '../define.js';
import { readAxis } from '../flatten-import.js';
import { inferRows, rowsAndColumns } from '../flattened-rows.js';
import { extentArg, floatArg, inputArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';
import { floatData, floatOutput, optionalFloats, sizeOf } from '../reference-tensors.js';

export const layerNorm = defineOp({
  name: 'LayerNorm',
  doc: 'y = (x - mean) / stdev [* gamma + beta] per row of x flattened at axis; stdev = sqrt(E[x^2] - mean^2 + epsilon)',
  source: 'caffe2/operators/layer_norm_op.h',
  inputs: [
    { name: 'x', doc: 'any rank' },
    { name: 'gamma', doc: '[row size]', optional: true },
    { name: 'beta', doc: '[row size]', optional: true },
  ],
  outputs: [
    { name: 'y', doc: 'shaped as x' },
    { name: 'mean', doc: '[dims before axis..., 1]', optional: true },
    { name: 'stdev', doc: '[dims before axis..., 1]', optional: true },
  ],
  attrs: { axis: int('first dim of a row', 1), epsilon: float('added to the variance', 1e-5) },
  infer: (request) => {
    const { axis } = request.attrs;
    const x = inferRows(request);
    const { cols } = rowsAndColumns(x, axis);
    for (const i of [1, 2])
      if (request.inputs[i] !== undefined) checkVector(request, i, i === 1 ? 'gamma' : 'beta', cols);
    const statistics = tensorType('f32', [...x.shape.slice(0, axis), 1]);
    return [x, statistics, statistics].slice(0, request.outputCount);
  },
  reference: (request) => {
    const { axis, epsilon } = request.attrs;
    const x = request.tensor(0);
    const gamma = optionalFloats(request, 1);
    const beta = optionalFloats(request, 2);
    const outputs = request.outputs.map((_, i) => floatOutput(request, i));
    const [y, means, deviations] = outputs;
    const cols = sizeOf(x.dims, axis);
    for (let row = 0; row < sizeOf(x.dims, 0, axis); row++) {
      const values = floatData(x).subarray(row * cols, (row + 1) * cols);
      const mean = values.reduce((sum, value) => sum + value, 0) / cols;
      const square = values.reduce((sum, value) => sum + value * value, 0) / cols;
      const deviation = Math.sqrt(square - mean * mean + epsilon);
      values.forEach((value, i) => {
        const scaled = ((value - mean) / deviation) * (gamma?.[i] ?? 1) + (beta?.[i] ?? 0);
        if (y !== undefined) y.data[row * cols + i] = scaled;
      });
      if (means !== undefined) means.data[row] = mean;
      if (deviations !== undefined) deviations.data[row] = deviation;
    }
    return outputs.map((output) => output.tensor);
  },
  macs: ({ inputs }) => 3 * shapeMaxSize(inputs[0]?.shape ?? []),
  lower: (request, attrs) => {
    const { rows, cols } = rowsAndColumns(lowerType(request, 0), attrs.axis);
    return {
      header: 'cortado/layer_norm.h',
      fn: 'layer_norm',
      template: [],
      args: [
        extentArg(rows),
        extentArg(cols),
        floatArg(attrs.epsilon),
        ...[0, 1, 2].map(inputArg),
        ...[0, 1, 2].map(outputArg),
      ],
      parts: kRowParts,
    };
  },
  caffe2: { LayerNorm: importLayerNorm },
  tolerance: { relative: 1e-5, absolute: 1e-5 },
  examples: [
    { attrs: { axis: 1 }, inputs: [{ dims: [2, 3, 4], range: [-1, 1] }] },
    {
      note: 'with gamma and beta',
      attrs: { axis: 2, epsilon: 0.01 },
      inputs: [{ dims: [2, 3, 5], range: [-1, 1] }, { dims: [5] }, { dims: [5] }],
    },
  ],
});

function importLayerNorm(scope: ImportScope): readonly Value[] {
  const hasAffine = scope.args.bool('elementwise_affine', false);
  scope.expectInputs(hasAffine ? 3 : 1);
  scope.expectOutputs(3);
  const x = scope.input(0);
  const attrs = { axis: readAxis(scope, 'axis', 1, x.type.shape.length), epsilon: scope.args.float('epsilon', 1e-5) };
  const parameters = Array.from({ length: scope.inputCount - 1 }, (_, i) => {
    const value = scope.input(i + 1);
    return value.type.shape.length === 1 ? value : scope.emitOne('Reshape', [value], { shape: [-1] });
  });
  return scope.emit('LayerNorm', [x, ...parameters], attrs, 3);
}
