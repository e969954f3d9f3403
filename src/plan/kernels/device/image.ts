// Kernels of the device on images, channels last: conversions from and to row-major, pooling, concatenation of channels.

import { fail } from '../../../errors.js';
import { dimMax, dimMul, isStatic, shapeSize } from '../../../ir/dim.js';
import { type Node, presentInputs } from '../../../ir/graph.js';
import type { TensorType } from '../../../ir/type.js';
import { extentArg, inputArg, kFunctorArg, outputArg, structArg } from '../../../ops/kernel-arguments.js';
import type { KernelCall, KernelRequest } from '../../../ops/kernel-call.js';
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
    lower: (request) => lowerReorder('to_image', request, outputType(request.node)),
  },
  {
    name: 'to_plain',
    op: 'ToPlain',
    form: () => ({ ...kPlainForm, blockedInputs: [0] }),
    lower: (request) => lowerReorder('to_plain', request, inputType(request.node, 0)),
  },
  pool('MaxPool', 'MaxReduce'),
  pool('AveragePool', 'AverageReduce'),
  { name: 'concat_image', op: 'Concat', form: concatForm, lower: lowerConcat },
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

// ---- pooling ---------------------------------------------------------------------------------------------------------

function pool(op: string, reduce: string): Kernel {
  return {
    name: 'pool2d_image',
    op,
    form: ({ node }) => (isStaticImage(inputType(node, 0)) && isStaticImage(outputType(node)) ? kImageForm : undefined),
    lower: ({ node }) => (isGlobalAverage(node) ? lowerGlobalAverage(node) : lowerPool(node, reduce)),
  };
}

function lowerPool(node: Node, reduce: string): KernelCall {
  const written = storedChannels(outputType(node));
  return {
    header: 'cortado_cuda/image_pool.h',
    fn: 'pool2d_image',
    config: {
      type: 'Pool2dShape',
      fields: [
        ...poolFields(node),
        ['x_stored', storedChannels(inputType(node, 0))],
        ['y_written', written],
        ['y_stored', written],
      ],
    },
    template: [{ kind: 'config' }, { kind: 'type', cpp: reduce }],
    args: [extentArg(inputType(node, 0).shape[0] ?? 1), inputArg(0), outputArg(), kFunctorArg],
    parts: 1,
  };
}

/** One window that is the whole image. */
function isGlobalAverage(node: Node): boolean {
  const [, , ...image] = staticDims(inputType(node, 0));
  const [, , ...result] = staticDims(outputType(node));
  const kernel = listAttr(node, 'kernel');
  const pads = listAttr(node, 'pads');
  const isWhole = image.every((size, axis) => kernel[axis] === size && result[axis] === 1);
  return node.op === 'AveragePool' && isWhole && pads.every((pad) => pad === 0);
}

function lowerGlobalAverage(node: Node): KernelCall {
  const { shape } = inputType(node, 0);
  const written = storedChannels(outputType(node));
  return {
    header: 'cortado_cuda/image_pool.h',
    fn: 'global_average_image',
    template: [],
    args: [
      extentArg(shape[0] ?? 1),
      structArg('ImageRows', [
        ['pixels', shapeSize(shape.slice(2))],
        ['channels', dimMax(shape[1] ?? 1)],
        ['x_stored', storedChannels(inputType(node, 0))],
        ['y_written', written],
        ['y_stored', written],
      ]),
      inputArg(0),
      outputArg(),
      kFunctorArg,
    ],
    parts: 1,
  };
}

// ---- concatenation ---------------------------------------------------------------------------------------------------

/** Channels side by side; every piece but the last must end where a pack of channels does. */
function concatForm({ node }: KernelRequest): Form | undefined {
  const inputs = presentInputs(node);
  const isAlone = node.outputs.slice(1).every((value) => value === undefined);
  const fits = inputs.every(
    ({ type }, i) =>
      isStaticImage(type) &&
      isStatic(type.shape[1] ?? 0) &&
      (i === inputs.length - 1 || dimMax(type.shape[1] ?? 1) % kChannelMultiple === 0),
  );
  if (node.attrs['axis'] !== 1 || !isAlone || !fits || !isStaticImage(outputType(node))) return undefined;
  return { blockedInputs: inputs.map((_, i) => i), blockedOutput: true, demand: false };
}

function lowerConcat({ node }: KernelRequest): KernelCall {
  const inputs = presentInputs(node);
  const [n = 1, , ...spatial] = outputType(node).shape;
  return {
    header: 'cortado_cuda/concat_image.h',
    fn: 'concat_image',
    template: [],
    args: [
      extentArg(dimMul(n, shapeSize(spatial))),
      { kind: 'list', values: inputs.map(({ type }) => dimMax(type.shape[1] ?? 1)) },
      { kind: 'list', values: inputs.map(({ type }) => storedChannels(type)) },
      extentArg(storedChannels(outputType(node))),
      outputArg(),
      ...inputs.map((_, i) => inputArg(i)),
    ],
    parts: 1,
  };
}
