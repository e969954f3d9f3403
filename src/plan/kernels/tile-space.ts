// The tiles that tuning may try, kernel by kernel: register tiles that fill the registers, bands that cut the rows evenly,
// powers of two for chunks. What the cost model chooses comes first; the rest does not depend on it, so that records of
// measurements stay good when the model changes.

import { blockedStorage, type TileFields } from '../../ops/kernel-call.js';
import { type ConvFewTile, type ConvGeometry, type ConvTile, type TileTarget, tileRows } from '../pack-conv.js';
import type { WinogradTile } from '../pack-winograd.js';
import type { TileSpace } from './kernel.js';

const kBands = [1, 2, 3, 4, 6, 8, 12, 16] as const;

/** Register tile; rows per band; blocks of input channels per pass. */
export function convTileSpace(s: ConvGeometry, tile: ConvTile, target: TileTarget): TileSpace {
  const outBlocks = Math.ceil(s.outChannels / s.groups / s.block);
  const inBlocks = Math.ceil(s.inChannels / s.groups / s.block);
  const chunks =
    blockedStorage(target).bytes < 4 ? [inBlocks] : [1, 2, 4, 8, 16, 32].map((blocks) => Math.min(blocks, inBlocks));
  return {
    chosen: { ...tile },
    axes: [
      registerTiles(outBlocks, target),
      distinct(kBands.map((bands) => Math.ceil(s.outHeight / bands))).map((bandRows) => ({ bandRows })),
      distinct(chunks).map((chunkBlocks) => ({ chunkBlocks })),
    ],
  };
}

/** Accumulators; rows per band. */
export function fewTileSpace(s: ConvGeometry, tile: ConvFewTile, isTransposed: boolean, target: TileTarget): TileSpace {
  const step = isTransposed ? s.strideH : 1;
  const registers = distinct([1, 2, 4, 8].map((groups) => Math.ceil(s.outChannels / groups))).flatMap((channels) => {
    const vectors = Math.min(8, Math.floor((target.vectorRegisters - 2) / (channels + 1)));
    return vectors >= 1 ? [{ channels, vectors }] : [];
  });
  const rows = kBands.map((bands) => Math.ceil(Math.ceil(s.outHeight / bands) / step) * step);
  return { chosen: { ...tile }, axes: [registers, distinct(rows).map((bandRows) => ({ bandRows }))] };
}

/** Register tile; tiles transformed together; blocks of input channels whose filters are transformed together. */
export function winogradTileSpace(s: ConvGeometry, tiles: number, tile: WinogradTile, target: TileTarget): TileSpace {
  const [inBlocks, outBlocks] = [Math.ceil(s.inChannels / s.block), Math.ceil(s.outChannels / s.block)];
  const chunks = tile.chunkBlocks === 0 ? [0] : [1, 2, 4, 8, 16, 32].map((blocks) => Math.min(blocks, inBlocks));
  return {
    chosen: { ...tile },
    axes: [
      registerTiles(outBlocks, target),
      distinct(kBands.map((groups) => Math.ceil(tiles / groups))).map((group) => ({ group })),
      distinct(chunks).map((chunkBlocks) => ({ chunkBlocks })),
    ],
  };
}

/** One to four vectors, with pixels that fill the registers: 14×2, 8×3, 6×4 of 32. */
function registerTiles(outBlocks: number, target: TileTarget): readonly TileFields[] {
  const counts = [1, 2, 3, 4].filter((vectors) => vectors <= outBlocks);
  return counts.map((vectors) => ({ pixels: tileRows(target, vectors), vectors }));
}

function distinct(values: readonly number[]): readonly number[] {
  return [...new Set(values)];
}
