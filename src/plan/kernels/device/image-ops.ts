// Normalization, resizing and padding of images on the device. None of them is worth a conversion by itself: they follow their
// input.

import { fail } from '../../../errors.js';
import { dimMax, dimMul, shapeSize } from '../../../ir/dim.js';
import type { Node } from '../../../ir/graph.js';
import { padVector } from '../../../ops/functor.js';
import { extentArg, floatArg, inputArg, kFunctorArg, outputArg, structArg } from '../../../ops/kernel-arguments.js';
import type { KernelArg, KernelCall, KernelRequest } from '../../../ops/kernel-call.js';
import {
  type Form,
  inputType,
  isStaticImage,
  type Kernel,
  listAttr,
  numberAttr,
  outputType,
  staticDims,
} from '../kernel.js';
import { imageRows, kChannelMultiple, storedChannels, writtenFields } from './image.js';

const kFollowImage: Form = { blockedInputs: [0], blockedOutput: true, demand: false };

export const kImageOpKernels: readonly Kernel[] = [
  {
    name: 'instance_norm_image',
    op: 'InstanceNorm',
    form: (request) => {
      const constants = request.node.inputs.slice(1, 3).every((value) => request.constant(value) !== undefined);
      return constants ? formAlone(request) : undefined;
    },
    lower: lowerInstanceNorm,
  },
  { name: 'lrn_image', op: 'LRN', form: formAlone, lower: ({ node }) => lowerLrn(node) },
  { name: 'shuffle_channels_image', op: 'ChannelShuffle', form: formAlone, lower: ({ node }) => lowerShuffle(node) },
  { name: 'resize_nearest_image', op: 'ResizeNearest', form: formAlone, lower: ({ node }) => lowerResize(node) },
  {
    name: 'pad2d_image',
    op: 'Pad',
    form: (request) => (listAttr(request.node, 'pads').length === 4 ? formAlone(request) : undefined),
    lower: ({ node }) => lowerPad(node),
  },
];

/** A static image in, one out, nothing else wanted. */
function formAlone({ node }: KernelRequest): Form | undefined {
  const others = node.outputs.slice(1).every((value) => value === undefined);
  return isStaticImage(inputType(node, 0)) && isStaticImage(outputType(node)) && others ? kFollowImage : undefined;
}

/** Pixels of moments that one block sums, and the most blocks of an image: instance_norm_scratch_bytes of image_norm.h. */
const kMomentPixels = 512;
const kMomentPieces = 128;

function lowerInstanceNorm(request: KernelRequest): KernelCall {
  const { node } = request;
  const { shape } = inputType(node, 0);
  const packs = [1, 2].map((i) => {
    const tensor = request.constant(node.inputs[i]);
    if (tensor === undefined || tensor.dtype === 'str') return fail('internal', 'InstanceNorm lost a constant');
    return padVector(tensor, kChannelMultiple);
  });
  const [n = 1, c = 1, ...spatial] = shape;
  const pieces = Math.min(Math.ceil(dimMax(shapeSize(spatial)) / kMomentPixels), kMomentPieces);
  const stored = Math.ceil(dimMax(c) / kChannelMultiple) * kChannelMultiple;
  return {
    header: 'cortado_cuda/image_norm.h',
    fn: 'instance_norm_image',
    template: [],
    args: [
      extentArg(n),
      imageRows(node, shapeSize(spatial)),
      floatArg(numberAttr(node, 'epsilon')),
      inputArg(0),
      { kind: 'packed', index: 0 },
      { kind: 'packed', index: 1 },
      outputArg(),
      kFunctorArg,
      { kind: 'scratch' },
    ],
    packs,
    scratchBytes: 8 * dimMax(n) * (pieces + 1) * stored,
    parts: 1,
    inPlace: [{ input: 0, output: 0 }],
  };
}

function lowerLrn(node: Node): KernelCall {
  const [n = 1, , ...spatial] = inputType(node, 0).shape;
  return {
    header: 'cortado_cuda/image_norm.h',
    fn: 'lrn_image',
    template: [],
    args: [
      imageRows(node, dimMul(n, shapeSize(spatial))),
      extentArg(numberAttr(node, 'size')),
      ...['alpha', 'beta', 'bias'].map((name) => floatArg(numberAttr(node, name))),
      inputArg(0),
      outputArg(),
    ],
    parts: 1,
  };
}

/** MoveDims of runtime/cuda. */
function moveDims(node: Node): KernelArg {
  const [, channels = 1, inHeight = 1, inWidth = 1] = staticDims(inputType(node, 0));
  const [, , outHeight = 1, outWidth = 1] = staticDims(outputType(node));
  return structArg('MoveDims', [
    ['n', inputType(node, 0).shape[0] ?? 1],
    ['in_height', inHeight],
    ['in_width', inWidth],
    ['out_height', outHeight],
    ['out_width', outWidth],
    ['channels', channels],
    ['x_stored', storedChannels(inputType(node, 0))],
    ...writtenFields(outputType(node)),
  ]);
}

function lowerResize(node: Node): KernelCall {
  const scales = ['heightScale', 'widthScale'].map((name) => floatArg(numberAttr(node, name)));
  return moveCall('resize_nearest_image', [moveDims(node), ...scales, inputArg(0), outputArg()]);
}

function lowerShuffle(node: Node): KernelCall {
  const [n = 1, , ...spatial] = outputType(node).shape;
  const rows = imageRows(node, dimMul(n, shapeSize(spatial)));
  return moveCall('shuffle_channels_image', [rows, extentArg(numberAttr(node, 'group')), inputArg(0), outputArg()]);
}

const kPadModes: { readonly [mode: string]: string } = { constant: 'kConstant', reflect: 'kReflect', edge: 'kEdge' };

function lowerPad(node: Node): KernelCall {
  const [top = 0, left = 0] = listAttr(node, 'pads');
  const mode = kPadModes[String(node.attrs['mode'])] ?? fail('internal', `Pad has mode ${String(node.attrs['mode'])}`);
  const call = moveCall('pad2d_image', [
    moveDims(node),
    extentArg(top),
    extentArg(left),
    floatArg(numberAttr(node, 'value')),
    inputArg(0),
    outputArg(),
  ]);
  return { ...call, template: [{ kind: 'type', cpp: `PadMode::${mode}` }] };
}

function moveCall(fn: string, args: readonly KernelArg[]): KernelCall {
  return { header: 'cortado_cuda/image_move.h', fn, template: [], args, parts: 1 };
}
