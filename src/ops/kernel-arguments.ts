// Short spellings of kernel call arguments, and the functor of kernels that add a bias before the fused epilogue.

import { fail } from '../errors.js';
import type { Dim, Shape } from '../ir/dim.js';
import { arg, binary, substituteArgs } from '../ir/expr.js';
import type { NumericTensor } from '../ir/tensor.js';
import type { TensorType } from '../ir/type.js';
import { epilogueFunctor, padVector } from './functor.js';
import type { FunctorSpec, KernelArg, KernelRequest, StructValue } from './kernel-call.js';

/** As many parts as anybody wants: the kernel splits rows. */
export const kRowParts = 1 << 16;

export const kFunctorArg: KernelArg = { kind: 'functor' };

export function inputArg(index: number): KernelArg {
  return { kind: 'input', index };
}

export function outputArg(index = 0): KernelArg {
  return { kind: 'output', index };
}

export function extentArg(dim: Dim): KernelArg {
  return { kind: 'extent', dim };
}

export function structArg(type: string, fields: readonly (readonly [name: string, value: StructValue])[]): KernelArg {
  return { kind: 'struct', type, fields };
}

export function floatArg(value: number): KernelArg {
  return { kind: 'literal', value, dtype: 'f32' };
}

/** Type of an input that the operator always has. */
export function lowerType(request: KernelRequest, i: number): TensorType {
  return request.node.inputs[i]?.type ?? fail('internal', `${request.node.op} has no input ${i}`);
}

export function lowerOutput(request: KernelRequest, i = 0): TensorType {
  return request.node.outputs[i]?.type ?? fail('internal', `${request.node.op} has no output ${i}`);
}

/** The last three dims of a window list: 1-D and 2-D images get leading `fill`s. */
export function threeDims<T extends Dim>(list: readonly T[], fill: T): readonly T[] {
  return [...new Array<T>(3 - list.length).fill(fill), ...list];
}

/** Sizes before and after the channels of [n, c, spatial...]. */
export function imageDims(shape: Shape): { readonly n: Dim; readonly c: Dim; readonly spatial: Shape } {
  const [n = 1, c = 1, ...spatial] = shape;
  return { n, c, spatial };
}

export interface BiasedFunctor {
  readonly functor?: FunctorSpec;
  readonly packs?: readonly NumericTensor[];
}

/**
 * The functor that adds input `biasInput` (one value per channel, when present) and then applies the fused epilogue.
 * Constant channel operands are padded to a multiple of `padTo`; spread the result into a KernelCall.
 */
export function biasedFunctor(request: KernelRequest, biasInput: number, padTo = 1, packStart = 0): BiasedFunctor {
  const bias = biasInput < operatorInputCount(request) ? request.node.inputs[biasInput] : undefined;
  if (bias === undefined) {
    const own = epilogueFunctor(request, padTo, packStart);
    return own === undefined ? {} : { functor: own.functor, ...(own.packs.length === 0 ? {} : { packs: own.packs }) };
  }
  const constant = padTo > 1 ? request.constant(bias) : undefined;
  const biasPacks = constant === undefined || constant.dtype === 'str' ? [] : [padVector(constant, padTo)];
  if (padTo > 1 && biasPacks.length === 0) fail('internal', `bias ${bias.name} must be constant to be padded`);
  const tail = epilogueFunctor(request, padTo, packStart + biasPacks.length);
  const sum = binary('add', arg(0), arg(1));
  const expr =
    tail === undefined ? sum : substituteArgs(tail.functor.expr, (index) => (index === 0 ? sum : arg(index + 1)));
  const [own = 'f32', ...rest] = tail?.functor.argTypes ?? ['f32'];
  const biasArg: KernelArg = biasPacks.length === 0 ? inputArg(biasInput) : { kind: 'packed', index: packStart };
  const packs = [...biasPacks, ...(tail?.packs ?? [])];
  return {
    functor: {
      kind: 'epilogue',
      expr,
      argTypes: [own, bias.type.dtype, ...rest],
      operands: [{ access: 'channel', arg: biasArg }, ...(tail?.functor.operands ?? [])],
    },
    ...(packs.length === 0 ? {} : { packs }),
  };
}

function operatorInputCount(request: KernelRequest): number {
  return request.node.inputs.length - (request.node.epilogue?.operands ?? 0);
}
