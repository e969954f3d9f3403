// Which convolutions the kernels take and what they are told of them: 2-D, static images, constant weights, an epilogue that
// blocked kernels can read. Used by the kernels of CPUs with and without vectors and of devices.

import { fail } from '../../errors.js';
import { isStaticShape } from '../../ir/dim.js';
import { epilogueOperands, type Node } from '../../ir/graph.js';
import { operandAccess } from '../../ops/functor.js';
import { blockedStorage, type KernelConfig, type KernelRequest } from '../../ops/kernel-call.js';
import type { ConvGeometry } from '../pack-conv.js';
import { type Form, inputType, isStaticImage, listAttr, numberAttr, outputType, staticDims } from './kernel.js';

/** The most input channels for which the first-layer kernel beats the blocked one. */
export const kFewChannels = 4;

/** A transposed convolution is cut into a phase for each position within the strides; beyond this that takes too long. */
const kMostPhases = 1024;

export const kBlocked: Form = { blockedInputs: [0], blockedOutput: true, demand: true };

/** The shape of a 2-D float convolution with constant weights and an epilogue that blocked kernels can read. */
export function convShape(request: KernelRequest): ConvGeometry | undefined {
  const { node } = request;
  const x = inputType(node, 0);
  const y = outputType(node);
  if (!isStaticImage(x) || !isStaticImage(y) || request.constant(node.inputs[1]) === undefined) return undefined;
  const hasBias = operatorHas(node, 2);
  if (hasBias && request.constant(node.inputs[2]) === undefined) return undefined;
  if (!epilogueFits(request)) return undefined;
  const [, inChannels = 1, inHeight = 1, inWidth = 1] = staticDims(x);
  const [, outChannels = 1, outHeight = 1, outWidth = 1] = staticDims(y);
  const [kernelH = 1, kernelW = 1] = listAttr(node, 'kernel');
  const [strideH = 1, strideW = 1] = listAttr(node, 'strides');
  const [padTop = 0, padLeft = 0] = listAttr(node, 'pads');
  const [dilationH = 1, dilationW = 1] = node.op === 'Conv' ? listAttr(node, 'dilations') : [1, 1];
  // Dilation 0 (all taps read one pixel) is legal in Caffe2 and left to the general kernel.
  if (dilationH < 1 || dilationW < 1) return undefined;
  if (node.op === 'ConvTranspose' && strideH * strideW > kMostPhases) return undefined;
  return {
    inChannels,
    inHeight,
    inWidth,
    outChannels,
    outHeight,
    outWidth,
    kernelH,
    kernelW,
    strideH,
    strideW,
    padTop,
    padLeft,
    dilationH,
    dilationW,
    groups: numberAttr(node, 'group'),
    block: blockedStorage(request.target).block,
  };
}

function operatorHas(node: Node, input: number): boolean {
  return input < node.inputs.length - (node.epilogue?.operands ?? 0) && node.inputs[input] !== undefined;
}

/** Operands are images like the result, or constants per channel, or single values. */
function epilogueFits(request: KernelRequest): boolean {
  const result = outputType(request.node);
  return epilogueOperands(request.node).every((value) => {
    const access = operandAccess(value.type.shape, result.shape);
    if (access === 'channel') return request.constant(value) !== undefined;
    if (access === 'full') return request.constant(value) === undefined && isStaticShape(value.type.shape.slice(1));
    return access === 'scalar';
  });
}

interface Packable {
  readonly shape: ConvGeometry;
  readonly weights: Float32Array;
  /** Of an element. */
  readonly bytes: 2 | 4;
}

export function packable(request: KernelRequest): Packable {
  const shape = convShape(request) ?? fail('internal', 'a convolution lost its shape');
  const tensor = request.constant(request.node.inputs[1]);
  if (tensor === undefined || !(tensor.data instanceof Float32Array))
    return fail('internal', 'weights are not constant floats');
  return { shape, weights: tensor.data, bytes: blockedStorage(request.target).bytes };
}

/** What all convolutions, those of devices included, are told of their geometry, in the order of the structs. */
export function geometryFields(shape: ConvGeometry): readonly (readonly [name: string, value: number])[] {
  return [
    ['in_channels', shape.inChannels],
    ['in_height', shape.inHeight],
    ['in_width', shape.inWidth],
    ['out_channels', shape.outChannels],
    ['out_height', shape.outHeight],
    ['out_width', shape.outWidth],
    ['kernel_h', shape.kernelH],
    ['kernel_w', shape.kernelW],
    ['stride_h', shape.strideH],
    ['stride_w', shape.strideW],
    ['pad_top', shape.padTop],
    ['pad_left', shape.padLeft],
    ['dilation_h', shape.dilationH],
    ['dilation_w', shape.dilationW],
    ['groups', shape.groups],
  ];
}

export function shapeConfig(shape: ConvGeometry): KernelConfig {
  return {
    type: 'Conv2dShape',
    fields: [...geometryFields(shape), ['block', shape.block], ['x_image_stride', 0], ['y_image_stride', 0]],
  };
}
