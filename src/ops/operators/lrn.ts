// LRN: local response normalization across channels.

import { shapeMaxSize, shapeSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { typeToString } from '../../ir/type.js';
import { float, int } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank } from '../check-input.js';
import { defineOp } from '../define.js';
import { channelsFirst, readOrder, restoreOrder } from '../image-order.js';
import { extentArg, imageDims, inputArg, kRowParts, lowerType, outputArg, structArg } from '../kernel-arguments.js';
import type { KernelCall, KernelRequest } from '../kernel-call.js';
import { floatData, floatOutput, sizeOf } from '../reference-tensors.js';

interface LrnAttrs {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly bias: number;
}

export const lrn = defineOp({
  name: 'LRN',
  doc: 'scale = bias + alpha/size * (sum of x^2 over the `size` channels around this one); y = x * scale^-beta',
  source: 'caffe2/operators/local_response_normalization_op.cc',
  inputs: [{ name: 'x', doc: '[n, c, h, w]' }],
  outputs: [
    { name: 'y', doc: 'shaped as x' },
    { name: 'scale', doc: 'shaped as x', optional: true },
  ],
  attrs: {
    size: int('channels in a window, odd'),
    alpha: float('weight of the sum'),
    beta: float('exponent'),
    bias: float('added to the sum', 1),
  },
  infer: (request) => {
    const x = checkDType(request, 0, 'the image');
    checkRank(request, 0, 'the image', 4);
    const { size } = request.attrs;
    if (size < 1 || size % 2 === 0) request.fail('size must be odd and positive', { got: String(size) });
    return Array.from({ length: request.outputCount }, () => x);
  },
  reference: (request) => {
    const { size, alpha, beta, bias } = request.attrs;
    const x = request.tensor(0);
    const source = floatData(x);
    const pixels = sizeOf(x.dims, 2);
    const channels = x.dims[1] ?? 1;
    const y = floatOutput(request);
    const scales = request.outputs.length > 1 ? floatOutput(request, 1) : undefined;
    const half = (size - 1) / 2;
    source.forEach((value, i) => {
      const c = Math.floor(i / pixels) % channels;
      let sum = 0;
      for (let k = Math.max(0, c - half); k <= Math.min(channels - 1, c + half); k++) {
        sum += (source[i + (k - c) * pixels] ?? 0) ** 2;
      }
      const scale = bias + (alpha / size) * sum;
      y.data[i] = value * scale ** -beta;
      if (scales !== undefined) scales.data[i] = scale;
    });
    return scales === undefined ? [y.tensor] : [y.tensor, scales.tensor];
  },
  macs: ({ inputs, attrs }) => shapeMaxSize(inputs[0]?.shape ?? []) * attrs.size,
  lower: (request, attrs) => lowerLrn(request, attrs),
  caffe2: { LRN: importLrn },
  tolerance: { relative: 2e-5, absolute: 1e-6 },
  examples: [
    { attrs: { size: 3, alpha: 0.5, beta: 0.75, bias: 2 }, inputs: [{ dims: [2, 7, 3, 4], range: [-2, 2] }] },
    { note: 'window wider than the image', attrs: { size: 9, alpha: 1, beta: 0.5 }, inputs: [{ dims: [1, 3, 2, 2] }] },
  ],
});

function lowerLrn(request: KernelRequest, attrs: LrnAttrs): KernelCall {
  const { n, c, spatial } = imageDims(lowerType(request, 0).shape);
  const dims = structArg('LrnDims', [
    ['channels', c],
    ['pixels', shapeSize(spatial)],
    ['size', attrs.size],
    ['alpha', { float: attrs.alpha }],
    ['beta', { float: attrs.beta }],
    ['bias', { float: attrs.bias }],
  ]);
  const wantsScale = request.node.outputs[1] !== undefined;
  return {
    header: 'cortado/lrn.h',
    fn: 'lrn_plain',
    template: [],
    args: [extentArg(n), dims, inputArg(0), outputArg(), ...(wantsScale ? [outputArg(1)] : [])],
    parts: kRowParts,
  };
}

function importLrn(scope: ImportScope): readonly Value[] {
  scope.expectInputs(1);
  scope.expectOutputs(1, 2);
  const { args } = scope;
  const attrs = {
    size: args.int('size', 0),
    alpha: args.float('alpha', 0),
    beta: args.float('beta', 0),
    bias: args.float('bias', 1),
  };
  const order = readOrder(scope);
  const x = scope.input(0);
  if (x.type.shape.length !== 4)
    scope.fail('LRN needs an image of 4 dims', { blob: x.name, got: typeToString(x.type) });
  const outputs = scope.emit('LRN', [channelsFirst(scope, x, order)], attrs, scope.outputCount);
  return outputs.map((value) => restoreOrder(scope, value, order));
}
