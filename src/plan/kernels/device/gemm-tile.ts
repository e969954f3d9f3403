// How a matrix product is cut into blocks of the device. A model of one multiprocessor gives each tile a time: arithmetic, shared
// memory and L2 traffic per step, the latency that a step cannot hide, and how many blocks the multiprocessors hold at once. At small
// batches few tiles exist, so sums are split until the multiprocessors are busy. Registers are ptxas's figures; the rates are the
// manufacturer's; the latencies are estimates that no measurement has confirmed yet.

import type { DeviceTarget } from '../../../ops/kernel-call.js';
import type { TileSpace } from '../kernel.js';

/** GemmTile of runtime/cuda/include/cortado_cuda/conv_shape.h. */
export interface GemmTile {
  readonly rows: number;
  readonly cols: number;
  /** Bytes of one row of an operand per step. */
  readonly kBytes: number;
  /** Steps in flight. */
  readonly stages: number;
  readonly warpsM: number;
  readonly warpsN: number;
  /** Blocks that share one sum. */
  readonly splits: number;
  /** 1: products of warpgroups (wgmma), 0: of warps. Only where the device has a choice. */
  readonly warpgroups?: 0 | 1;
}

/** Arithmetic of runtime/cuda/include/cortado_cuda/tile_math.h. */
export type GemmMath = 'HalfMath' | 'Tf32Math' | 'FloatMath';

export interface ProductSize {
  /** Rows of the product: output pixels of all images. */
  readonly pixels: number;
  /** Columns: output channels of one group. */
  readonly channels: number;
  /** Products in each sum. */
  readonly sums: number;
  /** Products of this size: groups, phases. */
  readonly repeats: number;
  readonly math: GemmMath;
  readonly device: Pick<DeviceTarget, 'architecture' | 'multiprocessors' | 'sharedBytes' | 'wgmma'>;
}

export interface TileEstimate {
  readonly tile: GemmTile;
  /** Clock cycles from the first block's start to the last one's end. */
  readonly cycles: number;
}

/** rows, cols, kBytes, stages, warpsM, warpsN, registers per thread (nvcc 13.0, sm_80 and sm_90, the most of 1×1, 3×3 and 7×7 filters). */
type TileRow = readonly [number, number, number, number, number, number, number];

const kTensorTiles: readonly TileRow[] = [
  [64, 64, 128, 4, 2, 2, 126],
  [128, 128, 64, 4, 2, 4, 128],
  [128, 64, 64, 4, 2, 2, 158],
  [64, 128, 64, 4, 2, 2, 159],
  [64, 32, 128, 4, 2, 2, 106],
  [32, 64, 128, 4, 2, 2, 90],
  [32, 32, 128, 4, 2, 2, 88],
];

const kFloatTiles: readonly TileRow[] = [
  [64, 64, 64, 4, 2, 2, 168],
  [128, 64, 64, 4, 4, 1, 168],
  [64, 32, 128, 4, 2, 2, 168],
  [32, 64, 128, 4, 1, 4, 168],
  [32, 32, 128, 4, 2, 2, 128],
];

/** Tiles of warpgroups: the same, with the registers of nvcc 13.0 for sm_90a. */
const kGroupTiles: readonly TileRow[] = [
  [128, 256, 128, 4, 8, 1, 223],
  [256, 128, 128, 4, 8, 1, 247],
  [128, 128, 128, 3, 8, 1, 128],
  [256, 64, 128, 4, 8, 1, 184],
  [128, 64, 128, 4, 8, 1, 128],
  [64, 128, 128, 4, 4, 1, 168],
];

const kSplits = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32] as const;

/** Multiply-adds of a multiprocessor per cycle. */
type Products = { readonly [M in GemmMath]: number };

/** Tensor cores' dense rates of compute capability 8.0; 128 lanes. */
const kAmpereProducts: Products = { HalfMath: 1024, Tf32Math: 512, FloatMath: 128 };

/**
 * Compute capability 9.0: the data sheet's dense rates are wgmma's (kGroupProducts); mma.sync is reported to reach 60 to 65 % of them
 * (arXiv:2501.12084). An assumption here: no measurement of this project's has confirmed either.
 */
const kHopperProducts: Products = { HalfMath: 1280, Tf32Math: 640, FloatMath: 128 };
const kGroupProducts: Products = { HalfMath: 2048, Tf32Math: 1024, FloatMath: 0 };

/** What all devices have alike. */
const kDevice = {
  registers: 65536,
  threads: 2048,
  blocks: 32,
  /** What the runtime keeps of each block's shared memory. */
  reservedBytes: 1024,
  sharedBytesPerCycle: 128,
  l2BytesPerCycle: 40,
  /** A block's first tiles on their way from L2 or memory, and its results' way back. */
  startCycles: 1400,
  /** Barrier, addresses, fragments: what a step costs a block that is alone. */
  stepCycles: 150,
  /** Counting, fences and reading parts for the block that comes last. */
  splitCycles: 1500,
} as const;

/** A tile that may be launched, by warps or by warpgroups. */
interface Candidate {
  readonly row: TileRow;
  readonly isGroups: boolean;
}

/** The tile and split with the least estimated time; the first of the list on a tie. */
export function chooseGemmTile(size: ProductSize): GemmTile {
  return estimateTiles(size).reduce((best, next) => (next.cycles < best.cycles ? next : best)).tile;
}

/** Every tile and split that may be launched, with its estimate: what a tuner measures. */
export function estimateTiles(size: ProductSize): readonly TileEstimate[] {
  return candidates(size).flatMap((candidate) => {
    const steps = Math.max(1, Math.ceil((size.sums * elementBytes(size.math)) / candidate.row[2]));
    const splits = kSplits.filter((count) => count === 1 || count * 2 <= steps);
    return splits.map((count) => ({
      tile: tileOf(size, candidate, count),
      cycles: estimateCycles(size, candidate, steps, count),
    }));
  });
}

function candidates(size: ProductSize): readonly Candidate[] {
  const isFloat = size.math === 'FloatMath';
  const warps = (isFloat ? kFloatTiles : kTensorTiles).map((row) => ({ row, isGroups: false }));
  return isFloat || !size.device.wgmma ? warps : [...warps, ...kGroupTiles.map((row) => ({ row, isGroups: true }))];
}

function productsPerCycle({ device, math }: ProductSize, isGroups: boolean): number {
  if (isGroups) return kGroupProducts[math];
  return (device.architecture >= 90 ? kHopperProducts : kAmpereProducts)[math];
}

/** What tuning may try: shapes of tiles, each with the split that the model likes best for it; then other splits. */
export function gemmTileSpace(size: ProductSize): TileSpace {
  const estimates = estimateTiles(size);
  const shapeOf = ({ splits: _splits, ...shape }: GemmTile): string => JSON.stringify(shape);
  const best = new Map<string, TileEstimate>();
  for (const estimate of estimates) {
    const before = best.get(shapeOf(estimate.tile));
    if (before === undefined || estimate.cycles < before.cycles) best.set(shapeOf(estimate.tile), estimate);
  }
  const splits = [...new Set(estimates.map(({ tile }) => tile.splits))];
  return {
    chosen: { ...chooseGemmTile(size) },
    axes: [[...best.values()].map(({ tile }) => ({ ...tile })), splits.map((count) => ({ splits: count }))],
  };
}

/** Tiles of the grid: `counters` of a split sum; each part of a tile has rows · cols floats of scratch. */
export function gridTiles(size: ProductSize, tile: GemmTile): number {
  return Math.ceil(size.pixels / tile.rows) * Math.ceil(size.channels / tile.cols) * size.repeats;
}

function tileOf(size: ProductSize, { row, isGroups }: Candidate, splits: number): GemmTile {
  const [rows, cols, kBytes, stages, warpsM, warpsN] = row;
  const tile = { rows, cols, kBytes, stages, warpsM, warpsN, splits };
  return size.device.wgmma ? { ...tile, warpgroups: isGroups ? 1 : 0 } : tile;
}

function elementBytes(math: GemmMath): number {
  return math === 'HalfMath' ? 2 : 4;
}

/** As gemm_shared_bytes of conv_shape.h. */
function sharedBytes([rows, cols, kBytes, stages]: TileRow): number {
  return Math.max(stages * (rows + cols) * kBytes, 4 * rows * (cols + 8));
}

/** Blocks that a multiprocessor holds at once. */
function residentBlocks(row: TileRow, { sharedBytes: mostOfBlock }: ProductSize['device']): number {
  const threads = row[4] * row[5] * 32;
  const byRegisters = Math.floor(kDevice.registers / (threads * row[6]));
  // A block can have all of a multiprocessor's but what is kept of it.
  const byShared = Math.floor((mostOfBlock + kDevice.reservedBytes) / (sharedBytes(row) + kDevice.reservedBytes));
  return Math.max(1, Math.min(byRegisters, byShared, Math.floor(kDevice.threads / threads), kDevice.blocks));
}

/** Whole waves of blocks, then a last one that fills the multiprocessors evenly but not up. */
function estimateCycles(size: ProductSize, candidate: Candidate, steps: number, splits: number): number {
  const blocks = gridTiles(size, tileOf(size, candidate, splits)) * splits;
  const resident = residentBlocks(candidate.row, size.device);
  const wave = resident * size.device.multiprocessors;
  const whole = Math.floor(blocks / wave);
  const last = Math.ceil((blocks - whole * wave) / size.device.multiprocessors);
  const perBlock = Math.ceil(steps / splits);
  const time = (together: number): number => blockCycles(size, candidate, perBlock, together);
  const waves = whole * time(resident) + (last > 0 ? time(last) : 0);
  return splits === 1 ? waves : waves + combineCycles(candidate.row, splits);
}

/** A block of `steps` steps beside others on the same multiprocessor, `together` in all. */
function blockCycles(size: ProductSize, { row, isGroups }: Candidate, steps: number, together: number): number {
  const [rows, cols, kBytes, , warpsM, warpsN] = row;
  const products = (rows * cols * kBytes) / elementBytes(size.math) / productsPerCycle(size, isGroups);
  // Each warp reads its share of both operands; of a warpgroup each instruction reads 64 rows and all its columns.
  const readers = isGroups ? rows / 64 : warpsM;
  const fragments = ((rows * warpsN + cols * readers) * kBytes) / kDevice.sharedBytesPerCycle;
  const copies = ((rows + cols) * kBytes) / kDevice.l2BytesPerCycle;
  // Products of warpgroups run on while the next step begins.
  const alone = isGroups ? Math.max(kDevice.stepCycles, products) : kDevice.stepCycles + products;
  const step = Math.max(alone, together * Math.max(products, fragments, copies));
  const store = (rows * cols * elementBytes(size.math) * together) / kDevice.l2BytesPerCycle;
  return kDevice.startCycles + steps * step + store;
}

/** The last block of a tile reads all parts. */
function combineCycles([rows, cols]: TileRow, splits: number): number {
  return kDevice.splitCycles + (splits * rows * cols * 4) / kDevice.l2BytesPerCycle;
}
