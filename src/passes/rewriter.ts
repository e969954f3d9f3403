// Rewriter: how a pass builds its result. It walks the old nodes in order; each is kept, replaced by a value, or rebuilt.
// Values and nodes that nothing changes stay the same objects, and so does a graph. Regions are walked the same way,
// each with a Rewriter of its own.

import { fail } from '../errors.js';
import { shapeEquals } from '../ir/dim.js';
import { countUses, type Graph, type Node, presentInputs, type Value } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import { type TensorType, typeToString } from '../ir/type.js';
import { GraphBuilder, type NodeOptions } from '../ops/builder.js';

/** What a pass does with a node: `done` when it has pushed or replaced what stands for it. */
export type Visit = (node: Node, rewriter: Rewriter) => 'keep' | 'done';

/** Walks all nodes through `visit`. */
export function rewriteGraph(graph: Graph, visit: Visit): Graph {
  return rewriteScope(graph, visit, allNames(graph));
}

function rewriteScope(graph: Graph, visit: Visit, names: Set<string>): Graph {
  const rewriter = new Rewriter(graph, names);
  for (const node of graph.nodes) {
    const current = rewriteRegions(rewriter.withResolvedInputs(node), visit, names);
    if (visit(current, rewriter) === 'keep') rewriter.keep(current);
    else rewriter.forget(current);
  }
  return rewriter.finish();
}

function rewriteRegions(node: Node, visit: Visit, names: Set<string>): Node {
  if (node.regions === undefined) return node;
  const regions = node.regions.map((region) => {
    const graph = rewriteScope(region.graph, visit, names);
    return graph === region.graph ? region : { ...region, graph };
  });
  return regions.every((region, i) => region === node.regions?.[i]) ? node : { ...node, regions };
}

export class Rewriter {
  private readonly builder: GraphBuilder;
  private readonly replaced = new Map<Value, Value>();
  private readonly emitted: (Node | undefined)[] = [];
  private readonly madeAt = new Map<Value, number>();
  private readonly constants: Map<Value, Tensor>;
  /** Reads of each value by nodes emitted, nodes still to come and outputs. */
  private readonly reads: Map<Value, number>;

  /** `names` are those in use over the whole net. */
  constructor(
    private readonly graph: Graph,
    names: Set<string>,
  ) {
    this.builder = new GraphBuilder(graph.name, names);
    for (const [value, tensor] of graph.constants) this.builder.adoptConstant(value, tensor);
    this.constants = new Map(graph.constants);
    this.reads = new Map(countUses(graph));
  }

  /** The value that stands for an old value now. */
  resolve(value: Value): Value {
    let current = value;
    for (let next = this.replaced.get(current); next !== undefined; next = this.replaced.get(current)) current = next;
    return current;
  }

  constantOf(value: Value | undefined): Tensor | undefined {
    return value === undefined ? undefined : this.constants.get(this.resolve(value));
  }

  /** Adds a constant. */
  constant(tensor: Tensor, name: string): Value {
    const value = this.builder.constant(tensor, name);
    this.constants.set(value, tensor);
    return value;
  }

  uniqueName(wanted: string): string {
    return this.builder.uniqueName(wanted);
  }

  /** The node with its inputs resolved; the same object when none changed. */
  withResolvedInputs(node: Node): Node {
    const inputs = node.inputs.map((value) => (value === undefined ? undefined : this.resolve(value)));
    return inputs.every((value, i) => value === node.inputs[i]) ? node : { ...node, inputs };
  }

  /** Emits a node whose reads are counted already. */
  keep(node: Node): void {
    this.emitted.push(node);
    for (const value of node.outputs) if (value !== undefined) this.madeAt.set(value, this.emitted.length - 1);
  }

  /** The reads of a node that was not kept are over. */
  forget(node: Node): void {
    this.count(node, -1);
  }

  /** Emits a ready node. */
  push(node: Node): void {
    this.count(node, 1);
    this.keep(node);
  }

  /** Builds and emits a node; types are inferred, and checked where `results` names existing values. */
  emit(op: string, inputs: Node['inputs'], attrs: Node['attrs'], options: NodeOptions): Node {
    const node = this.builder.emitNode(op, inputs, attrs, options);
    this.push(node);
    return node;
  }

  /** Readers of `from` read `to` from now on. */
  replace(from: Value, to: Value): void {
    const target = this.resolve(to);
    if (from === target) return;
    if (!sameForReaders(from.type, target.type)) {
      fail('internal', `a pass puts ${target.name} in the place of ${from.name}, whose type differs`, {
        expected: typeToString(from.type),
        got: typeToString(target.type),
      });
    }
    this.replaced.set(from, target);
    this.reads.set(target, (this.reads.get(target) ?? 0) + (this.reads.get(from) ?? 0));
  }

  /** The emitted node that makes a value. */
  producer(value: Value): Node | undefined {
    const at = this.madeAt.get(this.resolve(value));
    return at === undefined ? undefined : this.emitted[at];
  }

  /** Order of emission of the value's producer; -1 for inputs and constants. */
  position(value: Value): number {
    return this.madeAt.get(this.resolve(value)) ?? -1;
  }

  /** How often a value is read. */
  uses(value: Value): number {
    return this.reads.get(value) ?? 0;
  }

  /** Takes an emitted node out again. */
  remove(node: Node): void {
    const at = this.emitted.indexOf(node);
    if (at < 0) fail('internal', `a pass removes ${node.op} twice`);
    this.emitted[at] = undefined;
    this.count(node, -1);
    for (const value of node.outputs) if (value !== undefined) this.madeAt.delete(value);
  }

  /** Puts another node in the place of an emitted one. */
  exchange(node: Node, by: Node): void {
    const at = this.emitted.indexOf(node);
    this.remove(node);
    this.emitted[at] = by;
    this.count(by, 1);
    for (const value of by.outputs) if (value !== undefined) this.madeAt.set(value, at);
  }

  /** The same graph when nothing changed. */
  finish(): Graph {
    const nodes = this.emitted.filter((node): node is Node => node !== undefined);
    const outputs = this.graph.outputs.map((output) => {
      const value = this.resolve(output.value);
      return value === output.value ? output : { name: output.name, value };
    });
    const isSame =
      nodes.length === this.graph.nodes.length &&
      nodes.every((node, i) => node === this.graph.nodes[i]) &&
      outputs.every((output, i) => output === this.graph.outputs[i]);
    return isSame ? this.graph : { ...this.graph, constants: this.constants, nodes, outputs };
  }

  private count(node: Node, by: 1 | -1): void {
    for (const value of presentInputs(node)) this.reads.set(value, (this.reads.get(value) ?? 0) + by);
  }
}

/** Readers cannot tell the difference. */
function sameForReaders(a: TensorType, b: TensorType): boolean {
  const [left, right] = [a.variants ?? [a.shape], b.variants ?? [b.shape]];
  return (
    a.dtype === b.dtype &&
    left.length === right.length &&
    left.every((shape, i) => shapeEquals(shape, right[i] ?? [-1]))
  );
}

function allNames(graph: Graph): Set<string> {
  const names = new Set<string>();
  const visit = (g: Graph): void => {
    for (const { value } of g.inputs) names.add(value.name);
    for (const value of g.constants.keys()) names.add(value.name);
    for (const node of g.nodes) {
      for (const value of node.outputs) if (value !== undefined) names.add(value.name);
      for (const region of node.regions ?? []) visit(region.graph);
    }
  };
  visit(graph);
  return names;
}
