// Rewriter: how a pass builds its result. It walks the old nodes in order; each is kept, replaced by a value, or rebuilt.
// Values and nodes that nothing changes stay the same objects.

import type { Attrs, Epilogue, Graph, Node, Origin, Value } from '../ir/graph.js';
import { countUses } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import { GraphBuilder } from '../ops/builder.js';

export class Rewriter {
  private readonly builder: GraphBuilder;
  private readonly replaced = new Map<Value, Value>();
  private readonly emitted: (Node | undefined)[] = [];
  private readonly madeAt = new Map<Value, number>();
  private readonly constants: Map<Value, Tensor>;
  /** Reads of each value in the old graph. */
  readonly uses: ReadonlyMap<Value, number>;

  constructor(private readonly graph: Graph) {
    this.builder = new GraphBuilder(graph.name, allNames(graph));
    this.constants = new Map(graph.constants);
    this.uses = countUses(graph);
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

  /** The node with its inputs resolved; the same object when none changed. */
  withResolvedInputs(node: Node): Node {
    const inputs = node.inputs.map((value) => (value === undefined ? undefined : this.resolve(value)));
    return inputs.every((value, i) => value === node.inputs[i]) ? node : { ...node, inputs };
  }

  /** Emits a ready node. */
  push(node: Node): void {
    this.emitted.push(node);
    for (const value of node.outputs) if (value !== undefined) this.madeAt.set(value, this.emitted.length - 1);
  }

  /** Readers of `from` read `to` from now on. */
  replace(from: Value, to: Value): void {
    if (from !== to) this.replaced.set(from, to);
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

  /** Takes an emitted node out again. */
  remove(node: Node): void {
    const at = this.emitted.indexOf(node);
    if (at >= 0) this.emitted[at] = undefined;
    for (const value of node.outputs) if (value !== undefined) this.madeAt.delete(value);
  }

  /** Puts another node in the place of an emitted one. */
  exchange(node: Node, by: Node): void {
    const at = this.emitted.indexOf(node);
    this.emitted[at] = by;
    for (const value of node.outputs) if (value !== undefined) this.madeAt.delete(value);
    for (const value of by.outputs) if (value !== undefined) this.madeAt.set(value, at);
  }

  /** A node built and inferred like an importer's, not yet pushed; its first output takes `name`. */
  build(
    op: string,
    inputs: readonly (Value | undefined)[],
    attrs: Attrs,
    origin: Origin,
    name: string,
    epilogue?: Epilogue,
  ): Node {
    const scratch = new GraphBuilder(this.graph.name);
    for (const [value, tensor] of this.constants) if (inputs.includes(value)) scratch.adoptConstant(value, tensor);
    scratch.emit(op, inputs, attrs, { origin, names: [name], ...(epilogue === undefined ? {} : { epilogue }) });
    const [node] = scratch.finish([]).nodes;
    if (node === undefined) throw new RangeError('a builder made no node');
    return node;
  }

  uniqueName(wanted: string): string {
    return this.builder.uniqueName(wanted);
  }

  finish(): Graph {
    const nodes = this.emitted.filter((node): node is Node => node !== undefined);
    const outputs = this.graph.outputs.map((output) => ({ name: output.name, value: this.resolve(output.value) }));
    return { ...this.graph, constants: this.constants, nodes, outputs };
  }
}

/** Walks all nodes through `visit`, which keeps or rewrites each; the default is to keep. */
export function rewriteGraph(graph: Graph, visit: (node: Node, rewriter: Rewriter) => 'keep' | 'done'): Graph {
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) {
    const current = rewriter.withResolvedInputs(node);
    if (visit(current, rewriter) === 'keep') rewriter.push(current);
  }
  return rewriter.finish();
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
