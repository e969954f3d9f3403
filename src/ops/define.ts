// defineOp: the one place of an operator. Everything else derives from it: importers' lookup, verifier, interpreter,
// constant folding, lowering, documentation tables and generated tests.

import { fail, type Problem } from '../errors.js';
import type { Dim } from '../ir/dim.js';
import type { DType } from '../ir/dtype.js';
import type { ScalarExpr } from '../ir/expr.js';
import type { Attrs, Node } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import type { TensorType } from '../ir/type.js';
import type { AttrSpecs, AttrsOf } from './attributes.js';
import type { Caffe2Imports } from './caffe2-import.js';
import type { KernelCall, KernelRequest } from './kernel-call.js';

export interface InputSpec {
  readonly name: string;
  readonly doc: string;
  readonly optional?: boolean;
  /** The last input may repeat. */
  readonly variadic?: boolean;
}

export interface OutputSpec {
  readonly name: string;
  readonly doc: string;
  readonly optional?: boolean;
  readonly variadic?: boolean;
}

/** What type inference sees. Fails through `fail`, which adds the place. */
export interface InferRequest<A> {
  readonly inputs: readonly (TensorType | undefined)[];
  readonly attrs: A;
  /** Outputs the node declares (variadic operators). */
  readonly outputCount: number;
  /** Types of the outputs of each region, for control flow. */
  readonly regionOutputs: readonly (readonly TensorType[])[];
  /** Type of input i; fails when it is absent. */
  type(i: number): TensorType;
  /** The value of input i when it is known at compile time. */
  constant(i: number): Tensor | undefined;
  /** A fresh bounded size, named after the node's output. */
  symbol(hint: string, min: number, max: number): Dim;
  fail(
    message: string,
    more?: Partial<Pick<Problem, 'expected' | 'got' | 'remedy' | 'code'>> & { readonly input?: number },
  ): never;
}

/** What the reference implementation sees: concrete tensors. */
export interface ReferenceRequest<A> {
  readonly inputs: readonly (Tensor | undefined)[];
  readonly attrs: A;
  /** Concrete inferred output types; a data-dependent dim still holds a symbol. */
  readonly outputs: readonly TensorType[];
  /** Input i; fails when absent or a string tensor. */
  tensor(i: number): Tensor;
  runRegion(i: number, inputs: readonly Tensor[]): readonly Tensor[];
  /** A fault that only values show: index out of range, lengths that do not add up. */
  fault(message: string): never;
}

export interface CostRequest<A> {
  readonly inputs: readonly (TensorType | undefined)[];
  readonly outputs: readonly (TensorType | undefined)[];
  readonly attrs: A;
}

/** A tensor of an example: explicit values, or `random` in [low, high) from the test's seed. */
export interface ExampleTensor {
  readonly dtype?: DType;
  readonly dims: readonly number[];
  readonly values?: readonly number[];
  readonly range?: readonly [low: number, high: number];
}

export interface Example {
  readonly note?: string;
  readonly attrs?: Attrs;
  readonly inputs: readonly (ExampleTensor | undefined)[];
}

export interface OpDef<S extends AttrSpecs = AttrSpecs> {
  /** Name in the IR. */
  readonly name: string;
  readonly doc: string;
  /** Where the meaning comes from: Caffe2 source file, catalogue section. */
  readonly source: string;
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly OutputSpec[];
  readonly attrs: S;
  /** Names of regions, for control flow. */
  readonly regions?: readonly string[];
  /** How many values the region carries from one run to the next; they are its first inputs. None when absent. */
  carried?(attrs: AttrsOf<S>): number;
  infer(request: InferRequest<AttrsOf<S>>): readonly TensorType[];
  /** Slow and obvious; accumulates in float64. */
  reference(request: ReferenceRequest<AttrsOf<S>>): readonly Tensor[];
  /** Elementwise operators only: the scalar expression over the inputs' values. */
  scalar?(attrs: AttrsOf<S>, dtypes: readonly DType[]): ScalarExpr;
  /** Multiply-adds, at the largest shapes; absent means none. */
  macs?(request: CostRequest<AttrsOf<S>>): number;
  /** The portable row-major kernel; faster ones per target are in src/plan/kernels. */
  lower?(request: KernelRequest, attrs: AttrsOf<S>): KernelCall;
  /** True when the first output is the first input's data under another shape: costs nothing at run time. */
  readonly view?: 'reshape';
  /** Never folded, shared or removed on its own account (none yet), or free to be. */
  readonly caffe2?: Caffe2Imports;
  /** Allowed error of compiled code against the reference: |d| <= absolute + relative * |reference|. */
  readonly tolerance?: { readonly relative: number; readonly absolute: number };
  readonly examples: readonly Example[];
}

const registry = new Map<string, OpDef>();

/** Declares an operator and registers it under its name. */
export function defineOp<const S extends AttrSpecs>(def: OpDef<S>): OpDef<S> {
  if (registry.has(def.name)) fail('internal', `operator ${def.name} is defined twice`);
  registry.set(def.name, def as unknown as OpDef);
  return def;
}

/** The definition of an operator that must exist. */
export function opDef(name: string): OpDef {
  return registry.get(name) ?? fail('internal', `unknown operator ${name}`);
}

export function findOp(name: string): OpDef | undefined {
  return registry.get(name);
}

/** Index of the first input of a control flow node that is only captured: its regions read it and never change it. */
export function firstCaptured(node: Node): number {
  const inner = node.regions?.[0]?.graph.inputs.length ?? 0;
  return node.inputs.length - inner + (opDef(node.op).carried?.(node.attrs as never) ?? 0);
}

/** All definitions, by name. */
export function allOps(): readonly OpDef[] {
  return [...registry.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export const kDefaultTolerance = { relative: 1e-5, absolute: 1e-6 } as const;
