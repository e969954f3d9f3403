// Winograd convolutions F(2×2, 3×3) and F(4×4, 3×3): filters transformed in float64 and rounded once, packed for the matrix
// product per position, and the cut into groups of tiles. Mirrors runtime/include/cortado/conv2d_winograd.h.

import type { ConvGeometry, TileTarget } from './pack-conv.js';

/** WinogradTile of the header: outputs per tile side, tiles per group, the register tile. */
export interface WinogradTile {
  readonly outputs: 2 | 4;
  readonly group: number;
  readonly pixels: number;
  readonly vectors: number;
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
 * group. ResNet-50's 64 channels at 56×56 with 1 MiB: 196 tiles of 4×4 in 4 groups of 49.
 */
export function chooseWinogradTile(s: ConvGeometry, outputs: 2 | 4, target: TileTarget): WinogradTile {
  const vectors = 2;
  const pixels = Math.max(1, Math.floor((target.vectorRegisters - vectors - 1) / vectors) & ~1);
  const blocks = Math.ceil(s.inChannels / s.block) + vectors;
  const fits = Math.floor(target.l2Bytes / 2 / (4 * (outputs + 2) ** 2 * s.block * blocks));
  const tiles = winogradTiles(s, outputs);
  const groups = Math.ceil(tiles / Math.max(fits, 4 * pixels));
  return { outputs, group: Math.ceil(tiles / groups), pixels, vectors };
}

/** What the model knows of one kernel: vector multiply-adds that its steps take the time of. */
const kTransformCost = { 2: { input: 80, output: 60 }, 4: { input: 250, output: 220 } } as const;
/** Share of the multiply-add peak that the loops reach, and multiply-adds per byte of weights from memory (measured: 10 GB/s). */
const kDirectShare = 0.85;
const kWinogradShare = 0.8;
const kWeightByteCost = 0.4;
/** A kernel with larger weights and errors has to be this much faster. */
const kWorthwhile = 1.2;

/** Vector multiply-adds that a direct 3×3 convolution of one image takes the time of. */
function directCost(s: ConvGeometry): number {
  const products = s.outHeight * s.outWidth * 9 * s.inChannels * Math.ceil(s.outChannels / s.block);
  return products / kDirectShare + kWeightByteCost * 4 * 9 * s.inChannels * s.outChannels;
}

/** The same for F(outputs×outputs, 3×3): products per position, transforms of input and output, weights. */
function winogradCost(s: ConvGeometry, outputs: 2 | 4): number {
  const positions = (outputs + 2) ** 2;
  const [inBlocks, outBlocks] = [Math.ceil(s.inChannels / s.block), Math.ceil(s.outChannels / s.block)];
  const cost = kTransformCost[outputs];
  const perTile =
    (positions * s.inChannels * outBlocks) / kWinogradShare + cost.input * inBlocks + cost.output * outBlocks;
  return winogradTiles(s, outputs) * perTile + kWeightByteCost * 4 * positions * s.inChannels * s.outChannels;
}

/**
 * Outputs per tile side of the Winograd convolution that is clearly faster than the direct one, or undefined. With 16
 * lanes: 64 channels at 56×56 are 4×4 (a third of the time), 512 at 14×14 are 2×2 (weights weigh more), 512 at 7×7 are direct.
 */
export function chooseWinograd(s: ConvGeometry): 2 | 4 | undefined {
  const is3x3 = s.kernelH === 3 && s.kernelW === 3 && s.strideH === 1 && s.strideW === 1;
  if (!is3x3 || s.dilationH !== 1 || s.dilationW !== 1 || s.groups !== 1 || s.block < 4) return undefined;
  const [two, four] = [winogradCost(s, 2), winogradCost(s, 4)];
  if (kWorthwhile * Math.min(two, four) > directCost(s)) return undefined;
  return four < two ? 4 : 2;
}

/** conv2d_winograd_scratch_bytes: transformed input of a group and the products of one output tile. */
export function winogradScratchBytes(s: ConvGeometry, tile: WinogradTile): number {
  const positions = (tile.outputs + 2) ** 2;
  const vectors = Math.min(tile.vectors, Math.ceil(s.outChannels / s.block));
  return 4 * positions * s.block * ((Math.ceil(s.inChannels / s.block) + vectors) * tile.group + 2);
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
