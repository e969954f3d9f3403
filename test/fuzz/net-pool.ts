// The state of a random net while it grows: the builder, the inputs, and the pool of values that later operators may read.

import { CompileError } from '../../src/errors.js';
import { type Dim, dimMax, dimSymbol } from '../../src/ir/dim.js';
import type { Attrs, Graph, GraphOutput, Region, Value } from '../../src/ir/graph.js';
import { elementCount, floatTensor, type Tensor } from '../../src/ir/tensor.js';
import { tensorType } from '../../src/ir/type.js';
import { GraphBuilder } from '../../src/ops/builder.js';
import '../../src/ops/index.js';
import type { RandomSource } from './random-source.js';

/** Larger values are results, but nobody reads them. */
const kMaxElements = 6000;
/** Where results of operators with steep slopes are clipped before others read them: rounding errors stay small. */
const kTame = 4;

export interface Batch {
  readonly dim: Dim;
  /** Its size in this run. */
  readonly actual: number;
}

export class NetPool {
  /** What the net reads at run time, by name. */
  readonly inputs = new Map<string, Tensor>();
  readonly batch: Batch;
  private readonly names = new Set<string>();
  private readonly builder: GraphBuilder;
  /** Values that may be read, newest last. */
  private readonly pool: Value[] = [];
  private readonly read = new Set<Value>();
  /** Values that are results only. */
  private readonly last: Value[] = [];

  constructor(
    readonly random: RandomSource,
    readonly name: string,
  ) {
    this.builder = new GraphBuilder(name, this.names);
    const actual = random.int(1, 3);
    const varies = random.oneIn(3);
    this.batch = { dim: varies ? dimSymbol('batch', 1, actual + random.int(0, 2)) : actual, actual };
  }

  /** How many values there are; it grows with every operator whose result can be read. */
  get size(): number {
    return this.pool.length + this.last.length;
  }

  finish(): Graph {
    return this.builder.finish(this.outputs());
  }

  /** Every value that nobody reads but one in six, some in the middle, now and then an input or the same value twice. */
  private outputs(): readonly GraphOutput[] {
    const chosen = this.pool.filter((value) => (this.read.has(value) ? this.random.oneIn(8) : !this.random.oneIn(6)));
    chosen.push(...this.last);
    const last = this.pool.at(-1);
    if (chosen.length === 0 && last !== undefined) chosen.push(last);
    const [first] = chosen;
    if (first !== undefined && this.random.oneIn(12)) chosen.push(first);
    return chosen.map((value, i) => ({ name: `y${i}`, value }));
  }

  // ---- choosing ----------------------------------------------------------------------------------------------------

  /** A value, newer ones more often. */
  choose(isWanted: (value: Value) => boolean = () => true): Value {
    const fitting = this.pool.filter((value) => value.type.dtype === 'f32' && isWanted(value));
    if (fitting.length === 0) throw new CompileError({ code: 'unsupported', message: 'nothing to read' });
    const newest = fitting.slice(-3);
    const value = this.random.pick(this.random.oneIn(3) ? fitting : newest);
    this.read.add(value);
    return value;
  }

  image(): Value {
    return this.choose(({ type }) => type.shape.length === 4);
  }

  isInput({ name }: Value): boolean {
    return this.inputs.has(name);
  }

  includes(value: Value): boolean {
    return this.pool.includes(value);
  }

  // ---- making ------------------------------------------------------------------------------------------------------

  /** A run-time input; its first size is the batch's where `batched`. */
  input(tensor: Tensor, batched = false): Value {
    const shape = batched ? [this.batch.dim, ...tensor.dims.slice(1)] : tensor.dims;
    const value = this.builder.input(`x${this.inputs.size}`, tensorType(tensor.dtype, shape));
    this.inputs.set(value.name, tensor);
    return value;
  }

  /** A run-time input that operators may read. */
  poolInput(dims: readonly number[], batched: boolean): void {
    this.pool.push(this.input(floatTensor(dims, this.random.floats(elementCount(dims))), batched));
  }

  constant(tensor: Tensor, name = 'w'): Value {
    return this.builder.constant(tensor, name);
  }

  weights(dims: readonly number[], low = -1, high = 1): Value {
    return this.constant(floatTensor(dims, this.random.floats(elementCount(dims), low, high)));
  }

  /** Weights whose sums of `fan` products stay near 1. */
  filter(dims: readonly number[], fan: number): Value {
    const bound = 1.5 / Math.sqrt(Math.max(1, fan));
    return this.weights(dims, -bound, bound);
  }

  /** An operator whose results go nowhere yet. */
  emitOne(op: string, inputs: readonly (Value | undefined)[], attrs: Attrs = {}): Value {
    return this.builder.emitOne(op, inputs, attrs);
  }

  /** An operator whose results may be read. */
  add(op: string, inputs: readonly (Value | undefined)[], attrs: Attrs = {}, outputCount?: number): readonly Value[] {
    const values = this.builder.emit(op, inputs, attrs, outputCount === undefined ? {} : { outputCount });
    for (const value of values) if (isReadable(value)) this.pool.push(value);
    return values;
  }

  /** An operator with regions, all of whose results may be read. */
  addRegions(op: string, inputs: readonly (Value | undefined)[], attrs: Attrs, regions: readonly Region[]): void {
    const outputCount = regions[0]?.graph.outputs.length ?? 0;
    for (const value of this.builder.emit(op, inputs, attrs, { regions, outputCount })) {
      if (isReadable(value)) this.pool.push(value);
    }
  }

  /** A builder for a region of this net. */
  regionBuilder(): GraphBuilder {
    return new GraphBuilder(this.name, this.names);
  }

  /** An operator with steep slopes or other types: results are outputs of the net; floats are read clipped. */
  addTamed(op: string, inputs: readonly (Value | undefined)[], attrs: Attrs, outputCount?: number): void {
    const values = this.builder.emit(op, inputs, attrs, outputCount === undefined ? {} : { outputCount });
    for (const value of values) {
      this.last.push(value);
      if (value.type.dtype === 'f32' && isReadable(value))
        this.pool.push(this.emitOne('Clip', [value], { min: -kTame, max: kTame }));
    }
  }
}

function isReadable({ type }: Value): boolean {
  const size = type.shape.reduce<number>((product, dim) => product * dimMax(dim), 1);
  return size > 0 && size <= kMaxElements;
}
