// What 8-bit convolutions have in common, transposed or not: filter and bias, the reference, the kernel, packed weights (zero
// point taken off, 16 bits), the zero points and the factor of Caffe2's operators.

import { dimToString, isStatic } from '../ir/dim.js';
import type { Value } from '../ir/graph.js';
import { makeTensor, type NumericTensor } from '../ir/tensor.js';
import { type TensorType, typeToString } from '../ir/type.js';
import { int } from './attributes.js';
import type { ImportScope } from './caffe2-import.js';
import type { Example, InferRequest, ReferenceRequest } from './define.js';
import { clampInt, q31Scale } from './fixed-point.js';
import { extentArg, inputArg, kRowParts, lowerOutput, lowerType, outputArg, structArg } from './kernel-arguments.js';
import type { KernelArg, KernelCall, KernelRequest } from './kernel-call.js';
import { dotScratchBytes, packDotWeights } from './quantized-dot.js';
import { outputRange, quantizedInput, readOutputQuantization, readQ31Factor } from './quantized-import.js';
import { byteData, byteOutput, checkBytes, int32Data, kFixedFactor, kOutputRange } from './quantized-type.js';

export const kProductAttrs = {
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
export interface ProductAttrs {
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

export const kFormula =
  'y = clamp(scale(sum) + yZero, low, high); sum = bias[m] + sum of (x - xZero) * (w - wZero) in int32, pixels outside ' +
  'counting as xZero; scale(s) is s * multiplier * 2^-31 rounded half up, then * 2^-shift rounded half away from zero. ' +
  'sum 100 by 0.3: 30, by 0.25: 25; sum -6 by 0.25: -3, then -1.5 -> -2';

export const kInputs = [
  { name: 'x', doc: 'u8 [n, h, w, c]' },
  { name: 'w', doc: 'u8 [m, kernel h, kernel w, c/group]' },
  { name: 'bias', doc: 'i32 [m]' },
];

/** Checks filter and bias; gives the number of output channels. */
export function inferFilter<A>(request: InferRequest<A>, group: number, kernel: readonly number[]): number {
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

export function referenceProduct<A>(request: ReferenceRequest<A>, attrs: ProductAttrs): readonly NumericTensor[] {
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

export function lowerProduct(request: KernelRequest, attrs: ProductAttrs): KernelCall {
  const weights = request.constant(request.node.inputs[1]);
  const takesDots = request.target.byteDotProduct === true && attrs.group === 1;
  if (takesDots && weights !== undefined) return lowerByDots(request, attrs, byteData(weights));
  const [m = 1, kh = 1, kw = 1, perGroup = 1] = lowerType(request, 1).shape.map(Number);
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
      ...sharedArgs(request, attrs, packed === undefined ? attrs.wZero : 0),
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

/** Bytes multiplied as they are, four to a step. */
function lowerByDots(request: KernelRequest, attrs: ProductAttrs, data: Uint8Array): KernelCall {
  const [m = 1] = lowerType(request, 1).shape.map(Number);
  const { weights, offsets } = packDotWeights(data, m, attrs.xZero, attrs.wZero);
  return {
    header: 'cortado/quantized_dot.h',
    fn: 'quantized_conv_dot',
    template: [{ kind: 'bool', value: attrs.isTransposed }],
    args: [
      ...sharedArgs(request, attrs, attrs.wZero),
      { kind: 'packed', index: 0 },
      inputArg(2),
      { kind: 'packed', index: 1 },
      outputArg(),
      { kind: 'scratch' },
    ],
    packs: [weights, offsets],
    scratchBytes: dotScratchBytes(data.length / m, m),
    parts: kRowParts,
  };
}

/** Images, sizes, factor and x: what all kernels begin with. */
function sharedArgs(request: KernelRequest, attrs: ProductAttrs, wZero: number): readonly KernelArg[] {
  const [n = 1, ih = 1, iw = 1, c = 1] = lowerType(request, 0).shape;
  const [m = 1] = lowerType(request, 1).shape.map(Number);
  const [, oh = 1, ow = 1] = lowerOutput(request).shape;
  return [
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
      ['w_zero', wZero],
    ]),
    structArg('Requantize', [
      ['multiplier', attrs.multiplier],
      ['shift', attrs.shift],
      ['zero', attrs.yZero],
      ['low', attrs.low],
      ['high', attrs.high],
    ]),
    inputArg(0),
  ];
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
export function readProduct(
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

export function checkImage(scope: ImportScope, x: Value): void {
  if (x.type.shape.length !== 4) {
    scope.fail(`${scope.type} needs an image [n, h, w, c]`, { blob: x.name, got: typeToString(x.type) });
  }
}

export function exampleProduct(): { readonly [name: string]: number } {
  return { xZero: 121, wZero: 133, multiplier: 1288490240, shift: 6, yScale: 0.5, yZero: 117, low: 0, high: 255 };
}

export function exampleInputs(x: readonly number[], w: readonly number[]): Example['inputs'] {
  return [
    { dtype: 'u8', dims: x, range: [0, 256] },
    { dtype: 'u8', dims: w, range: [0, 256] },
    { dtype: 'i32', dims: [w[0] ?? 1], range: [-4000, 4000] },
  ];
}
