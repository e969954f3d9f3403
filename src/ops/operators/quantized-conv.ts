// QuantizedConv: 8-bit convolution over [n, h, w, c] with int32 sums and QNNPACK's q31 requantization. Int8FC is a 1x1
// convolution of one pixel.

import { type Dim, isStatic, type Shape, shapeMaxSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { typeToString } from '../../ir/type.js';
import { int } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineOp, type Example } from '../define.js';
import { flattenAt, reshapeTo } from '../flatten-import.js';
import { readChannelsLast } from '../quantized-import.js';
import {
  checkImage,
  exampleInputs,
  exampleProduct,
  inferFilter,
  kFormula,
  kInputs,
  kProductAttrs,
  lowerProduct,
  readProduct,
  referenceProduct,
} from '../quantized-product.js';
import { checkBytes, quantizedType } from '../quantized-type.js';
import { inferWindow, kWindowAttrs } from '../window.js';
import { placeWindow, readWindowArguments } from '../window-arguments.js';

export const quantizedConv = defineOp({
  name: 'QuantizedConv',
  doc: `8-bit convolution, channels last: ${kFormula}`,
  source: 'caffe2/operators/quantized/int8_conv_op.h, QNNPACK q8conv and requantization; catalogue 2.15',
  inputs: kInputs,
  outputs: [{ name: 'y', doc: 'u8 [n, h, w, m]' }],
  attrs: { ...kWindowAttrs, group: int('number of groups of channels', 1), ...kProductAttrs },
  infer: (request) => {
    const [n = 1, h = 1, w = 1] = checkBytes(request, 0, 'the image', 4).shape;
    const m = inferFilter(request, request.attrs.group, request.attrs.kernel);
    const [height = 1, width = 1] = inferWindow(request, [h, w], request.attrs);
    return [quantizedType([n, height, width, m], request.attrs)];
  },
  reference: (request) => referenceProduct(request, { ...request.attrs, isTransposed: false }),
  macs: ({ inputs, outputs }) => shapeMaxSize(outputs[0]?.shape ?? []) * shapeMaxSize(inputs[1]?.shape.slice(1) ?? []),
  lower: (request, attrs) => lowerProduct(request, { ...attrs, isTransposed: false }),
  tolerance: { relative: 0, absolute: 0 },
  caffe2: { Int8Conv: importConv, Int8ConvRelu: importConv, Int8FC: importFc },
  examples: convExamples(),
});

function importConv(scope: ImportScope): readonly Value[] {
  scope.expectInputs(3);
  scope.expectOutputs(1);
  readChannelsLast(scope);
  const args = readWindowArguments(scope);
  const product = readProduct(scope, scope.type === 'Int8ConvRelu');
  const image = scope.input(0);
  checkImage(scope, image);
  const { window, crop } = placeWindow(scope, args, image.type.shape.slice(1, 3));
  if (crop !== undefined) scope.fail('a pad is negative', { got: `pads [${args.pads.join(',')}]` });
  const attrs = { ...window, group: args.group, ...product };
  return [scope.emitOne('QuantizedConv', [image, scope.input(1), scope.input(2)], attrs)];
}

/** X is flattened at axis 1; W is [n, k]. */
function importFc(scope: ImportScope): readonly Value[] {
  scope.expectInputs(3);
  scope.expectOutputs(1);
  scope.args.ignore('order', 'axis', 'axis_w');
  const product = readProduct(scope, false);
  const x = flattenAt(scope, scope.input(0), 1);
  const w = flattenAt(scope, scope.input(1), 1);
  const [rows = 1, k = 1] = x.type.shape;
  const [features = 1, own = 1] = w.type.shape;
  if (!isStatic(k) || k !== own) {
    scope.fail('input and weight do not fit', {
      expected: 'equal numbers of input features',
      got: `${typeToString(x.type)} and ${typeToString(w.type)}`,
    });
  }
  const one = { kernel: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 };
  const pixel = reshapeTo(scope, x, pixelShape(rows, k));
  const filter = reshapeTo(scope, w, pixelShape(features, own));
  const y = scope.emitOne('QuantizedConv', [pixel, filter, scope.input(2)], { ...one, ...product });
  return [reshapeTo(scope, y, [rows, features])];
}

function pixelShape(rows: Dim, features: Dim): Shape {
  return [rows, 1, 1, features];
}

function convExamples(): readonly Example[] {
  const example = (
    note: string,
    x: readonly number[],
    w: readonly number[],
    window: { readonly [name: string]: number | readonly number[] } = {},
    product: { readonly [name: string]: number } = {},
  ): Example => ({
    note,
    attrs: {
      kernel: w.slice(1, 3),
      strides: [1, 1],
      pads: [0, 0, 0, 0],
      dilations: [1, 1],
      ...exampleProduct(),
      ...window,
      ...product,
    },
    inputs: exampleInputs(x, w),
  });
  return [
    example('strides, pads, dilation', [2, 7, 8, 3], [5, 3, 2, 3], {
      strides: [2, 1],
      pads: [1, 0, 1, 2],
      dilations: [1, 2],
    }),
    example('1x1, clamped below', [1, 3, 5, 33], [17, 1, 1, 33], {}, { low: 117, shift: 8 }),
    example('groups', [1, 4, 5, 8], [6, 3, 3, 4], { pads: [1, 1, 1, 1], group: 2 }),
    example('depthwise', [2, 6, 5, 19], [19, 3, 3, 1], { strides: [2, 2], pads: [1, 1, 1, 1], group: 19 }),
    example('depthwise with a channel multiplier', [1, 4, 4, 3], [6, 3, 3, 1], { pads: [1, 1, 1, 1], group: 3 }),
    example('no shift', [3, 1, 1, 40], [10, 1, 1, 40], {}, { multiplier: 1073741952, shift: 0, xZero: 0, wZero: 255 }),
    example('the largest shift', [1, 2, 2, 2], [2, 1, 1, 2], {}, { multiplier: 2147483520, shift: 31 }),
  ];
}
