// LC: a convolution whose weights differ from place to place.

import { dimEquals, dimMax, dimMul, type Shape, shapeMaxSize, shapeToString } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { typeToString } from '../../ir/type.js';
import { int } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank } from '../check-input.js';
import { defineOp, type InferRequest } from '../define.js';
import { channelsFirst, readOrder, restoreOrder } from '../image-order.js';
import { extentArg, imageDims, inputArg, kRowParts, lowerType, outputArg, structArg } from '../kernel-arguments.js';
import { floatData, floatOutput, optionalFloats, sizeOf } from '../reference-tensors.js';
import { inferWindow, kWindowAttrs, type Window, windowAxis } from '../window.js';
import { cropped, placeWindow, readWindowArguments } from '../window-arguments.js';
import { convDims } from './conv.js';

interface LocalAttrs extends Window {
  readonly group: number;
}

export const locallyConnected = defineOp({
  name: 'LocallyConnected',
  doc: 'as Conv, but output position o.. uses the filter w[o..] and the bias bias[o..]',
  source: 'caffe2/operators/locally_connected_op_impl.h',
  inputs: [
    { name: 'x', doc: '[n, c, spatial...], one to three spatial axes' },
    { name: 'w', doc: '[output spatial..., m, c/group, kernel...]' },
    { name: 'bias', doc: '[output spatial..., m]', optional: true },
  ],
  outputs: [{ name: 'y', doc: '[n, m, spatial...]' }],
  attrs: { ...kWindowAttrs, group: int('number of groups of channels', 1) },
  infer: (request) => {
    const x = checkDType(request, 0, 'the image');
    checkRank(request, 0, 'the image', 3, 5);
    const [n = 1, , ...spatial] = x.shape;
    const output = inferWindow(request, spatial, request.attrs);
    return [{ ...x, shape: [n, inferFilter(request, output), ...output] }];
  },
  reference: (request) => {
    const { attrs } = request;
    const x = request.tensor(0);
    const source = floatData(x);
    const w = floatData(request.tensor(1));
    const bias = optionalFloats(request, 2);
    const y = floatOutput(request);
    const [, channels = 1, ...input] = x.dims;
    const [n = 0, m = 1, ...output] = y.tensor.dims;
    const axes = output.map((_, axis) => windowAxis(attrs, axis));
    const [pixels, positions, taps] = [sizeOf(input), sizeOf(output), sizeOf(attrs.kernel)];
    const perGroup = channels / attrs.group;
    /** Offset in the input plane that tap `tap` of position `at` reads; -1 outside. */
    const offsetOf = (at: number, tap: number): number => {
      let [place, own, stride, offset] = [at, tap, 1, 0];
      for (let axis = axes.length - 1; axis >= 0; axis--) {
        const { stride: step = 1, head = 0, dilation = 1, kernel = 1 } = axes[axis] ?? {};
        const i = (place % (output[axis] ?? 1)) * step - head + (own % kernel) * dilation;
        if (i < 0 || i >= (input[axis] ?? 1)) return -1;
        offset += i * stride;
        stride *= input[axis] ?? 1;
        place = Math.floor(place / (output[axis] ?? 1));
        own = Math.floor(own / kernel);
      }
      return offset;
    };
    const sumAt = (image: number, channel: number, at: number): number => {
      const group = Math.floor(channel / (m / attrs.group));
      let sum = bias?.[at * m + channel] ?? 0;
      for (let tap = 0; tap < taps; tap++) {
        const offset = offsetOf(at, tap);
        if (offset < 0) continue;
        for (let c = 0; c < perGroup; c++) {
          const value = source[(image * channels + group * perGroup + c) * pixels + offset] ?? 0;
          sum += value * (w[((at * m + channel) * perGroup + c) * taps + tap] ?? 0);
        }
      }
      return sum;
    };
    for (let image = 0; image < n; image++) {
      for (let channel = 0; channel < m; channel++) {
        for (let at = 0; at < positions; at++) {
          y.data[(image * m + channel) * positions + at] = sumAt(image, channel, at);
        }
      }
    }
    return [y.tensor];
  },
  macs: ({ inputs, outputs }) =>
    shapeMaxSize(outputs[0]?.shape ?? []) *
    shapeMaxSize(inputs[1]?.shape.slice((inputs[0]?.shape.length ?? 2) - 1) ?? []),
  lower: (request, attrs) => ({
    header: 'cortado/locally_connected.h',
    fn: 'locally_connected',
    template: [],
    args: [
      extentArg(imageDims(lowerType(request, 0).shape).n),
      structArg('ConvDims', convDims(request, attrs)),
      inputArg(0),
      inputArg(1),
      inputArg(2),
      outputArg(),
    ],
    parts: kRowParts,
  }),
  caffe2: { LC: importLocal, LC1D: importLocal, LC2D: importLocal, LC3D: importLocal },
  examples: [
    {
      attrs: { kernel: [2, 3], strides: [1, 2], pads: [1, 0, 0, 1], dilations: [1, 1], group: 2 },
      inputs: [{ dims: [2, 2, 3, 6] }, { dims: [3, 3, 4, 1, 2, 3] }, { dims: [3, 3, 4] }],
    },
    {
      note: 'one spatial axis, no bias',
      attrs: { kernel: [3], strides: [2], pads: [1, 1], dilations: [1] },
      inputs: [{ dims: [1, 2, 7] }, { dims: [4, 3, 2, 3] }],
    },
  ],
});

/** Checks filter and bias against the output's spatial sizes; gives the number of output channels. */
function inferFilter(request: InferRequest<LocalAttrs>, output: Shape): number {
  const { attrs } = request;
  const axes = output.length;
  const w = checkDType(request, 1, 'the filter');
  checkRank(request, 1, 'the filter', 2 * axes + 2);
  const m = w.shape[axes];
  const perGroup = w.shape[axes + 1] ?? 1;
  const c = request.type(0).shape[1] ?? 1;
  const fits =
    output.every((size, axis) => dimEquals(size, w.shape[axis] ?? 0)) &&
    dimEquals(dimMul(perGroup, attrs.group), c) &&
    attrs.kernel.every((size, axis) => w.shape[axes + 2 + axis] === size);
  if (!fits || typeof m !== 'number' || m % attrs.group !== 0) {
    return request.fail('the filter does not fit', {
      input: 1,
      expected: `output sizes ${shapeToString(output)}, output channels, channels per group, kernel [${attrs.kernel.join(',')}]`,
      got: typeToString(w),
    });
  }
  if (request.inputs[2] !== undefined) {
    const bias = checkDType(request, 2, 'the bias');
    const wanted = [...output, m];
    if (bias.shape.length !== axes + 1 || !bias.shape.every((size, i) => dimEquals(size, wanted[i] ?? 0))) {
      request.fail('the bias does not fit', { input: 2, expected: shapeToString(wanted), got: typeToString(bias) });
    }
  }
  return m;
}

function importLocal(scope: ImportScope): readonly Value[] {
  scope.expectInputs(2, 3);
  scope.expectOutputs(1);
  const order = readOrder(scope);
  const args = readWindowArguments(scope);
  const x = scope.input(0);
  const axes = x.type.shape.length - 2;
  if (axes < 1 || x.type.shape.some((dim) => dimMax(dim) === 0)) {
    scope.fail('the image is empty or has no spatial axes', { blob: x.name, got: typeToString(x.type) });
  }
  const image = channelsFirst(scope, x, order);
  const { window, crop } = placeWindow(scope, args, image.type.shape.slice(2));
  const bias = scope.inputCount > 2 ? [scope.input(2)] : [];
  const filter = order === 'NCHW' ? scope.input(1) : filterChannelsFirst(scope, scope.input(1), axes);
  const y = scope.emitOne('LocallyConnected', [cropped(scope, image, crop), filter, ...bias], {
    ...window,
    group: args.group,
  });
  return [restoreOrder(scope, y, order)];
}

/** [output spatial..., m, kernel..., c] to [output spatial..., m, c, kernel...]. */
function filterChannelsFirst(scope: ImportScope, w: Value, axes: number): Value {
  const rank = w.type.shape.length;
  if (rank !== 2 * axes + 2)
    scope.fail('the filter has the wrong rank', { blob: w.name, expected: `${2 * axes + 2} dims` });
  const places = Array.from({ length: axes + 1 }, (_, i) => i);
  const kernel = Array.from({ length: axes }, (_, i) => axes + 1 + i);
  return scope.emitOne('Transpose', [w], { perm: [...places, rank - 1, ...kernel] });
}
