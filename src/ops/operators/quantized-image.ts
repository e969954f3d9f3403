// ResizeNearestBytes and QuantizedRoIAlign: image operators over [n, h, w, c] bytes.

import { type Dim, dimEquals, isStatic, shapeSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { roundHalfEven } from '../../ir/numbers.js';
import { getNumber } from '../../ir/tensor.js';
import { typeToString, withShape } from '../../ir/type.js';
import { float, int } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank } from '../check-input.js';
import { defineOp } from '../define.js';
import { clampInt, roundedFactor, roundedScale } from '../fixed-point.js';
import { extentArg, inputArg, kRowParts, lowerOutput, lowerType, outputArg, structArg } from '../kernel-arguments.js';
import {
  outputRange,
  quantizedInput,
  readChannelsLast,
  readFixedQuantization,
  readOutputQuantization,
} from '../quantized-import.js';
import { byteData, byteOutput, checkBytes, kOutputRange, quantizedType } from '../quantized-type.js';
import { partsFor } from '../strided-copy.js';

export const resizeNearestBytes = defineOp({
  name: 'ResizeNearestBytes',
  doc: 'size trunc(in * scale), in float32; y[i] = x[min(trunc(i / scale), in - 1)] along height and width, channels last',
  source: 'caffe2/operators/quantized/int8_resize_nearest_op.h; catalogue 2.15',
  inputs: [{ name: 'x', doc: 'u8 [n, h, w, c]' }],
  outputs: [{ name: 'y', doc: 'u8 [n, h, w, c]' }],
  attrs: { heightScale: float('factor of the height', 1), widthScale: float('factor of the width', 1) },
  infer: (request) => {
    const x = checkBytes(request, 0, 'the image', 4);
    const [n = 1, h = 1, w = 1, c = 1] = x.shape;
    const scaled = (size: Dim, scale: number): number => {
      const result = isStatic(size) ? Math.trunc(Math.fround(size * Math.fround(scale))) : 0;
      if (!isStatic(size))
        request.fail('resizing needs an image of fixed height and width', { input: 0, code: 'unsupported' });
      if (!(result >= 1) || !Number.isFinite(result)) {
        request.fail('the scale leaves nothing of the image', { input: 0, got: `scale ${scale}` });
      }
      return result;
    };
    const { heightScale, widthScale } = request.attrs;
    return [withShape(x, [n, scaled(h, heightScale), scaled(w, widthScale), c])];
  },
  reference: (request) => {
    const x = request.tensor(0);
    const data = byteData(x);
    const y = byteOutput(request);
    const [, ih = 1, iw = 1, c = 1] = x.dims;
    const [, oh = 1, ow = 1] = y.tensor.dims;
    const { heightScale, widthScale } = request.attrs;
    const source = (i: number, scale: number, size: number): number =>
      Math.min(Math.trunc(Math.fround(i / Math.fround(scale))), size - 1);
    for (let pixel = 0; pixel < y.data.length / c; pixel++) {
      const row = source(Math.floor(pixel / ow) % oh, heightScale, ih);
      const from = ((Math.floor(pixel / (ow * oh)) * ih + row) * iw + source(pixel % ow, widthScale, iw)) * c;
      y.data.set(data.subarray(from, from + c), pixel * c);
    }
    return [y.tensor];
  },
  lower: (request, { heightScale, widthScale }) => {
    const [n = 1, ih = 1, iw = 1, c = 1] = lowerType(request, 0).shape;
    const [, oh = 1, ow = 1] = lowerOutput(request).shape;
    return {
      header: 'cortado/quantized_image.h',
      fn: 'resize_nearest_bytes',
      template: [],
      args: [
        extentArg(n),
        structArg('ByteImageDims', [
          ['channels', c],
          ['in', [ih, iw]],
          ['out', [oh, ow]],
          ['scale', [{ float: heightScale }, { float: widthScale }]],
        ]),
        inputArg(0),
        outputArg(),
      ],
      parts: kRowParts,
    };
  },
  tolerance: { relative: 0, absolute: 0 },
  caffe2: { Int8ResizeNearest: importResizeNearest },
  examples: [
    { attrs: { heightScale: 2, widthScale: 3 }, inputs: [{ dtype: 'u8', dims: [2, 2, 3, 5], range: [0, 256] }] },
    { attrs: { heightScale: 1.9, widthScale: 0.6 }, inputs: [{ dtype: 'u8', dims: [1, 17, 9, 3], range: [0, 256] }] },
  ],
});

function importResizeNearest(scope: ImportScope): readonly Value[] {
  scope.expectInputs(1);
  scope.expectOutputs(1);
  scope.args.ignore('order');
  const x = quantizedInput(scope, 0);
  readFixedQuantization(scope, x);
  const attrs = { heightScale: scope.args.float('height_scale', 1), widthScale: scope.args.float('width_scale', 1) };
  return [scope.emitOne('ResizeNearestBytes', [x.value], attrs)];
}

export const quantizedRoiAlign = defineOp({
  name: 'QuantizedRoIAlign',
  doc:
    'mean of bilinear samples in each cell of the grid, as the float RoIAlign places them; the weights of a sample are rounded ' +
    'to bytes of 255 steps (0.5 * 0.5 -> 64), the sum of weight * (x - xZero) is scaled by factor / (255 * samples) as in TensorFlow Lite',
  source: 'caffe2/operators/quantized/int8_roi_align_op.h; catalogue 2.15',
  inputs: [
    { name: 'x', doc: 'u8 [n, h, w, c]' },
    { name: 'rois', doc: 'f32 [r,4], or [r,5] with the image first: x1, y1, x2, y2 in the image' },
  ],
  outputs: [{ name: 'y', doc: 'u8 [r, height, width, c]' }],
  attrs: {
    spatialScale: float('size of the feature map divided by the size of the image', 1),
    height: int('rows of the grid', 1),
    width: int('columns of the grid', 1),
    sampling: int('samples in each direction; <= 0: as many as the cell has pixels', -1),
    xZero: int('the x that stands for 0'),
    factor: float('scale of x / scale of y'),
    ...kOutputRange,
  },
  infer: (request) => {
    const { height, width, factor } = request.attrs;
    const [, , , c = 1] = checkBytes(request, 0, 'the image', 4).shape;
    checkRank(request, 1, 'the list of regions', 2);
    const [count = 1, columns = 5] = checkDType(request, 1, 'the list of regions').shape;
    if (![4, 5].some((size) => dimEquals(size, columns))) {
      request.fail('a region has 4 or 5 numbers', { input: 1, got: typeToString(request.type(1)) });
    }
    if (height < 1 || width < 1) request.fail('the grid must not be empty', { got: `${height} x ${width}` });
    if (!(factor > 0 && factor < 255))
      request.fail('the scales do not fit together', { expected: 'a factor in (0, 255)' });
    return [quantizedType([count, height, width, c], request.attrs)];
  },
  reference: (request) => {
    const { attrs } = request;
    const x = request.tensor(0);
    const rois = request.tensor(1);
    const data = byteData(x);
    const y = byteOutput(request);
    const [images = 1, ih = 1, iw = 1, c = 1] = x.dims;
    const columns = rois.dims[1] ?? 5;
    for (let r = 0; r < (rois.dims[0] ?? 0); r++) {
      const image = columns === 5 ? Math.trunc(getNumber(rois, r * 5)) : 0;
      if (!(image >= 0 && image < images)) return request.fault(`roi ${r} names image ${image} of ${images}`);
      const corner = (k: number): number =>
        Math.fround(getNumber(rois, r * columns + columns - 4 + k) * Math.fround(attrs.spatialScale));
      const rows = sampleRows(corner(1), corner(3), attrs.height, attrs.sampling, ih);
      const cols = sampleRows(corner(0), corner(2), attrs.width, attrs.sampling, iw);
      const samples = (rows[0]?.length ?? 0) * (cols[0]?.length ?? 0);
      const scale = samples === 0 ? undefined : roundedFactor(Math.max(attrs.factor / (255 * samples), 2 ** -31));
      for (let cell = 0; cell < attrs.height * attrs.width; cell++) {
        const places = (rows[Math.floor(cell / attrs.width)] ?? []).flatMap((row) =>
          (cols[cell % attrs.width] ?? []).flatMap((column) => neighboursOf(row, column)),
        );
        for (let k = 0; k < c; k++) {
          const sum = places.reduce((total, [i, j, weight]) => {
            const byte = data[((image * ih + i) * iw + j) * c + k] ?? 0;
            return total + weight * (byte - attrs.xZero);
          }, 0);
          const value = scale === undefined ? 0 : roundedScale(sum | 0, scale);
          y.data[(r * attrs.height * attrs.width + cell) * c + k] = clampInt(
            value + attrs.yZero,
            attrs.low,
            attrs.high,
          );
        }
      }
    }
    return [y.tensor];
  },
  lower: (request, attrs) => {
    const rois = lowerType(request, 1).shape;
    return {
      header: 'cortado/quantized_image.h',
      fn: 'quantized_roi_align',
      template: [],
      args: [
        inputArg(0),
        inputArg(1),
        outputArg(),
        { kind: 'dims', shape: [...lowerType(request, 0).shape, ...rois] },
        structArg('QuantizedRoiOptions', [
          ['spatial_scale', { float: attrs.spatialScale }],
          ['height', attrs.height],
          ['width', attrs.width],
          ['sampling', attrs.sampling],
          ['factor', { float: attrs.factor }],
          ['x_zero', attrs.xZero],
          ['y_zero', attrs.yZero],
          ['low', attrs.low],
          ['high', attrs.high],
        ]),
      ],
      parts: partsFor([shapeSize(lowerOutput(request).shape)], request),
      fallible: true,
    };
  },
  // Where a sample lies is computed in floats, and a contracted product may round a weight to the other side.
  tolerance: { relative: 0, absolute: 1 },
  caffe2: { Int8RoIAlign: importRoiAlign },
  examples: [
    {
      attrs: { spatialScale: 0.25, height: 2, width: 3, sampling: 2, xZero: 120, yZero: 130, factor: 0.75 },
      inputs: [
        { dtype: 'u8', dims: [2, 8, 9, 3], range: [0, 256] },
        { dims: [3, 5], values: [0, 1, 2, 20, 24, 1, 5, 5, 30, 12, 0, 0, 0, 35, 31] },
      ],
    },
    {
      attrs: { spatialScale: 0.5, height: 2, width: 2, sampling: 0, xZero: 0, factor: 1 },
      inputs: [
        { dtype: 'u8', dims: [1, 6, 7, 19], range: [0, 256] },
        { dims: [2, 4], values: [1, 2, 9, 10, 3, 3, 12, 11] },
      ],
    },
  ],
});

/** A coordinate between two pixels; `share` belongs to the higher one. */
interface Place {
  readonly low: number;
  readonly high: number;
  readonly share: number;
}

/** Per cell along one axis, the places of its samples; undefined for a sample outside the image. */
function sampleRows(
  start: number,
  end: number,
  cells: number,
  sampling: number,
  size: number,
): readonly (readonly (Place | undefined)[])[] {
  const bin = Math.fround(Math.max(Math.fround(end - start), 1) / cells);
  const count = sampling > 0 ? sampling : bin < 2 ** 20 ? Math.ceil(bin) : 0;
  const place = (at: number): Place | undefined => {
    if (!(at >= -1 && at <= size)) return undefined;
    const inside = Math.max(at, 0);
    const low = Math.floor(inside);
    return low >= size - 1
      ? { low: size - 1, high: size - 1, share: 0 }
      : { low, high: low + 1, share: Math.fround(inside - low) };
  };
  return Array.from({ length: cells }, (_, cell) =>
    Array.from({ length: count }, (_, i) => {
      const from = Math.fround(start + Math.fround(cell * bin));
      return place(Math.fround(from + Math.fround(Math.fround((i + 0.5) * bin) / count)));
    }),
  );
}

/** Row, column and weight of the four pixels around a sample. */
function neighboursOf(
  row: Place | undefined,
  column: Place | undefined,
): readonly (readonly [number, number, number])[] {
  if (row === undefined || column === undefined) return [];
  const weight = (a: number, b: number): number => roundHalfEven(Math.fround(Math.fround(a * b) * 255));
  const above = Math.fround(1 - row.share);
  const before = Math.fround(1 - column.share);
  return [
    [row.low, column.low, weight(above, before)],
    [row.low, column.high, weight(above, column.share)],
    [row.high, column.low, weight(row.share, before)],
    [row.high, column.high, weight(row.share, column.share)],
  ];
}

function importRoiAlign(scope: ImportScope): readonly Value[] {
  scope.expectInputs(2);
  scope.expectOutputs(1);
  readChannelsLast(scope, 'NHWC');
  const { args } = scope;
  const x = quantizedInput(scope, 0);
  const y = readOutputQuantization(scope);
  const attrs = {
    height: args.int('pooled_h', 1),
    width: args.int('pooled_w', 1),
    spatialScale: args.float('spatial_scale', 1),
    sampling: args.int('sampling_ratio', -1),
    xZero: x.zeroPoint,
    factor: Math.fround(x.scale / y.scale),
    ...outputRange(y, false),
  };
  return [scope.emitOne('QuantizedRoIAlign', [x.value, scope.input(1)], attrs)];
}
