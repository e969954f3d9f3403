// Blocked pooling.

import type { Node } from '../../ir/graph.js';
import { epilogueFunctor } from '../../ops/functor.js';
import { extentArg, inputArg, kFunctorArg, outputArg } from '../../ops/kernel-arguments.js';
import { blockedStorage, type KernelCall, type KernelRequest } from '../../ops/kernel-call.js';
import {
  type Form,
  inputType,
  isStaticImage,
  type Kernel,
  kAnyParts,
  listAttr,
  outputType,
  staticDims,
} from './kernel.js';

const kFollow: Form = { blockedInputs: [0], blockedOutput: true, demand: false };

export const kPoolKernels: readonly Kernel[] = [pool('MaxPool', 'MaxReduce'), pool('AveragePool', 'AverageReduce')];

function pool(op: string, reduce: string): Kernel {
  return {
    name: 'pool2d',
    op,
    form: ({ node }) =>
      isStaticImage(inputType(node, 0)) && isStaticImage(outputType(node)) && node.epilogue === undefined
        ? kFollow
        : undefined,
    lower: (request) => lowerPool(request, reduce),
  };
}

function lowerPool(request: KernelRequest, reduce: string): KernelCall {
  const { node, target } = request;
  const tail = epilogueFunctor(request, blockedStorage(target).block, 0);
  return {
    header: 'cortado/pool.h',
    fn: 'pool2d',
    config: {
      type: 'Pool2dShape',
      fields: [
        ...poolFields(node),
        ['block', blockedStorage(target).block],
        ['x_image_stride', 0],
        ['y_image_stride', 0],
      ],
    },
    template: [{ kind: 'config' }, { kind: 'type', cpp: reduce }],
    args: [extentArg(inputType(node, 0).shape[0] ?? 1), inputArg(0), outputArg(), kFunctorArg],
    ...(tail === undefined ? {} : { functor: tail.functor, packs: tail.packs }),
    parts: kAnyParts,
  };
}

/** What all poolings, those of devices included, are told of their windows, in the order of the structs. */
export function poolFields(node: Node): readonly (readonly [name: string, value: number])[] {
  const [, channels = 1, inHeight = 1, inWidth = 1] = staticDims(inputType(node, 0));
  const [, , outHeight = 1, outWidth = 1] = staticDims(outputType(node));
  const [kernelH, kernelW] = pair(node, 'kernel');
  const [strideH, strideW] = pair(node, 'strides');
  const [padTop, padLeft] = pair(node, 'pads');
  return [
    ['channels', channels],
    ['in_height', inHeight],
    ['in_width', inWidth],
    ['out_height', outHeight],
    ['out_width', outWidth],
    ['kernel_h', kernelH],
    ['kernel_w', kernelW],
    ['stride_h', strideH],
    ['stride_w', strideW],
    ['pad_top', padTop],
    ['pad_left', padLeft],
  ];
}

function pair(node: Node, name: string): readonly [number, number] {
  const [h = 0, w = 0] = listAttr(node, name);
  return [h, w];
}
