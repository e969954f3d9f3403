// What the report shows, as plain data: the plan of a net and, where it was run, the times of its layers beside what the
// machine could do. Pure: the same plan and the same measurement give the same data.

import { maxSizeBytes } from '../ir/type.js';
import { describeType } from '../plan/describe.js';
import type { Arena, Layer, Program } from '../plan/program.js';
import { type MachineRates, rooflineMs } from '../run/machine-rates.js';
import type { RunStats } from '../run/run-executable.js';
import { dataFlow, type FlowRead } from './data-flow.js';

export interface ReportLayer {
  readonly index: number;
  /** Index in the published net; empty for steps of the compiler. */
  readonly op: string;
  readonly type: string;
  readonly blob: string;
  readonly kernel: string;
  readonly tile: string;
  readonly fused: string;
  readonly result: string;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly at: number;
  readonly macs: number;
  readonly bytes: number;
  /** Number of the colour of its kernel. */
  readonly color: number;
  readonly ms?: number;
  /** The least that the machine needs for its flops, as a direct convolution has them, and bytes. */
  readonly rooflineMs?: number;
}

export interface ReportTensor {
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
}

export interface ReportBuffer {
  readonly name: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly first: number;
  readonly last: number;
  /** Colour of the step that writes it first. */
  readonly color: number;
}

/** Memory that a run works in: the host's, or a device's. */
export interface ReportArena {
  readonly id: string;
  readonly heading: string;
  readonly sizeBytes: number;
  readonly boundBytes: number;
  readonly buffers: readonly ReportBuffer[];
  /** Memory regions that it lies in, from its start on; empty where there is one kind of memory. */
  readonly regions: readonly { readonly name: string; readonly sizeBytes: number }[];
}

export interface KernelTotal {
  readonly kernel: string;
  readonly color: number;
  readonly layers: number;
  readonly ms: number;
  readonly macs: number;
}

export interface Measurement {
  readonly stats: RunStats;
  readonly rates: MachineRates;
}

export interface ReportData {
  readonly net: string;
  readonly target: string;
  readonly version: string;
  readonly ops: number;
  readonly macs: number;
  readonly threads: number;
  readonly weightBytes: number;
  readonly rawWeightBytes: number;
  /** The host's first. */
  readonly arenas: readonly ReportArena[];
  readonly inputs: readonly ReportTensor[];
  readonly outputs: readonly ReportTensor[];
  readonly layers: readonly ReportLayer[];
  readonly reads: readonly FlowRead[];
  /** Kernels with their shares, the most expensive first: by time where the net was run, else by multiply-adds. */
  readonly kernels: readonly KernelTotal[];
  readonly measured?: Measurement;
}

/** Colours that are told apart; further kernels share the last one. */
export const kColors = 10;

export function reportData(
  program: Program,
  about: { readonly target: string; readonly version: string },
  measured?: Measurement,
): ReportData {
  const kernels = kernelTotals(program.layers, measured);
  const colors = new Map(kernels.map(({ kernel, color }) => [kernel, color]));
  const colorOf = ({ kernel }: Layer): number => colors.get(kernel) ?? kColors - 1;
  const writers = new Map(program.layers.map((layer) => [layer.at, colorOf(layer)]));
  const tensors = (list: Program['inputs'] | Program['outputs']): readonly ReportTensor[] =>
    list.map(({ name, type }) => ({ name, type: describeType(type), bytes: maxSizeBytes(type) }));
  return {
    net: program.name,
    ...about,
    ops: program.opCount,
    macs: program.layers.reduce((sum, layer) => sum + layer.macs, 0),
    threads: program.threads,
    weightBytes: program.weightBytes,
    rawWeightBytes: program.rawWeightBytes,
    arenas: arenasOf(program, writers),
    inputs: tensors(program.inputs),
    outputs: tensors(program.outputs),
    layers: program.layers.map((layer, index) => reportLayer(layer, index, colorOf(layer), measured)),
    reads: dataFlow(program),
    kernels,
    ...(measured === undefined ? {} : { measured }),
  };
}

function arenasOf(program: Program, colors: ReadonlyMap<number, number>): readonly ReportArena[] {
  const { arena, arenaBytes, arenaBoundBytes, arenaParts, arenaStrategy, deviceArena } = program;
  const host: Arena = {
    entries: arena,
    sizeBytes: arenaBytes,
    boundBytes: arenaBoundBytes,
    strategy: arenaStrategy,
    parts: arenaParts,
  };
  const report = (id: string, heading: string, { entries, sizeBytes, boundBytes, parts }: Arena): ReportArena => ({
    id,
    heading,
    sizeBytes,
    boundBytes,
    buffers: entries.map((entry) => ({ ...entry, color: colors.get(entry.first) ?? kColors - 1 })),
    regions: parts
      .filter(({ region }) => region !== '')
      .map(({ region: name, sizeBytes: size }) => ({ name, sizeBytes: size })),
  });
  const device = deviceArena === undefined ? [] : [report('device', 'Arena of the device', deviceArena)];
  return [report('arena', 'Arena', host), ...device];
}

function reportLayer(layer: Layer, index: number, color: number, measured: Measurement | undefined): ReportLayer {
  const { origin, op, kernel, tile, fused, type, reads, writes, at, macs, bytes } = layer;
  const ms = measured?.stats.layers[index]?.ms;
  return {
    index,
    op: origin.opIndex,
    type: origin.opType === '' ? op : origin.opType,
    blob: origin.blob === '' ? (writes[0] ?? '') : origin.blob,
    kernel,
    tile,
    fused,
    result: type,
    reads,
    writes,
    at,
    macs,
    bytes,
    color,
    ...(ms === undefined || measured === undefined ? {} : { ms, rooflineMs: rooflineMs(measured.rates, macs, bytes) }),
  };
}

function kernelTotals(layers: readonly Layer[], measured: Measurement | undefined): readonly KernelTotal[] {
  const totals = new Map<string, { layers: number; ms: number; macs: number }>();
  layers.forEach(({ kernel, macs }, i) => {
    const total = totals.get(kernel) ?? { layers: 0, ms: 0, macs: 0 };
    total.layers += 1;
    total.ms += measured?.stats.layers[i]?.ms ?? 0;
    total.macs += macs;
    totals.set(kernel, total);
  });
  return [...totals]
    .sort(([nameA, a], [nameB, b]) => b.ms - a.ms || b.macs - a.macs || (nameA < nameB ? -1 : 1))
    .map(([kernel, total], i) => ({ kernel, color: Math.min(i, kColors - 1), ...total }));
}
