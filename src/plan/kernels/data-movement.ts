// Blocked data movement: padding, nearest resizing, and concats and splits that the planner turns into views.

import { fail } from '../../errors.js';
import { operatorInputs } from '../../ir/graph.js';
import { extentArg, inputArg, outputArg, structArg } from '../../ops/kernel-arguments.js';
import { blockedStorage, type KernelCall, type KernelRequest } from '../../ops/kernel-call.js';
import { concatPieces } from '../views.js';
import {
  type Form,
  inputType,
  isStaticImage,
  type Kernel,
  kAnyParts,
  listAttr,
  numberAttr,
  outputType,
  staticDims,
} from './kernel.js';

const kFollow: Form = { blockedInputs: [0], blockedOutput: true, demand: false };

export const kDataKernels: readonly Kernel[] = [
  {
    name: 'pad2d_blocked',
    op: 'Pad',
    form: ({ node }) => (isStaticImage(inputType(node, 0)) ? kFollow : undefined),
    lower: lowerPad,
  },
  {
    name: 'resize_nearest_blocked',
    op: 'ResizeNearest',
    form: ({ node }) => (isStaticImage(inputType(node, 0)) && isStaticImage(outputType(node)) ? kFollow : undefined),
    lower: lowerResize,
  },
  {
    name: 'concat_blocked',
    op: 'Concat',
    form: (request) => concatForm(request),
    lower: () => fail('internal', 'a blocked concat is always a view'),
  },
];

/** Blocked when the pieces can be written in place: whole blocks, one image. */
function concatForm({ node, target }: KernelRequest): Form | undefined {
  const inputs = operatorInputs(node);
  const fits = inputs.every((value) => {
    const channels = value?.type.shape[1];
    return (
      value !== undefined &&
      isStaticImage(value.type) &&
      typeof channels === 'number' &&
      channels % blockedStorage(target).block === 0
    );
  });
  if (!fits || node.attrs.axis !== 1 || concatPieces(node) === undefined) return undefined;
  return { blockedInputs: inputs.map((_, i) => i), blockedOutput: true, demand: false };
}

function lowerPad({ node, target }: KernelRequest): KernelCall {
  const x = inputType(node, 0);
  const [, channels = 1, inHeight = 1, inWidth = 1] = staticDims(x);
  const [, , outHeight = 1, outWidth = 1] = staticDims(outputType(node));
  const [padTop = 0, padLeft = 0] = listAttr(node, 'pads');
  const mode = String(node.attrs.mode);
  return {
    header: 'cortado/pad.h',
    fn: 'pad2d_blocked',
    template: [
      { kind: 'type', cpp: `PadMode::k${mode.charAt(0).toUpperCase()}${mode.slice(1)}` },
      { kind: 'number', value: blockedStorage(target).block },
    ],
    args: [
      extentArg(x.shape[0] ?? 1),
      structArg('Pad2dDims', [
        ['channels', channels],
        ['in_height', inHeight],
        ['in_width', inWidth],
        ['out_height', outHeight],
        ['out_width', outWidth],
        ['pad_top', padTop],
        ['pad_left', padLeft],
        ['value', { float: numberAttr(node, 'value') }],
      ]),
      inputArg(0),
      outputArg(),
    ],
    parts: kAnyParts,
  };
}

function lowerResize({ node, target }: KernelRequest): KernelCall {
  const x = inputType(node, 0);
  const [, channels = 1, inHeight = 1, inWidth = 1] = staticDims(x);
  const [, , outHeight = 1, outWidth = 1] = staticDims(outputType(node));
  return {
    header: 'cortado/resize.h',
    fn: 'resize_nearest_blocked',
    template: [{ kind: 'number', value: blockedStorage(target).block }],
    args: [
      extentArg(x.shape[0] ?? 1),
      structArg('ResizeDims', [
        ['channels', channels],
        ['in_height', inHeight],
        ['in_width', inWidth],
        ['out_height', outHeight],
        ['out_width', outWidth],
        ['height_scale', { float: numberAttr(node, 'heightScale') }],
        ['width_scale', { float: numberAttr(node, 'widthScale') }],
      ]),
      inputArg(0),
      outputArg(),
    ],
    parts: kAnyParts,
  };
}
