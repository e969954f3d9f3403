// Convolution kernels, those preferred first: direct, few-channel first layer, depthwise, transposed here, the others by name.
// All blocked, weights packed at compile time, bias and fused tail in the epilogue. What none of them takes is computed
// row-major by the operators' own kernels.

import { floatsToHalf, makeTensor, type NumericTensor } from '../../ir/tensor.js';
import { blockedStorage, type KernelRequest } from '../../ops/kernel-call.js';
import {
  type ConvGeometry,
  type ConvTile,
  chooseConv2dTile,
  conv2dDirectScratchBytes,
  conv2dFirstScratchBytes,
  conv2dTransposeScratchBytes,
  packConv2dDepthwise,
  packConv2dDirect,
  packConv2dFirst,
  packConv2dTranspose,
} from '../pack-conv.js';
import { packOnce } from '../pack-once.js';
import { directRuns, firstRuns, transposeRuns } from '../pack-pairs.js';
import { convCall, floatTensorOf } from './conv-call.js';
import { kFewKernels } from './conv-few.js';
import { convShape, kBlocked, kFewChannels, packable } from './conv-geometry.js';
import { kWinogradKernels } from './conv-winograd.js';
import type { Kernel, TileSpace } from './kernel.js';
import { packedTensor } from './packed-weights.js';
import { convTileSpace } from './tile-space.js';
import { tileFor } from './tuned.js';

export const kConvKernels: readonly Kernel[] = [
  ...kFewKernels,
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
      const packed = depthwiseTensor(request, shape, weights);
      return convCall(request, 'conv2d_depthwise', shape, undefined, packed, 0);
    },
  },
  ...kWinogradKernels,
  {
    name: 'conv2d_direct',
    op: 'Conv',
    form: (request) => {
      const shape = convShape(request);
      if (shape === undefined) return undefined;
      const { block } = blockedStorage(request.target);
      const perGroup = [shape.inChannels / shape.groups, shape.outChannels / shape.groups];
      return shape.groups === 1 || perGroup.every((channels) => channels % block === 0) ? kBlocked : undefined;
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

/** Halves where so few are summed that they may be summed as halves; else floats: such layers are bound by their images. */
function depthwiseTensor({ target }: KernelRequest, shape: ConvGeometry, weights: Float32Array): NumericTensor {
  const data = packOnce(weights, ['depthwise', shape], () => packConv2dDepthwise(weights, shape));
  const isHalf = blockedStorage(target).dtype === 'f16' && shape.kernelH * shape.kernelW <= kMostHalfProducts;
  return isHalf ? makeTensor('f16', [data.length], floatsToHalf(data)) : floatTensorOf(data);
}

/** HalfProducts::kMostProducts of runtime/include/cortado/products.h. */
const kMostHalfProducts = 64;

/** The cut of a kernel over vectors of output channels: measured, or what suits most machines. */
function convTile(request: KernelRequest, shape: ConvGeometry, kernel: string): ConvTile {
  return tileFor(request, kernel, chooseConv2dTile(shape, request.target));
}

function convTiles(request: KernelRequest, kernel: string): TileSpace {
  const { shape } = packable(request);
  return convTileSpace(shape, convTile(request, shape, kernel), request.target);
}
