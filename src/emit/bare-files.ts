// What surrounds a net on a machine without an operating system: linker script, main program, and a description of the
// image for `cortado run`, in a section that is not loaded.

import { dimMax, dimMin, isStatic } from '../ir/dim.js';
import { maxSizeBytes, type TensorType } from '../ir/type.js';
import type { Program } from '../plan/program.js';
import { arenaRegions, type MemoryRegion, regionOf } from './memory-regions.js';
import { commentText, cString } from './names.js';
import { render } from './template.js';

export interface BareOptions {
  readonly regions: readonly MemoryRegion[];
  /** Room for the stack of an image. */
  readonly stackBytes: number;
  /** What the net's functions need of it. */
  readonly netStackBytes: number;
}

/** The image's description: JSON in section `.cortado.info`. */
export interface ImageInfo {
  readonly net: string;
  readonly target: string;
  readonly trace: boolean;
  readonly arenaBytes: number;
  readonly weightBytes: number;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly layers: readonly {
    readonly op: string;
    readonly type: string;
    readonly blob: string;
    readonly kernel: string;
    readonly macs: number;
  }[];
}

export interface TensorInfo {
  readonly name: string;
  readonly dtype: string;
  /** A size, or the bounds of one that varies. */
  readonly dims: readonly (number | readonly [min: number, max: number])[];
  readonly optional: boolean;
}

/** What programs around the net have to lay out in memory. */
export interface BareMemory {
  readonly arenas: readonly { readonly index: number; readonly name: string; readonly size: number }[];
  readonly inputs: readonly { readonly index: number; readonly name: string; readonly bytes: number }[];
  /** What the net's functions need of the stack. */
  readonly stackBytes: number;
}

export function bareMemory(program: Program, bare: BareOptions): BareMemory {
  return {
    arenas: arenaParts(program, bare.regions),
    inputs: program.inputs.map(({ name, type }, index) => ({
      index,
      name: commentText(name),
      bytes: Math.max(1, maxSizeBytes(type)),
    })),
    stackBytes: bare.netStackBytes,
  };
}

/** Bytes of RunContext and its tables on a 32-bit machine, from above; the generated main.cc asserts it. */
export function stateBytes(inputs: number, outputs: number, symbols: number): number {
  const round = (bytes: number): number => Math.ceil(bytes / 64) * 64;
  return 320 + round(inputs * 80) + round(outputs * 88) + round(symbols * 8);
}

/** `bare/link.ld`. */
export function linkerScript(program: Program, netName: string, target: string, bare: BareOptions): string {
  const { regions, stackBytes } = bare;
  return render('bare/link.ld', {
    netName,
    target,
    regions,
    code: regionOf(regions, 'code').name,
    weights: regionOf(regions, 'weights').name,
    data: regionOf(regions, 'data').name,
    io: regionOf(regions, 'io').name,
    arenas: arenaParts(program, regions),
    stackBytes,
  });
}

/** `<prefix>_main.cc`. */
export function bareMain(program: Program, prefix: string, netName: string, bare: BareOptions): string {
  return render('bare/main.cc', {
    prefix,
    netName,
    upper: prefix.toUpperCase(),
    ...bareMemory(program, bare),
    outputCount: program.outputs.length,
    symbolCount: program.symbols.length,
  });
}

/** `<prefix>_info.S`. */
export function bareInfo(program: Program, target: string, trace: boolean, weightBytes: number): string {
  const info: ImageInfo = {
    net: program.name,
    target,
    trace,
    arenaBytes: program.arenaBytes,
    weightBytes,
    inputs: program.inputs.map(({ name, type, optional }) => tensorInfo(name, type, optional)),
    outputs: program.outputs.map(({ name, type }) => tensorInfo(name, type, false)),
    layers: program.layers.map(({ origin, op, kernel, macs, writes }) => ({
      op: origin.opIndex,
      type: origin.opType === '' ? op : origin.opType,
      blob: origin.blob === '' ? (writes[0] ?? '') : origin.blob,
      kernel,
      macs,
    })),
  };
  const pieces = JSON.stringify(info).match(/.{1,100}/gsu) ?? [];
  return render('bare/info.S', { lines: pieces.map((piece) => ({ text: cString(piece) })) });
}

function tensorInfo(name: string, { dtype, shape }: TensorType, optional: boolean): TensorInfo {
  const dims = shape.map((dim) => (isStatic(dim) ? dim : ([dimMin(dim), dimMax(dim)] as const)));
  return { name, dtype, dims, optional };
}

/** The arena's parts with the number that their section carries. A net without an arena has one of no use. */
function arenaParts({ arenaParts: parts }: Program, regions: readonly MemoryRegion[]) {
  const fallback = arenaRegions(regions)[0]?.name ?? regionOf(regions, 'arena').name;
  return parts.map(({ region, sizeBytes }, index) => ({
    index,
    name: region === '' ? fallback : region,
    size: Math.max(64, sizeBytes),
  }));
}
