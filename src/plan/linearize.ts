// Linearizes a graph, branches included, into items numbered in order of execution. Views take no item. Values that
// must end up in a certain storage (graph outputs, branch results) but cannot be made there get a copy item.

import { fail } from '../errors.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { Storage } from './storage.js';
import { concatPieces, viewsOf } from './views.js';

export type Item =
  | { readonly kind: 'node'; readonly at: number; readonly node: Node; readonly graph: Graph }
  | {
      readonly kind: 'copy';
      readonly at: number;
      readonly from: Value;
      readonly to: Value;
      readonly offsetBytes: number;
    }
  | {
      readonly kind: 'if';
      readonly at: number;
      readonly node: Node;
      readonly yes: readonly Item[];
      readonly no: readonly Item[];
      readonly end: number;
    };

export interface Linear {
  readonly items: readonly Item[];
  readonly storage: Storage;
  /** Root value of each graph output's storage, in order of the outputs. */
  readonly outputRoots: readonly Value[];
  /** Every constant of the graph and its regions. */
  readonly constants: ReadonlyMap<Value, Graph>;
  readonly count: number;
}

/** With `useViews` false every node but reshapes is an item (optimization off). */
export function linearize(graph: Graph, useViews: boolean): Linear {
  return new Linearizer(graph, useViews).run();
}

class Linearizer {
  private readonly storage = new Storage();
  private readonly constants = new Map<Value, Graph>();
  /** Roots whose memory is not ours to write: inputs and constants. */
  private readonly fixed = new Set<Value>();
  private readonly outputRoots: Value[] = [];
  private at = 0;

  constructor(
    private readonly graph: Graph,
    private readonly useViews: boolean,
  ) {}

  run(): Linear {
    this.declare(this.graph);
    for (const { value } of this.graph.inputs) this.fixed.add(value);
    const items = this.block(this.graph);
    const copies = this.placeOutputs();
    return {
      items: [...items, ...copies],
      storage: this.storage,
      outputRoots: this.outputRoots,
      constants: this.constants,
      count: this.at,
    };
  }

  private declare(graph: Graph): void {
    for (const value of graph.constants.keys()) {
      this.constants.set(value, graph);
      this.fixed.add(value);
    }
    for (const node of graph.nodes) for (const region of node.regions ?? []) this.declare(region.graph);
  }

  private block(graph: Graph): Item[] {
    const items: Item[] = [];
    for (const node of graph.nodes) {
      if (node.op === 'If') items.push(this.branches(node));
      else if (node.regions !== undefined)
        fail('unsupported', `control flow operator ${node.op} cannot be compiled yet`);
      else items.push(...this.nodeItems(node, graph));
    }
    return items;
  }

  private nodeItems(node: Node, graph: Graph): readonly Item[] {
    const views = viewsOf(node);
    if (views !== undefined && (this.useViews || node.op !== 'Slice')) {
      for (const view of views) this.storage.embed(view.value, view.of, view.offsetBytes);
      return [];
    }
    const pieces = this.useViews ? concatPieces(node) : undefined;
    if (pieces === undefined) return [{ kind: 'node', at: this.at++, node, graph }];
    const copies: Item[] = [];
    for (const piece of pieces) {
      if (this.canMove(piece.value)) this.storage.embed(this.storage.rootOf(piece.value), piece.of, piece.offsetBytes);
      else
        copies.push({ kind: 'copy', at: this.at++, from: piece.value, to: piece.of, offsetBytes: piece.offsetBytes });
    }
    return copies;
  }

  private branches(node: Node): Item {
    const at = this.at++;
    const [yes, no] = (node.regions ?? []).map((region) => {
      region.graph.inputs.forEach(({ value }, i) => {
        const captured = node.inputs[i + 1] ?? fail('internal', `If captures nothing for ${value.name}`);
        this.storage.embed(value, captured, 0);
      });
      const items = this.block(region.graph);
      region.graph.outputs.forEach((output, j) => {
        const merged = node.outputs[j];
        if (merged !== undefined) items.push(...this.moveInto(output.value, merged, region.graph));
      });
      return items;
    });
    return { kind: 'if', at, node, yes: yes ?? [], no: no ?? [], end: this.at };
  }

  /** Makes a branch's result appear in the If's output: in place when the branch made it, else by a copy. */
  private moveInto(value: Value, target: Value, region: Graph): readonly Item[] {
    const root = this.storage.rootOf(value);
    const madeHere = region.nodes.some((node) =>
      node.outputs.some((output) => output !== undefined && this.storage.rootOf(output) === root && output === root),
    );
    if (madeHere && this.storage.fills(value) && this.storage.rootOf(target) !== root) {
      this.storage.embed(root, target, 0);
      return [];
    }
    return [{ kind: 'copy', at: this.at++, from: value, to: target, offsetBytes: 0 }];
  }

  /** A value whose bytes may be made elsewhere: it fills a storage of its own that nobody else fixed. */
  private canMove(value: Value): boolean {
    const { root } = this.storage.locate(value);
    return (
      !this.fixed.has(root) &&
      this.storage.fills(value) &&
      !this.outputRoots.includes(root) &&
      this.isProducedAtTop(root)
    );
  }

  /** Region inputs and their like end in roots of the outer graph; those must not move with a branch. */
  private isProducedAtTop(root: Value): boolean {
    return root.type.variants === undefined;
  }

  private placeOutputs(): readonly Item[] {
    const copies: Item[] = [];
    for (const output of this.graph.outputs) {
      const { root } = this.storage.locate(output.value);
      const direct = !this.fixed.has(root) && this.storage.fills(output.value) && !this.outputRoots.includes(root);
      if (direct) {
        this.outputRoots.push(root);
        continue;
      }
      const room: Value = { name: `${output.name}:out`, type: output.value.type };
      copies.push({ kind: 'copy', at: this.at++, from: output.value, to: room, offsetBytes: 0 });
      this.outputRoots.push(room);
    }
    return copies;
  }
}
