// InstanceNorm: each channel of each image is brought to mean 0 and variance 1, then scaled and shifted.

import { shapeMaxSize, shapeSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { tensorType, typeToString } from '../../ir/type.js';
import { float } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank, checkVector } from '../check-input.js';
import { defineOp } from '../define.js';
import { channelsFirst, readOrder, restoreOrder } from '../image-order.js';
import { extentArg, floatArg, imageDims, inputArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';
import { floatData, floatOutput, sizeOf } from '../reference-tensors.js';

export const instanceNorm = defineOp({
  name: 'InstanceNorm',
  doc: 'y = (x - mean) / sqrt(var + epsilon) * scale + bias with mean and (biased) variance of each plane',
  source: 'caffe2/operators/instance_norm_op.cc',
  inputs: [
    { name: 'x', doc: '[n, c, spatial...]' },
    { name: 'scale', doc: '[c]' },
    { name: 'bias', doc: '[c]' },
  ],
  outputs: [
    { name: 'y', doc: 'shaped as x' },
    { name: 'mean', doc: '[n, c]', optional: true },
    { name: 'inv_stdev', doc: '[n, c]: 1 / sqrt(var + epsilon)', optional: true },
  ],
  attrs: { epsilon: float('added to the variance', 1e-5) },
  infer: (request) => {
    const x = checkDType(request, 0, 'the image');
    checkRank(request, 0, 'the image', 3, 5);
    const [n = 1, c = 1] = x.shape;
    checkVector(request, 1, 'the scale', c);
    checkVector(request, 2, 'the bias', c);
    if (request.attrs.epsilon < 0) request.fail('epsilon must not be negative', { got: String(request.attrs.epsilon) });
    return [x, tensorType('f32', [n, c]), tensorType('f32', [n, c])].slice(0, request.outputCount);
  },
  reference: (request) => {
    const x = request.tensor(0);
    const source = floatData(x);
    const scale = floatData(request.tensor(1));
    const bias = floatData(request.tensor(2));
    const outputs = request.outputs.map((_, i) => floatOutput(request, i));
    const pixels = sizeOf(x.dims, 2);
    for (let plane = 0; plane < sizeOf(x.dims, 0, 2); plane++) {
      const c = plane % scale.length;
      const values = source.subarray(plane * pixels, (plane + 1) * pixels);
      const mean = values.reduce((sum, value) => sum + value, 0) / pixels;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels;
      const inverse = 1 / Math.sqrt(variance + request.attrs.epsilon);
      const [y, means, inverses] = outputs;
      values.forEach((value, i) => {
        if (y !== undefined) y.data[plane * pixels + i] = (value - mean) * inverse * (scale[c] ?? 0) + (bias[c] ?? 0);
      });
      if (means !== undefined) means.data[plane] = mean;
      if (inverses !== undefined) inverses.data[plane] = inverse;
    }
    return outputs.map((output) => output.tensor);
  },
  macs: ({ inputs }) => 3 * shapeMaxSize(inputs[0]?.shape ?? []),
  lower: (request, attrs) => {
    const { n, c, spatial } = imageDims(lowerType(request, 0).shape);
    const wantsStatistics = request.node.outputs.slice(1).some((value) => value !== undefined);
    return {
      header: 'cortado/instance_norm.h',
      fn: 'instance_norm_plain',
      template: [],
      args: [
        extentArg(n),
        extentArg(c),
        extentArg(shapeSize(spatial)),
        floatArg(attrs.epsilon),
        inputArg(0),
        inputArg(1),
        inputArg(2),
        outputArg(),
        ...(wantsStatistics ? [outputArg(1), outputArg(2)] : []),
      ],
      parts: kRowParts,
    };
  },
  caffe2: { InstanceNorm: importInstanceNorm },
  tolerance: { relative: 1e-5, absolute: 1e-5 },
  examples: [
    { attrs: { epsilon: 1e-3 }, inputs: [{ dims: [2, 3, 4, 5], range: [-1, 3] }, { dims: [3] }, { dims: [3] }] },
  ],
});

function importInstanceNorm(scope: ImportScope): readonly Value[] {
  scope.expectInputs(3);
  scope.expectOutputs(1, 3);
  const order = readOrder(scope);
  const epsilon = scope.args.float('epsilon', 1e-5);
  const x = scope.input(0);
  if (x.type.shape.length !== 4) {
    scope.fail('InstanceNorm needs an image of 4 dims', { blob: x.name, got: typeToString(x.type) });
  }
  const image = channelsFirst(scope, x, order);
  // Caffe2 looks at the number of values only.
  const vectors = [1, 2].map((i) => {
    const vector = scope.input(i);
    return vector.type.shape.length === 1 ? vector : scope.emitOne('Reshape', [vector], { shape: [-1] });
  });
  const [y, ...statistics] = scope.emit('InstanceNorm', [image, ...vectors], { epsilon }, scope.outputCount);
  return y === undefined ? [] : [restoreOrder(scope, y, order), ...statistics];
}
