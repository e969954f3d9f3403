// Fully connected layers: weights packed in panels of vectors, bias and fused tail in the epilogue.

import { fail } from '../../errors.js';
import { dimMax, isStatic } from '../../ir/dim.js';
import { epilogueOperands } from '../../ir/graph.js';
import { operandAccess } from '../../ops/functor.js';
import { biasedFunctor, extentArg, inputArg, kFunctorArg, outputArg } from '../../ops/kernel-arguments.js';
import { blockedStorage, type KernelCall, type KernelRequest, type KernelTarget } from '../../ops/kernel-call.js';
import { fullyConnectedScratchBytes, packFullyConnected } from '../pack-fc.js';
import { fullyConnectedRuns } from '../pack-pairs.js';
import { inputType, type Kernel, kAnyParts, kPlainForm, outputType, type TileSpace } from './kernel.js';
import { packedTensor } from './packed-weights.js';
import { tileFor } from './tuned.js';

export const kGemmKernels: readonly Kernel[] = [
  {
    name: 'fully_connected',
    op: 'FC',
    form: (request) =>
      request.target.vectorFloats < 4 || constantFeatures(request) === undefined ? undefined : kPlainForm,
    tiles: (request) => fullyConnectedTiles(request),
    lower: (request) => lowerFullyConnected(request),
  },
];

interface Features {
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** Sizes of a float FC with constant weights and bias whose fused tail can be read by columns. */
export function constantFeatures(request: KernelRequest): Features | undefined {
  const { node } = request;
  const x = inputType(node, 0);
  const y = outputType(node);
  const [, k = 0] = x.shape;
  const [, n = 0] = y.shape;
  if (x.dtype !== 'f32' || !isStatic(k) || !isStatic(n) || k === 0 || n === 0) return undefined;
  const operands = node.inputs.length - (node.epilogue?.operands ?? 0);
  const constants = node.inputs
    .slice(1, operands)
    .every((value) => value === undefined || request.constant(value) !== undefined);
  const tail = epilogueOperands(node).every((value) => {
    const access = operandAccess(value.type.shape, y.shape);
    return access === 'channel' ? request.constant(value) !== undefined : access !== undefined;
  });
  return constants && tail ? { inFeatures: k, outFeatures: n } : undefined;
}

/** Rows of a tile whose inputs are packed side by side, two vectors wide; by lanes, a vector holds four rows' inputs. */
function packedTileRows({ vectorRegisters, laneMultiply }: KernelTarget): number {
  if (laneMultiply === true) return vectorRegisters >= 32 ? 12 : 4;
  return vectorRegisters >= 32 ? 14 : 6;
}

/** Vectors of a panel of columns, rows of the register tile. */
interface FullyConnectedTile {
  readonly vectors: number;
  readonly tileRows: number;
}

function fullyConnectedTile(request: KernelRequest): FullyConnectedTile {
  const { vectorFloats } = request.target;
  const isSingle = dimMax(inputType(request.node, 0).shape[0] ?? 1) === 1;
  const vectors = isSingle && vectorFloats === 16 ? 4 : 2;
  const tileRows = isSingle ? 1 : packedTileRows(request.target);
  return tileFor(request, 'fully_connected', { vectors, tileRows });
}

function fullyConnectedTiles(request: KernelRequest): TileSpace {
  const chosen = fullyConnectedTile(request);
  const several = request.target.laneMultiply === true ? [4, 8, 12] : [4, 6, 14];
  const rows = chosen.tileRows === 1 ? [1] : several;
  return {
    chosen: { ...chosen },
    axes: [[1, 2, 4].map((vectors) => ({ vectors })), rows.map((tileRows) => ({ tileRows }))],
  };
}

function lowerFullyConnected(request: KernelRequest): KernelCall {
  const { node, target } = request;
  const { inFeatures, outFeatures } = constantFeatures(request) ?? fail('internal', 'an FC lost its sizes');
  const weights = request.constant(node.inputs[1]);
  if (weights === undefined || !(weights.data instanceof Float32Array))
    return fail('internal', 'FC weights are not constant floats');
  const storage = blockedStorage(target);
  const { block } = storage;
  const rows = inputType(node, 0).shape[0] ?? 1;
  const { vectors, tileRows } = fullyConnectedTile(request);
  const { data } = weights;
  const packed = packedTensor(
    request,
    data,
    ['fc', outFeatures, inFeatures, block, vectors],
    () => packFullyConnected(data, outFeatures, inFeatures, block, vectors),
    () => fullyConnectedRuns(outFeatures, inFeatures, block * vectors),
  );
  const { functor, packs = [] } = biasedFunctor(request, 2, block * vectors, 1);
  return {
    header: 'cortado/gemm.h',
    fn: 'fully_connected',
    config: {
      type: 'FcShape',
      fields: [
        ['in_features', inFeatures],
        ['out_features', outFeatures],
        ['block', block],
        ['vectors', vectors],
      ],
    },
    template: [{ kind: 'config' }, { kind: 'number', value: tileRows }],
    args: [extentArg(rows), inputArg(0), { kind: 'packed', index: 0 }, outputArg(), kFunctorArg, { kind: 'scratch' }],
    packs: [packed, ...packs],
    ...(functor === undefined ? {} : { functor }),
    scratchBytes: fullyConnectedScratchBytes(inFeatures, tileRows, storage),
    parts: kAnyParts,
  };
}
