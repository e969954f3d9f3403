// Softmax: over rows of the input flattened at an axis, so that with axis 1 an image is one row.

import { dimMin, shapeMaxSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { int } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineOp } from '../define.js';
import { readAxis } from '../flatten-import.js';
import { inferRows, rowsAndColumns } from '../flattened-rows.js';
import { extentArg, inputArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';
import { floatData, floatOutput, sizeOf } from '../reference-tensors.js';

export const softmax = defineOp({
  name: 'Softmax',
  doc: 'y = exp(x - max) / sum of exp(x - max) over each row of x flattened at axis',
  source: 'caffe2/operators/softmax_op.cc',
  inputs: [{ name: 'x', doc: 'any rank' }],
  outputs: [{ name: 'y', doc: 'shaped as x' }],
  attrs: { axis: int('first dim of a row', 1) },
  infer: (request) => {
    const x = inferRows(request);
    if (dimMin(rowsAndColumns(x, request.attrs.axis).cols) < 1) request.fail('the rows are empty', { input: 0 });
    return [x];
  },
  reference: (request) => {
    const { axis } = request.attrs;
    const x = request.tensor(0);
    const y = floatOutput(request);
    const cols = sizeOf(x.dims, axis);
    for (let row = 0; row < sizeOf(x.dims, 0, axis); row++) {
      const values = floatData(x).subarray(row * cols, (row + 1) * cols);
      const largest = values.reduce((max, value) => (value > max ? value : max), Number.NEGATIVE_INFINITY);
      const powers = Float64Array.from(values, (value) => Math.exp(value - largest));
      const sum = powers.reduce((total, value) => total + value, 0);
      powers.forEach((power, i) => {
        y.data[row * cols + i] = power / sum;
      });
    }
    return [y.tensor];
  },
  macs: ({ inputs }) => shapeMaxSize(inputs[0]?.shape ?? []),
  lower: (request, attrs) => {
    const { rows, cols } = rowsAndColumns(lowerType(request, 0), attrs.axis);
    return {
      header: 'cortado/softmax.h',
      fn: 'softmax',
      template: [],
      args: [extentArg(rows), extentArg(cols), inputArg(0), outputArg()],
      parts: kRowParts,
      inPlace: [{ input: 0, output: 0 }],
    };
  },
  caffe2: { Softmax: importSoftmax },
  examples: [
    { attrs: { axis: 1 }, inputs: [{ dims: [3, 7], range: [-4, 4] }] },
    { attrs: { axis: 2 }, inputs: [{ dims: [2, 2, 3, 4], range: [-50, 50] }] },
  ],
});

function importSoftmax(scope: ImportScope): readonly Value[] {
  scope.expectInputs(1);
  scope.expectOutputs(1);
  scope.args.ignore('order', 'use_cudnn', 'cudnn_exhaustive_search');
  const x = scope.input(0);
  return [scope.emitOne('Softmax', [x], { axis: readAxis(scope, 'axis', 1, x.type.shape.length) })];
}
