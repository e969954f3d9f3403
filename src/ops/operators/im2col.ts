// Im2Col and Col2Im: the windows of an image side by side as channels, and their sum back into an image.

import { type Dim, dimEquals, dimMin, dimMul, dimToString, isStatic, shapeMaxSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { typeToString } from '../../ir/type.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank } from '../check-input.js';
import { defineOp } from '../define.js';
import { reshapeTo } from '../flatten-import.js';
import { channelsFirst, type ImageOrder, readOrder, restoreOrder } from '../image-order.js';
import { extentArg, imageDims, inputArg, kRowParts, lowerType, outputArg, structArg } from '../kernel-arguments.js';
import type { KernelCall, KernelRequest } from '../kernel-call.js';
import { floatData, floatOutput, sizeOf } from '../reference-tensors.js';
import { inferWindow, kWindowAttrs, type Window, windowAxis, windowCount, windowSpan } from '../window.js';

/** Calls back for every tap inside the image: plane of the image, offset there, offset in the columns. */
function forEachTap(
  image: readonly number[],
  window: Window,
  visit: (imageAt: number, columnAt: number) => void,
): void {
  const [n = 0, c = 0, h = 0, w = 0] = image;
  const [rows, columns] = [windowAxis(window, 0), windowAxis(window, 1)];
  const [oh, ow] = [Number(windowCount(h, rows)), Number(windowCount(w, columns))];
  let columnAt = 0;
  for (let plane = 0; plane < n * c; plane++) {
    for (let tap = 0; tap < rows.kernel * columns.kernel; tap++) {
      for (let place = 0; place < oh * ow; place++, columnAt++) {
        const i = Math.floor(place / ow) * rows.stride - rows.head + Math.floor(tap / columns.kernel) * rows.dilation;
        const j = (place % ow) * columns.stride - columns.head + (tap % columns.kernel) * columns.dilation;
        if (i >= 0 && i < h && j >= 0 && j < w) visit((plane * h + i) * w + j, columnAt);
      }
    }
  }
}

export const im2col = defineOp({
  name: 'Im2Col',
  doc: 'y[n, (c * kh + i) * kw + j, p, q] = x[n, c, p * stride - head + i * dilation, q * ...]; 0 outside the image',
  source: 'caffe2/operators/im2col_op.h',
  inputs: [{ name: 'x', doc: '[n, c, h, w]' }],
  outputs: [{ name: 'y', doc: '[n, c * kh * kw, output h, output w]' }],
  attrs: kWindowAttrs,
  infer: (request) => {
    const x = checkDType(request, 0, 'the image');
    checkRank(request, 0, 'the image', 4);
    const [n = 1, c = 1, ...spatial] = x.shape;
    const output = inferWindow(request, spatial, request.attrs);
    return [{ ...x, shape: [n, dimMul(c, sizeOf(request.attrs.kernel)), ...output] }];
  },
  reference: (request) => {
    const x = request.tensor(0);
    const source = floatData(x);
    const y = floatOutput(request);
    forEachTap(x.dims, request.attrs, (imageAt, columnAt) => {
      y.data[columnAt] = source[imageAt] ?? 0;
    });
    return [y.tensor];
  },
  lower: (request, attrs) => lowerColumns(request, 'im2col', attrs, 0),
  caffe2: { Im2Col: importIm2Col },
  examples: [
    {
      attrs: { kernel: [2, 3], strides: [2, 1], pads: [1, 0, 1, 1], dilations: [1, 2] },
      inputs: [{ dims: [2, 2, 5, 6] }],
    },
  ],
});

export const col2im = defineOp({
  name: 'Col2Im',
  doc: 'the transpose of Im2Col: adds every column entry to the pixel it was taken from',
  source: 'caffe2/operators/im2col_op.h',
  inputs: [
    { name: 'columns', doc: '[n, c * kh * kw, output h, output w]' },
    { name: 'like', doc: '[n, c, h, w], only its shape counts' },
  ],
  outputs: [{ name: 'y', doc: 'shaped as like' }],
  attrs: kWindowAttrs,
  infer: (request) => {
    const columns = checkDType(request, 0, 'the columns');
    const like = checkDType(request, 1, 'the image');
    checkRank(request, 0, 'the columns', 4);
    checkRank(request, 1, 'the image', 4);
    const [n = 1, c = 1, ...spatial] = like.shape;
    const output = inferWindow(request, spatial, request.attrs);
    const wanted: readonly Dim[] = [n, dimMul(c, sizeOf(request.attrs.kernel)), ...output];
    if (!wanted.every((dim, i) => dimEquals(dim, columns.shape[i] ?? 0))) {
      request.fail('the columns do not fit the image', {
        input: 0,
        expected: `[${wanted.map(dimToString).join(',')}]`,
      });
    }
    return [like];
  },
  reference: (request) => {
    const columns = floatData(request.tensor(0));
    const like = request.tensor(1);
    const sums = new Float64Array(sizeOf(like.dims));
    forEachTap(like.dims, request.attrs, (imageAt, columnAt) => {
      sums[imageAt] = (sums[imageAt] ?? 0) + (columns[columnAt] ?? 0);
    });
    const y = floatOutput(request);
    y.data.set(sums);
    return [y.tensor];
  },
  macs: ({ inputs }) => shapeMaxSize(inputs[0]?.shape ?? []),
  lower: (request, attrs) => lowerColumns(request, 'col2im', attrs, 1),
  caffe2: { Col2Im: importCol2Im },
  examples: [
    {
      attrs: { kernel: [2, 3], strides: [2, 1], pads: [1, 0, 1, 1], dilations: [1, 2] },
      inputs: [{ dims: [2, 12, 3, 3] }, { dims: [2, 2, 5, 6] }],
    },
  ],
});

/** Call of runtime/include/cortado/im2col.h; input `imageInput` has the image's shape. */
function lowerColumns(request: KernelRequest, fn: string, attrs: Window, imageInput: number): KernelCall {
  const { n, c, spatial } = imageDims(lowerType(request, imageInput).shape);
  const axes = [windowAxis(attrs, 0), windowAxis(attrs, 1)];
  return {
    header: 'cortado/im2col.h',
    fn,
    template: [],
    args: [
      extentArg(n),
      structArg('ColumnDims', [
        ['channels', c],
        ['in', spatial],
        ['out', spatial.map((size, i) => windowCount(size, windowAxis(attrs, i)))],
        ['kernel', attrs.kernel],
        ['stride', attrs.strides],
        ['pad', axes.map((axis) => axis.head)],
        ['dilation', attrs.dilations],
      ]),
      inputArg(0),
      outputArg(),
    ],
    parts: kRowParts,
  };
}

/** Each of kernel, dilation and stride for both axes, or per axis; one pad for all sides. */
function readColumnWindow(scope: ImportScope): Window {
  const pair = (name: string, fallback: number): readonly number[] => {
    const both = scope.args.int(name, fallback);
    return [scope.args.int(`${name}_h`, both), scope.args.int(`${name}_w`, both)];
  };
  const pad = scope.args.int('pad', 0);
  const window = {
    kernel: pair('kernel', 0),
    strides: pair('stride', 1),
    pads: [pad, pad, pad, pad],
    dilations: pair('dilation', 1),
  };
  if ([...window.kernel, ...window.strides, ...window.dilations].some((value) => value < 1) || pad < 0) {
    scope.fail('bad window', {
      expected: 'kernel, stride and dilation of at least 1, pad of at least 0',
      got: `kernel [${window.kernel.join(',')}], stride [${window.strides.join(',')}], pad ${pad}`,
    });
  }
  return window;
}

/** The image as [n, c, h, w]; Caffe2 wants the window to fit without the padding. */
function readImage(scope: ImportScope, i: number, order: ImageOrder, window: Window): Value {
  const x = scope.input(i);
  if (x.type.shape.length !== 4)
    scope.fail('an image of 4 dims is needed', { blob: x.name, got: typeToString(x.type) });
  const image = channelsFirst(scope, x, order);
  const fits = image.type.shape.slice(2).every((size, axis) => dimMin(size) >= windowSpan(windowAxis(window, axis)));
  if (!fits) scope.fail('the window is larger than the image', { blob: x.name, got: typeToString(x.type) });
  return image;
}

function importIm2Col(scope: ImportScope): readonly Value[] {
  scope.expectInputs(1);
  scope.expectOutputs(1);
  const order = readOrder(scope);
  const window = readColumnWindow(scope);
  const image = readImage(scope, 0, order, window);
  const y = scope.emitOne('Im2Col', [image], { ...window });
  if (order === 'NCHW') return [y];
  // Channels last, the taps come before the channels.
  const [n = 1, all = 1, h = 1, w = 1] = y.type.shape;
  const c = fixedChannels(scope, image);
  const split = reshapeTo(scope, y, [n, c, sizeOf(window.kernel), h, w]);
  return [reshapeTo(scope, scope.emitOne('Transpose', [split], { perm: [0, 3, 4, 2, 1] }), [n, h, w, all])];
}

function importCol2Im(scope: ImportScope): readonly Value[] {
  scope.expectInputs(2);
  scope.expectOutputs(1);
  const order = readOrder(scope);
  const window = readColumnWindow(scope);
  const image = readImage(scope, 1, order, window);
  const columns = scope.input(0);
  if (columns.type.shape.length !== 4) scope.fail('the columns need 4 dims', { blob: columns.name });
  if (order === 'NCHW') return [scope.emitOne('Col2Im', [columns, image], { ...window })];
  const [n = 1, h = 1, w = 1, all = 1] = columns.type.shape;
  const taps = sizeOf(window.kernel);
  const c = fixedChannels(scope, image);
  const split = reshapeTo(scope, columns, [n, h, w, taps, c]);
  const planes = reshapeTo(scope, scope.emitOne('Transpose', [split], { perm: [0, 4, 3, 1, 2] }), [n, all, h, w]);
  return [restoreOrder(scope, scope.emitOne('Col2Im', [planes, image], { ...window }), order)];
}

function fixedChannels(scope: ImportScope, image: Value): number {
  const c = image.type.shape[1] ?? 1;
  return isStatic(c) ? c : scope.fail('the number of channels must be fixed', { got: typeToString(image.type) });
}
