// Kernels of the device on images, channels last: conversions from and to row-major.

import { fail } from '../../../errors.js';
import { shapeSize } from '../../../ir/dim.js';
import type { TensorType } from '../../../ir/type.js';
import { extentArg, inputArg, outputArg } from '../../../ops/kernel-arguments.js';
import type { KernelCall, KernelRequest } from '../../../ops/kernel-call.js';
import { type Form, inputType, type Kernel, kPlainForm, outputType } from '../kernel.js';

/** Channels of an image are stored in multiples of this: 16 bytes of halfs. */
export const kChannelMultiple = 8;

/** An image in, an image out, worth converting for. */
export const kImageForm: Form = { blockedInputs: [0], blockedOutput: true, demand: true };

export const kImageKernels: readonly Kernel[] = [
  {
    name: 'to_image',
    op: 'ToBlocked',
    form: () => ({ ...kPlainForm, blockedOutput: true }),
    lower: (request) => lowerReorder('to_image', request, outputType(request.node)),
  },
  {
    name: 'to_plain',
    op: 'ToPlain',
    form: () => ({ ...kPlainForm, blockedInputs: [0] }),
    lower: (request) => lowerReorder('to_plain', request, inputType(request.node, 0)),
  },
];

/** Channels that an image stores per pixel. */
export function storedChannels({ layout }: TensorType): number {
  return layout.kind === 'blocked' ? layout.block : fail('internal', 'no image');
}

function lowerReorder(fn: string, { node }: KernelRequest, image: TensorType): KernelCall {
  const [n = 1, c = 1, ...spatial] = inputType(node, 0).shape;
  return {
    header: 'cortado_cuda/reorder.h',
    fn,
    template: [],
    args: [
      extentArg(n),
      extentArg(c),
      extentArg(shapeSize(spatial)),
      extentArg(storedChannels(image)),
      inputArg(0),
      outputArg(),
    ],
    parts: 1,
  };
}
