// ChannelShuffle: transposes groups and channels per group, so that grouped convolutions exchange channels.

import { isStatic, type Shape, shapeSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { typeToString } from '../../ir/type.js';
import { int } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank } from '../check-input.js';
import { defineOp } from '../define.js';
import { reshapeTo } from '../flatten-import.js';
import { channelsFirst, readOrder, restoreOrder } from '../image-order.js';
import { lowerType } from '../kernel-arguments.js';
import { quantizedInput, readChannelsLast, readFixedQuantization } from '../quantized-import.js';
import { floatData, floatOutput, sizeOf } from '../reference-tensors.js';
import { denseStrides, stridedCopyCall } from '../strided-copy.js';
import { placeWindow, readWindowArguments } from '../window-arguments.js';

export const channelShuffle = defineOp({
  name: 'ChannelShuffle',
  doc: 'channel k * group + g of y is channel g * (c / group) + k of x',
  source: 'caffe2/operators/channel_shuffle_op.h',
  inputs: [{ name: 'x', doc: '[n, c, spatial...]' }],
  outputs: [{ name: 'y', doc: 'shaped as x' }],
  attrs: { group: int('number of groups', 1) },
  infer: (request) => {
    const x = checkDType(request, 0, 'the image');
    checkRank(request, 0, 'the image', 3, 5);
    const c = x.shape[1] ?? 1;
    const { group } = request.attrs;
    if (!isStatic(c) || group < 1 || c % group !== 0) {
      request.fail('the channels do not divide into groups', { input: 0, expected: `a multiple of ${group} channels` });
    }
    return [x];
  },
  reference: (request) => {
    const { group } = request.attrs;
    const x = request.tensor(0);
    const y = floatOutput(request);
    const channels = x.dims[1] ?? 1;
    const pixels = sizeOf(x.dims, 2);
    for (let plane = 0; plane < sizeOf(x.dims, 0, 2); plane++) {
      const c = plane % channels;
      const from = plane - c + (c % group) * (channels / group) + Math.floor(c / group);
      y.data.set(floatData(x).subarray(from * pixels, (from + 1) * pixels), plane * pixels);
    }
    return [y.tensor];
  },
  lower: (request, { group }) => {
    const [n = 1, c = 1, ...spatial] = lowerType(request, 0).shape;
    const perGroup = isStatic(c) ? c / group : 1;
    const split: Shape = [n, group, perGroup, shapeSize(spatial)];
    const [image = 1, groupStride = 1, channel = 1] = denseStrides(split);
    const dims: Shape = [n, perGroup, group, shapeSize(spatial)];
    return stridedCopyCall(request, dims, [image, channel, groupStride, 1], 0);
  },
  caffe2: { ChannelShuffle: importChannelShuffle, Int8ChannelShuffle: importQuantizedShuffle },
  examples: [{ attrs: { group: 3 }, inputs: [{ dims: [2, 6, 3, 2] }] }],
});

function importChannelShuffle(scope: ImportScope): readonly Value[] {
  scope.expectInputs(1);
  scope.expectOutputs(1);
  const order = readOrder(scope);
  const args = readWindowArguments(scope);
  const image = channelsFirst(scope, scope.input(0), order);
  // Caffe2 computes the output size as a convolution would, and then copies whole channels.
  const { window, crop } = placeWindow(scope, args, image.type.shape.slice(2));
  const isTrivial =
    [...window.kernel, ...window.strides].every((one) => one === 1) && window.pads.every((p) => p === 0);
  if (!isTrivial || crop !== undefined) scope.fail('ChannelShuffle needs kernel 1, stride 1 and no padding');
  return [restoreOrder(scope, scope.emitOne('ChannelShuffle', [image], { group: args.group }), order)];
}

/** Of [n, h, w, c]: the channels as a matrix [group, c / group], transposed. */
function importQuantizedShuffle(scope: ImportScope): readonly Value[] {
  scope.expectInputs(1);
  scope.expectOutputs(1);
  readChannelsLast(scope, 'NHWC');
  const { group } = readWindowArguments(scope);
  const x = quantizedInput(scope, 0);
  readFixedQuantization(scope, x);
  const { shape } = x.value.type;
  const [n = 1, h = 1, w = 1, c = 1] = shape;
  if (shape.length !== 4 || !isStatic(c) || group < 1 || c % group !== 0) {
    return scope.fail('the channels do not divide into groups', {
      expected: `[n, h, w, a multiple of ${group} channels]`,
      got: typeToString(x.value.type),
    });
  }
  const pixels = shapeSize([n, h, w]);
  const split = reshapeTo(scope, x.value, [pixels, group, c / group]);
  return [reshapeTo(scope, scope.emitOne('Transpose', [split], { perm: [0, 2, 1] }), shape)];
}
