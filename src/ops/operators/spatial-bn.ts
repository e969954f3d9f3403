// SpatialBN: batch normalization with fixed statistics, and AffineChannel, what remains of it when they are folded.

import { dimEquals, dimToString, shapeMaxSize, shapeSize } from '../../ir/dim.js';
import { arg, binary } from '../../ir/expr.js';
import type { Value } from '../../ir/graph.js';
import { typeToString } from '../../ir/type.js';
import { float } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank, checkVector } from '../check-input.js';
import { defineOp } from '../define.js';
import { defineElementwise } from '../define-elementwise.js';
import { reshapeTo } from '../flatten-import.js';
import { channelsFirst, readOrder, restoreOrder } from '../image-order.js';
import { extentArg, floatArg, imageDims, inputArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';
import { floatData, floatOutput, sizeOf } from '../reference-tensors.js';

export const spatialBn = defineOp({
  name: 'SpatialBN',
  doc: 'y = x * f + (bias - mean * f) per channel, with f = scale / sqrt(var + epsilon)',
  source: 'caffe2/operators/spatial_batch_norm_op.h',
  inputs: [
    { name: 'x', doc: '[n, c, spatial...]' },
    { name: 'scale', doc: '[c]' },
    { name: 'bias', doc: '[c]' },
    { name: 'mean', doc: '[c]' },
    { name: 'var', doc: '[c]' },
  ],
  outputs: [{ name: 'y', doc: 'shaped as x' }],
  attrs: { epsilon: float('added to the variance', 1e-5) },
  infer: (request) => {
    const x = checkDType(request, 0, 'the image');
    checkRank(request, 0, 'the image', 2, 5);
    const c = x.shape[1] ?? 1;
    for (const [i, name] of ['the scale', 'the bias', 'the mean', 'the variance'].entries()) {
      checkVector(request, i + 1, name, c);
    }
    return [x];
  },
  reference: (request) => {
    const x = request.tensor(0);
    const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => floatData(request.tensor(i)));
    const y = floatOutput(request);
    const channels = x.dims[1] ?? 1;
    const pixels = sizeOf(x.dims, 2);
    floatData(x).forEach((value, i) => {
      const c = Math.floor(i / pixels) % channels;
      const factor = (scale?.[c] ?? 0) / Math.sqrt((variance?.[c] ?? 0) + request.attrs.epsilon);
      y.data[i] = value * factor + ((bias?.[c] ?? 0) - (mean?.[c] ?? 0) * factor);
    });
    return [y.tensor];
  },
  macs: ({ inputs }) => shapeMaxSize(inputs[0]?.shape ?? []),
  lower: (request, attrs) => {
    const { n, c, spatial } = imageDims(lowerType(request, 0).shape);
    return {
      header: 'cortado/spatial_bn.h',
      fn: 'spatial_bn',
      template: [],
      args: [
        extentArg(n),
        extentArg(c),
        extentArg(shapeSize(spatial)),
        floatArg(attrs.epsilon),
        ...[0, 1, 2, 3, 4].map(inputArg),
        outputArg(),
      ],
      parts: kRowParts,
      inPlace: [{ input: 0, output: 0 }],
    };
  },
  caffe2: { SpatialBN: importSpatialBn },
  examples: [
    {
      attrs: { epsilon: 1e-3 },
      inputs: [{ dims: [2, 3, 2, 5] }, { dims: [3] }, { dims: [3] }, { dims: [3] }, { dims: [3], range: [0.1, 2] }],
    },
  ],
});

function importSpatialBn(scope: ImportScope): readonly Value[] {
  const { args } = scope;
  const isTest = args.bool('is_test', false);
  const epsilon = args.float('epsilon', 1e-5);
  const momentum = args.float('momentum', 0.9);
  if (!(epsilon > 0)) scope.fail('epsilon must be positive', { got: String(epsilon) });
  if (!(momentum >= 0 && momentum <= 1)) scope.fail('momentum must be in 0..1', { got: String(momentum) });
  args.int('num_batches', 1);
  args.ignore('cudnn_exhaustive_search', 'use_cudnn', 'sync_type');
  if (scope.inputCount !== 5 && scope.inputCount !== 7) scope.expectInputs(5);
  if (!isTest) {
    scope.fail('SpatialBN is in training mode', {
      expected: 'is_test = 1 and one output',
      got: `is_test = 0 and ${scope.outputCount} outputs`,
      remedy: 'export the net for inference',
    });
  }
  scope.expectOutputs(1);
  const order = readOrder(scope);
  const x = scope.input(0);
  if (x.type.shape.length < 3 || x.type.shape.length > 5) {
    scope.fail('SpatialBN needs an input of 3 to 5 dims', { blob: x.name, got: typeToString(x.type) });
  }
  const image = channelsFirst(scope, x, order);
  const parameters = [1, 2, 3, 4].map((i) => scope.input(i));
  return [restoreOrder(scope, scope.emitOne('SpatialBN', [image, ...parameters], { epsilon }), order)];
}

export const affineChannel = defineElementwise({
  name: 'AffineChannel',
  doc: 'y = x * scale + bias; importers give scale and bias the shape [c, 1, 1]',
  source: 'caffe2/modules/detectron/affine_channel_op.h (later caffe2/operators/affine_channel_op.h)',
  inputs: [
    { name: 'x', doc: '[n, c, spatial...]' },
    { name: 'scale', doc: 'broadcasts to x' },
    { name: 'bias', doc: 'broadcasts to x' },
  ],
  attrs: {},
  dtypes: ['f32'],
  scalar: () => binary('add', binary('mul', arg(0), arg(1)), arg(2)),
  caffe2: { AffineChannel: importAffineChannel },
  examples: [{ inputs: [{ dims: [2, 3, 4, 5] }, { dims: [3, 1, 1] }, { dims: [3, 1, 1] }] }],
});

function importAffineChannel(scope: ImportScope): readonly Value[] {
  scope.expectInputs(3);
  scope.expectOutputs(1);
  scope.args.ignore('is_learnable');
  const order = readOrder(scope);
  const x = scope.input(0);
  const parameters = [1, 2].map((i) =>
    perChannel(scope, scope.input(i), x, order === 'NCHW' ? 1 : x.type.shape.length - 1),
  );
  return [scope.emitOne('AffineChannel', [x, ...parameters])];
}

/** A vector over axis `axis` of x, shaped [c, 1, ...] so that it broadcasts. */
export function perChannel(scope: ImportScope, vector: Value, x: Value, axis: number): Value {
  const { shape } = x.type;
  const c = shape[axis];
  const size = shapeSize(vector.type.shape);
  if (c === undefined || !dimEquals(size, c)) {
    scope.fail('there must be one value per channel', {
      blob: vector.name,
      expected: c === undefined ? 'an image with channels' : `${dimToString(c)} values`,
      got: typeToString(vector.type),
    });
  }
  return reshapeTo(scope, vector, [size, ...shape.slice(axis + 1).map(() => 1)]);
}
