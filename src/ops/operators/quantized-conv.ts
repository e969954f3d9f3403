// QuantizedConv and QuantizedConvTranspose: 8-bit convolutions over [n, h, w, c] with int32 sums and QNNPACK's q31
// requantization. Int8FC is a 1x1 convolution of one pixel. Weights are packed at compile time: zero point taken off, 16 bits.

import { type Dim, dimAdd, dimMul, dimToString, isStatic, type Shape, shapeMaxSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { makeTensor, type NumericTensor } from '../../ir/tensor.js';
import { type TensorType, typeToString } from '../../ir/type.js';
import { int, ints } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineOp, type Example, type InferRequest, type OpDef, type ReferenceRequest } from '../define.js';
import { clampInt, q31Scale } from '../fixed-point.js';
import { flattenAt, reshapeTo } from '../flatten-import.js';
import { extentArg, inputArg, kRowParts, lowerOutput, lowerType, outputArg, structArg } from '../kernel-arguments.js';
import type { KernelArg, KernelCall, KernelRequest } from '../kernel-call.js';
import {
  outputRange,
  quantizedInput,
  readChannelsLast,
  readOutputQuantization,
  readQ31Factor,
} from '../quantized-import.js';
import {
  byteData,
  byteOutput,
  checkBytes,
  int32Data,
  kFixedFactor,
  kOutputRange,
  quantizedType,
} from '../quantized-type.js';
import { inferWindow, kWindowAttrs } from '../window.js';
import { placeWindow, readPads, readPair, readWindowArguments } from '../window-arguments.js';

const kProductAttrs = {
  xZero: int('the x that stands for 0; padding counts as this'),
  wZero: int('the weight that stands for 0'),
  ...kFixedFactor,
  ...kOutputRange,
};

/** Products of 255 * 255 that a sum of 32 bits holds. */
const kMaxTaps = 33025;
/** Up to so many products per result, vectors over output channels beat dot products. */
const kShortTaps = 64;
/** Output channels side by side there; kChannelLanes of quantized_conv.h. */
const kChannelLanes = 16;
/** Pixels whose windows the kernel gathers at a time; kPatchPixels of quantized_conv.h. */
const kPatchPixels = 4;

/** Both convolutions in one form: how taps find their pixel is the only difference. */
interface ProductAttrs {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
  readonly group: number;
  readonly isTransposed: boolean;
  readonly xZero: number;
  readonly wZero: number;
  readonly multiplier: number;
  readonly shift: number;
  readonly yScale: number;
  readonly yZero: number;
  readonly low: number;
  readonly high: number;
}

const kFormula =
  'y = clamp(scale(sum) + yZero, low, high); sum = bias[m] + sum of (x - xZero) * (w - wZero) in int32, pixels outside ' +
  'counting as xZero; scale(s) is s * multiplier * 2^-31 rounded half up, then * 2^-shift rounded half away from zero. ' +
  'sum 100 by 0.3: 30, by 0.25: 25; sum -6 by 0.25: -3, then -1.5 -> -2';

const kInputs = [
  { name: 'x', doc: 'u8 [n, h, w, c]' },
  { name: 'w', doc: 'u8 [m, kernel h, kernel w, c/group]' },
  { name: 'bias', doc: 'i32 [m]' },
];

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

export const quantizedConvTranspose: OpDef = defineOp({
  name: 'QuantizedConvTranspose',
  doc: `8-bit transposed convolution, channels last, each input pixel spread over a window: ${kFormula}`,
  source: 'caffe2/operators/quantized/int8_conv_transpose_op.h, QNNPACK q8deconv; catalogue 2.15',
  inputs: kInputs,
  outputs: [{ name: 'y', doc: 'u8 [n, h, w, m]' }],
  attrs: {
    kernel: ints('window size per spatial axis'),
    strides: ints('step per spatial axis'),
    pads: ints('cut off the result before each axis, then after each axis'),
    adjs: ints('added to the result behind each axis'),
    ...kProductAttrs,
  },
  infer: (request) => {
    const { kernel, strides, pads, adjs } = request.attrs;
    const [n = 1, ...rest] = checkBytes(request, 0, 'the image', 4).shape;
    const m = inferFilter(request, 1, kernel);
    const isBad = kernel.length !== 2 || strides.length !== 2 || pads.length !== 4 || adjs.length !== 2;
    const isNegative =
      [...pads, ...adjs].some((value) => value < 0) || [...kernel, ...strides].some((value) => value < 1);
    if (isBad || isNegative || adjs.some((adj, axis) => adj >= (strides[axis] ?? 1))) {
      request.fail('bad window', {
        expected: 'two axes, kernel and strides at least 1, pads at least 0, adjs below the strides',
        got: `kernel [${kernel.join(',')}], strides [${strides.join(',')}], pads [${pads.join(',')}], adjs [${adjs.join(',')}]`,
      });
    }
    const spatial = [0, 1].map((axis): Dim => {
      const more = (kernel[axis] ?? 1) + (adjs[axis] ?? 0) - (pads[axis] ?? 0) - (pads[axis + 2] ?? 0);
      return dimAdd(dimMul(dimAdd(rest[axis] ?? 1, -1), strides[axis] ?? 1), more);
    });
    if (spatial.some((dim) => isStatic(dim) && dim < 1))
      request.fail('the pads leave nothing of the result', { input: 0 });
    return [quantizedType([n, ...spatial, m], request.attrs)];
  },
  reference: (request) => referenceProduct(request, transposedAttrs(request.attrs)),
  macs: ({ inputs }) => shapeMaxSize(inputs[0]?.shape ?? []) * shapeMaxSize(inputs[1]?.shape.slice(0, 3) ?? []),
  lower: (request, attrs) => lowerProduct(request, transposedAttrs(attrs)),
  tolerance: { relative: 0, absolute: 0 },
  caffe2: { Int8ConvTranspose: importConvTranspose },
  examples: [
    {
      attrs: { kernel: [3, 2], strides: [2, 3], pads: [1, 0, 0, 1], adjs: [1, 0], ...exampleProduct() },
      inputs: exampleInputs([2, 4, 5, 3], [4, 3, 2, 3]),
    },
    {
      note: 'kernel smaller than the stride: gaps hold the bias',
      attrs: { kernel: [1, 1], strides: [2, 2], pads: [0, 0, 0, 0], adjs: [1, 1], ...exampleProduct() },
      inputs: exampleInputs([1, 3, 3, 18], [5, 1, 1, 18]),
    },
  ],
});

type TransposedAttrs = Omit<ProductAttrs, 'dilations' | 'group' | 'isTransposed'>;

function transposedAttrs(attrs: TransposedAttrs): ProductAttrs {
  return { ...attrs, dilations: [1, 1], group: 1, isTransposed: true };
}

/** Checks filter and bias; gives the number of output channels. */
function inferFilter<A>(request: InferRequest<A>, group: number, kernel: readonly number[]): number {
  const c = request.type(0).shape[3] ?? 1;
  const w = checkBytes(request, 1, 'the filter', 4);
  const [m = 1, kh = 1, kw = 1, perGroup = 1] = w.shape;
  if (!isStatic(c) || !isStatic(m) || !isStatic(perGroup) || group < 1 || m % group !== 0 || c !== perGroup * group) {
    return request.fail('the filter does not fit the channels', {
      input: 1,
      expected: `[m, kernel h, kernel w, ${dimToString(c)} / ${group}] with m divisible by ${group}`,
      got: typeToString(w),
    });
  }
  if (kh !== kernel[0] || kw !== kernel[1]) {
    request.fail('the filter is not shaped like the kernel', {
      input: 1,
      expected: `[${kernel.join(',')}]`,
      got: typeToString(w),
    });
  }
  if (perGroup * kh * kw > kMaxTaps) {
    request.fail('the sums do not fit 32 bits', {
      input: 1,
      code: 'unsupported',
      expected: `at most ${kMaxTaps} products`,
      got: String(perGroup * kh * kw),
    });
  }
  checkBias(request.type(2), m, request);
  return m;
}

function checkBias<A>(bias: TensorType, m: number, request: InferRequest<A>): void {
  if (bias.dtype !== 'i32' || bias.shape.length !== 1 || bias.shape[0] !== m) {
    request.fail('the bias does not fit', { input: 2, expected: `i32[${m}]`, got: typeToString(bias) });
  }
}

/** The pixel along an axis that output `o` reads through tap `k`, or -1. */
function sourceOf(attrs: ProductAttrs, axis: number, o: number, k: number, size: number): number {
  const stride = attrs.strides[axis] ?? 1;
  const head = attrs.pads[axis] ?? 0;
  const at = attrs.isTransposed ? (o + head - k) / stride : o * stride - head + k * (attrs.dilations[axis] ?? 1);
  return Number.isInteger(at) && at >= 0 && at < size ? at : -1;
}

function referenceProduct<A>(request: ReferenceRequest<A>, attrs: ProductAttrs): readonly NumericTensor[] {
  const x = request.tensor(0);
  const w = request.tensor(1);
  const bias = int32Data(request.tensor(2));
  const y = byteOutput(request);
  const [, ih = 1, iw = 1, c = 1] = x.dims;
  const [m = 1, kh = 1, kw = 1, perGroup = 1] = w.dims;
  const [, oh = 1, ow = 1] = y.tensor.dims;
  const pixels = byteData(x);
  const weights = byteData(w);
  y.data.forEach((_, at) => {
    const channel = at % m;
    const column = Math.floor(at / m) % ow;
    const row = Math.floor(at / (m * ow)) % oh;
    const image = Math.floor(at / (m * ow * oh));
    const firstChannel = Math.floor(channel / (m / attrs.group)) * perGroup;
    let sum = bias[channel] ?? 0;
    for (let a = 0; a < kh; a++) {
      const i = sourceOf(attrs, 0, row, a, ih);
      for (let b = 0; b < kw; b++) {
        const j = sourceOf(attrs, 1, column, b, iw);
        if (i < 0 || j < 0) continue;
        const from = ((image * ih + i) * iw + j) * c + firstChannel;
        const tap = ((channel * kh + a) * kw + b) * perGroup;
        for (let k = 0; k < perGroup; k++) {
          sum += ((pixels[from + k] ?? 0) - attrs.xZero) * ((weights[tap + k] ?? 0) - attrs.wZero);
        }
      }
    }
    y.data[at] = clampInt(q31Scale(sum | 0, attrs) + attrs.yZero, attrs.low, attrs.high);
  });
  return [y.tensor];
}

function lowerProduct(request: KernelRequest, attrs: ProductAttrs): KernelCall {
  const [n = 1, ih = 1, iw = 1, c = 1] = lowerType(request, 0).shape;
  const [m = 1, kh = 1, kw = 1, perGroup = 1] = lowerType(request, 1).shape.map(Number);
  const [, oh = 1, ow = 1] = lowerOutput(request).shape;
  const weights = request.constant(request.node.inputs[1]);
  const isDepthwise = weights !== undefined && !attrs.isTransposed && perGroup === 1 && m === attrs.group;
  const isShort = weights !== undefined && !attrs.isTransposed && attrs.group === 1 && kh * kw * perGroup <= kShortTaps;
  const form = isDepthwise ? 'taps' : isShort ? 'lanes' : 'rows';
  const packed = weights === undefined ? undefined : packWeights(byteData(weights), attrs.wZero, m, form);
  const weightArg: KernelArg = packed === undefined ? inputArg(1) : { kind: 'packed', index: 0 };
  const patchBytes = isDepthwise ? 0 : 2 * kPatchPixels * kh * kw * perGroup * attrs.group;
  return {
    header: 'cortado/quantized_conv.h',
    fn: isDepthwise ? 'quantized_depthwise' : isShort ? 'quantized_conv_short' : 'quantized_conv',
    template: isDepthwise || isShort ? [] : [{ kind: 'bool', value: attrs.isTransposed }],
    args: [
      extentArg(n),
      structArg('QuantizedConvDims', [
        ['channels', c],
        ['out_channels', m],
        ['groups', attrs.group],
        ['in', [ih, iw]],
        ['out', [oh, ow]],
        ['kernel', attrs.kernel],
        ['stride', attrs.strides],
        ['pad', attrs.pads.slice(0, 2)],
        ['dilation', attrs.dilations],
        ['x_zero', attrs.xZero],
        ['w_zero', packed === undefined ? attrs.wZero : 0],
      ]),
      structArg('Requantize', [
        ['multiplier', attrs.multiplier],
        ['shift', attrs.shift],
        ['zero', attrs.yZero],
        ['low', attrs.low],
        ['high', attrs.high],
      ]),
      inputArg(0),
      weightArg,
      inputArg(2),
      outputArg(),
      { kind: 'scratch' },
    ],
    ...(packed === undefined ? {} : { packs: [packed] }),
    scratchBytes: roundUp(patchBytes, 64) + 4 * kPatchPixels * roundUp(m, kChannelLanes),
    parts: kRowParts,
  };
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** w - wZero in 16 bits: rows [m][tap], taps [tap][m] (depthwise), lanes [ceil(m / 16)][tap][16], zero past m. */
function packWeights(weights: Uint8Array, wZero: number, m: number, form: 'rows' | 'taps' | 'lanes'): NumericTensor {
  const taps = weights.length / m;
  const lanes = form === 'lanes' ? kChannelLanes : m;
  const packed = new Int16Array(roundUp(m, lanes) * taps);
  weights.forEach((weight, i) => {
    const channel = Math.floor(i / taps);
    const turned = (Math.floor(channel / lanes) * taps + (i % taps)) * lanes + (channel % lanes);
    packed[form === 'rows' ? i : turned] = weight - wZero;
  });
  return makeTensor('i16', [packed.length], packed);
}

/** What Int8Conv, Int8FC and Int8ConvTranspose have in common: zero points, the factor, the range of the result. */
function readProduct(
  scope: ImportScope,
  hasRelu: boolean,
): Omit<ProductAttrs, keyof WindowPart> & { readonly [name: string]: number } {
  const x = quantizedInput(scope, 0);
  const w = quantizedInput(scope, 1);
  const y = readOutputQuantization(scope);
  const bias = scope.inputType(2);
  if (bias.dtype !== 'i32') {
    scope.fail('the bias must be int32', {
      blob: scope.inputBlob(2),
      expected: 'what Int8GivenIntTensorFill makes',
      got: typeToString(bias),
    });
  }
  const factor = Math.fround(Math.fround(x.scale * w.scale) / y.scale);
  return { xZero: x.zeroPoint, wZero: w.zeroPoint, ...readQ31Factor(scope, factor), ...outputRange(y, hasRelu) };
}

type WindowPart = Pick<ProductAttrs, 'kernel' | 'strides' | 'pads' | 'dilations' | 'group' | 'isTransposed'>;

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

function checkImage(scope: ImportScope, x: Value): void {
  if (x.type.shape.length !== 4) {
    scope.fail(`${scope.type} needs an image [n, h, w, c]`, { blob: x.name, got: typeToString(x.type) });
  }
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

/** W is [c, kernel h, kernel w, m], as in the float operator of order NHWC. */
function importConvTranspose(scope: ImportScope): readonly Value[] {
  scope.expectInputs(3);
  scope.expectOutputs(1);
  readChannelsLast(scope);
  const { args } = scope;
  args.int('shared_buffer', 0);
  args.ignore('ws_nbytes_limit', 'exhaustive_search', 'dilation', 'dilations', 'dilation_h', 'dilation_w');
  if (args.int('legacy_pad', 0) !== 0) scope.fail('Int8ConvTranspose has no legacy_pad', { expected: '0' });
  if (args.int('group', 1) !== 1)
    scope.fail('Int8ConvTranspose has no groups', { code: 'unsupported', expected: 'group 1' });
  const orElse = (list: readonly number[], fill: readonly number[]): readonly number[] =>
    list.length === 0 ? fill : list;
  const attrs = {
    kernel: orElse(readPair(scope, 'kernels', 'kernel'), [0, 0]),
    strides: orElse(readPair(scope, 'strides', 'stride'), [1, 1]),
    pads: orElse(readPads(scope, 'none'), [0, 0, 0, 0]),
    adjs: orElse(readPair(scope, 'adjs', 'adj'), [0, 0]),
  };
  const product = readProduct(scope, false);
  checkImage(scope, scope.input(0));
  const w = scope.input(1);
  checkImage(scope, w);
  const filter = scope.emitOne('Transpose', [w], { perm: [3, 1, 2, 0] });
  return [scope.emitOne('QuantizedConvTranspose', [scope.input(0), filter, scope.input(2)], { ...attrs, ...product })];
}

function exampleProduct(): { readonly [name: string]: number } {
  return { xZero: 121, wZero: 133, multiplier: 1288490240, shift: 6, yScale: 0.5, yZero: 117, low: 0, high: 255 };
}

function exampleInputs(x: readonly number[], w: readonly number[]): Example['inputs'] {
  return [
    { dtype: 'u8', dims: x, range: [0, 256] },
    { dtype: 'u8', dims: w, range: [0, 256] },
    { dtype: 'i32', dims: [w[0] ?? 1], range: [-4000, 4000] },
  ];
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
