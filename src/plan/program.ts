// Program: what the emitter prints. Steps in order, every buffer at a fixed place, weights packed, symbols numbered.
// Nothing in it refers to files, toolchains or text.

import type { Dim, Shape } from '../ir/dim.js';
import type { DType } from '../ir/dtype.js';
import type { Origin } from '../ir/graph.js';
import type { NumericTensor } from '../ir/tensor.js';
import type { TensorType } from '../ir/type.js';
import type { KernelCall } from '../ops/kernel-call.js';
import type { ArenaPart } from './arena-regions.js';

/** Where bytes live at run time; offsetBytes counts from the start of that memory. */
export type Place =
  /** `part` of the arena, where it lies in several memory regions. */
  | { readonly kind: 'arena'; readonly part: number; readonly offsetBytes: number }
  | { readonly kind: 'weight'; readonly offsetBytes: number }
  | { readonly kind: 'input'; readonly index: number; readonly offsetBytes: number }
  | { readonly kind: 'output'; readonly index: number; readonly offsetBytes: number };

export interface Operand {
  readonly place: Place;
  readonly type: TensorType;
  readonly name: string;
}

export interface KernelStep {
  readonly kind: 'kernel';
  /** Index in Program.layers. */
  readonly layer: number;
  readonly call: KernelCall;
  readonly inputs: readonly (Operand | undefined)[];
  readonly outputs: readonly (Operand | undefined)[];
  /** Weight offsets of call.packs. */
  readonly packsBytes: readonly number[];
  readonly scratch?: { readonly part: number; readonly offsetBytes: number; readonly bytesPerPart: number };
  readonly parts: number;
}

export type Step =
  | KernelStep
  | {
      readonly kind: 'if';
      readonly origin: Origin;
      readonly condition: Operand;
      readonly yes: readonly Step[];
      readonly no: readonly Step[];
    }
  | {
      readonly kind: 'loop';
      readonly origin: Origin;
      /** The most iterations, an integer read once; no limit when absent. */
      readonly limit?: Operand | number;
      /** A bool tested before each iteration. */
      readonly condition?: Operand;
      readonly body: readonly Step[];
    }
  /** A symbol takes a value that earlier steps made known. */
  | { readonly kind: 'bind'; readonly symbol: string; readonly value: Dim }
  /** Dims of an output are known from here on; several shapes: chosen by the value of `variant`. */
  | {
      readonly kind: 'shape';
      readonly output: number;
      readonly shapes: readonly Shape[];
      readonly variant?: string;
      /** No earlier step has written to the output. */
      readonly isUnwritten: boolean;
    };

/** One line of the layer table: profiling, traces, documentation. */
export interface Layer {
  readonly origin: Origin;
  /** IR operator. */
  readonly op: string;
  readonly kernel: string;
  /** How the kernel is cut, where that was chosen: `pixels 14, vectors 2, band_rows 28, chunk_blocks 1`. */
  readonly tile: string;
  /** The name under which measurements of its kernels are kept; empty where there is no choice. */
  readonly signature: string;
  /** Number of the step in the order that buffers' lifetimes count. */
  readonly at: number;
  /** Blob names of inputs and outputs for the comment. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly type: string;
  /** Multiply-adds and bytes moved at the largest sizes. */
  readonly macs: number;
  readonly bytes: number;
  /** Operators fused into this step, for people: `+ Relu`. */
  readonly fused: string;
  readonly isOnDevice: boolean;
}

export interface ProgramSymbol {
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

export interface ProgramInput {
  readonly name: string;
  readonly type: TensorType;
  readonly optional: boolean;
  /** Offset in the whole arena that the input is copied to, or undefined when steps read the caller's buffer. */
  readonly arenaOffsetBytes?: number;
  /** Where the device's steps read it: it is copied there at the start of a run. */
  readonly deviceOffsetBytes?: number;
}

export interface ProgramOutput {
  readonly name: string;
  readonly type: TensorType;
  readonly arenaOffsetBytes: number;
  /** Where the device made it: it is copied from there at the end of a run. */
  readonly deviceOffsetBytes?: number;
}

/** One entry of the weight file's content. */
export interface PlacedWeight {
  readonly offsetBytes: number;
  readonly tensor: NumericTensor;
  readonly name: string;
}

/** One buffer of the arena map, for reports and tests. */
export interface ArenaEntry {
  readonly name: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly first: number;
  readonly last: number;
}

/** Memory that a run works in. */
export interface Arena {
  readonly entries: readonly ArenaEntry[];
  readonly sizeBytes: number;
  /** No plan can be smaller. */
  readonly boundBytes: number;
  readonly strategy: string;
  /** One for each memory region in use; one without name where there are none. */
  readonly parts: readonly ArenaPart[];
}

export interface Program {
  readonly name: string;
  readonly symbols: readonly ProgramSymbol[];
  readonly inputs: readonly ProgramInput[];
  readonly outputs: readonly ProgramOutput[];
  readonly layers: readonly Layer[];
  readonly steps: readonly Step[];
  readonly weights: readonly PlacedWeight[];
  /** Bytes of the weight file's content (packed), and of the constants before packing. */
  readonly weightBytes: number;
  readonly rawWeightBytes: number;
  readonly arena: readonly ArenaEntry[];
  readonly arenaBytes: number;
  /** Its parts, one for each memory region in use. */
  readonly arenaParts: readonly ArenaPart[];
  readonly arenaBoundBytes: number;
  readonly arenaStrategy: string;
  /** The device's memory; absent where nothing runs on one. */
  readonly deviceArena?: Arena;
  /** Operators of the net as published. */
  readonly opCount: number;
  /** Number the steps are split for. */
  readonly threads: number;
  /** Channels per block of the blocked layout: narrower than the target's vectors where those would pad weights too much. */
  readonly vectorFloats: number;
}

export type { DType };
