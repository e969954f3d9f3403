// Conv: cross-correlation over 1 to 6 spatial axes with stride, padding, dilation and groups, channels first.

import { fail } from '../../errors.js';
import { type Dim, dimEquals, dimFloorDiv, dimMax, dimToString, isStatic, shapeMaxSize } from '../../ir/dim.js';
import type { Attrs, Value } from '../../ir/graph.js';
import { typeToString } from '../../ir/type.js';
import { int } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank, checkSameDim, checkVector } from '../check-input.js';
import { defineOp, type InferRequest } from '../define.js';
import { channelsFirst, readOrder, restoreOrder } from '../image-order.js';
import {
  biasedFunctor,
  extentArg,
  imageDims,
  inputArg,
  kFunctorArg,
  kRowParts,
  lowerOutput,
  lowerType,
  outputArg,
  structArg,
  threeDims,
} from '../kernel-arguments.js';
import type { KernelCall, KernelRequest, StructValue } from '../kernel-call.js';
import { floatData, floatOutput, optionalFloats, sizeOf } from '../reference-tensors.js';
import { inferWindow, insideRange, kWindowAttrs, type Window, type WindowAxis, windowAxis } from '../window.js';
import { cropped, placeWindow, readWindowArguments } from '../window-arguments.js';

interface ConvAttrs extends Window {
  readonly group: number;
}

export const conv = defineOp({
  name: 'Conv',
  doc:
    'y[n,m,o..] = bias[m] + sum over c, k.. of x[n, g*C/group + c, o*stride - head + k*dilation ..] * w[m,c,k..] with ' +
    'g = floor(m / (M/group)); what lies outside the image counts as 0',
  source: 'caffe2/operators/conv_op_impl.h',
  inputs: [
    { name: 'x', doc: '[n, c, spatial...], one to six spatial axes' },
    { name: 'w', doc: '[m, c/group, kernel...]' },
    { name: 'bias', doc: '[m]', optional: true },
  ],
  outputs: [{ name: 'y', doc: '[n, m, spatial...]' }],
  attrs: { ...kWindowAttrs, group: int('number of groups of channels', 1) },
  infer: (request) => {
    const { attrs } = request;
    const x = checkDType(request, 0, 'the image');
    checkRank(request, 0, 'the image', 3, 8);
    const [n = 1, c = 1, ...spatial] = x.shape;
    const m = inferFilter(request, c);
    return [{ ...x, shape: [n, m, ...inferWindow(request, spatial, attrs)] }];
  },
  reference: (request) => {
    const { attrs } = request;
    const x = request.tensor(0);
    const w = request.tensor(1);
    const y = floatOutput(request);
    const geometry = geometryOf(x.dims, w.dims, y.tensor.dims, attrs);
    const bias = optionalFloats(request, 2);
    const [n = 0, m = 0] = y.tensor.dims;
    const pixels = sizeOf(y.tensor.dims, 2);
    const sums = new Float64Array(pixels);
    for (let image = 0; image < n; image++) {
      for (let channel = 0; channel < m; channel++) {
        sums.fill(bias?.[channel] ?? 0);
        addChannel(sums, floatData(x), floatData(w), geometry, image, channel);
        y.data.set(sums, (image * m + channel) * pixels);
      }
    }
    return [y.tensor];
  },
  macs: ({ inputs, outputs }) => shapeMaxSize(outputs[0]?.shape ?? []) * shapeMaxSize(inputs[1]?.shape.slice(1) ?? []),
  lower: (request, attrs) => lowerConv(request, attrs),
  caffe2: { Conv: importConv, Conv1D: importConv, Conv2D: importConv, Conv3D: importConv },
  examples: [
    {
      attrs: { kernel: [3, 3], strides: [2, 1], pads: [1, 0, 1, 2], dilations: [1, 2], group: 1 },
      inputs: [{ dims: [2, 3, 7, 8] }, { dims: [4, 3, 3, 3] }, { dims: [4] }],
    },
    {
      note: 'depthwise with a channel multiplier, no bias',
      attrs: { kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 3 },
      inputs: [{ dims: [1, 3, 5, 5] }, { dims: [6, 1, 3, 3] }],
    },
    {
      note: 'one spatial axis',
      attrs: { kernel: [4], strides: [3], pads: [2, 0], dilations: [1], group: 2 },
      inputs: [{ dims: [1, 4, 11] }, { dims: [2, 2, 4] }, { dims: [2] }],
    },
    {
      note: 'three spatial axes',
      attrs: { kernel: [2, 1, 2], strides: [1, 2, 1], pads: [0, 0, 1, 1, 0, 0], dilations: [1, 1, 2] },
      inputs: [{ dims: [1, 2, 3, 4, 5] }, { dims: [3, 2, 2, 1, 2] }],
    },
    {
      note: 'four spatial axes',
      attrs: {
        kernel: [2, 1, 2, 2],
        strides: [1, 1, 1, 2],
        pads: [1, 0, 0, 0, 0, 0, 1, 1],
        dilations: [1, 1, 2, 1],
        group: 2,
      },
      inputs: [{ dims: [2, 2, 2, 2, 3, 4] }, { dims: [4, 1, 2, 1, 2, 2] }, { dims: [4] }],
    },
  ],
});

/** Checks filter and bias against `c` input channels; gives the number of output channels. */
function inferFilter(request: InferRequest<ConvAttrs>, c: Dim): Dim {
  const { attrs } = request;
  const w = checkDType(request, 1, 'the filter');
  checkRank(request, 1, 'the filter', request.type(0).shape.length);
  const [m = 1, perGroup = 1, ...kernel] = w.shape;
  if (attrs.group < 1 || !isStatic(m) || m % attrs.group !== 0 || (isStatic(c) && c % attrs.group !== 0)) {
    request.fail('channels do not divide into groups', {
      input: 1,
      expected: `input and output channels divisible by ${attrs.group}`,
      got: `${dimToString(c)} input and ${dimToString(m)} output channels`,
    });
  }
  checkSameDim(
    request,
    1,
    'input channels do not match the filter',
    perGroup,
    attrs.group === 1 ? c : dimFloorDiv(c, attrs.group),
  );
  if (kernel.some((size, axis) => size !== attrs.kernel[axis])) {
    request.fail('the filter is not shaped like the kernel', {
      input: 1,
      expected: `kernel [${attrs.kernel.join(',')}]`,
      got: typeToString(w),
    });
  }
  if (request.inputs[2] !== undefined) checkVector(request, 2, 'the bias', m);
  return m;
}

/** Concrete sizes; the lists have one entry per spatial axis. */
interface ConvGeometry {
  readonly channels: number;
  readonly perGroup: number;
  readonly outPerGroup: number;
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly axes: readonly WindowAxis[];
  /** All taps of one input channel, as an index per axis, in row-major order. */
  readonly taps: readonly (readonly number[])[];
}

function geometryOf(x: readonly number[], w: readonly number[], y: readonly number[], attrs: ConvAttrs): ConvGeometry {
  const [, channels = 1, ...input] = x;
  const [outChannels = 1, perGroup = 1] = w;
  const axes = attrs.kernel.map((_, axis) => windowAxis(attrs, axis));
  return {
    channels,
    perGroup,
    outPerGroup: outChannels / attrs.group,
    input,
    output: y.slice(2),
    axes,
    taps: attrs.kernel.reduce<readonly (readonly number[])[]>(
      (lists, size) => lists.flatMap((list) => Array.from({ length: size }, (_, k) => [...list, k])),
      [[]],
    ),
  };
}

/** Adds the products of all taps of one output channel to `sums` (double), tap by tap. */
function addChannel(
  sums: Float64Array,
  x: Float32Array,
  w: Float32Array,
  geometry: ConvGeometry,
  image: number,
  channel: number,
): void {
  const { channels, perGroup, outPerGroup, taps } = geometry;
  const group = Math.floor(channel / outPerGroup);
  const plane = sizeOf(geometry.input);
  let at = channel * perGroup * taps.length;
  for (let c = 0; c < perGroup; c++) {
    const from = (image * channels + group * perGroup + c) * plane;
    for (const tap of taps) addTap(sums, x, from, w[at++] ?? 0, geometry, tap);
  }
}

/** Adds weight * x for one tap to all outputs whose tap lies inside the image, axis by axis. */
function addTap(
  sums: Float64Array,
  x: Float32Array,
  from: number,
  weight: number,
  geometry: ConvGeometry,
  tap: readonly number[],
): void {
  const { input, output, axes } = geometry;
  const last = axes.length - 1;
  const walk = (axis: number, source: number, target: number): void => {
    const own = axes[axis];
    if (own === undefined) return;
    const size = input[axis] ?? 1;
    const count = output[axis] ?? 1;
    const offset = (tap[axis] ?? 0) * own.dilation;
    const { begin, end } = insideRange(size, count, own, offset);
    if (axis < last) {
      for (let o = begin; o < end; o++)
        walk(axis + 1, source * size + o * own.stride - own.head + offset, target * count + o);
      return;
    }
    let at = from + source * size + begin * own.stride - own.head + offset;
    for (let to = target * count + begin; to < target * count + end; to++, at += own.stride) {
      sums[to] = (sums[to] ?? 0) + weight * (x[at] ?? 0);
    }
  };
  walk(0, 0, 0);
}

/** The window with leading axes of size 1, so that there are three. */
export function threeAxes(window: Window): Window {
  const axes = window.kernel.length;
  return {
    kernel: triple(window.kernel, 1),
    strides: triple(window.strides, 1),
    pads: [...triple(window.pads.slice(0, axes), 0), ...triple(window.pads.slice(axes), 0)],
    dilations: triple(window.dilations, 1),
  };
}

function triple(list: readonly number[], fill: number): readonly [number, number, number] {
  const [a = fill, b = fill, c = fill] = threeDims(list, fill);
  return [a, b, c];
}

/** ConvDims of runtime/include/cortado/conv_generic.h, also used for the transposed convolution. */
export function convDims(request: KernelRequest, attrs: ConvAttrs): readonly (readonly [string, StructValue])[] {
  const x = imageDims(lowerType(request, 0).shape);
  const y = imageDims(lowerOutput(request).shape);
  const window = threeAxes(attrs);
  return [
    ['in_channels', x.c],
    ['out_channels', y.c],
    ['groups', attrs.group],
    ['in', threeDims(x.spatial, 1)],
    ['out', threeDims(y.spatial, 1)],
    ['kernel', window.kernel],
    ['stride', window.strides],
    ['pad', window.pads.slice(0, 3)],
    ['dilation', window.dilations],
  ];
}

/** ConvNdDims of runtime/include/cortado/conv_nd.h, for more than three spatial axes. */
function convNdDims(request: KernelRequest, attrs: ConvAttrs): readonly (readonly [string, StructValue])[] {
  const x = imageDims(lowerType(request, 0).shape);
  const y = imageDims(lowerOutput(request).shape);
  const axes = attrs.kernel.length;
  const padded = (list: readonly Dim[]): readonly Dim[] => [...list, ...new Array<number>(6 - list.length).fill(1)];
  return [
    ['axes', axes],
    ['in_channels', x.c],
    ['out_channels', y.c],
    ['groups', attrs.group],
    ['in', padded(x.spatial)],
    ['out', padded(y.spatial)],
    ['kernel', padded(attrs.kernel)],
    ['stride', padded(attrs.strides)],
    ['pad', padded(attrs.pads.slice(0, axes))],
    ['dilation', padded(attrs.dilations)],
  ];
}

function lowerConv(request: KernelRequest, attrs: ConvAttrs): KernelCall {
  const isWide = attrs.kernel.length > 3;
  return {
    header: isWide ? 'cortado/conv_nd.h' : 'cortado/conv_generic.h',
    fn: isWide ? 'conv_nd' : 'conv_generic',
    template: [],
    args: [
      extentArg(imageDims(lowerType(request, 0).shape).n),
      isWide ? structArg('ConvNdDims', convNdDims(request, attrs)) : structArg('ConvDims', convDims(request, attrs)),
      inputArg(0),
      inputArg(1),
      outputArg(),
      kFunctorArg,
    ],
    ...biasedFunctor(request, 2),
    parts: kRowParts,
  };
}

function importConv(scope: ImportScope): readonly Value[] {
  scope.expectInputs(2, 3);
  scope.expectOutputs(1);
  const order = readOrder(scope);
  const args = readWindowArguments(scope);
  const x = scope.input(0);
  const w = scope.input(1);
  checkImage(scope, x, w);
  const image = channelsFirst(scope, x, order);
  const filter = channelsFirst(scope, w, order);
  const { window, crop } = placeWindow(scope, args, image.type.shape.slice(2));
  const attrs: Attrs = {
    ...window,
    group: order === 'NHWC' ? channelsLastGroup(image, filter, args.group) : args.group,
  };
  const bias = scope.inputCount > 2 ? [scope.input(2)] : [];
  const y = scope.emitOne('Conv', [cropped(scope, image, crop), filter, ...bias], attrs);
  return [restoreOrder(scope, y, order)];
}

/** What would otherwise show late: an empty or flat image, a filter of another rank. */
function checkImage(scope: ImportScope, x: Value, w: Value): void {
  if (x.type.shape.some((dim) => dimMax(dim) === 0)) {
    scope.fail('the image is empty', { blob: x.name, got: typeToString(x.type) });
  }
  if (x.type.shape.length < 3 || x.type.shape.length !== w.type.shape.length) {
    scope.fail('image and filter must have the same rank, 3 to 8', {
      blob: w.name,
      got: `${typeToString(x.type)} and ${typeToString(w.type)}`,
    });
  }
}

/** Caffe2 of 2018 ignores `group` when the order is NHWC and the filter spans all channels; later versions obey it. */
function channelsLastGroup(image: Value, filter: Value, group: number): number {
  const [, c = 1] = image.type.shape;
  const [, perGroup] = filter.type.shape;
  if (perGroup === undefined) return fail('internal', 'a filter without channels');
  return dimEquals(perGroup, c) ? 1 : group;
}
