// ImportScope for one Caffe2 operator: what src/ops sees of the net while it emits its nodes. Nodes whose inputs are all
// known are computed at once when they are small (shapes computed by operators) or in an init net; nothing reaches the
// net's builder before the operator's import has succeeded.

import { CompileError, fail, type Problem } from '../../errors.js';
import { isStaticShape, shapeMaxSize } from '../../ir/dim.js';
import type { Attrs, Node, Origin, Region, Value } from '../../ir/graph.js';
import type { Tensor } from '../../ir/tensor.js';
import { type Quantization, type TensorType, tensorType } from '../../ir/type.js';
import { GraphBuilder } from '../../ops/builder.js';
import type { ImportScope } from '../../ops/caffe2-import.js';
import { checkComputable } from '../../ops/fill-shape.js';
import { runNode } from '../../ops/interpret.js';
import { ArgTable } from './arg-reader.js';
import type { NetFrame } from './import-session.js';
import type { OperatorDef } from './net-def.js';

/** Results up to this many elements are computed during import, so that later types can depend on them. */
const kMaxFoldedElements = 4096;

/** Thrown when an operator reads a poisoned blob: stop here, the cause is already reported. */
export class PoisonSignal extends Error {}

export class OpScope implements ImportScope {
  readonly type: string;
  readonly args: ArgTable;
  readonly op: OperatorDef;
  readonly frame: NetFrame;
  readonly origin: Origin;
  /** Bad arguments; when there are any, whatever else goes wrong in this operator may be their consequence. */
  readonly argProblems: Problem[] = [];
  private readonly scratch: GraphBuilder;
  private readonly folded = new Set<Node>();
  private readonly made = new Map<Value, Tensor>();

  /** `device`: where the net places the operator, if it tells GPU and CPU apart. */
  constructor(frame: NetFrame, op: OperatorDef, opIndex: number, device?: Origin['device']) {
    this.frame = frame;
    this.op = op;
    this.type = op.type ?? '';
    this.origin = {
      opIndex: `${frame.options.opPrefix ?? ''}${opIndex}`,
      opType: this.type,
      opName: op.name ?? '',
      blob: op.outputs[0] ?? '',
      ...(device === undefined ? {} : { device }),
    };
    this.scratch = new GraphBuilder(frame.options.name, frame.options.usedNames);
    const where = frame.whereOp(this.origin);
    this.args = new ArgTable(op.args, {
      fault: (fault) => this.argProblems.push({ code: 'invalid-model', where, ...fault }),
      warn: (message) => this.warn(message),
    });
  }

  get isOnCpu(): boolean {
    return (this.op.deviceOption?.deviceType ?? 0) === 0;
  }

  get inputCount(): number {
    return this.op.inputs.length;
  }

  get outputCount(): number {
    return this.op.outputs.length;
  }

  input(i: number): Value {
    const blob = this.inputBlob(i);
    const binding = this.frame.lookUp(blob);
    if (binding?.kind === 'value') return binding.value;
    if (binding?.kind === 'unset') return this.fail(`blob ${blob} is read but empty: ${binding.reason}`, { blob });
    throw new PoisonSignal();
  }

  inputBlob(i: number): string {
    return this.op.inputs[i] ?? this.fail(`input ${i} is missing`, { got: `${this.inputCount} inputs` });
  }

  outputBlob(i: number): string {
    return this.op.outputs[i] ?? this.fail(`output ${i} is missing`, { got: `${this.outputCount} outputs` });
  }

  inputType(i: number): TensorType {
    return this.input(i).type;
  }

  constantOf(value: Value): Tensor | undefined {
    return this.made.get(value) ?? this.frame.constantOf(value);
  }

  expectInputs(min: number, max: number = min): void {
    this.expectCount('inputs', this.inputCount, min, max);
  }

  expectOutputs(min: number, max: number = min): void {
    this.expectCount('outputs', this.outputCount, min, max);
  }

  emit(op: string, inputs: readonly (Value | undefined)[], attrs: Attrs = {}, outputCount?: number): readonly Value[] {
    return this.emitNode(op, inputs, attrs, outputCount === undefined ? {} : { outputCount });
  }

  emitOne(op: string, inputs: readonly (Value | undefined)[], attrs: Attrs = {}): Value {
    return this.emit(op, inputs, attrs)[0] ?? fail('internal', `${op} has no output`);
  }

  /** emit for control flow: with regions, and names for the outputs. */
  emitNode(
    op: string,
    inputs: readonly (Value | undefined)[],
    attrs: Attrs,
    options: {
      readonly outputCount?: number;
      readonly regions?: readonly Region[];
      readonly names?: readonly string[];
    },
  ): readonly Value[] {
    this.stopOnBadArguments();
    for (const value of inputs) {
      const tensor = value === undefined ? undefined : this.constantOf(value);
      if (value !== undefined && tensor !== undefined) this.scratch.adoptConstant(value, tensor);
    }
    const names = this.op.outputs.length === 0 ? {} : { names: this.op.outputs };
    const outputs = this.scratch.emit(op, inputs, attrs, { origin: this.origin, ...names, ...options });
    const node = this.scratch.finish([]).nodes.at(-1) ?? fail('internal', `${op} was not emitted`);
    return this.isFoldable(node) ? this.fold(node, outputs) : outputs;
  }

  constant(tensor: Tensor, name?: string, quantization?: Quantization): Value {
    this.stopOnBadArguments();
    const value = this.scratch.constant(tensor, name ?? this.op.outputs[0] ?? this.type, quantization);
    this.made.set(value, tensor);
    return value;
  }

  implicitInput(blob: string, type: TensorType): Value {
    const binding = this.frame.lookUp(blob);
    if (binding?.kind === 'value') return binding.value;
    if (binding?.kind === 'poisoned') throw new PoisonSignal();
    const make = this.frame.options.implicitInput;
    if (make === undefined) return this.fail(`needs the blob ${blob}, which an init net cannot have`, { blob });
    return make(blob, type);
  }

  random(): () => number {
    const seed = this.frame.session.randomSeed;
    const blob = this.origin.blob;
    if (seed === undefined) {
      return this.fail(`fills ${blob} with random numbers, which no compiler can reproduce`, {
        code: 'unsupported',
        blob,
        expected: 'trained weights',
        remedy: 'give the trained init net, or ask for random weights with --random-init SEED',
      });
    }
    this.warn(`${blob} is filled with random numbers of seed ${seed}, not with trained weights`);
    return uniformStream(seed, blob);
  }

  fail(
    message: string,
    more: Omit<Problem, 'code' | 'message' | 'where'> & {
      readonly code?: Problem['code'];
      readonly blob?: string;
    } = {},
  ): never {
    const { blob, code, ...rest } = more;
    const where = { ...this.frame.whereOp(this.origin), ...(blob === undefined ? {} : { blob }) };
    throw new CompileError({ code: code ?? 'invalid-model', message, where, ...rest });
  }

  warn(message: string): void {
    this.frame.warn({ code: 'invalid-model', message, where: this.frame.whereOp(this.origin) });
  }

  /** Hands all that was emitted to the net's builder; gives the values of the declared outputs. */
  commit(results: readonly (Value | undefined)[]): readonly (Value | undefined)[] {
    this.stopOnBadArguments();
    const nodes = this.scratch.finish([]).nodes.filter((node) => !this.folded.has(node));
    const rename = this.nameResults(results, nodes);
    const renamed = <V extends Value | undefined>(value: V): V =>
      value === undefined ? value : ((rename.get(value) ?? value) as V);
    for (const [value, tensor] of this.made) this.frame.builder.adoptConstant(renamed(value), tensor);
    for (const node of nodes) {
      const outputs = node.outputs.map(renamed);
      this.frame.builder.adoptNode({ ...node, inputs: node.inputs.map(renamed), outputs });
    }
    return results.map(renamed);
  }

  /** The problems of a failed import, with the operator's place; bad arguments alone when there are any. */
  placed(problems: readonly Problem[]): readonly Problem[] {
    if (this.argProblems.length > 0) return this.argProblems;
    return problems.map((problem) => ({
      ...problem,
      where: { ...this.frame.whereOp(this.origin), ...problem.where },
    }));
  }

  private stopOnBadArguments(): void {
    if (this.argProblems.length > 0) throw new CompileError(this.argProblems);
  }

  private expectCount(what: 'inputs' | 'outputs', count: number, min: number, max: number): void {
    if (count >= min && count <= max) return;
    const expected = min === max ? `${min}` : max === Number.POSITIVE_INFINITY ? `at least ${min}` : `${min} to ${max}`;
    this.fail(`wrong number of ${what}`, { expected, got: String(count) });
  }

  private isFoldable(node: Node): boolean {
    const known = node.inputs.every((value) => value === undefined || this.constantOf(value) !== undefined);
    if (!known || this.frame.options.kind === 'init') return known;
    const elements = node.outputs.map((value) => (value === undefined ? 0 : shapeMaxSize(value.type.shape)));
    return node.regions === undefined && Math.max(0, ...elements) <= kMaxFoldedElements;
  }

  private fold(node: Node, outputs: readonly Value[]): readonly Value[] {
    for (const { type } of outputs) checkComputable(this, type.shape);
    const results = this.computeNow(node);
    if (results === undefined) return outputs;
    this.folded.add(node);
    return outputs.map((value, i) => {
      const tensor = results[i] ?? fail('internal', `${node.op} gave no output ${i}`);
      const known: Value = isStaticShape(value.type.shape)
        ? value
        : { name: value.name, type: tensorType(tensor.dtype, tensor.dims) };
      this.made.set(known, tensor);
      return known;
    });
  }

  private computeNow(node: Node): readonly (Tensor | undefined)[] | undefined {
    try {
      return runNode(node, (value) => this.constantOf(value) ?? fail('internal', `${value.name} is not constant`));
    } catch (error) {
      // A branch may never run; there the fault belongs to run time.
      if (this.frame.options.kind === 'branch') return undefined;
      throw error;
    }
  }

  /** Exchanges names so that a declared output has its blob's name rather than a value that was only on the way. */
  private nameResults(results: readonly (Value | undefined)[], nodes: readonly Node[]): ReadonlyMap<Value, Value> {
    const rename = new Map<Value, Value>();
    const own = [...this.made.keys(), ...nodes.flatMap((node) => node.outputs)];
    results.forEach((result, i) => {
      const blob = this.op.outputs[i];
      if (blob === undefined || result === undefined || result.name === blob || rename.has(result)) return;
      const holder = own.find((value) => value?.name === blob);
      if (holder === undefined || rename.has(holder) || results.includes(holder) || !own.includes(result)) return;
      rename.set(result, { ...result, name: blob });
      rename.set(holder, { ...holder, name: result.name });
    });
    return rename;
  }
}

/** Uniform numbers in [0, 1) with 32 bits (mulberry32), one stream per blob: the FNV-1a hash of its name times the seed. */
function uniformStream(seed: number, blob: string): () => number {
  let state = seed >>> 0;
  for (const byte of new TextEncoder().encode(blob)) state = Math.imul(state ^ byte, 0x01000193) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}
