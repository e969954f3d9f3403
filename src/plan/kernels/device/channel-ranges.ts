// Ranges of the channels of images: Concat, Split and Slice along axis 1 are views where every range but the last is a whole number
// of packs. The pieces lie in the image of all channels; view-channels.ts gives them its pitch, so none of these rows makes a call.

import { fail } from '../../../errors.js';
import { dimEquals, dimMax, isStatic } from '../../../ir/dim.js';
import { presentInputs, presentOutputs, type Value } from '../../../ir/graph.js';
import type { TensorType } from '../../../ir/type.js';
import type { KernelCall, KernelRequest } from '../../../ops/kernel-call.js';
import { firstChannel } from '../../views.js';
import { type Form, inputType, isStaticImage, type Kernel, outputType } from '../kernel.js';
import { kChannelMultiple } from './image.js';

export const kChannelRanges: readonly Kernel[] = [
  { name: 'concat_image', op: 'Concat', form: concatForm, lower: noCall },
  { name: 'split_image', op: 'Split', form: splitForm, lower: noCall },
  { name: 'slice_image', op: 'Slice', form: sliceForm, lower: noCall },
];

function noCall({ node }: KernelRequest): KernelCall {
  return fail('internal', `${node.op} of the channels of images is a view`);
}

function concatForm({ node }: KernelRequest): Form | undefined {
  const pieces = presentInputs(node);
  const isAlone = node.outputs.slice(1).every((value) => value === undefined);
  if (node.attrs['axis'] !== 1 || node.epilogue !== undefined || !isAlone || pieces.length < 2) return undefined;
  if (!isStaticImage(outputType(node)) || !fitPacks(pieces)) return undefined;
  return { blockedInputs: pieces.map((_, i) => i), blockedOutput: true, demand: false };
}

function splitForm({ node }: KernelRequest): Form | undefined {
  const parts = presentOutputs(node);
  const isWhole = parts.length === node.outputs.length && parts.length > 1;
  if (node.attrs['axis'] !== 1 || !isWhole || !isStaticImage(inputType(node, 0)) || !fitPacks(parts)) return undefined;
  return { blockedInputs: [0], blockedOutput: true, allOutputs: true, demand: false };
}

function sliceForm({ node }: KernelRequest): Form | undefined {
  const [x, y] = [inputType(node, 0), outputType(node)];
  if (node.inputs.length > 1 || !isStaticImage(x) || !isStaticImage(y)) return undefined;
  const cutsChannels = x.shape.every((dim, axis) => dimEquals(dim, y.shape[axis] ?? 0) === (axis !== 1));
  const first = firstChannel(node, x);
  const end = first + channelsOf(y);
  const fits = first % kChannelMultiple === 0 && (end % kChannelMultiple === 0 || end === channelsOf(x));
  return cutsChannels && fits ? { blockedInputs: [0], blockedOutput: true, demand: false } : undefined;
}

/** Every piece but the last ends where a pack of channels does. */
function fitPacks(pieces: readonly Value[]): boolean {
  return pieces.every(({ type }, i) => {
    if (!isStaticImage(type) || !isStatic(type.shape[1] ?? 0) || channelsOf(type) === 0) return false;
    return i === pieces.length - 1 || channelsOf(type) % kChannelMultiple === 0;
  });
}

function channelsOf(type: TensorType): number {
  return dimMax(type.shape[1] ?? 1);
}
