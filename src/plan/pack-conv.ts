// Packs convolution weights into the order in which the kernels of runtime/ read them (runtime/KERNELS.md), and chooses how
// a convolution is cut. Pure functions: Caffe2's [m][c/group][kh][kw] in, one dense Float32Array out.
// An m_tile is `vectors` vectors of `block` output channels; the last tile of a group may have fewer. Output channels past
// the last are zeros. Input channels are the real ones only.

import { blockedStorage, type Precision } from '../ops/kernel-call.js';
import { kMinPartMacs } from './parts.js';

/** The numbers of a convolution that packing and tiling depend on; named as in Conv2dShape. */
export interface ConvGeometry {
  readonly inChannels: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly outChannels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly kernelH: number;
  readonly kernelW: number;
  readonly strideH: number;
  readonly strideW: number;
  readonly padTop: number;
  readonly padLeft: number;
  readonly dilationH: number;
  readonly dilationW: number;
  readonly groups: number;
  readonly block: number;
}

/** Conv2dTile of runtime/include/cortado/conv2d_shape.h. */
export interface ConvTile {
  readonly pixels: number;
  readonly vectors: number;
  readonly bandRows: number;
  readonly chunkBlocks: number;
}

/** What tiling may know of a target. */
export interface TileTarget {
  readonly threads: number;
  readonly vectorRegisters: number;
  readonly laneMultiply?: boolean;
  readonly winogradTransformCost?: number;
  readonly l1Bytes: number;
  readonly l2Bytes: number;
  readonly vectorFloats: number;
  readonly precision?: Precision;
}

/**
 * Rows of a register tile of `vectors` columns: sums and one step's weights in registers, and a broadcast (14×2 of 32, 6×2
 * of 16); where the target multiplies by lanes, a vector of inputs for each row and two steps' weights (8×2, 4×2).
 */
export function tileRows(target: TileTarget, vectors: number): number {
  const { vectorRegisters: registers, laneMultiply } = target;
  const fitting =
    laneMultiply === true ? (registers - 2 * vectors) / (vectors + 1) : (registers - vectors - 1) / vectors;
  return Math.max(1, Math.floor(fitting) & ~1);
}

/** Input rows or columns under one window: dilation·(kernel − 1) + 1. */
export function dilatedExtent(kernel: number, dilation: number): number {
  return dilation * (kernel - 1) + 1;
}

/** True if some window leaves the image, so that the kernel copies bands of the input with zeros around them. */
export function readsPadding(s: ConvGeometry): boolean {
  const lastRow = (s.outHeight - 1) * s.strideH - s.padTop + dilatedExtent(s.kernelH, s.dilationH);
  const lastCol = (s.outWidth - 1) * s.strideW - s.padLeft + dilatedExtent(s.kernelW, s.dilationW);
  return s.padTop > 0 || s.padLeft > 0 || lastRow > s.inHeight || lastCol > s.inWidth;
}

function bandWidth(s: ConvGeometry): number {
  return (s.outWidth - 1) * s.strideW + dilatedExtent(s.kernelW, s.dilationW);
}

function bandHeight(s: ConvGeometry, outRows: number): number {
  return (outRows - 1) * s.strideH + dilatedExtent(s.kernelH, s.dilationH);
}

/** Shares of the multiply-adds that are worth a thread of their own. */
function usefulParts(s: ConvGeometry, { threads }: TileTarget): number {
  const taps = (s.inChannels / s.groups) * s.kernelH * s.kernelW;
  const macs = s.outChannels * s.outHeight * s.outWidth * taps;
  return Math.max(1, Math.min(threads, Math.floor(macs / kMinPartMacs)));
}

/** Rows of a band: at least `bands` bands, and so many that bands times output tiles share out evenly, or nearly, over the parts. */
function splitBands(outHeight: number, bands: number, outTiles: number, parts: number): number {
  for (let count = bands; count <= Math.min(outHeight, bands + parts); count++) {
    const rows = Math.ceil(outHeight / count);
    const items = Math.ceil(outHeight / rows) * outTiles;
    if (items % parts === 0 || items >= kManyItems * parts) return rows;
  }
  return Math.ceil(outHeight / bands);
}

/** Items per part from which on one more or less does not matter. */
const kManyItems = 6;

/**
 * Weights of a chunk: half of L1; of 1×1 filters a sixteenth of L2, since another pass over the sums costs more than weights that
 * come from L2 (512 channels of 14×14 to 512 take 2.5 % less time in one pass than in four).
 */
function chunkBytes(s: ConvGeometry, target: TileTarget): number {
  const isPointwise = s.kernelH === 1 && s.kernelW === 1 && target.laneMultiply !== true;
  return isPointwise ? Math.max(target.l1Bytes / 2, target.l2Bytes / 16) : target.l1Bytes / 2;
}

/**
 * The cut that suits most machines: two vectors of output channels, pixels to fill the registers (tileRows); a band's input in a
 * quarter of L2, a chunk's weights in half of L1. Padded images narrower than such a tile (7×7) get three vectors, since
 * their rows are not merged: 512 channels at 7×7 take 10 % less time. ResNet-50's 3×3 of 64 channels at 56×56 with 2 MiB of
 * L2: 14×2, 28 rows, 1 block.
 */
export function chooseConv2dTile(s: ConvGeometry, target: TileTarget): ConvTile {
  const isNarrow = target.laneMultiply !== true && readsPadding(s) && s.outWidth <= tileRows(target, 3);
  const vectors = isNarrow ? 3 : 2;
  const pixels = tileRows(target, vectors);
  const { bytes } = blockedStorage(target);
  const rowBytes = bytes * (s.inChannels / s.groups) * bandWidth(s) * s.strideH;
  const rowsFit = Math.min(s.outHeight, Math.max(1, Math.floor(target.l2Bytes / 4 / rowBytes)));
  const outTiles = s.groups * Math.ceil(s.outChannels / s.groups / (s.block * vectors));
  const bandRows = splitBands(s.outHeight, Math.ceil(s.outHeight / rowsFit), outTiles, usefulParts(s, target));
  const blockBytes = bytes * s.kernelH * s.kernelW * s.block * vectors * s.block;
  const allBlocks = Math.ceil(s.inChannels / s.groups / s.block);
  // Sums of a chunk lie in y, which bf16 and f16 have no room for.
  const chunkBlocks = bytes < 4 ? allBlocks : Math.max(1, Math.floor(chunkBytes(s, target) / blockBytes));
  return { pixels, vectors, bandRows, chunkBlocks };
}

/** conv2d_direct_scratch_bytes: one padded band of a group's input; 0 if no window leaves the image. */
export function conv2dDirectScratchBytes(s: ConvGeometry, tile: ConvTile, bytes = 4): number {
  if (!readsPadding(s)) return 0;
  const channels = Math.ceil(s.inChannels / s.groups / s.block) * s.block;
  return bytes * channels * bandHeight(s, Math.min(tile.bandRows, s.outHeight)) * bandWidth(s);
}

/** True for 1×1, stride 1, nothing padded or cropped: all pixels are one row. */
function isPointwise(s: ConvGeometry): boolean {
  const isUnit = s.kernelH === 1 && s.kernelW === 1 && s.strideH === 1 && s.strideW === 1;
  return isUnit && s.padTop === 0 && s.padLeft === 0 && s.outHeight === s.inHeight && s.outWidth === s.inWidth;
}

/**
 * conv2d_first_scratch_bytes: as conv2dDirectScratchBytes for plain input, rounded up to 64; bf16 and f16 are always copied to, a pointwise
 * convolution all at once.
 */
export function conv2dFirstScratchBytes(s: ConvGeometry, tile: ConvTile, bytes = 4): number {
  if (!readsPadding(s) && bytes === 4) return 0;
  const rows = isPointwise(s) ? s.outHeight : Math.min(tile.bandRows, s.outHeight);
  const bandBytes = bytes * s.inChannels * bandHeight(s, rows) * bandWidth(s);
  return Math.ceil(bandBytes / 64) * 64;
}

/** conv2d_transpose_scratch_bytes: enough for one padded band of any phase. */
export function conv2dTransposeScratchBytes(s: ConvGeometry, tile: ConvTile, bytes = 4): number {
  const channels = Math.ceil(s.inChannels / s.block) * s.block;
  const rows = Math.min(tile.bandRows, Math.ceil(s.outHeight / s.strideH)) - 1 + Math.ceil(s.kernelH / s.strideH);
  const cols = Math.ceil(s.outWidth / s.strideW) - 1 + Math.ceil(s.kernelW / s.strideW);
  return bytes * channels * rows * cols;
}

/** Floats of packed direct, first-layer or transposed weights. */
export function packedConvSize(s: ConvGeometry): number {
  const groupVectors = Math.ceil(s.outChannels / s.groups / s.block);
  return s.groups * groupVectors * s.block * (s.inChannels / s.groups) * s.kernelH * s.kernelW;
}

/** The order of conv2d_direct: [group][m_tile][cb][kh][kw][c][v][lane]. */
export function packConv2dDirect(weights: Float32Array, s: ConvGeometry, vectors: number): Float32Array {
  const groupIn = s.inChannels / s.groups;
  const groupOut = s.outChannels / s.groups;
  const taps = s.kernelH * s.kernelW;
  const packed = new Float32Array(packedConvSize(s));
  let to = 0;
  for (let group = 0; group < s.groups; group++) {
    for (const [first, end] of outputTiles(groupOut, s.block, vectors)) {
      for (let cBlock = 0; cBlock < groupIn; cBlock += s.block) {
        const cEnd = Math.min(groupIn, cBlock + s.block);
        for (let tap = 0; tap < taps; tap++) {
          for (let c = cBlock; c < cEnd; c++) {
            for (let m = first; m < end; m++, to++) {
              if (m < groupOut) packed[to] = weights[((group * groupOut + m) * groupIn + c) * taps + tap] ?? 0;
            }
          }
        }
      }
    }
  }
  return packed;
}

/** The order of conv2d_first: [m_tile][c][kh][kw][v][lane]. */
export function packConv2dFirst(weights: Float32Array, s: ConvGeometry, vectors: number): Float32Array {
  const steps = s.inChannels * s.kernelH * s.kernelW;
  const packed = new Float32Array(packedConvSize(s));
  let to = 0;
  for (const [first, end] of outputTiles(s.outChannels, s.block, vectors)) {
    for (let step = 0; step < steps; step++) {
      for (let m = first; m < end; m++, to++) {
        if (m < s.outChannels) packed[to] = weights[m * steps + step] ?? 0;
      }
    }
  }
  return packed;
}

/** The order of conv2d_depthwise: [cb][kh][kw][lane], zero past the last channel. */
export function packConv2dDepthwise(weights: Float32Array, s: ConvGeometry): Float32Array {
  const taps = s.kernelH * s.kernelW;
  const packed = new Float32Array(Math.ceil(s.outChannels / s.block) * s.block * taps);
  for (let channel = 0; channel < s.outChannels; channel++) {
    const block = Math.floor(channel / s.block);
    for (let tap = 0; tap < taps; tap++) {
      packed[(block * taps + tap) * s.block + (channel % s.block)] = weights[channel * taps + tap] ?? 0;
    }
  }
  return packed;
}

/** Kernel positions of one output phase along an axis, in the order the kernel reads them: k ≡ (phase + pad) mod stride, descending. */
export function transposePhaseTaps(phase: number, kernel: number, stride: number, pad: number): readonly number[] {
  const first = (((phase + pad) % stride) + stride) % stride;
  const taps: number[] = [];
  for (let k = first; k < kernel; k += stride) taps.unshift(k);
  return taps;
}

/** The order of conv2d_transpose, from Caffe2's [c][m][kh][kw]: [phase][m_tile][cb][kh'][kw'][c][v][lane]; groups = 1. */
export function packConv2dTranspose(weights: Float32Array, s: ConvGeometry, vectors: number): Float32Array {
  const packed = new Float32Array(packedConvSize(s));
  let to = 0;
  for (let phase = 0; phase < s.strideH * s.strideW; phase++) {
    const rows = transposePhaseTaps(Math.floor(phase / s.strideW), s.kernelH, s.strideH, s.padTop);
    const cols = transposePhaseTaps(phase % s.strideW, s.kernelW, s.strideW, s.padLeft);
    const taps = rows.flatMap((kh) => cols.map((kw) => kh * s.kernelW + kw));
    for (const [first, end] of outputTiles(s.outChannels, s.block, vectors)) {
      for (let cBlock = 0; cBlock < s.inChannels; cBlock += s.block) {
        const cEnd = Math.min(s.inChannels, cBlock + s.block);
        for (const tap of taps) {
          for (let c = cBlock; c < cEnd; c++) {
            for (let m = first; m < end; m++, to++) {
              const from = (c * s.outChannels + m) * s.kernelH * s.kernelW + tap;
              if (m < s.outChannels) packed[to] = weights[from] ?? 0;
            }
          }
        }
      }
    }
  }
  return packed;
}

/** Conv2dFewTile of runtime/include/cortado/conv2d_few.h. */
export interface ConvFewTile {
  readonly channels: number;
  readonly vectors: number;
  readonly bandRows: number;
}

/**
 * Up to eight channels by as many vectors of pixels as registers allow (3×7 of 32, 3×3 of 16); a band's input in half of L2,
 * but at least as many rows as a window has, so that the copied rows are not mostly overlap.
 */
export function chooseConv2dFewTile(s: ConvGeometry, isTransposed: boolean, target: TileTarget): ConvFewTile {
  const channels = Math.ceil(s.outChannels / Math.ceil(s.outChannels / 8));
  const registers = target.vectorRegisters / blockedStorage(target).blockRegisters;
  const vectors = Math.max(1, Math.min(8, Math.floor((registers - 2) / (channels + 1))));
  const fits = Math.floor(target.l2Bytes / 2 / (4 * s.inChannels * fewBandWidth(s, isTransposed)));
  const inRows = Math.max(dilatedExtent(s.kernelH, s.dilationH), fits - dilatedExtent(s.kernelH, s.dilationH));
  const wanted = Math.max(1, isTransposed ? inRows * s.strideH : Math.floor(inRows / s.strideH));
  const even = splitBands(s.outHeight, Math.ceil(s.outHeight / wanted), 1, usefulParts(s, target));
  const bandRows = isTransposed ? Math.ceil(even / s.strideH) * s.strideH : even;
  return { channels, vectors, bandRows };
}

function fewSumsRow(s: ConvGeometry, isTransposed: boolean): number {
  return Math.ceil(Math.ceil(s.outWidth / (isTransposed ? s.strideW : 1)) / s.block) * s.block;
}

function fewBandWidth(s: ConvGeometry, isTransposed: boolean): number {
  const extent = isTransposed ? Math.ceil(s.kernelW / s.strideW) : dilatedExtent(s.kernelW, s.dilationW);
  return Math.ceil((fewSumsRow(s, isTransposed) + extent) / s.block) * s.block;
}

/** conv2d_few_scratch_bytes: one band of plain rows and the sums of one output row. */
export function conv2dFewScratchBytes(s: ConvGeometry, tile: ConvFewTile, isTransposed: boolean): number {
  const rows = Math.min(tile.bandRows, s.outHeight);
  const height = isTransposed
    ? Math.ceil(rows / s.strideH) + Math.ceil(s.kernelH / s.strideH)
    : (rows - 1) * s.strideH + dilatedExtent(s.kernelH, s.dilationH);
  const sums = tile.channels * (isTransposed ? s.strideW : 1) * fewSumsRow(s, isTransposed);
  return 4 * (s.inChannels * height * fewBandWidth(s, isTransposed) + sums);
}

/** The order of conv2d_few: [phase][m_group][c][kh'][kw'][m], from [m][c][kh][kw], or from [c][m][kh][kw] when transposed. */
export function packConv2dFew(
  weights: Float32Array,
  s: ConvGeometry,
  channels: number,
  isTransposed: boolean,
): Float32Array {
  const [phasesH, phasesW] = isTransposed ? [s.strideH, s.strideW] : [1, 1];
  const taps = s.kernelH * s.kernelW;
  const packed = new Float32Array(s.outChannels * s.inChannels * taps);
  const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);
  let to = 0;
  for (let phase = 0; phase < phasesH * phasesW; phase++) {
    const [phaseH, phaseW] = [Math.floor(phase / phasesW), phase % phasesW];
    const rows = isTransposed ? transposePhaseTaps(phaseH, s.kernelH, s.strideH, s.padTop) : upTo(s.kernelH);
    const cols = isTransposed ? transposePhaseTaps(phaseW, s.kernelW, s.strideW, s.padLeft) : upTo(s.kernelW);
    for (let first = 0; first < s.outChannels; first += channels) {
      for (let c = 0; c < s.inChannels; c++) {
        for (const tap of rows.flatMap((kh) => cols.map((kw) => kh * s.kernelW + kw))) {
          for (let m = first; m < Math.min(s.outChannels, first + channels); m++, to++) {
            const filter = isTransposed ? c * s.outChannels + m : m * s.inChannels + c;
            packed[to] = weights[filter * taps + tap] ?? 0;
          }
        }
      }
    }
  }
  return packed;
}

/** [first, end) output channels of each m_tile; ends lie at whole blocks, past the last channel if need be. */
export function outputTiles(channels: number, block: number, vectors: number): readonly (readonly [number, number])[] {
  const padded = Math.ceil(channels / block) * block;
  const tiles: (readonly [number, number])[] = [];
  for (let first = 0; first < padded; first += block * vectors) {
    tiles.push([first, Math.min(padded, first + block * vectors)]);
  }
  return tiles;
}
