// Convolutions and fully connected layers on the device: implicit matrix products over images, channels last, with weights
// packed at compile time and bias and fused tail in the epilogue; depthwise and thinly grouped ones without tiles. A fully
// connected layer is the convolution of 1×1 images.

import { fail } from '../../../errors.js';
import { type Dim, dimMax } from '../../../ir/dim.js';
import type { NumericTensor } from '../../../ir/tensor.js';
import { biasedFunctor, extentArg, inputArg, kFunctorArg, outputArg } from '../../../ops/kernel-arguments.js';
import type { KernelArg, KernelCall, KernelConfig, KernelRequest, TemplateArg } from '../../../ops/kernel-call.js';
import type { ConvGeometry } from '../../pack-conv.js';
import { convShape, geometryFields } from '../conv-geometry.js';
import { constantFeatures } from '../gemm.js';
import { type Form, inputType, type Kernel, outputType, type TileSpace } from '../kernel.js';
import { tileFor } from '../tuned.js';
import { chooseGemmTile, type GemmTile, gemmTileSpace, gridTiles, type ProductSize } from './gemm-tile.js';
import { kImageForm, storedChannels, writtenChannels, writtenFields } from './image.js';
import { packDeviceConv, packDeviceDepthwise, packDeviceTranspose } from './pack-conv.js';
import { packedWeights, precisionOf } from './precision.js';

/** Per-channel operands are read in packs of so many. */
const kPack = 8;

/** From so many rows on a product in tiles is better. */
const kMostRows = 8;

/** Products count the pixels of all images, those of a last tile included, in 32 bits. */
const kMostPixels = 2 ** 31 - 2 ** 10;

/** Groups of fewer channels are not worth the tiles of a matrix product. */
const kThinGroup = 16;

export const kConvDeviceKernels: readonly Kernel[] = [
  {
    name: 'conv2d_depthwise',
    op: 'Conv',
    form: (request) => formWhere(request, isDepthwise),
    lower: (request) => lowerDirect(request, 'conv2d_depthwise', geometryOf(request)),
  },
  {
    name: 'conv2d_grouped',
    op: 'Conv',
    form: (request) => formWhere(request, isThinlyGrouped),
    lower: (request) => lowerDirect(request, 'conv2d_grouped', geometryOf(request)),
  },
  {
    name: 'conv2d_gemm',
    op: 'Conv',
    form: (request) => formWhere(request, (s) => countsPixels(request, s)),
    tiles: (request) => productTiles(request, geometryOf(request)),
    lower: (request) => lowerProduct(request, 'conv2d_gemm', geometryOf(request)),
  },
  {
    name: 'conv2d_transpose_gemm',
    op: 'ConvTranspose',
    form: (request) =>
      formWhere(request, (s) => s.groups === 1 && s.padTop >= 0 && s.padLeft >= 0 && countsPixels(request, s)),
    tiles: (request) => productTiles(request, geometryOf(request), true),
    lower: (request) => lowerProduct(request, 'conv2d_transpose_gemm', geometryOf(request)),
  },
  {
    name: 'fc_gemv',
    op: 'FC',
    form: (request) =>
      constantFeatures(request) !== undefined && rowsOf(request) <= kMostRows ? kImageForm : undefined,
    lower: (request) => lowerDirect(request, 'conv2d_gemv', rowsAsImages(request)),
  },
  {
    name: 'fc_gemm',
    op: 'FC',
    form: (request) =>
      constantFeatures(request) !== undefined && rowsOf(request) <= kMostPixels ? kImageForm : undefined,
    tiles: (request) => productTiles(request, rowsAsImages(request)),
    lower: (request) => lowerProduct(request, 'fc_gemm', rowsAsImages(request)),
  },
];

function formWhere(request: KernelRequest, fits: (shape: ConvGeometry) => boolean): Form | undefined {
  const shape = convShape(request);
  return shape !== undefined && fits(shape) ? kImageForm : undefined;
}

function countsPixels(request: KernelRequest, { outHeight, outWidth }: ConvGeometry): boolean {
  return rowsOf(request) * outHeight * outWidth <= kMostPixels;
}

function isDepthwise({ groups, inChannels, outChannels }: ConvGeometry): boolean {
  return groups > 1 && groups === inChannels && groups === outChannels;
}

function isThinlyGrouped({ groups, inChannels, outChannels }: ConvGeometry): boolean {
  return groups > 1 && Math.min(inChannels, outChannels) / groups < kThinGroup;
}

function geometryOf(request: KernelRequest): ConvGeometry {
  return convShape(request) ?? fail('internal', 'a convolution lost its shape');
}

/** A fully connected layer as the convolution of images of one pixel. */
function rowsAsImages(request: KernelRequest): ConvGeometry {
  const { inFeatures, outFeatures } = constantFeatures(request) ?? fail('internal', 'an FC lost its sizes');
  const one = { inHeight: 1, inWidth: 1, outHeight: 1, outWidth: 1, kernelH: 1, kernelW: 1, strideH: 1, strideW: 1 };
  const flat = { padTop: 0, padLeft: 0, dilationH: 1, dilationW: 1, groups: 1, block: 1 };
  return { inChannels: inFeatures, outChannels: outFeatures, ...one, ...flat };
}

/** Channels per tap that a product reads: few are copied in short words, others with the padding of the image. */
function channelsRead(shape: ConvGeometry, written: number): number {
  const perGroup = shape.inChannels / shape.groups;
  if (shape.groups > 1) return perGroup;
  return perGroup <= kPack / 2 ? kPack / 2 : written;
}

/** Conv2dShape of runtime/cuda. */
function shapeConfig(request: KernelRequest, shape: ConvGeometry, read: number): KernelConfig {
  return {
    type: 'Conv2dShape',
    fields: [
      ...geometryFields(shape),
      ['x_read', read],
      ['x_stored', storedChannels(inputType(request.node, 0))],
      ...writtenFields(outputType(request.node)),
    ],
  };
}

/** A convolution as the planner of tiles sees it; `read` channels per tap. */
function productSize(request: KernelRequest, shape: ConvGeometry, isTransposed: boolean, read: number): ProductSize {
  const n = inputType(request.node, 0).shape[0] ?? 1;
  const phases = isTransposed ? shape.strideH * shape.strideW : 1;
  return {
    pixels:
      dimMax(n) *
      Math.ceil(shape.outHeight / (isTransposed ? shape.strideH : 1)) *
      Math.ceil(shape.outWidth / (isTransposed ? shape.strideW : 1)),
    channels: shape.outChannels / shape.groups,
    sums: isTransposed
      ? Math.ceil((shape.kernelH * shape.kernelW) / phases) * read
      : shape.kernelH * shape.kernelW * read,
    repeats: shape.groups * phases,
    math: precisionOf(request).math,
    device: request.target.device ?? fail('internal', 'a kernel of a device for a target without one'),
  };
}

/** Before layouts are assigned: for an image of its own. */
function productTiles(request: KernelRequest, shape: ConvGeometry, isTransposed = false): TileSpace {
  const read = channelsRead(shape, Math.ceil(shape.inChannels / kPack) * kPack);
  return gemmTileSpace(productSize(request, shape, isTransposed, read));
}

/** `name`: of the row, under which measurements are kept. */
function lowerProduct(
  request: KernelRequest,
  name: 'conv2d_gemm' | 'conv2d_transpose_gemm' | 'fc_gemm',
  shape: ConvGeometry,
): KernelCall {
  const { math, elementBytes } = precisionOf(request);
  const isTransposed = name === 'conv2d_transpose_gemm';
  const read = channelsRead(shape, writtenChannels(inputType(request.node, 0)));
  const form = [isTransposed ? 'transpose' : 'product', read];
  const weights = packedWeights(request, form, (data) =>
    (isTransposed ? packDeviceTranspose : packDeviceConv)(data, shape, read, 16 / elementBytes),
  );
  const n = inputType(request.node, 0).shape[0] ?? 1;
  const size = productSize(request, shape, isTransposed, read);
  const tile = tileFor(request, name, chooseGemmTile(size));
  const tiles = gridTiles(size, tile);
  const isSplit = tile.splits > 1;
  const call = convCall(
    request,
    isTransposed ? 'conv2d_transpose_gemm' : 'conv2d_gemm',
    n,
    shapeConfig(request, shape, read),
    weights,
    [
      { kind: 'config', config: tileConfig(tile) },
      { kind: 'type', cpp: math },
    ],
  );
  return {
    ...call,
    ...(isSplit
      ? {
          args: [...call.args, { kind: 'scratch' }, { kind: 'counters' }],
          scratchBytes: tiles * tile.splits * tile.rows * tile.cols * 4,
          counters: tiles,
        }
      : {}),
  };
}

/** Without tiles: depthwise and grouped convolutions, few rows of a fully connected layer. */
function lowerDirect(
  request: KernelRequest,
  fn: 'conv2d_depthwise' | 'conv2d_grouped' | 'conv2d_gemv',
  shape: ConvGeometry,
): KernelCall {
  const { elementBytes } = precisionOf(request);
  const isDepthwise = fn === 'conv2d_depthwise';
  const perGroup = shape.inChannels / shape.groups;
  const read = fn === 'conv2d_gemv' ? writtenChannels(inputType(request.node, 0)) : isDepthwise ? 1 : perGroup;
  const weights = packedWeights(request, [fn, read], (data) =>
    isDepthwise ? packDeviceDepthwise(data, shape) : packDeviceConv(data, shape, read, 16 / elementBytes),
  );
  const n = inputType(request.node, 0).shape[0] ?? 1;
  const config = shapeConfig(request, shape, read);
  if (fn === 'conv2d_grouped') return convCall(request, fn, n, config, weights, []);
  const value = isDepthwise ? stripOf(dimMax(n), shape) : 2 ** Math.ceil(Math.log2(rowsOf(request)));
  return convCall(request, fn, n, config, weights, [{ kind: 'number', value }]);
}

function rowsOf({ node }: KernelRequest): number {
  return Math.max(1, dimMax(inputType(node, 0).shape[0] ?? 1));
}

/** Neighbouring pixels for each thread: more where there is enough work for all. */
function stripOf(n: number, shape: ConvGeometry): number {
  const items = n * shape.outHeight * shape.outWidth * Math.ceil(shape.outChannels / kPack);
  if (items >= 400_000) return 4;
  return items >= 100_000 ? 2 : 1;
}

function convCall(
  request: KernelRequest,
  fn: string,
  n: Dim,
  config: KernelConfig,
  weights: NumericTensor,
  template: readonly TemplateArg[],
): KernelCall {
  const { functor, packs = [] } = biasedFunctor(request, 2, kPack, 1);
  const args: KernelArg[] = [extentArg(n), inputArg(0), { kind: 'packed', index: 0 }, outputArg(), kFunctorArg];
  return {
    header: `cortado_cuda/${fn.endsWith('_gemm') ? 'conv2d_gemm' : 'conv2d_direct'}.h`,
    fn,
    config,
    template: [{ kind: 'config' }, ...template],
    args,
    packs: [weights, ...packs],
    ...(functor === undefined ? {} : { functor }),
    parts: 1,
  };
}

function tileConfig(tile: GemmTile): KernelConfig {
  return {
    type: 'GemmTile',
    fields: [
      ['rows', tile.rows],
      ['cols', tile.cols],
      ['k_bytes', tile.kBytes],
      ['stages', tile.stages],
      ['warps_m', tile.warpsM],
      ['warps_n', tile.warpsN],
      ['splits', tile.splits],
      ...(tile.warpgroups === 1 ? [['warpgroups', 1] as const] : []),
    ],
  };
}
