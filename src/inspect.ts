// inspect: what is known of a net without building it: tensors, operators, work, memory, kernels. Plain data, for
// people (src/cli) and for --json.

import { type CompiledNet, type CompileOptions, compileModel, type ImportedNet, importModel } from './compile.js';
import type { Problem } from './errors.js';
import { dimToString, shapeMaxSize } from './ir/dim.js';
import type { Graph } from './ir/graph.js';
import type { TensorType } from './ir/type.js';
import type { ArenaPart } from './plan/arena-regions.js';
import type { Arena, Program } from './plan/program.js';

export interface TensorReport {
  readonly name: string;
  readonly dtype: string;
  /** A number, or bounds such as `batch(1..8)`. */
  readonly shape: readonly (number | string)[];
  readonly optional?: boolean;
}

export interface LayerReport {
  readonly opIndex: string;
  readonly opType: string;
  readonly blob: string;
  readonly kernel: string;
  /** How the kernel is cut; empty where nothing was chosen. */
  readonly tile: string;
  /** Where it runs; copies between the two are layers of the device. */
  readonly runsOn: 'host' | 'device';
  readonly fused: string;
  readonly type: string;
  readonly macs: number;
  readonly bytes: number;
}

export interface NetReport {
  readonly net: string;
  readonly target: string;
  readonly inputs: readonly TensorReport[];
  readonly outputs: readonly TensorReport[];
  readonly ops: number;
  /** Operators of the net as published, by type, most frequent first. */
  readonly opHistogram: { readonly [type: string]: number };
  /** Elements of all constants that operators read. */
  readonly parameters: number;
  readonly macs: number;
  readonly steps: number;
  readonly weights: { readonly rawBytes: number; readonly packedBytes: number };
  readonly arena: {
    readonly bytes: number;
    readonly boundBytes: number;
    readonly strategy: string;
    readonly largest: readonly { readonly name: string; readonly bytes: number }[];
    /** Its parts, where it lies in memory regions of the target. */
    readonly parts: readonly ArenaPart[];
  };
  /** What a target with a device adds. */
  readonly device?: {
    readonly steps: number;
    /** Operators that stay on the host, copies apart. */
    readonly hostSteps: number;
    readonly copies: number;
    readonly arenaBytes: number;
    readonly arenaBoundBytes: number;
  };
  /** Steps by kernel. */
  readonly kernels: { readonly [kernel: string]: number };
  readonly layers: readonly LayerReport[];
  readonly warnings: readonly Problem[];
}

const kLargest = 5;

/** Imports, optimizes and plans a net for a target. */
export function inspectNet(options: CompileOptions): NetReport {
  const imported = importModel(options);
  return netReport(imported, compileModel(options, imported));
}

/** What is known of a net that was planned. */
export function netReport(imported: ImportedNet, { program, target, warnings }: CompiledNet): NetReport {
  const largest = [...program.arena].sort((a, b) => b.sizeBytes - a.sizeBytes).slice(0, kLargest);
  return {
    net: program.name,
    target: target.name,
    inputs: program.inputs.map(({ name, type, optional }) => ({ ...tensorReport(name, type), optional })),
    outputs: program.outputs.map(({ name, type }) => tensorReport(name, type)),
    ops: imported.opCount,
    opHistogram: histogram(imported.opTypes),
    parameters: countParameters(imported.graph),
    macs: program.layers.reduce((sum, layer) => sum + layer.macs, 0),
    steps: program.layers.length,
    weights: { rawBytes: program.rawWeightBytes, packedBytes: program.weightBytes },
    arena: {
      bytes: program.arenaBytes,
      boundBytes: program.arenaBoundBytes,
      strategy: program.arenaStrategy,
      largest: largest.map(({ name, sizeBytes }) => ({ name, bytes: sizeBytes })),
      parts: program.arenaParts,
    },
    ...(program.deviceArena === undefined ? {} : { device: deviceReport(program, program.deviceArena) }),
    kernels: histogram(program.layers.map(({ kernel }) => kernel)),
    layers: program.layers.map(({ origin, kernel, tile, fused, type, macs, bytes, writes, isOnDevice }) => ({
      opIndex: origin.opIndex,
      opType: origin.opType,
      blob: origin.blob === '' ? (writes[0] ?? '') : origin.blob,
      kernel,
      tile,
      runsOn: isOnDevice ? 'device' : 'host',
      fused,
      type,
      macs,
      bytes,
    })),
    warnings,
  };
}

function deviceReport(program: Program, arena: Arena) {
  const copies = program.layers.filter(({ op }) => op === 'ToHost' || op === 'ToDevice').length;
  const hostSteps = program.layers.filter(({ isOnDevice }) => !isOnDevice).length;
  const steps = program.layers.length - hostSteps - copies;
  return { steps, hostSteps, copies, arenaBytes: arena.sizeBytes, arenaBoundBytes: arena.boundBytes };
}

function tensorReport(name: string, { dtype, shape }: TensorType): TensorReport {
  return { name, dtype, shape: shape.map((dim) => (typeof dim === 'number' ? dim : dimToString(dim))) };
}

function histogram(names: readonly string[]): { readonly [name: string]: number } {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)));
}

function countParameters(graph: Graph): number {
  const own = [...graph.constants.keys()].reduce((sum, { type }) => sum + shapeMaxSize(type.shape), 0);
  const regions = graph.nodes.flatMap((node) => node.regions ?? []);
  return regions.reduce((sum, region) => sum + countParameters(region.graph), own);
}
