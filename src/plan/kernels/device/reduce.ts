// Reductions on the device: the mean of each channel of an image, and any axes of row-major floats. Lengths and integers, which may
// fault, stay on the host.

import { fail } from '../../../errors.js';
import { opDef } from '../../../ops/define.js';
import type { KernelCall, KernelRequest } from '../../../ops/kernel-call.js';
import { type Form, inputType, isStaticImage, type Kernel, listAttr, outputType } from '../kernel.js';
import { lowerGlobalAverage } from './image.js';
import { kFollowPlain } from './twins.js';

export const kReduceKernels: readonly Kernel[] = [
  {
    name: 'global_average_image',
    op: 'ReduceMean',
    form: meanOfChannels,
    lower: ({ node }) => lowerGlobalAverage(node),
  },
  ...['ReduceSum', 'ReduceMean', 'ReduceMax'].map((op): Kernel => ({ name: 'reduce', op, form: formOfFloats, lower })),
];

/** [n, c, h, w] → [n, c] or [n, c, 1, 1]. */
function meanOfChannels({ node }: KernelRequest): Form | undefined {
  const x = inputType(node, 0);
  const isMean = isStaticImage(x) && listAttr(node, 'axes').join() === '2,3' && node.inputs[1] === undefined;
  return isMean && outputType(node).dtype === 'f32'
    ? { blockedInputs: [0], blockedOutput: true, demand: false }
    : undefined;
}

function formOfFloats({ node }: KernelRequest): Form | undefined {
  return inputType(node, 0).dtype === 'f32' && node.inputs[1] === undefined ? kFollowPlain : undefined;
}

/** The host's call without its lengths. */
function lower(request: KernelRequest): KernelCall {
  const { node } = request;
  const call = opDef(node.op).lower?.(request, node.attrs as never) ?? fail('internal', `${node.op} has no kernel`);
  const [kind, , ...ranks] = call.template;
  const args = call.args.filter((arg) => arg.kind !== 'input' || arg.index === 0);
  return {
    header: 'cortado_cuda/reduce.h',
    fn: 'reduce',
    template: [...(kind === undefined ? [] : [kind]), ...ranks],
    args,
    parts: 1,
  };
}
