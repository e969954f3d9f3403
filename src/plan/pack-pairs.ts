// Packed weights in bf16: the float order of a kernel with neighbouring lanes interleaved in pairs, as bf16 register tiles read
// them (Products in runtime/include/cortado/products.h). The last of an odd number of lanes is paired with zeros.

import { numberToBfloat16 } from '../ir/tensor.js';
import { type ConvGeometry, outputTiles, transposePhaseTaps } from './pack-conv.js';

/** `times` times in a row: `lanes` rows of `width` floats. */
export interface LaneRun {
  readonly lanes: number;
  readonly width: number;
  readonly times: number;
}

/** [lane][width] → [⌈lanes/2⌉][width][2], rounded, run by run. */
export function packInPairs(packed: Float32Array, runs: Iterable<LaneRun>): Uint16Array {
  const list = [...runs];
  const size = list.reduce((sum, { lanes, width, times }) => sum + times * Math.ceil(lanes / 2) * 2 * width, 0);
  const pairs = new Uint16Array(size);
  let [from, to] = [0, 0];
  for (const { lanes, width, times } of list) {
    for (let time = 0; time < times; time++) {
      for (let lane = 0; lane < lanes; lane++) {
        const at = to + (lane >> 1) * 2 * width + (lane & 1);
        for (let i = 0; i < width; i++) pairs[at + 2 * i] = numberToBfloat16(packed[from++] ?? 0);
      }
      to += Math.ceil(lanes / 2) * 2 * width;
    }
  }
  return pairs;
}

/** Runs of packConv2dDirect: the channels of a block at one tap. */
export function directRuns(s: ConvGeometry, vectors: number): readonly LaneRun[] {
  const taps = s.kernelH * s.kernelW;
  const runs = outputTiles(s.outChannels / s.groups, s.block, vectors).flatMap(([first, end]) =>
    blockRuns(s.inChannels / s.groups, s.block, end - first, taps),
  );
  return Array.from({ length: s.groups }, () => runs).flat();
}

/** Runs of packConv2dFirst: the kernel columns of a channel and row; of dilated kernels every tap by itself. */
export function firstRuns(s: ConvGeometry, vectors: number): readonly LaneRun[] {
  const lanes = s.dilationW === 1 ? s.kernelW : 1;
  const times = (s.inChannels * s.kernelH * s.kernelW) / lanes;
  return outputTiles(s.outChannels, s.block, vectors).map(([first, end]) => ({ lanes, width: end - first, times }));
}

/** Runs of packConv2dTranspose. */
export function transposeRuns(s: ConvGeometry, vectors: number): readonly LaneRun[] {
  const runs: LaneRun[] = [];
  for (let phase = 0; phase < s.strideH * s.strideW; phase++) {
    const rows = transposePhaseTaps(Math.floor(phase / s.strideW), s.kernelH, s.strideH, s.padTop);
    const cols = transposePhaseTaps(phase % s.strideW, s.kernelW, s.strideW, s.padLeft);
    for (const [first, end] of outputTiles(s.outChannels, s.block, vectors)) {
      runs.push(...blockRuns(s.inChannels, s.block, end - first, rows.length * cols.length));
    }
  }
  return runs;
}

/** Runs of packConv2dWinograd: all channels at one position. */
export function winogradRuns(s: ConvGeometry, vectors: number, positions: number): readonly LaneRun[] {
  return outputTiles(s.outChannels, s.block, vectors).map(([first, end]) => ({
    lanes: s.inChannels,
    width: end - first,
    times: positions,
  }));
}

/** Runs of packFullyConnected: all inputs of a panel of columns. */
export function fullyConnectedRuns(outFeatures: number, inFeatures: number, panel: number): readonly LaneRun[] {
  return [{ lanes: inFeatures, width: panel, times: Math.ceil(outFeatures / panel) }];
}

function blockRuns(channels: number, block: number, width: number, times: number): readonly LaneRun[] {
  return Array.from({ length: Math.ceil(channels / block) }, (_, i) => ({
    lanes: Math.min(block, channels - i * block),
    width,
    times,
  }));
}
