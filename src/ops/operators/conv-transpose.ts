// ConvTranspose: the gradient of a convolution with respect to its input, used to enlarge images.

import {
  type Dim,
  dimAdd,
  dimEquals,
  dimMax,
  dimMin,
  dimMul,
  dimToString,
  isStatic,
  shapeMaxSize,
} from '../../ir/dim.js';
import type { Attrs, Value } from '../../ir/graph.js';
import { typeToString } from '../../ir/type.js';
import { int, ints } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank, checkVector } from '../check-input.js';
import { defineOp, type InferRequest } from '../define.js';
import { channelsFirst, readOrder, restoreOrder } from '../image-order.js';
import {
  biasedFunctor,
  extentArg,
  imageDims,
  inputArg,
  kFunctorArg,
  kRowParts,
  lowerType,
  outputArg,
  structArg,
} from '../kernel-arguments.js';
import type { KernelCall, KernelRequest } from '../kernel-call.js';
import { floatData, floatOutput, optionalFloats, sizeOf } from '../reference-tensors.js';
import { readLegacyPad, readPads, readPair } from '../window-arguments.js';
import { convDims } from './conv.js';

interface TransposeAttrs {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly adjs: readonly number[];
  readonly group: number;
}

export const convTranspose = defineOp({
  name: 'ConvTranspose',
  doc:
    'y[n,m,i*stride - head + k ..] += x[n,c,i..] * w[c,m,k..], starting from bias[m]; what falls outside is dropped; ' +
    'size: (in-1)*stride + kernel + adj - head - tail',
  source: 'caffe2/operators/conv_transpose_op_impl.h',
  inputs: [
    { name: 'x', doc: '[n, c, h, w]' },
    { name: 'w', doc: '[c, m/group, kernel_h, kernel_w]' },
    { name: 'bias', doc: '[m]', optional: true },
  ],
  outputs: [{ name: 'y', doc: '[n, m, h, w]' }],
  attrs: {
    kernel: ints('[h, w]'),
    strides: ints('[h, w]'),
    pads: ints('rows and columns cut off: [t, l, b, r]'),
    adjs: ints('extra rows and columns at the end: [h, w]'),
    group: int('number of groups of channels', 1),
  },
  infer: (request) => {
    const { attrs } = request;
    const x = checkDType(request, 0, 'the image');
    checkRank(request, 0, 'the image', 4);
    checkWindow(request, attrs);
    const [n = 1, c = 1, ...spatial] = x.shape;
    const m = inferFilter(request, c);
    const sizes = spatial.map((size, axis) => outputSize(size, attrs, axis));
    if (sizes.some((size) => dimMin(size) < 1)) {
      request.fail('the padding leaves nothing of the output', { input: 0 });
    }
    return [{ ...x, shape: [n, m, ...sizes] }];
  },
  reference: (request) => {
    const { attrs } = request;
    const x = request.tensor(0);
    const w = floatData(request.tensor(1));
    const bias = optionalFloats(request, 2);
    const y = floatOutput(request);
    const [n = 0, c = 0, ih = 0, iw = 0] = x.dims;
    const [, m = 0, oh = 0, ow = 0] = y.tensor.dims;
    const perGroup = m / attrs.group;
    const [kh = 1, kw = 1] = attrs.kernel;
    const [sh = 1, sw = 1] = attrs.strides;
    const [top = 0, left = 0] = attrs.pads;
    const sums = new Float64Array(sizeOf(y.tensor.dims));
    for (let i = 0; i < sums.length; i++) sums[i] = bias?.[Math.floor(i / (oh * ow)) % m] ?? 0;
    /** Scatters pixel (i, j) of channel `from` into output channel `to`. */
    const scatter = (value: number, from: number, image: number, to: number, i: number, j: number): void => {
      const plane = (image * m + to) * oh * ow;
      const taps = (from * perGroup + (to % perGroup)) * kh * kw;
      for (let a = 0; a < kh; a++) {
        const row = i * sh - top + a;
        if (row < 0 || row >= oh) continue;
        for (let b = 0; b < kw; b++) {
          const column = j * sw - left + b;
          if (column < 0 || column >= ow) continue;
          const at = plane + row * ow + column;
          sums[at] = (sums[at] ?? 0) + value * (w[taps + a * kw + b] ?? 0);
        }
      }
    };
    floatData(x).forEach((value, at) => {
      const j = at % iw;
      const i = Math.floor(at / iw) % ih;
      const from = Math.floor(at / (iw * ih)) % c;
      const image = Math.floor(at / (iw * ih * c));
      const group = Math.floor(from / (c / attrs.group));
      for (let k = 0; k < perGroup; k++) scatter(value, from, image, group * perGroup + k, i, j);
    });
    if (n > 0) y.data.set(sums);
    return [y.tensor];
  },
  macs: ({ inputs }) => shapeMaxSize(inputs[0]?.shape ?? []) * shapeMaxSize(inputs[1]?.shape.slice(1) ?? []),
  lower: (request, attrs) => lowerConvTranspose(request, attrs),
  caffe2: { ConvTranspose: importConvTranspose },
  examples: [
    {
      attrs: { kernel: [3, 2], strides: [2, 3], pads: [1, 0, 0, 1], adjs: [1, 0] },
      inputs: [{ dims: [2, 3, 4, 5] }, { dims: [3, 2, 3, 2] }, { dims: [2] }],
    },
    {
      note: 'kernel smaller than the stride: gaps hold the bias',
      attrs: { kernel: [1, 1], strides: [2, 2], pads: [0, 0, 0, 0], adjs: [1, 1] },
      inputs: [{ dims: [1, 2, 3, 3] }, { dims: [2, 3, 1, 1] }, { dims: [3] }],
    },
    {
      note: 'groups, no bias',
      attrs: { kernel: [2, 2], strides: [1, 1], pads: [0, 0, 0, 0], adjs: [0, 0], group: 2 },
      inputs: [{ dims: [1, 4, 3, 3] }, { dims: [4, 3, 2, 2] }],
    },
  ],
});

function outputSize(size: Dim, attrs: TransposeAttrs, axis: number): Dim {
  const at = (list: readonly number[], i: number): number => list[i] ?? 0;
  const rest = at(attrs.kernel, axis) + at(attrs.adjs, axis) - at(attrs.pads, axis) - at(attrs.pads, axis + 2);
  return dimAdd(dimMul(dimAdd(size, -1), at(attrs.strides, axis)), rest);
}

function checkWindow(request: InferRequest<TransposeAttrs>, attrs: TransposeAttrs): void {
  const { kernel, strides, pads, adjs } = attrs;
  const isShort = kernel.length !== 2 || strides.length !== 2 || pads.length !== 4 || adjs.length !== 2;
  const got = `kernel [${kernel.join(',')}], strides [${strides.join(',')}], pads [${pads.join(',')}], adjs [${adjs.join(',')}]`;
  if (isShort) request.fail('the window must have two axes', { got });
  if (kernel.some((k) => k < 1) || strides.some((s) => s < 1) || pads.some((p) => p < 0)) {
    request.fail('bad window', { expected: 'kernel and strides at least 1, pads at least 0', got });
  }
  if (adjs.some((adj, axis) => adj < 0 || adj >= (strides[axis] ?? 1))) {
    request.fail('adj must be smaller than the stride', { expected: '0 <= adj < stride', got });
  }
}

/** Checks filter and bias against `c` input channels; gives the number of output channels. */
function inferFilter(request: InferRequest<TransposeAttrs>, c: Dim): Dim {
  const { attrs } = request;
  const w = checkDType(request, 1, 'the filter');
  checkRank(request, 1, 'the filter', 4);
  const [own = 1, perGroup = 1, ...kernel] = w.shape;
  if (!dimEquals(own, c) || kernel.some((size, axis) => size !== attrs.kernel[axis])) {
    request.fail('the filter does not fit', {
      input: 1,
      expected: `[${dimToString(c)}, output channels, ${attrs.kernel.join(', ')}]`,
      got: typeToString(w),
    });
  }
  if (attrs.group < 1 || !isStatic(c) || c % attrs.group !== 0) {
    request.fail(`the channels do not divide into ${attrs.group} groups`, { input: 0 });
  }
  const m = dimMul(perGroup, attrs.group);
  if (request.inputs[2] !== undefined) checkVector(request, 2, 'the bias', m);
  return m;
}

function lowerConvTranspose(request: KernelRequest, attrs: TransposeAttrs): KernelCall {
  const window = { ...attrs, dilations: [1, 1] };
  return {
    header: 'cortado/conv_transpose.h',
    fn: 'conv_transpose_generic',
    template: [],
    args: [
      extentArg(imageDims(lowerType(request, 0).shape).n),
      structArg('ConvDims', convDims(request, window)),
      inputArg(0),
      inputArg(1),
      outputArg(),
      kFunctorArg,
    ],
    ...biasedFunctor(request, 2),
    parts: kRowParts,
  };
}

function importConvTranspose(scope: ImportScope): readonly Value[] {
  scope.expectInputs(2, 3);
  scope.expectOutputs(1);
  scope.args.int('shared_buffer', 0);
  scope.args.ignore('ws_nbytes_limit', 'exhaustive_search', 'dilation', 'dilations', 'dilation_h', 'dilation_w');
  const order = readOrder(scope);
  const legacyPad = readLegacyPad(scope);
  if (legacyPad === 'caffe')
    scope.fail('ConvTranspose has no legacy_pad CAFFE_LEGACY_POOLING', { expected: '0, 1 or 2' });
  const kernel = readPair(scope, 'kernels', 'kernel');
  const orElse = (list: readonly number[], fill: readonly number[]): readonly number[] =>
    list.length === 0 ? fill : list;
  const attrs: Attrs = {
    kernel: orElse(kernel, [0, 0]),
    strides: orElse(readPair(scope, 'strides', 'stride'), [1, 1]),
    pads: orElse(readPads(scope, legacyPad), [0, 0, 0, 0]),
    adjs: orElse(readPair(scope, 'adjs', 'adj'), [0, 0]),
  };
  const x = scope.input(0);
  if (x.type.shape.some((dim) => dimMax(dim) === 0)) scope.fail('the image is empty', { got: typeToString(x.type) });
  const image = channelsFirst(scope, x, order);
  const filter = channelsFirst(scope, scope.input(1), order);
  const bias = scope.inputCount > 2 ? [scope.input(2)] : [];
  const group = readGroup(scope, filter, bias[0]);
  const y = scope.emitOne('ConvTranspose', [image, filter, ...bias], { ...attrs, group });
  return [restoreOrder(scope, y, order)];
}

/** Caffe2 of 2018 ignores `group`; later versions obey it. The bias, one value per output channel, tells which is meant. */
function readGroup(scope: ImportScope, filter: Value, bias: Value | undefined): number {
  const group = scope.args.int('group', 1);
  const perGroup = filter.type.shape[1];
  const channels = bias?.type.shape[0];
  if (group <= 1 || perGroup === undefined || channels === undefined) return 1;
  return !dimEquals(perGroup, channels) && dimEquals(dimMul(perGroup, group), channels) ? group : 1;
}
