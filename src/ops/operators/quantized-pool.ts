// QuantizedMaxPool and QuantizedAveragePool: windows over [n, h, w, c] bytes.

import { type Dim, isStatic } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { roundHalfEven } from '../../ir/numbers.js';
import type { NumericTensor } from '../../ir/tensor.js';
import { typeToString } from '../../ir/type.js';
import { float, int, ints } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineOp, type Example, type InferRequest, type ReferenceRequest } from '../define.js';
import { clampInt } from '../fixed-point.js';
import {
  extentArg,
  floatArg,
  inputArg,
  kRowParts,
  lowerOutput,
  lowerType,
  outputArg,
  structArg,
} from '../kernel-arguments.js';
import type { KernelArg, KernelCall, KernelRequest } from '../kernel-call.js';
import {
  outputRange,
  quantizedInput,
  readChannelsLast,
  readFixedQuantization,
  readOutputQuantization,
} from '../quantized-import.js';
import { byteData, byteOutput, checkBytes, intArg, kOutputRange, quantizedType } from '../quantized-type.js';
import { inferWindow, type Window } from '../window.js';
import { placeWindow, readWindowArguments } from '../window-arguments.js';

const kPoolAttrs = {
  kernel: ints('window size per spatial axis'),
  strides: ints('step per spatial axis'),
  pads: ints('padding before each axis, then after each axis'),
  ...kOutputRange,
};

interface PoolAttrs extends Omit<Window, 'dilations'> {
  readonly yScale: number;
  readonly yZero: number;
  readonly low: number;
  readonly high: number;
}

export const quantizedMaxPool = defineOp({
  name: 'QuantizedMaxPool',
  doc: 'the largest byte of each window inside the image, clamped to [low, high]; x and y are quantized alike',
  source: 'caffe2/operators/quantized/int8_max_pool_op.h; catalogue 2.15',
  inputs: [{ name: 'x', doc: 'u8 [n, h, w, c]' }],
  outputs: [{ name: 'y', doc: 'u8 [n, h, w, c]' }],
  attrs: kPoolAttrs,
  infer: (request) => [inferPool(request)],
  reference: (request) => {
    const { low, high } = request.attrs;
    return [reducePool(request, (bytes) => clampInt(Math.max(0, ...bytes), low, high))];
  },
  lower: (request, attrs) =>
    lowerPool(request, attrs, 'quantized_max_pool', [intArg(attrs.low), intArg(attrs.high)], 0),
  tolerance: { relative: 0, absolute: 0 },
  caffe2: { Int8MaxPool: importMaxPool, Int8MaxPoolRelu: importMaxPool },
  examples: poolExamples({ low: 40, yZero: 40 }),
});

export const quantizedAveragePool = defineOp({
  name: 'QuantizedAveragePool',
  doc:
    'y = clamp(round(sum * factor) + yZero, low, high), halves to even, the product in float32; sum of x - xZero over the ' +
    'window, padding counting as 0. Bytes 1 2 3 4, zero 0, factor 0.25: 2.5 -> 2',
  source: 'caffe2/operators/quantized/int8_average_pool_op.h, QNNPACK q8avgpool; catalogue 2.15',
  inputs: [{ name: 'x', doc: 'u8 [n, h, w, c]' }],
  outputs: [{ name: 'y', doc: 'u8 [n, h, w, c]' }],
  attrs: {
    ...kPoolAttrs,
    xZero: int('the x that stands for 0'),
    factor: float('scale of x / (scale of y * pixels of the window)'),
  },
  infer: (request) => [inferPool(request)],
  reference: (request) => {
    const { low, high, xZero, yZero, factor } = request.attrs;
    const average = (bytes: readonly number[]): number => {
      const sum = bytes.reduce((total, byte) => total + byte - xZero, 0);
      const scaled = Math.fround(Math.fround(sum) * Math.fround(factor));
      return roundHalfEven(clampInt(scaled, low - yZero, high - yZero)) + yZero;
    };
    return [reducePool(request, average)];
  },
  lower: (request, attrs) =>
    lowerPool(
      request,
      attrs,
      'quantized_average_pool',
      [intArg(attrs.xZero), floatArg(attrs.factor), intArg(attrs.yZero), intArg(attrs.low), intArg(attrs.high)],
      4,
    ),
  tolerance: { relative: 0, absolute: 0 },
  caffe2: { Int8AveragePool: importAveragePool, Int8AveragePoolRelu: importAveragePool },
  examples: poolExamples({ xZero: 117, yZero: 130, factor: 0.21 }),
});

function inferPool(request: InferRequest<PoolAttrs>) {
  const { attrs } = request;
  const [n = 1, h = 1, w = 1, c = 1] = checkBytes(request, 0, 'the image', 4).shape;
  if (!isStatic(c)) request.fail('the number of channels varies at run time', { input: 0, code: 'unsupported' });
  return quantizedType([n, ...inferWindow(request, [h, w], { ...attrs, dilations: [1, 1] }), c], attrs);
}

/** y[n, o, p, c] = reduce(bytes of the window inside the image). */
function reducePool(request: ReferenceRequest<PoolAttrs>, reduce: (bytes: readonly number[]) => number): NumericTensor {
  const { kernel, strides, pads } = request.attrs;
  const x = request.tensor(0);
  const data = byteData(x);
  const y = byteOutput(request);
  const [, ih = 1, iw = 1, c = 1] = x.dims;
  const [, oh = 1, ow = 1] = y.tensor.dims;
  const inside = (axis: number, o: number, size: number): readonly number[] => {
    const start = o * (strides[axis] ?? 1) - (pads[axis] ?? 0);
    return Array.from({ length: kernel[axis] ?? 1 }, (_, k) => start + k).filter((at) => at >= 0 && at < size);
  };
  y.data.forEach((_, at) => {
    const image = Math.floor(at / (oh * ow * c));
    const rows = inside(0, Math.floor(at / (ow * c)) % oh, ih);
    const columns = inside(1, Math.floor(at / c) % ow, iw);
    const bytes = rows.flatMap((i) => columns.map((j) => data[((image * ih + i) * iw + j) * c + (at % c)] ?? 0));
    y.data[at] = reduce(bytes);
  });
  return y.tensor;
}

function lowerPool(
  request: KernelRequest,
  attrs: PoolAttrs,
  fn: string,
  more: readonly KernelArg[],
  bytesPerChannel: number,
): KernelCall {
  const [n = 1, ih = 1, iw = 1, c = 1] = lowerType(request, 0).shape;
  const [, oh = 1, ow = 1] = lowerOutput(request).shape;
  const spatial = (a: Dim, b: Dim): readonly Dim[] => [a, b];
  return {
    header: 'cortado/quantized_pool.h',
    fn,
    template: [],
    args: [
      extentArg(n),
      structArg('QuantizedPoolDims', [
        ['channels', c],
        ['in', spatial(ih, iw)],
        ['out', spatial(oh, ow)],
        ['kernel', attrs.kernel],
        ['stride', attrs.strides],
        ['pad', attrs.pads.slice(0, 2)],
      ]),
      inputArg(0),
      ...more,
      outputArg(),
      ...(bytesPerChannel === 0 ? [] : [{ kind: 'scratch' } as const]),
    ],
    scratchBytes: bytesPerChannel * Number(c),
    parts: kRowParts,
  };
}

interface PoolArguments {
  readonly x: ReturnType<typeof quantizedInput>;
  readonly window: Omit<Window, 'dilations'>;
}

function readPool(scope: ImportScope): PoolArguments {
  scope.expectInputs(1);
  scope.expectOutputs(1);
  scope.args.ignore('count_include_pad');
  readChannelsLast(scope);
  const args = readWindowArguments(scope);
  const x = quantizedInput(scope, 0);
  if (x.value.type.shape.length !== 4) {
    scope.fail(`${scope.type} needs an image [n, h, w, c]`, { blob: x.value.name, got: typeToString(x.value.type) });
  }
  if (args.dilations.some((dilation) => dilation !== 1))
    scope.fail('pooling has no dilation', { expected: 'dilation 1' });
  const { window, crop } = placeWindow(scope, args, x.value.type.shape.slice(1, 3));
  const { kernel, strides, pads } = window;
  if (crop !== undefined || pads.some((pad, i) => pad >= (kernel[i % 2] ?? 0))) {
    scope.fail('every pad must be at least 0 and smaller than the kernel', { got: `pads [${pads.join(',')}]` });
  }
  return { x, window: { kernel, strides, pads } };
}

function importMaxPool(scope: ImportScope): readonly Value[] {
  const { x, window } = readPool(scope);
  readFixedQuantization(scope, x);
  const attrs = { ...window, ...outputRange(x, scope.type === 'Int8MaxPoolRelu') };
  return [scope.emitOne('QuantizedMaxPool', [x.value], attrs)];
}

function importAveragePool(scope: ImportScope): readonly Value[] {
  const { x, window } = readPool(scope);
  const y = readOutputQuantization(scope);
  const ratio = Math.fround(x.scale / y.scale);
  if (!(ratio >= 2 ** -8 && ratio < 2 ** 8)) {
    scope.fail('the scales do not fit together', {
      expected: 'input scale / Y_scale in [2^-8, 2^8)',
      got: String(ratio),
    });
  }
  if (window.pads.some((pad) => pad > 0)) {
    scope.warn('padding counts into the average, as in QNNPACK; early versions of Caffe2 left it out');
  }
  const pixels = window.kernel.reduce((product, size) => product * size, 1);
  if (pixels > 2 ** 22) scope.fail('the window is too large', { code: 'unsupported', got: `${pixels} pixels` });
  const attrs = {
    ...window,
    xZero: x.zeroPoint,
    factor: Math.fround(x.scale / Math.fround(y.scale * pixels)),
    ...outputRange(y, scope.type === 'Int8AveragePoolRelu'),
  };
  return [scope.emitOne('QuantizedAveragePool', [x.value], attrs)];
}

function poolExamples(more: { readonly [name: string]: number }): readonly Example[] {
  const attrs = { kernel: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1], ...more };
  return [
    { attrs, inputs: [{ dtype: 'u8', dims: [2, 7, 6, 21], range: [0, 256] }] },
    {
      note: 'the whole image',
      attrs: { ...attrs, kernel: [5, 4], strides: [1, 1], pads: [0, 0, 0, 0] },
      inputs: [{ dtype: 'u8', dims: [2, 5, 4, 70], range: [0, 256] }],
    },
  ];
}
