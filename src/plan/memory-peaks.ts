// What takes the most memory of a plan, in words, for errors about budgets.

import { type BufferRequest, liveSums } from './arena.js';
import type { ArenaEntry, Layer, Program } from './program.js';

const kMostNamed = 4;

/** Buffers that are alive at the step with the most live bytes, largest first. */
function peakBuffers(buffers: readonly BufferRequest[]): { readonly step: number; readonly live: BufferRequest[] } {
  const sums = liveSums(buffers);
  const peak = sums.reduce((most, sum) => (sum.live > most.live ? sum : most), { step: 0, live: 0 });
  const live = buffers.filter(({ first, last }) => first <= peak.step && peak.step <= last);
  return { step: peak.step, live: live.sort((a, b) => b.sizeBytes - a.sizeBytes) };
}

/** `relu_5 73728, relu_8 147456` */
export function peakText(buffers: readonly BufferRequest[]): string {
  return largestText(peakBuffers(buffers).live);
}

/** Of the host's arena or the device's: `op 6 Conv (relu_8) needs relu_8 147456, relu_5 73728 at once` */
export function arenaPeakText({ layers }: Program, arena: readonly ArenaEntry[]): string {
  const { step, live } = peakBuffers(arena);
  const layer = layers.find(({ at }) => at === step);
  return `${layer === undefined ? 'the net' : layerText(layer)} needs ${largestText(live)} at once`;
}

/** Copies and conversions have no operator of the net. */
function layerText({ origin, op, writes }: Layer): string {
  const who = origin.opIndex === '' ? op : `op ${origin.opIndex} ${origin.opType}`;
  return `${who} (${writes[0]})`;
}

/** `relu_80.pack0 131072, relu_74.pack0 65536` */
export function largestWeightsText({ weights }: Program): string {
  const sizes = weights.map(({ name, tensor }) => ({ name, sizeBytes: tensor.data.byteLength }));
  return largestText(sizes.sort((a, b) => b.sizeBytes - a.sizeBytes));
}

function largestText(sorted: readonly { readonly name: string; readonly sizeBytes: number }[]): string {
  const named = sorted.slice(0, kMostNamed).map(({ name, sizeBytes }) => `${name} ${sizeBytes}`);
  const others = sorted.length - named.length;
  return named.join(', ') + (others > 0 ? ` and ${others} smaller` : '');
}
