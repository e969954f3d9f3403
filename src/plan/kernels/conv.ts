// Convolution kernels: direct, few-channel first layer, depthwise, transposed. All blocked, weights packed at compile time,
// bias and fused tail in the epilogue. What none of them takes is computed row-major by the operators' own kernels.

import { fail } from '../../errors.js';
import { isStaticShape } from '../../ir/dim.js';
import { epilogueOperands, type Node } from '../../ir/graph.js';
import type { NumericTensor } from '../../ir/tensor.js';
import { makeTensor } from '../../ir/tensor.js';
import { operandAccess } from '../../ops/functor.js';
import { biasedFunctor, extentArg, floatArg, inputArg, kFunctorArg, outputArg } from '../../ops/kernel-arguments.js';
import type {
  FunctorSpec,
  KernelArg,
  KernelCall,
  KernelConfig,
  KernelRequest,
  TemplateArg,
} from '../../ops/kernel-call.js';
import { directRuns, firstRuns, transposeRuns, winogradRuns } from '../pack-bf16.js';
import {
  type ConvGeometry,
  type ConvTile,
  chooseConv2dFewTile,
  chooseConv2dTile,
  conv2dDirectScratchBytes,
  conv2dFewScratchBytes,
  conv2dFirstScratchBytes,
  conv2dTransposeScratchBytes,
  elementBytes,
  packConv2dDepthwise,
  packConv2dDirect,
  packConv2dFew,
  packConv2dFirst,
  packConv2dTranspose,
} from '../pack-conv.js';
import { packOnce } from '../pack-once.js';
import {
  canUseWinograd,
  chooseWinograd,
  chooseWinogradTile,
  kWinogradForms,
  packConv2dWinograd,
  type WinogradForm,
  winogradFormsWithin,
  winogradScratchBytes,
  winogradTiles,
} from '../pack-winograd.js';
import {
  type Form,
  inputType,
  isStaticImage,
  type Kernel,
  kAnyParts,
  listAttr,
  numberAttr,
  outputType,
  roundUpTo,
  staticDims,
  type TileSpace,
} from './kernel.js';
import { packedTensor } from './packed-weights.js';
import { tileFinish } from './tile-finish.js';
import { convTileSpace, fewTileSpace, winogradTileSpace } from './tile-space.js';
import { tileFor, tunedKernels } from './tuned.js';

/** The most input channels for which the first-layer kernel beats the blocked one. */
const kFewChannels = 4;

export const kConvKernels: readonly Kernel[] = [
  ...(['Conv', 'ConvTranspose'] as const).map(
    (op): Kernel => ({
      name: 'conv2d_few',
      op,
      form: (request) => {
        const shape = convShape(request);
        if (shape === undefined || !canUsePixelLanes(shape, op === 'ConvTranspose')) return undefined;
        if (request.wanted !== 'conv2d_few' && !prefersPixelLanes(shape, op === 'ConvTranspose')) return undefined;
        return { blockedInputs: shape.inChannels > kFewChannels ? [0] : [], blockedOutput: false, demand: true };
      },
      tiles: (request) => {
        const { shape, tile, isTransposed } = fewCut(request);
        return fewTileSpace(shape, tile, isTransposed, request.target);
      },
      lower: (request) => lowerFew(request),
    }),
  ),
  {
    name: 'conv2d_first',
    op: 'Conv',
    form: (request) => {
      const shape = convShape(request);
      if (shape === undefined || shape.groups !== 1 || shape.inChannels > kFewChannels) return undefined;
      return { blockedInputs: [], blockedOutput: true, demand: true };
    },
    tiles: (request) => convTiles(request, 'conv2d_first'),
    lower: (request) => {
      const { shape, weights, bytes } = packable(request);
      const tile = convTile(request, shape, 'conv2d_first');
      const packed = packedTensor(
        request,
        weights,
        ['first', shape, tile.vectors],
        () => packConv2dFirst(weights, shape, tile.vectors),
        () => firstRuns(shape, tile.vectors),
      );
      return convCall(request, 'conv2d_first', shape, tile, packed, conv2dFirstScratchBytes(shape, tile, bytes));
    },
  },
  {
    name: 'conv2d_depthwise',
    op: 'Conv',
    form: (request) => {
      const shape = convShape(request);
      const isDepthwise =
        shape !== undefined && shape.groups === shape.inChannels && shape.groups === shape.outChannels;
      return isDepthwise && shape.groups > 1 ? kBlocked : undefined;
    },
    lower: (request) => {
      const { shape, weights } = packable(request);
      const packed = floatTensorOf(packOnce(weights, ['depthwise', shape], () => packConv2dDepthwise(weights, shape)));
      return convCall(request, 'conv2d_depthwise', shape, undefined, packed, 0);
    },
  },
  ...kWinogradForms.map(
    (form): Kernel => ({
      name: winogradName(form),
      op: 'Conv',
      form: (request) => (winogradOf(request)?.form === form ? kBlocked : undefined),
      tiles: (request) => {
        const { shape, tile } = winogradCut(request, form);
        return winogradTileSpace(shape, winogradTiles(shape, form.outputs), tile, request.target);
      },
      lower: (request) => lowerWinograd(request, form),
    }),
  ),
  {
    name: 'conv2d_direct',
    op: 'Conv',
    form: (request) => {
      const shape = convShape(request);
      if (shape === undefined) return undefined;
      const { vectorFloats } = request.target;
      const perGroup = [shape.inChannels / shape.groups, shape.outChannels / shape.groups];
      return shape.groups === 1 || perGroup.every((channels) => channels % vectorFloats === 0) ? kBlocked : undefined;
    },
    tiles: (request) => convTiles(request, 'conv2d_direct'),
    lower: (request) => {
      const { shape, weights, bytes } = packable(request);
      const tile = convTile(request, shape, 'conv2d_direct');
      const packed = packedTensor(
        request,
        weights,
        ['direct', shape, tile.vectors],
        () => packConv2dDirect(weights, shape, tile.vectors),
        () => directRuns(shape, tile.vectors),
      );
      return convCall(request, 'conv2d_direct', shape, tile, packed, conv2dDirectScratchBytes(shape, tile, bytes));
    },
  },
  {
    name: 'conv2d_transpose',
    op: 'ConvTranspose',
    form: (request) => (convShape(request)?.groups === 1 ? kBlocked : undefined),
    tiles: (request) => convTiles(request, 'conv2d_transpose'),
    lower: (request) => {
      const { shape, weights, bytes } = packable(request);
      const tile = convTile(request, shape, 'conv2d_transpose');
      const packed = packedTensor(
        request,
        weights,
        ['transpose', shape, tile.vectors],
        () => packConv2dTranspose(weights, shape, tile.vectors),
        () => transposeRuns(shape, tile.vectors),
      );
      return convCall(
        request,
        'conv2d_transpose',
        shape,
        tile,
        packed,
        conv2dTransposeScratchBytes(shape, tile, bytes),
      );
    },
  },
];

/** The cut of a kernel over vectors of output channels: measured, or what suits most machines. */
function convTile(request: KernelRequest, shape: ConvGeometry, kernel: string): ConvTile {
  return tileFor(request, kernel, chooseConv2dTile(shape, request.target));
}

function convTiles(request: KernelRequest, kernel: string): TileSpace {
  const { shape } = packable(request);
  return convTileSpace(shape, convTile(request, shape, kernel), request.target);
}

/**
 * Lanes along pixels rather than channels: where vectors of channels would stay half empty and rows of pixels do not. Needs
 * enough work per pixel to pay for a row-major result.
 */
function prefersPixelLanes(shape: ConvGeometry, isTransposed: boolean): boolean {
  const { block, outChannels, strideW } = shape;
  const cols = Math.ceil(shape.outWidth / (isTransposed ? strideW : 1));
  const usedByPixels = cols / roundUpTo(cols, block);
  const usedByChannels = outChannels / roundUpTo(outChannels, block);
  return outChannels <= block / 2 && usedByPixels >= kPixelLaneGain * usedByChannels;
}

function canUsePixelLanes(shape: ConvGeometry, isTransposed: boolean): boolean {
  const { groups, dilationW, strideW, padTop, padLeft } = shape;
  return groups === 1 && dilationW === 1 && (isTransposed || strideW === 1) && padTop >= 0 && padLeft >= 0;
}

/** How many times more lanes must be in use before lanes along pixels win. */
const kPixelLaneGain = 1.5;

function fewCut(request: KernelRequest) {
  const { shape, weights } = packable(request);
  const isTransposed = request.node.op === 'ConvTranspose';
  const chosen = chooseConv2dFewTile(shape, isTransposed, request.target);
  return { shape, weights, isTransposed, tile: tileFor(request, 'conv2d_few', chosen) };
}

function lowerFew(request: KernelRequest): KernelCall {
  const { shape, weights, isTransposed, tile } = fewCut(request);
  const packed = floatTensorOf(
    packOnce(weights, ['few', shape, tile.channels, isTransposed], () =>
      packConv2dFew(weights, shape, tile.channels, isTransposed),
    ),
  );
  const call = convCall(
    request,
    'conv2d_few',
    shape,
    undefined,
    packed,
    conv2dFewScratchBytes(shape, tile, isTransposed),
  );
  const config: KernelConfig = {
    type: 'Conv2dFewTile',
    fields: [
      ['channels', tile.channels],
      ['vectors', tile.vectors],
      ['band_rows', tile.bandRows],
    ],
  };
  return {
    ...call,
    template: [
      ...call.template,
      { kind: 'config', config },
      { kind: 'bool', value: isTransposed },
      { kind: 'bool', value: shape.inChannels > kFewChannels },
    ],
    args: [...call.args, { kind: 'scratch' }],
  };
}

export interface WinogradChoice {
  readonly form: WinogradForm;
  readonly shape: ConvGeometry;
}

function winogradName({ outputs, rawFilters }: WinogradForm): string {
  return `conv2d_winograd_${outputs}x${outputs}${rawFilters ? '_raw' : ''}`;
}

/** The Winograd form that the target allows for the node and that is clearly faster than the direct one, or wanted. */
export function winogradOf(request: KernelRequest): WinogradChoice | undefined {
  const { node, target } = request;
  const weights = node.inputs[1];
  const allowed = target.winograd ?? true;
  if (node.op !== 'Conv' || weights === undefined || allowed === false) return undefined;
  const shape = convShape(request);
  if (shape === undefined) return undefined;
  const mayGrow = allowed === true || allowed.has(weights);
  const wanted = request.wanted ?? tunedKernels(request)[0]?.kernel;
  const form =
    wanted === undefined
      ? chooseWinograd(shape, mayGrow, target)
      : winogradFormsWithin(mayGrow, target).find((one) => canUseWinograd(shape) && winogradName(one) === wanted);
  return form === undefined ? undefined : { form, shape };
}

function winogradCut(request: KernelRequest, form: WinogradForm) {
  const { shape, weights } = packable(request);
  const chosen = chooseWinogradTile(shape, form, request.target);
  return { shape, weights, tile: tileFor(request, winogradName(form), chosen) };
}

function lowerWinograd(request: KernelRequest, form: WinogradForm): KernelCall {
  const { shape, weights, tile } = winogradCut(request, form);
  const bytes = elementBytes(request.target);
  const packed = form.rawFilters
    ? floatTensorOf(
        packOnce(weights, ['first', shape, tile.vectors], () => packConv2dFirst(weights, shape, tile.vectors)),
      )
    : packedTensor(
        request,
        weights,
        ['winograd', shape, tile],
        () => packConv2dWinograd(weights, shape, tile),
        () => winogradRuns(shape, tile.vectors, (form.outputs + 2) ** 2),
      );
  const call = convCall(request, 'conv2d_winograd', shape, undefined, packed, winogradScratchBytes(shape, tile, bytes));
  const config: KernelConfig = {
    type: 'WinogradTile',
    fields: [
      ['outputs', tile.outputs],
      ['group', tile.group],
      ['pixels', tile.pixels],
      ['vectors', tile.vectors],
      ['chunk_blocks', tile.chunkBlocks],
    ],
  };
  return {
    ...call,
    template: [...call.template, { kind: 'config', config }],
    args: [...call.args, { kind: 'scratch' }],
  };
}

/** A transposed convolution is cut into a phase for each position within the strides; beyond this that takes too long. */
const kMostPhases = 1024;

const kBlocked: Form = { blockedInputs: [0], blockedOutput: true, demand: true };

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
    block: request.target.vectorFloats,
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
  return { shape, weights: tensor.data, bytes: elementBytes(request.target) };
}

function floatTensorOf(data: Float32Array): NumericTensor {
  return makeTensor('f32', [data.length], data);
}

function convCall(
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
  const block = request.target.vectorFloats;
  const { functor, packs = [] } = biasedFunctor(request, 2, block, 1);
  const finish = functor === undefined || !canFinish ? undefined : tileFinish(functor);
  if (functor === undefined || finish === undefined) return functor === undefined ? { packs } : { functor, packs };
  const operand = (k: number | undefined): KernelArg =>
    (k === undefined ? undefined : functor.operands[k]?.arg) ?? { kind: 'null' };
  const bias = operand(finish.bias);
  if (finish.kind === 'clamp') {
    const args = [bias, operand(finish.residual), floatArg(finish.floor), floatArg(finish.ceiling)];
    const type = outputType(request.node).dtype === 'bf16' ? 'BiasResidualClampOf<Bfloat16>' : 'BiasResidualClamp';
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
