// Kernels for cores without vectors (vectorFloats 1): plain tensors throughout, register tiles of floats, no scratch.

import { fail } from '../../errors.js';
import { makeTensor } from '../../ir/tensor.js';
import { biasedFunctor, extentArg, inputArg, kFunctorArg, outputArg } from '../../ops/kernel-arguments.js';
import type { KernelArg, KernelCall, KernelRequest } from '../../ops/kernel-call.js';
import type { ConvGeometry } from '../pack-conv.js';
import { packOnce } from '../pack-once.js';
import { depthwiseScratchBytes, packConv2dScalar, packFcScalar } from '../pack-scalar.js';
import { convShape, packable, shapeConfig } from './conv-geometry.js';
import { winogradOf } from './conv-winograd.js';
import { constantFeatures } from './gemm.js';
import { inputType, type Kernel, kAnyParts, kPlainForm } from './kernel.js';

export const kScalarKernels: readonly Kernel[] = [
  {
    name: 'conv2d_depthwise_strips',
    op: 'Conv',
    form: (request) => {
      const shape = depthwiseShape(request);
      return shape !== undefined && hasStrips(shape) ? kPlainForm : undefined;
    },
    lower: (request) => lowerConv(request, 'conv2d_depthwise_strips', (weights) => weights),
  },
  {
    name: 'conv2d_depthwise_scalar',
    op: 'Conv',
    form: (request) => (depthwiseShape(request) === undefined ? undefined : kPlainForm),
    lower: (request) => {
      const call = lowerConv(request, 'conv2d_depthwise_scalar', (weights) => weights);
      const scratchBytes = depthwiseScratchBytes(packable(request).shape);
      return { ...call, args: [...call.args, { kind: 'scratch' }], scratchBytes };
    },
  },
  {
    name: 'conv2d_scalar',
    op: 'Conv',
    form: (request) => (scalarShape(request) === undefined || isWinograd(request) ? undefined : kPlainForm),
    lower: (request) => lowerConv(request, 'conv2d_scalar', packConv2dScalar),
  },
  {
    name: 'fc_scalar',
    op: 'FC',
    form: (request) =>
      request.target.vectorFloats > 1 || constantFeatures(request) === undefined ? undefined : kPlainForm,
    lower: (request) => lowerFc(request),
  },
];

/** Winograd convolutions where they are asked for. */
function isWinograd(request: KernelRequest): boolean {
  return request.target.winograd !== undefined && winogradOf(request) !== undefined;
}

function scalarShape(request: KernelRequest): ConvGeometry | undefined {
  return request.target.vectorFloats > 1 ? undefined : convShape(request);
}

function depthwiseShape(request: KernelRequest): ConvGeometry | undefined {
  const shape = scalarShape(request);
  if (shape === undefined || shape.groups === 1) return undefined;
  return shape.groups === shape.inChannels && shape.groups === shape.outChannels ? shape : undefined;
}

/** has_strips of conv2d_depthwise_strips.h, which says why. */
function hasStrips(s: ConvGeometry): boolean {
  const isThree = s.kernelH === 3 && s.kernelW === 3 && s.dilationH === 1 && s.dilationW === 1;
  const right = (s.outWidth - 1) * s.strideW - s.padLeft + 3 - s.inWidth;
  const bottom = (s.outHeight - 1) * s.strideH - s.padTop + 3 - s.inHeight;
  const isNear = [s.padLeft, s.padTop].every((pad) => pad === 0 || pad === 1) && right <= 1 && bottom <= 1;
  const isLarge = s.inWidth >= 3 && s.inHeight >= 3 && s.outWidth > s.padLeft && s.outHeight >= 2;
  return isThree && s.strideH === s.strideW && s.strideW <= 2 && isNear && isLarge;
}

function lowerConv(
  request: KernelRequest,
  fn: string,
  pack: (weights: Float32Array, shape: ConvGeometry) => Float32Array,
): KernelCall {
  const { shape, weights } = packable(request);
  const packed = packOnce(weights, [fn, shape], () => pack(weights, shape));
  const batch = inputType(request.node, 0).shape[0] ?? 1;
  return {
    header: `cortado/${fn}.h`,
    fn,
    config: shapeConfig(shape),
    template: [{ kind: 'config' }],
    args: [extentArg(batch), inputArg(0), { kind: 'packed', index: 0 }, outputArg(), kFunctorArg],
    ...withTail(request, packed),
    parts: kAnyParts,
  };
}

function lowerFc(request: KernelRequest): KernelCall {
  const { node } = request;
  const { inFeatures, outFeatures } = constantFeatures(request) ?? fail('internal', 'an FC lost its sizes');
  const weights = request.constant(node.inputs[1])?.data;
  if (!(weights instanceof Float32Array)) return fail('internal', 'FC weights are not constant floats');
  const packed = packOnce(weights, ['fc_scalar', outFeatures, inFeatures], () =>
    packFcScalar(weights, outFeatures, inFeatures),
  );
  const size = (value: number): KernelArg => ({ kind: 'literal', value, dtype: 'i32' });
  return {
    header: 'cortado/fc_scalar.h',
    fn: 'fc_scalar',
    template: [],
    args: [
      extentArg(inputType(node, 0).shape[0] ?? 1),
      size(inFeatures),
      size(outFeatures),
      inputArg(0),
      { kind: 'packed', index: 0 },
      outputArg(),
      kFunctorArg,
    ],
    ...withTail(request, packed),
    parts: kAnyParts,
  };
}

/** The packed weights, then what the bias and the fused tail read. */
function withTail(request: KernelRequest, packed: Float32Array): Pick<KernelCall, 'packs' | 'functor'> {
  const { functor, packs = [] } = biasedFunctor(request, 2, 1, 1);
  return {
    packs: [makeTensor('f32', [packed.length], packed), ...packs],
    ...(functor === undefined ? {} : { functor }),
  };
}
