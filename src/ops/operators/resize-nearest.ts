// ResizeNearest: enlarges or shrinks an image by repeating or skipping pixels.

import { type Dim, dimFloorDiv, dimMax, dimMin, dimMul, dimToString, isStatic } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { typeToString } from '../../ir/type.js';
import { float } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank } from '../check-input.js';
import { defineOp, type InferRequest } from '../define.js';
import { reshapeTo } from '../flatten-import.js';
import { channelsFirst, readOrder, restoreOrder } from '../image-order.js';
import {
  extentArg,
  imageDims,
  inputArg,
  kRowParts,
  lowerOutput,
  lowerType,
  outputArg,
  structArg,
} from '../kernel-arguments.js';
import { floatData, floatOutput } from '../reference-tensors.js';

interface ResizeAttrs {
  readonly heightScale: number;
  readonly widthScale: number;
}

export const resizeNearest = defineOp({
  name: 'ResizeNearest',
  doc: 'size trunc(in * scale), in float32; y[i] = x[min(trunc(i / scale), in - 1)]; 3 wide, scale 1.5: 4 wide, reads 0 0 1 2',
  source: 'caffe2/operators/resize_op.cc',
  inputs: [{ name: 'x', doc: '[n, c, h, w]' }],
  outputs: [{ name: 'y', doc: '[n, c, h, w]' }],
  attrs: { heightScale: float('factor of the height', 1), widthScale: float('factor of the width', 1) },
  infer: (request) => {
    const x = checkDType(request, 0, 'the image');
    checkRank(request, 0, 'the image', 4);
    const [n = 1, c = 1, h = 1, w = 1] = x.shape;
    const { heightScale, widthScale } = request.attrs;
    return [{ ...x, shape: [n, c, scaledSize(request, h, heightScale), scaledSize(request, w, widthScale)] }];
  },
  reference: (request) => {
    const x = request.tensor(0);
    const y = floatOutput(request);
    const [, , ih = 1, iw = 1] = x.dims;
    const [, , oh = 1, ow = 1] = y.tensor.dims;
    const rows = Array.from({ length: oh }, (_, i) => sourceIndex(i, request.attrs.heightScale, ih));
    const columns = Array.from({ length: ow }, (_, i) => sourceIndex(i, request.attrs.widthScale, iw));
    const source = floatData(x);
    for (let i = 0; i < y.data.length; i++) {
      const plane = Math.floor(i / (oh * ow));
      const row = rows[Math.floor(i / ow) % oh] ?? 0;
      y.data[i] = source[(plane * ih + row) * iw + (columns[i % ow] ?? 0)] ?? 0;
    }
    return [y.tensor];
  },
  lower: (request, attrs) => {
    const x = imageDims(lowerType(request, 0).shape);
    const y = imageDims(lowerOutput(request).shape);
    return {
      header: 'cortado/resize.h',
      fn: 'resize_nearest_plain',
      template: [],
      args: [
        extentArg(x.n),
        structArg('ResizeDims', [
          ['channels', x.c],
          ['in_height', x.spatial[0] ?? 1],
          ['in_width', x.spatial[1] ?? 1],
          ['out_height', y.spatial[0] ?? 1],
          ['out_width', y.spatial[1] ?? 1],
          ['height_scale', { float: attrs.heightScale }],
          ['width_scale', { float: attrs.widthScale }],
        ]),
        inputArg(0),
        outputArg(),
      ],
      parts: kRowParts,
    };
  },
  caffe2: { ResizeNearest: importResizeNearest, UpsampleNearest: importUpsampleNearest },
  examples: [
    { attrs: { heightScale: 2, widthScale: 3 }, inputs: [{ dims: [2, 3, 2, 3] }] },
    { attrs: { heightScale: 1.9, widthScale: 1.1 }, inputs: [{ dims: [1, 2, 17, 3] }] },
    { attrs: { heightScale: 0.5, widthScale: 0.6 }, inputs: [{ dims: [1, 2, 7, 9] }] },
  ],
});

function sourceIndex(i: number, scale: number, size: number): number {
  return Math.min(Math.trunc(Math.fround(i / Math.fround(scale))), size - 1);
}

/** trunc(size * scale) in float32. */
function scaledSize(request: InferRequest<ResizeAttrs>, size: Dim, scale: number): Dim {
  const factor = Math.fround(scale);
  const fits = factor > 0 && Number.isFinite(factor);
  const result = !fits
    ? 0
    : isStatic(size)
      ? Math.trunc(Math.fround(size * factor))
      : scaledDynamic(request, size, factor);
  if (dimMin(result) < 1) {
    request.fail('the scale leaves nothing of the image', { input: 0, got: `scale ${scale} of ${dimToString(size)}` });
  }
  return result;
}

/** A float is a whole number over a power of two; the product is exact while it stays below 2^24. */
function scaledDynamic(request: InferRequest<ResizeAttrs>, size: Dim, factor: number): Dim {
  let numerator = factor;
  let denominator = 1;
  while (!Number.isInteger(numerator) && denominator < 2 ** 24) {
    numerator *= 2;
    denominator *= 2;
  }
  if (!Number.isInteger(numerator) || dimMax(size) * numerator >= 2 ** 24) {
    request.fail('this scale needs an image of fixed size', {
      input: 0,
      code: 'unsupported',
      got: `scale ${factor} of ${dimToString(size)}`,
      remedy: 'give the input a fixed height and width',
    });
  }
  return dimFloorDiv(dimMul(size, numerator), denominator);
}

function importResizeNearest(scope: ImportScope): readonly Value[] {
  scope.expectInputs(1);
  scope.expectOutputs(1);
  const { args } = scope;
  const attrs = { heightScale: args.float('height_scale', 1), widthScale: args.float('width_scale', 1) };
  const order = readOrder(scope);
  const x = scope.input(0);
  if (x.type.shape.length !== 4) {
    scope.fail('ResizeNearest needs an image of 4 dims', { blob: x.name, got: typeToString(x.type) });
  }
  const y = scope.emitOne('ResizeNearest', [channelsFirst(scope, x, order)], attrs);
  return [restoreOrder(scope, y, order)];
}

/** Detectron's form: one whole factor for both axes; an image may lack the batch dim. */
function importUpsampleNearest(scope: ImportScope): readonly Value[] {
  scope.expectInputs(1);
  scope.expectOutputs(1);
  if (scope.isOnCpu) {
    scope.fail('Caffe2 has UpsampleNearest for GPUs alone, and refuses it on a CPU', {
      code: 'unsupported',
      remedy: 'use ResizeNearest with width_scale and height_scale, or leave the net on its GPU (device_option)',
    });
  }
  const scale = scope.args.int('scale', 2);
  const x = scope.input(0);
  const { shape } = x.type;
  if (scale < 1 || shape.length < 3 || shape.length > 4) {
    scope.fail('UpsampleNearest needs an image of 3 or 4 dims and a positive scale', {
      blob: x.name,
      got: `${typeToString(x.type)} and scale ${scale}`,
    });
  }
  const image = shape.length === 4 ? x : reshapeTo(scope, x, [1, ...shape]);
  const y = scope.emitOne('ResizeNearest', [image], { heightScale: scale, widthScale: scale });
  return [shape.length === 4 ? y : reshapeTo(scope, y, y.type.shape.slice(1))];
}
