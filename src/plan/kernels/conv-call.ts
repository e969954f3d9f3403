// The call of a blocked convolution kernel: geometry, tile, packed weights, and bias with the fused tail as a functor.

import { dtypeCpp } from '../../ir/dtype.js';
import { makeTensor, type NumericTensor } from '../../ir/tensor.js';
import { biasedFunctor, extentArg, floatArg, inputArg, kFunctorArg, outputArg } from '../../ops/kernel-arguments.js';
import {
  blockedStorage,
  type FunctorSpec,
  type KernelArg,
  type KernelCall,
  type KernelConfig,
  type KernelRequest,
  type TemplateArg,
} from '../../ops/kernel-call.js';
import type { ConvGeometry, ConvTile } from '../pack-conv.js';
import { shapeConfig } from './conv-geometry.js';
import { inputType, kAnyParts, outputType, roundUpTo } from './kernel.js';
import { tileFinish } from './tile-finish.js';

export function floatTensorOf(data: Float32Array): NumericTensor {
  return makeTensor('f32', [data.length], data);
}

export function convCall(
  request: KernelRequest,
  fn: string,
  shape: ConvGeometry,
  tile: ConvTile | undefined,
  packed: NumericTensor,
  scratchBytes: number,
): KernelCall {
  const { functor, packs } = finishedFunctor(request, shape.outChannels, tile !== undefined);
  const config = shapeConfig(shape);
  const template: TemplateArg[] = [{ kind: 'config' }];
  if (tile !== undefined) template.push({ kind: 'config', config: tileConfig(tile) });
  const scratch: readonly KernelArg[] = tile === undefined ? [] : [{ kind: 'scratch' }];
  return {
    header: `cortado/${fn === 'conv2d_transpose' ? 'conv_transpose' : fn}.h`,
    fn,
    config,
    template,
    args: [
      extentArg(inputType(request.node, 0).shape[0] ?? 1),
      inputArg(0),
      { kind: 'packed', index: 0 },
      outputArg(),
      kFunctorArg,
      ...scratch,
    ],
    packs: [packed, ...packs],
    ...(functor === undefined ? {} : { functor }),
    scratchBytes,
    parts: kAnyParts,
  };
}

/** Bias and fused tail; as a functor that is applied in registers where the kernel can and the tail has that form. */
function finishedFunctor(
  request: KernelRequest,
  channels: number,
  canFinish: boolean,
): { readonly functor?: FunctorSpec; readonly packs: readonly NumericTensor[] } {
  const { block } = blockedStorage(request.target);
  const { functor, packs = [] } = biasedFunctor(request, 2, block, 1);
  const finish = functor === undefined || !canFinish ? undefined : tileFinish(functor);
  if (functor === undefined || finish === undefined) return functor === undefined ? { packs } : { functor, packs };
  const operand = (k: number | undefined): KernelArg =>
    (k === undefined ? undefined : functor.operands[k]?.arg) ?? { kind: 'null' };
  const bias = operand(finish.bias);
  if (finish.kind === 'clamp') {
    const args = [bias, operand(finish.residual), floatArg(finish.floor), floatArg(finish.ceiling)];
    const { dtype } = outputType(request.node);
    const type = dtype === 'f32' ? 'BiasResidualClamp' : `BiasResidualClampOf<${dtypeCpp(dtype)}>`;
    return { functor: { ...functor, known: { type, args } }, packs };
  }
  if (typeof finish.slope === 'number') {
    const arg = operand(finish.slope);
    const slopes = arg.kind === 'packed' ? packs[arg.index - 1] : undefined;
    // The generated functor gives 0·∞ = NaN for an infinite slope where this one does not.
    if (slopes?.data.some((value) => !Number.isFinite(Number(value))) !== false) return { functor, packs };
    return { functor: { ...functor, known: { type: 'BiasSlope', args: [bias, arg] } }, packs };
  }
  const slopes = new Float32Array(roundUpTo(channels, block)).fill(finish.slope.value);
  const slope: KernelArg = { kind: 'packed', index: 1 + packs.length };
  return {
    functor: { ...functor, known: { type: 'BiasSlope', args: [bias, slope] } },
    packs: [...packs, makeTensor('f32', [slopes.length], slopes)],
  };
}

function tileConfig(tile: ConvTile): KernelConfig {
  return {
    type: 'Conv2dTile',
    fields: [
      ['pixels', tile.pixels],
      ['vectors', tile.vectors],
      ['band_rows', tile.bandRows],
      ['chunk_blocks', tile.chunkBlocks],
    ],
  };
}
