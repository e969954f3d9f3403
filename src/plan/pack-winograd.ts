// Winograd convolutions F(2×2, 3×3) and F(4×4, 3×3): which form a layer gets, filters transformed in float64 and rounded once,
// packed for the matrix product per position, and the cut into groups of tiles. Mirrors runtime/include/cortado/conv2d_winograd.h.

import { blockedStorage } from '../ops/kernel-call.js';
import { type ConvGeometry, type TileTarget, tileRows } from './pack-conv.js';

export interface WinogradForm {
  /** Per tile side. */
  readonly outputs: 2 | 4;
  /** Filters stay 3×3 in the weights and are transformed in the kernel; else the weights are (outputs + 2)²/9 times as large. */
  readonly rawFilters: boolean;
}

/** WinogradTile of the header: outputs per tile side, tiles per group, the register tile, blocks whose filters are transformed together. */
export interface WinogradTile {
  readonly outputs: 2 | 4;
  readonly group: number;
  readonly pixels: number;
  readonly vectors: number;
  readonly chunkBlocks: number;
}

/** G of y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A: row p is (1, p, p²) / Π(p − q) for each finite point p, then (0, 0, 1). */
export function winogradFilterMatrix(outputs: 2 | 4): readonly (readonly [number, number, number])[] {
  const points = outputs === 2 ? [0, 1, -1] : [0, 0.75, -0.75, 1.5, -1.5];
  const rows = points.map((p): readonly [number, number, number] => {
    const norm = points.filter((q) => q !== p).reduce((product, q) => product * (p - q), 1);
    // F(2, 3) is written with the signs of its usual transforms: the row of 0 and its inputs both change sign.
    const scale = outputs === 2 && p === 0 ? -norm : norm;
    return [1 / scale, p / scale, (p * p) / scale];
  });
  return [...rows, [0, 0, 1]];
}

/** Tiles of an image. */
export function winogradTiles(s: ConvGeometry, outputs: 2 | 4): number {
  return Math.ceil(s.outHeight / outputs) * Math.ceil(s.outWidth / outputs);
}

/**
 * Groups whose transformed input and products fill half of L2, but of at least four register tiles: weights are read once per
 * group. ResNet-50's 64 channels at 56×56 with 1 MiB: 196 tiles of 4×4 in 4 groups of 49. Few tiles (up to 14×14) are a
 * register tile of four vectors, for more products per load. A chunk's transformed filters fill a quarter of L2.
 */
export function chooseWinogradTile(s: ConvGeometry, form: WinogradForm, target: TileTarget): WinogradTile {
  const { outputs, rawFilters } = form;
  const positions = (outputs + 2) ** 2;
  const tiles = winogradTiles(s, outputs);
  const takesFour = tiles <= kFewTiles && target.vectorRegisters >= 32 && target.laneMultiply !== true;
  const vectors = takesFour && Math.ceil(s.outChannels / s.block) >= 4 * target.threads ? 4 : 2;
  const pixels = tileRows(target, vectors);
  const tileBytes = blockedStorage(target).bytes * Math.ceil(s.inChannels / s.block) + 4 * vectors;
  const fits = Math.floor(target.l2Bytes / 2 / (positions * s.block * tileBytes));
  const groups = Math.ceil(tiles / Math.max(fits, 4 * pixels));
  const chunkBytes = 4 * positions * s.block * vectors * s.block;
  const chunkBlocks = rawFilters ? Math.max(1, Math.floor(target.l2Bytes / 4 / chunkBytes)) : 0;
  return { outputs, group: Math.ceil(tiles / groups), pixels, vectors, chunkBlocks };
}

const kFewTiles = 16;

/** What the model knows of one kernel: vector multiply-adds of floats that its steps take the time of, with AVX-512. */
const kTransformCost = {
  2: { input: 80, output: 60, filter: 90 },
  4: { input: 250, output: 220, filter: 150 },
} as const;
/** Share of the multiply-add peak that the loops reach. */
const kDirectShare = 0.85;
const kWinogradShare = 0.8;
/** Per byte of weights from memory (28 GB/s), which products hide but for a fifth; per vector of products that a chunk adds to. */
const kWeightByteCost = 0.3;
const kUnhidden = 0.2;
const kAccumulateCost = 4;
/** A kernel with larger errors has to be this much faster. */
const kWorthwhile = 1.2;

/** Vector multiply-adds that a direct 3×3 convolution of one image takes the time of. */
function directCost(s: ConvGeometry, target: TileTarget): number {
  const { bytes, productCost } = blockedStorage(target);
  const products = s.outHeight * s.outWidth * 9 * s.inChannels * Math.ceil(s.outChannels / s.block);
  return withWeights((productCost * products) / kDirectShare, bytes * 9 * s.inChannels * s.outChannels);
}

function withWeights(work: number, weightBytes: number): number {
  const reading = kWeightByteCost * weightBytes;
  return Math.max(work, reading) + kUnhidden * reading;
}

/** The same for F(outputs×outputs, 3×3): products per position, transforms of input, output and raw filters, weights. */
export function winogradCost(s: ConvGeometry, form: WinogradForm, target: TileTarget): number {
  const { outputs, rawFilters } = form;
  const { blockRegisters, productCost } = blockedStorage(target);
  const positions = (outputs + 2) ** 2;
  const [inBlocks, outBlocks] = [Math.ceil(s.inChannels / s.block), Math.ceil(s.outChannels / s.block)];
  const cost = kTransformCost[outputs];
  const products = (productCost * positions * s.inChannels * outBlocks) / kWinogradShare;
  const transforms = transformCost(target) * blockRegisters * (cost.input * inBlocks + cost.output * outBlocks);
  const perTile = products + transforms;
  const tiles = winogradTiles(s, outputs);
  const weightBytes = winogradFilterBytes(form, target) * s.inChannels * s.outChannels;
  return withWeights(tiles * perTile + (rawFilters ? rawFilterCost(s, form, tiles, target) : 0), weightBytes);
}

function transformCost({ winogradTransformCost }: TileTarget): number {
  return winogradTransformCost ?? 1;
}

/** Bytes of one packed filter. */
export function winogradFilterBytes({ outputs, rawFilters }: WinogradForm, target: TileTarget): number {
  return blockedStorage(target).bytes * (rawFilters ? 9 : (outputs + 2) ** 2);
}

/** Filters transformed once per group of tiles, some channels at a time, and the passes over the products that this takes. */
function rawFilterCost(s: ConvGeometry, form: WinogradForm, tiles: number, target: TileTarget): number {
  const { group, chunkBlocks } = chooseWinogradTile(s, form, target);
  const [inBlocks, outBlocks] = [Math.ceil(s.inChannels / s.block), Math.ceil(s.outChannels / s.block)];
  const filters =
    Math.ceil(tiles / group) * s.inChannels * outBlocks * transformCost(target) * kTransformCost[form.outputs].filter;
  const passes = Math.ceil(inBlocks / chunkBlocks) - 1;
  return filters + passes * (form.outputs + 2) ** 2 * tiles * outBlocks * kAccumulateCost;
}

export const kWinogradForms: readonly WinogradForm[] = [
  { outputs: 4, rawFilters: true },
  { outputs: 2, rawFilters: true },
  { outputs: 4, rawFilters: false },
  { outputs: 2, rawFilters: false },
];

/** True for the shapes that the kernels compute: 3×3, stride 1, dilation 1, one group, vectors of channels. */
export function canUseWinograd(s: ConvGeometry): boolean {
  const is3x3 = s.kernelH === 3 && s.kernelW === 3 && s.strideH === 1 && s.strideW === 1;
  return is3x3 && s.dilationH === 1 && s.dilationW === 1 && s.groups === 1 && s.block >= 4;
}

/**
 * Of bf16 and f16 filters only transformed ones are multiplied; those of 2×2 are smaller than raw floats. Halves are summed as
 * halves: F(4×4) would err three times as much as the direct convolution.
 */
export function winogradFormsWithin(mayGrow: boolean, target: TileTarget): readonly WinogradForm[] {
  const { dtype } = blockedStorage(target);
  if (dtype === 'f32') return kWinogradForms.filter((form) => mayGrow || form.rawFilters);
  const takesFour = dtype === 'bf16' && mayGrow;
  return kWinogradForms.filter(({ outputs, rawFilters }) => !rawFilters && (takesFour || outputs === 2));
}

/**
 * The cheapest Winograd form that is clearly faster than the direct convolution, or undefined; raw filters only where the
 * weights may not grow. With 16 lanes nearly all are 4×4; transformed filters pay where images are large and filters few.
 */
export function chooseWinograd(s: ConvGeometry, mayGrow: boolean, target: TileTarget): WinogradForm | undefined {
  if (!canUseWinograd(s)) return undefined;
  const allowed = winogradFormsWithin(mayGrow, target);
  const costs = allowed.map((form) => winogradCost(s, form, target));
  const least = Math.min(...costs);
  return kWorthwhile * least > directCost(s, target) ? undefined : allowed[costs.indexOf(least)];
}

/** conv2d_winograd_scratch_bytes: transformed input of a group, the products of one output tile, transformed filters of a chunk. */
export function winogradScratchBytes(s: ConvGeometry, tile: WinogradTile, bytes = 4): number {
  const positions = (tile.outputs + 2) ** 2;
  const vectors = Math.min(tile.vectors, Math.ceil(s.outChannels / s.block));
  const inBlocks = Math.ceil(s.inChannels / s.block);
  const filters = tile.chunkBlocks === 0 ? 0 : Math.min(tile.chunkBlocks, inBlocks) * s.block * vectors + 1;
  const tileBytes = bytes * inBlocks + 4 * vectors;
  return positions * s.block * (tileBytes * tile.group + 8 + 4 * filters);
}

/** The order of conv2d_winograd, from [m][c][3][3]: [m_tile][position][c][v][lane]. */
export function packConv2dWinograd(weights: Float32Array, s: ConvGeometry, tile: WinogradTile): Float32Array {
  const matrix = winogradFilterMatrix(tile.outputs);
  const side = tile.outputs + 2;
  const paddedOut = Math.ceil(s.outChannels / s.block) * s.block;
  const packed = new Float32Array(side * side * s.inChannels * paddedOut);
  const half = new Float64Array(side * 3);
  const step = tile.vectors * s.block;
  for (let first = 0; first < paddedOut; first += step) {
    const width = Math.min(step, paddedOut - first);
    const base = first * s.inChannels * side * side;
    for (let m = first; m < Math.min(s.outChannels, first + width); m++) {
      for (let c = 0; c < s.inChannels; c++) {
        const filter = weights.subarray((m * s.inChannels + c) * 9, (m * s.inChannels + c) * 9 + 9);
        transformFilter(filter, matrix, half, (position, value) => {
          packed[base + (position * s.inChannels + c) * width + (m - first)] = value;
        });
      }
    }
  }
  return packed;
}

/** G w Gᵀ, position by position. */
function transformFilter(
  w: Float32Array,
  matrix: readonly (readonly [number, number, number])[],
  half: Float64Array,
  put: (position: number, value: number) => void,
): void {
  const side = matrix.length;
  for (const [i, [g0, g1, g2]] of matrix.entries()) {
    for (let j = 0; j < 3; j++) half[i * 3 + j] = g0 * (w[j] ?? 0) + g1 * (w[3 + j] ?? 0) + g2 * (w[6 + j] ?? 0);
  }
  for (let i = 0; i < side; i++) {
    for (const [j, [g0, g1, g2]] of matrix.entries()) {
      put(i * side + j, g0 * (half[i * 3] ?? 0) + g1 * (half[i * 3 + 1] ?? 0) + g2 * (half[i * 3 + 2] ?? 0));
    }
  }
}
