// The Graph: immutable, SSA, typed. A Value is made once (by an input, a constant or a node) and has one type; a Node
// applies an operator of src/ops to values. Nodes are in topological order. Control flow nodes own region graphs, whose
// inputs are the values they capture. Passes build new graphs; nothing here changes in place.

import type { ScalarExpr } from './expr.js';
import type { Tensor } from './tensor.js';
import type { TensorType } from './type.js';

/** An SSA value. Identity is the object itself; `name` is for people: the blob it came from. */
export interface Value {
  readonly name: string;
  readonly type: TensorType;
}

export type AttrValue = number | string | boolean | readonly number[] | readonly string[] | ScalarExpr;
export type Attrs = { readonly [name: string]: AttrValue };

/** Where a node came from, for errors, comments in generated code and traces. */
export interface Origin {
  /** Index in the net; nested nets like `111.else.5`. */
  readonly opIndex: string;
  readonly opType: string;
  readonly opName: string;
  /** First output blob as the net spells it. */
  readonly blob: string;
  /** Where the net itself places the operator (`device_option`); absent where it says nothing. */
  readonly device?: 'cpu' | 'gpu';
}

/**
 * A fused tail: expr over argument 0 = the operator's own first output and arguments 1.. = the last `operands` inputs
 * of the node, each broadcast numpy-style to the output.
 */
export interface Epilogue {
  readonly expr: ScalarExpr;
  readonly operands: number;
}

export interface Node {
  readonly op: string;
  /** Operator inputs (absent optional ones are undefined), then the epilogue's operands. */
  readonly inputs: readonly (Value | undefined)[];
  readonly attrs: Attrs;
  /** Outputs nobody reads may be undefined after dead-output removal. */
  readonly outputs: readonly (Value | undefined)[];
  readonly epilogue?: Epilogue;
  readonly regions?: readonly Region[];
  readonly origin: Origin;
}

/** A nested graph of a control flow node: `graph.inputs[i]` is bound as the operator's doc says. */
export interface Region {
  readonly name: string;
  readonly graph: Graph;
}

export interface GraphInput {
  readonly value: Value;
  /** May be absent at run time and then reads as zeros (the stylizer's noise). */
  readonly optional: boolean;
}

export interface GraphOutput {
  /** Blob name as the net spells it. */
  readonly name: string;
  readonly value: Value;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly GraphInput[];
  readonly constants: ReadonlyMap<Value, Tensor>;
  readonly nodes: readonly Node[];
  readonly outputs: readonly GraphOutput[];
}

/** Inputs of the operator proper, without the epilogue's operands. */
export function operatorInputs(node: Node): readonly (Value | undefined)[] {
  return node.inputs.slice(0, node.inputs.length - (node.epilogue?.operands ?? 0));
}

export function epilogueOperands(node: Node): readonly Value[] {
  const operands = node.inputs.slice(node.inputs.length - (node.epilogue?.operands ?? 0));
  return operands.filter((value): value is Value => value !== undefined);
}

/** All values a node reads; a region's inputs are inputs of the node, so nested reads are included. */
export function presentInputs(node: Node): readonly Value[] {
  return node.inputs.filter((value): value is Value => value !== undefined);
}

export function presentOutputs(node: Node): readonly Value[] {
  return node.outputs.filter((value): value is Value => value !== undefined);
}

/** How often each value is read, by nodes and as a graph output. */
export function countUses(graph: Graph): ReadonlyMap<Value, number> {
  const uses = new Map<Value, number>();
  const add = (value: Value): void => void uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const node of graph.nodes) presentInputs(node).forEach(add);
  for (const output of graph.outputs) add(output.value);
  return uses;
}

/** The node that makes each value. */
export function producers(graph: Graph): ReadonlyMap<Value, Node> {
  const made = new Map<Value, Node>();
  for (const node of graph.nodes) for (const value of presentOutputs(node)) made.set(value, node);
  return made;
}

/** The nodes that read each value, in order; outputs of the graph are not nodes. */
export function consumers(graph: Graph): ReadonlyMap<Value, readonly Node[]> {
  const readers = new Map<Value, Node[]>();
  for (const node of graph.nodes) {
    for (const value of new Set(presentInputs(node))) {
      const list = readers.get(value);
      if (list === undefined) readers.set(value, [node]);
      else list.push(node);
    }
  }
  return readers;
}
