// Linearizes a graph, branches and loops included, into items numbered in order of execution. Views take no item. Values that
// must end up in a certain storage (graph outputs, branch results) but cannot be made there get a copy item.

import { fail } from '../errors.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import type { CopyItem, Item } from './items.js';
import {
  canOverwrite,
  carryOver,
  initializeVariables,
  type LoopPlace,
  loopBody,
  loopVariables,
  overwritesInput,
} from './linearize-loop.js';
import { Storage } from './storage.js';
import { concatPieces, viewsOf } from './views.js';

export interface Linear {
  readonly items: readonly Item[];
  readonly storage: Storage;
  /** Of the net: there from the start. */
  readonly inputs: readonly Value[];
  /** Root value of each graph output's storage, in order of the outputs. */
  readonly outputRoots: readonly Value[];
  /** Their bytes live through all iterations of their loop. */
  readonly loopVariables: readonly Value[];
  /** Every constant of the graph and its regions. */
  readonly constants: ReadonlyMap<Value, Graph>;
  /** Inputs of the net that are copied to the device at the start of a run: the device's value by the input. */
  readonly entries: ReadonlyMap<Value, Value>;
  /** Results that are copied from the device at the end of a run: the device's value by the output's. */
  readonly exits: ReadonlyMap<Value, Value>;
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
  private readonly entries = new Map<Value, Value>();
  private readonly exits = new Map<Value, Value>();
  private readonly variables: Value[] = [];
  /** Inputs of loop bodies that stand for variables. */
  private readonly carried = new Set<Value>();
  private readonly loopPlace: LoopPlace;
  private at = 0;

  constructor(
    private readonly graph: Graph,
    private readonly useViews: boolean,
  ) {
    const { storage, fixed } = this;
    this.loopPlace = { storage, useViews, fixed, copy: (from, to) => this.copy(from, to) };
  }

  run(): Linear {
    this.declare(this.graph);
    for (const { value } of this.graph.inputs) this.fixed.add(value);
    const items = this.block(this.graph);
    const copies = this.placeOutputs();
    return {
      items: [...items, ...copies],
      storage: this.storage,
      inputs: this.graph.inputs.map(({ value }) => value),
      outputRoots: this.outputRoots,
      loopVariables: this.variables,
      constants: this.constants,
      entries: this.entries,
      exits: this.exits,
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
      else if (node.op === 'Loop') items.push(...this.loop(node, graph));
      else if (node.regions !== undefined)
        fail('unsupported', `control flow operator ${node.op} cannot be compiled yet`);
      else items.push(...this.nodeItems(node, graph));
    }
    return items;
  }

  private copy(from: Value, to: Value, offsetBytes = 0): CopyItem {
    return { kind: 'copy', at: this.at++, from, to, offsetBytes };
  }

  private nodeItems(node: Node, graph: Graph): readonly Item[] {
    const [result] = node.outputs;
    const [whole] = node.inputs;
    if (whole !== undefined && result !== undefined && this.crossesBorder(node, whole, result)) return [];
    if (overwritesInput(node) && canOverwrite(node, graph, this.carried, this.loopPlace)) {
      if (result !== undefined && whole !== undefined) this.storage.embed(result, whole, 0);
    }
    const views = viewsOf(node);
    if (views !== undefined && (this.useViews || node.op !== 'Slice')) {
      for (const view of views) this.storage.embed(view.value, view.of, view.offsetBytes);
      return [];
    }
    const pieces = this.useViews ? concatPieces(node) : undefined;
    if (pieces === undefined) return [{ kind: 'node', at: this.at++, node, graph }];
    const copies: Item[] = [];
    for (const piece of pieces) {
      const root = this.storage.rootOf(piece.value);
      // The same value twice: it has its place already.
      const isPlaced = root === this.storage.rootOf(piece.of);
      if (!isPlaced && this.canMove(piece.value)) this.storage.embed(root, piece.of, piece.offsetBytes);
      else copies.push(this.copy(piece.value, piece.of, piece.offsetBytes));
    }
    return copies;
  }

  /** Copies between host and device at the start and at the end of a run are no items of their own. */
  private crossesBorder(node: Node, from: Value, to: Value): boolean {
    if (node.op === 'ToDevice' && this.graph.inputs.some(({ value }) => value === from)) {
      this.entries.set(from, to);
      return true;
    }
    if (node.op !== 'ToHost' || node.attrs['exit'] !== true) return false;
    this.exits.set(to, from);
    return true;
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
    return { kind: 'if', at, node, yes: yes ?? [], no: no ?? [] };
  }

  private loop(node: Node, graph: Graph): readonly Item[] {
    const body = loopBody(node);
    const variables = loopVariables(node);
    this.variables.push(...variables);
    const before = initializeVariables(node, graph, this.loopPlace);
    const at = this.at++;
    body.inputs.forEach(({ value }, i) => {
      const outer = variables[i] ?? node.inputs[i + 1] ?? fail('internal', `a loop captures nothing for ${value.name}`);
      this.storage.embed(value, outer, 0);
      if (i < variables.length) this.carried.add(value);
    });
    const items = this.block(body);
    items.push(...carryOver(node, items, this.loopPlace));
    return [...before, { kind: 'loop', at, node, body: items, end: this.at++ }];
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
    return [this.copy(value, target)];
  }

  /** A value whose bytes may be made elsewhere: it fills a storage of its own that nobody else fixed. */
  private canMove(value: Value): boolean {
    const { root } = this.storage.locate(value);
    return (
      !this.fixed.has(root) &&
      this.storage.fills(value) &&
      !this.outputRoots.includes(root) &&
      !this.variables.some((variable) => this.storage.rootOf(variable) === root) &&
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
      copies.push(this.copy(output.value, room));
      this.outputRoots.push(room);
    }
    return copies;
  }
}
