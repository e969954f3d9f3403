// Convolutions by Winograd's transforms: one kernel for each size of the transform, with filters transformed at compile time
// or, raw, in the kernel.

import { blockedStorage, type KernelCall, type KernelConfig, type KernelRequest } from '../../ops/kernel-call.js';
import { type ConvGeometry, packConv2dFirst } from '../pack-conv.js';
import { packOnce } from '../pack-once.js';
import { winogradRuns } from '../pack-pairs.js';
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
import { convCall, floatTensorOf } from './conv-call.js';
import { convShape, kBlocked, packable } from './conv-geometry.js';
import type { Kernel } from './kernel.js';
import { packedTensor } from './packed-weights.js';
import { winogradTileSpace } from './tile-space.js';
import { tileFor, tunedKernels } from './tuned.js';

export const kWinogradKernels: readonly Kernel[] = kWinogradForms.map(
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
);

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
  const { bytes } = blockedStorage(request.target);
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
