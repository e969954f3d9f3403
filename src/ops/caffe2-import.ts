// How operators say what their Caffe2 forms mean: an importer per Caffe2 operator type reads typed arguments and emits
// IR nodes. The frontend implements ImportScope; this file only fixes the language between them.

import type { Problem } from '../errors.js';
import type { Attrs, Value } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import type { Quantization, TensorType } from '../ir/type.js';

/**
 * Typed look-up of arguments, as Caffe2 does it (catalogue §1.2): a scalar must sit in the exact field, else the model is
 * refused; a list reads only its own field and is empty otherwise. What was never asked for is reported as unknown.
 */
export interface ArgReader {
  has(name: string): boolean;
  /** A 32-bit int, as Caffe2 reads most of them; a value that does not fit is refused. */
  int(name: string, fallback: number): number;
  /** A 64-bit int, for the few that are (ConstantFill's value). */
  int64(name: string, fallback: bigint): bigint;
  float(name: string, fallback: number): number;
  bool(name: string, fallback: boolean): boolean;
  text(name: string, fallback: string): string;
  /** The bytes of a string argument; empty when absent. */
  bytes(name: string): Uint8Array;
  ints(name: string): readonly number[];
  int64s(name: string): BigInt64Array;
  floats(name: string): Float32Array;
  strings(name: string): readonly Uint8Array[];
  /** True when the argument exists and has the scalar field of that kind. */
  hasScalar(name: string, kind: 'int' | 'float' | 'text' | 'net'): boolean;
  /** Names that Caffe2 knows but that never change results (`exhaustive_search`, `ws_nbytes_limit`). */
  ignore(...names: readonly string[]): void;
}

export interface ImportScope {
  readonly type: string;
  readonly args: ArgReader;
  /** The net places the operator on the CPU (no device_option says so too); kernels for GPUs alone are refused there. */
  readonly isOnCpu: boolean;
  /** Declared inputs and outputs of the Caffe2 operator. */
  readonly inputCount: number;
  readonly outputCount: number;
  /** Value of input i; fails with a precise problem when absent. */
  input(i: number): Value;
  inputBlob(i: number): string;
  outputBlob(i: number): string;
  /** Type of input i. */
  inputType(i: number): TensorType;
  /** Value of input i when it is known at compile time. */
  constantOf(value: Value): Tensor | undefined;
  /** Checks declared counts: `expectInputs(2, 3)`. */
  expectInputs(min: number, max?: number): void;
  expectOutputs(min: number, max?: number): void;
  /** Emits a node; returns its outputs. Type inference runs here and may fail. */
  emit(op: string, inputs: readonly (Value | undefined)[], attrs?: Attrs, outputCount?: number): readonly Value[];
  /** emit for one output. */
  emitOne(op: string, inputs: readonly (Value | undefined)[], attrs?: Attrs): Value;
  constant(tensor: Tensor, name?: string, quantization?: Quantization): Value;
  /**
   * A workspace blob that the operator uses without declaring it (the stylizer's noise): the blob where the net has it,
   * else an optional input of the graph, whose absence means zeros.
   */
  implicitInput(blob: string, type: TensorType): Value;
  /** Uniform numbers in [0, 1) from the user's seed and the output blob; fails when random fills were not asked for. */
  random(): () => number;
  fail(
    message: string,
    more?: Omit<Problem, 'code' | 'message' | 'where'> & { readonly code?: Problem['code']; readonly blob?: string },
  ): never;
  warn(message: string): void;
}

/** Gives the values of the declared outputs in order; undefined leaves an output unset (Dropout's mask). */
export type Caffe2Import = (scope: ImportScope) => readonly (Value | undefined)[];

/** Importers by Caffe2 operator type: `{ Conv: importConv, Conv2D: importConv }`. */
export type Caffe2Imports = { readonly [type: string]: Caffe2Import };
