// Blocked LRN and instance normalization.

import { fail } from '../../errors.js';
import { shapeSize } from '../../ir/dim.js';
import type { Node } from '../../ir/graph.js';
import { padVector } from '../../ops/functor.js';
import { extentArg, floatArg, inputArg, outputArg, structArg } from '../../ops/kernel-arguments.js';
import { blockedStorage, type KernelCall, type KernelRequest } from '../../ops/kernel-call.js';
import { type Form, inputType, isStaticImage, type Kernel, kAnyParts, numberAttr, staticDims } from './kernel.js';

const kFollow: Form = { blockedInputs: [0], blockedOutput: true, demand: false };

export const kNormalizationKernels: readonly Kernel[] = [
  {
    name: 'lrn_blocked',
    op: 'LRN',
    // A window reaches into the blocks beside its own and no farther.
    form: ({ node, target }) =>
      isImageAlone(node) && numberAttr(node, 'size') <= 2 * blockedStorage(target).block + 1 ? kFollow : undefined,
    lower: lowerLrn,
  },
  {
    name: 'instance_norm_blocked',
    op: 'InstanceNorm',
    form: (request) => {
      const constants = request.node.inputs.slice(1, 3).every((value) => request.constant(value) !== undefined);
      return isImageAlone(request.node) && constants ? kFollow : undefined;
    },
    lower: lowerInstanceNorm,
  },
];

/** A static image in, its normalized form out, nothing else wanted, nothing fused. */
function isImageAlone(node: Node): boolean {
  const others = node.outputs.slice(1).every((value) => value === undefined);
  return isStaticImage(inputType(node, 0)) && others && node.epilogue === undefined;
}

function lowerLrn({ node, target }: KernelRequest): KernelCall {
  const type = inputType(node, 0);
  const [, channels = 1] = staticDims(type);
  const number = (name: string): number => numberAttr(node, name);
  return {
    header: 'cortado/lrn.h',
    fn: 'lrn_blocked',
    template: [{ kind: 'number', value: blockedStorage(target).block }],
    args: [
      extentArg(type.shape[0] ?? 1),
      structArg('LrnDims', [
        ['channels', channels],
        ['pixels', shapeSize(type.shape.slice(2))],
        ['size', number('size')],
        ['alpha', { float: number('alpha') }],
        ['beta', { float: number('beta') }],
        ['bias', { float: number('bias') }],
      ]),
      inputArg(0),
      outputArg(),
    ],
    parts: kAnyParts,
  };
}

function lowerInstanceNorm(request: KernelRequest): KernelCall {
  const { node, target } = request;
  const type = inputType(node, 0);
  const packs = [1, 2].map((i) => {
    const tensor = request.constant(node.inputs[i]);
    if (tensor === undefined || tensor.dtype === 'str') return fail('internal', 'InstanceNorm lost a constant');
    return padVector(tensor, blockedStorage(target).block);
  });
  return {
    header: 'cortado/instance_norm.h',
    fn: 'instance_norm_blocked',
    template: [{ kind: 'number', value: blockedStorage(target).block }],
    args: [
      extentArg(type.shape[0] ?? 1),
      extentArg(type.shape[1] ?? 1),
      extentArg(shapeSize(type.shape.slice(2))),
      floatArg(numberAttr(node, 'epsilon')),
      inputArg(0),
      { kind: 'packed', index: 0 },
      { kind: 'packed', index: 1 },
      outputArg(),
    ],
    packs,
    parts: kAnyParts,
  };
}
