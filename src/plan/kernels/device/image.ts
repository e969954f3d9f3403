// Kernels of the device on images, channels last: conversions from and to row-major, pooling. Ranges of channels (concatenation, split,
// slice) have no kernel: they are views.

import { fail } from '../../../errors.js';
import { dimMax, dimMul, shapeSize } from '../../../ir/dim.js';
import type { Node } from '../../../ir/graph.js';
import type { TensorType } from '../../../ir/type.js';
import { extentArg, inputArg, kFunctorArg, outputArg, structArg } from '../../../ops/kernel-arguments.js';
import type { KernelArg, KernelCall, StructValue } from '../../../ops/kernel-call.js';
import {
  type Form,
  inputType,
  isStaticImage,
  type Kernel,
  kPlainForm,
  listAttr,
  outputType,
  staticDims,
} from '../kernel.js';
import { poolFields } from '../pool.js';

/** Channels of an image are stored in multiples of this: 16 bytes of halfs. */
export const kChannelMultiple = 8;

/** An image in, an image out, worth converting for. */
export const kImageForm: Form = { blockedInputs: [0], blockedOutput: true, demand: true };

export const kImageKernels: readonly Kernel[] = [
  {
    name: 'to_image',
    op: 'ToBlocked',
    form: () => ({ ...kPlainForm, blockedOutput: true }),
    lower: ({ node }) => lowerToImage(node),
  },
  {
    name: 'copy_image',
    op: 'ToBlocked',
    form: () => ({ ...kPlainForm, blockedInputs: [0], blockedOutput: true }),
    lower: ({ node }) => lowerCopyImage(node),
  },
  {
    name: 'to_plain',
    op: 'ToPlain',
    form: () => ({ ...kPlainForm, blockedInputs: [0] }),
    lower: ({ node }) => lowerToPlain(node),
  },
  pool('MaxPool', 'MaxReduce'),
  {
    name: 'global_average_image',
    op: 'AveragePool',
    form: ({ node }) => (isGlobalAverage(node) ? kImageForm : undefined),
    lower: ({ node }) => lowerGlobalAverage(node),
  },
  pool('AveragePool', 'AverageReduce'),
];

/** Channels of a pixel that an image has, its padding included. */
export function writtenChannels({ layout }: TensorType): number {
  return layout.kind === 'blocked' ? layout.block : fail('internal', 'no image');
}

/** Elements from one pixel of an image to the next: more than it has where it is part of a wider one. */
export function storedChannels({ layout }: TensorType): number {
  return layout.kind === 'blocked' ? (layout.pitch ?? layout.block) : fail('internal', 'no image');
}

/** Fields y_written and y_stored of the structs of runtime/cuda. */
export function writtenFields(result: TensorType): readonly (readonly [string, number])[] {
  return [
    ['y_written', writtenChannels(result)],
    ['y_stored', storedChannels(result)],
  ];
}

function lowerToImage(node: Node): KernelCall {
  const result = outputType(node);
  return reorderCall('to_image', node, [extentArg(writtenChannels(result)), extentArg(storedChannels(result))]);
}

function lowerToPlain(node: Node): KernelCall {
  return reorderCall('to_plain', node, [extentArg(storedChannels(inputType(node, 0)))]);
}

function reorderCall(fn: string, node: Node, sizes: readonly KernelArg[]): KernelCall {
  const [n = 1, c = 1, ...spatial] = inputType(node, 0).shape;
  return {
    header: 'cortado_cuda/reorder.h',
    fn,
    template: [],
    args: [extentArg(n), extentArg(c), extentArg(shapeSize(spatial)), ...sizes, inputArg(0), outputArg()],
    parts: 1,
  };
}

/** From one distance of pixels to another. */
function lowerCopyImage(node: Node): KernelCall {
  const [n = 1, , ...spatial] = outputType(node).shape;
  return {
    header: 'cortado_cuda/image_map.h',
    fn: 'copy_image',
    template: [],
    args: [imageRows(node, dimMul(n, shapeSize(spatial))), inputArg(0), outputArg()],
    parts: 1,
  };
}

/** ImageRows of runtime/cuda: `pixels` are those of all images, or of one, as the kernel wants. */
export function imageRows(node: Node, pixels: StructValue): KernelArg {
  return structArg('ImageRows', [
    ['pixels', pixels],
    ['channels', dimMax(outputType(node).shape[1] ?? 1)],
    ['x_stored', storedChannels(inputType(node, 0))],
    ...writtenFields(outputType(node)),
  ]);
}

// ---- pooling ---------------------------------------------------------------------------------------------------------

function pool(op: string, reduce: string): Kernel {
  return {
    name: 'pool2d_image',
    op,
    form: ({ node }) => (isStaticImage(inputType(node, 0)) && isStaticImage(outputType(node)) ? kImageForm : undefined),
    lower: ({ node }) => lowerPool(node, reduce),
  };
}

function lowerPool(node: Node, reduce: string): KernelCall {
  return {
    header: 'cortado_cuda/image_pool.h',
    fn: 'pool2d_image',
    config: {
      type: 'Pool2dShape',
      fields: [
        ...poolFields(node),
        ['x_stored', storedChannels(inputType(node, 0))],
        ...writtenFields(outputType(node)),
      ],
    },
    template: [{ kind: 'config' }, { kind: 'type', cpp: reduce }],
    args: [extentArg(inputType(node, 0).shape[0] ?? 1), inputArg(0), outputArg(), kFunctorArg],
    parts: 1,
  };
}

/** One window that is the whole image. */
function isGlobalAverage(node: Node): boolean {
  if (!isStaticImage(inputType(node, 0)) || !isStaticImage(outputType(node))) return false;
  const [, , ...image] = staticDims(inputType(node, 0));
  const [, , ...result] = staticDims(outputType(node));
  const kernel = listAttr(node, 'kernel');
  const pads = listAttr(node, 'pads');
  const isWhole = image.every((size, axis) => kernel[axis] === size && result[axis] === 1);
  return isWhole && pads.every((pad) => pad === 0);
}

/** Mean of each channel of each image. */
export function lowerGlobalAverage(node: Node): KernelCall {
  const { shape } = inputType(node, 0);
  return {
    header: 'cortado_cuda/image_pool.h',
    fn: 'global_average_image',
    template: [],
    args: [extentArg(shape[0] ?? 1), imageRows(node, shapeSize(shape.slice(2))), inputArg(0), outputArg(), kFunctorArg],
    parts: 1,
  };
}
