// Convolutions to few channels: lanes along a row of pixels, where vectors of channels would stay half empty. Row-major result.

import type { KernelCall, KernelConfig, KernelRequest } from '../../ops/kernel-call.js';
import { type ConvGeometry, chooseConv2dFewTile, conv2dFewScratchBytes, packConv2dFew } from '../pack-conv.js';
import { packOnce } from '../pack-once.js';
import { convCall, floatTensorOf } from './conv-call.js';
import { convShape, kFewChannels, packable } from './conv-geometry.js';
import { type Kernel, roundUpTo } from './kernel.js';
import { fewTileSpace } from './tile-space.js';
import { tileFor } from './tuned.js';

export const kFewKernels: readonly Kernel[] = (['Conv', 'ConvTranspose'] as const).map(
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
);

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
