// Proves that every step reads what it should: walks the items in order of execution with the bytes of every memory, each
// marked with the value that was last written there. Lifetimes, in-place merges, places made for concats, branches and loop
// variables are not trusted: a read that finds another value's bytes is a fault of the planner.
//
// Both branches of an If start from the same bytes, and either may hold afterwards. A loop body is walked twice: the second
// iteration sees what the first one left. Sizes that vary take their largest value.

import { fail } from '../errors.js';
import { type Graph, type Node, presentInputs, presentOutputs, type Value } from '../ir/graph.js';
import type { TensorType } from '../ir/type.js';
import type { KernelCall } from '../ops/kernel-call.js';
import { type ByteRange, byteRange, cutOut, rangesMeet } from './byte-range.js';
import { type CopyItem, flatten, type IfItem, type Item, type LoopItem, type NodeItem } from './items.js';
import { type Calls, readsOf } from './lifetimes.js';
import type { Linear } from './linearize.js';
import { loopBody, loopVariables, overwritesInput } from './linearize-loop.js';
import { concatPieces, viewsOf } from './views.js';

/** Bytes that hold values: one, or those that pieces of it come from. */
interface Segment extends ByteRange {
  readonly holds: ReadonlySet<Value>;
}

type State = readonly Segment[];

/** What the checker is told of memory. */
export interface ContentPlaces {
  /** Offsets of storages, by their roots, and of scratch buffers. */
  readonly offsets: ReadonlyMap<Value | Item, number>;
  /** Of all parts of an item together. */
  scratchBytesOf(item: Item, call: KernelCall): number;
}

/** Fails where a step, or the caller of the net, would read bytes that something else was written over. */
export function checkContents(graph: Graph, linear: Linear, calls: Calls, places: ContentPlaces): void {
  new ContentChecker(graph, linear, calls, places).run();
}

class ContentChecker {
  /** For each value the values whose bytes it consists of: itself where a step makes it. */
  private readonly sources = new Map<Value, ReadonlySet<Value>>();
  private readonly ofGraphs = new Set<Value>();

  constructor(
    private readonly graph: Graph,
    private readonly linear: Linear,
    private readonly calls: Calls,
    private readonly places: ContentPlaces,
  ) {
    const nodes = new Set(flatten(linear.items).flatMap((item) => (item.kind === 'node' ? [item.node] : [])));
    this.declare(graph, nodes);
  }

  run(): void {
    const { inputs, entries, exits, outputRoots, items } = this.linear;
    const given = [...inputs, ...entries.values()].filter((value) => this.isPlaced(value));
    const start = given.reduce<State>((state, value) => this.write(state, value), []);
    const made = this.walk(items, start);
    for (const value of exits.values()) this.expect(made, value, 'the end of the net');
    const end = [...exits.keys()].reduce<State>((state, value) => this.write(state, value), made);
    this.graph.outputs.forEach(({ name, value }, i) => {
      const root = outputRoots[i] ?? fail('internal', `output ${name} has no storage`);
      this.expectAt(end, this.rangeOf(root, value.type), value, 'the end of the net');
    });
  }

  // ---- what values consist of --------------------------------------------------------------------------------------

  private declare(graph: Graph, nodes: ReadonlySet<Node>): void {
    for (const { value } of graph.inputs) this.ofGraphs.add(value);
    for (const node of graph.nodes) {
      for (const value of presentOutputs(node)) this.ofGraphs.add(value);
      node.regions?.forEach((region) => {
        const variables = node.op === 'Loop' ? loopVariables(node) : [];
        region.graph.inputs.forEach(({ value }, i) => {
          const outer = variables[i] ?? node.inputs[i + 1];
          if (outer !== undefined) this.sources.set(value, this.sourcesOf(outer));
        });
        this.declare(region.graph, nodes);
      });
      if (nodes.has(node) || node.regions !== undefined) continue;
      const views = viewsOf(node);
      if (views !== undefined) for (const { value, of } of views) this.sources.set(value, this.sourcesOf(of));
      else if (node.op === 'Concat') this.declareConcat(node);
    }
  }

  private declareConcat(node: Node): void {
    const pieces = concatPieces(node) ?? fail('internal', 'a Concat without step is no view');
    for (const value of presentOutputs(node))
      this.sources.set(value, new Set(pieces.flatMap((piece) => [...this.sourcesOf(piece.value)])));
  }

  private sourcesOf(value: Value): ReadonlySet<Value> {
    return this.sources.get(value) ?? new Set([value]);
  }

  // ---- places ------------------------------------------------------------------------------------------------------

  /** What a tensor of the type takes from `extraBytes` within the value on. */
  private rangeOf(value: Value, type: TensorType = value.type, extraBytes = 0): ByteRange {
    const { root, offsetBytes } = this.linear.storage.locate(value);
    const start = this.places.offsets.get(root);
    // The caller's memory: each input is one of its own.
    const memory = start === undefined ? `input ${root.name}` : (root.type.memory ?? 'host');
    return byteRange(memory, (start ?? 0) + offsetBytes + extraBytes, type);
  }

  /** Constants are apart: no step may write to them. */
  private isPlaced(value: Value): boolean {
    return !this.linear.constants.has(this.linear.storage.rootOf(value));
  }

  // ---- reads and writes --------------------------------------------------------------------------------------------

  private expect(state: State, value: Value, reader: string): void {
    if (this.isPlaced(value)) this.expectAt(state, this.rangeOf(value), value, reader);
  }

  private expectAt(state: State, range: ByteRange, value: Value, reader: string): void {
    if (range.start === range.end) return;
    const wanted = this.sourcesOf(value);
    const found = state.filter((segment) => rangesMeet(segment, range));
    const other = found.flatMap(({ holds }) => [...holds]).find((held) => !wanted.has(held));
    if (other !== undefined) fail('internal', `${reader} reads ${value.name}, whose bytes hold ${other.name}`);
    if (found.length === 0) fail('internal', `${reader} reads ${value.name}, which nothing has written`);
  }

  private write(state: State, value: Value): State {
    return put(state, this.rangeOf(value), this.sourcesOf(value));
  }

  private expectOurs(value: Value, writer: string): void {
    const root = this.linear.storage.rootOf(value);
    const isCallers = this.linear.inputs.includes(root) && !this.places.offsets.has(root);
    if (isCallers || this.linear.constants.has(root))
      fail('internal', `${writer} writes ${value.name} over ${root.name}, which is not ours`);
  }

  // ---- items -------------------------------------------------------------------------------------------------------

  private walk(items: readonly Item[], before: State): State {
    return items.reduce<State>((state, item) => this.afterItem(item, state), before);
  }

  private afterItem(item: Item, before: State): State {
    switch (item.kind) {
      case 'node':
        return this.runNode(item, before);
      case 'copy':
        return this.runCopy(item, before);
      case 'if':
        return this.runBranches(item, before);
      case 'loop':
        return this.runLoop(item, before);
    }
  }

  private runCopy({ at, from, to, offsetBytes }: CopyItem, before: State): State {
    const step = `step ${at} (copy)`;
    this.expect(before, from, step);
    this.expectOurs(to, step);
    const held = this.sourcesOf(from);
    // Rooms for results and the temporaries of loops are in no graph: they are what they are copied from.
    if (!this.ofGraphs.has(to)) this.sources.set(to, held);
    return put(before, this.rangeOf(to, from.type, offsetBytes), held);
  }

  private runNode(item: NodeItem, before: State): State {
    const { node } = item;
    const call = this.calls.get(item) ?? fail('internal', 'an item without kernel');
    const step = `step ${item.at} (${node.op})`;
    const read = readsOf(node, call);
    for (const value of read) this.expect(before, value, step);
    this.checkApart(item, call, read, step);
    let state = before;
    for (const value of presentOutputs(node)) {
      this.expectOurs(value, step);
      state = this.write(state, value);
    }
    const scratch = this.scratchOf(item, call);
    return scratch === undefined ? state : cutOut(state, scratch);
  }

  /** Results may lie on an input only where the kernel allows it; scratch lies on nothing that the step uses. */
  private checkApart(item: NodeItem, call: KernelCall, read: readonly Value[], step: string): void {
    const { node } = item;
    const allowed = [...(call.inPlace ?? []), ...(overwritesInput(node) ? [{ input: 0, output: 0 }] : [])];
    const reads = read.filter((value) => this.isPlaced(value));
    const results = presentOutputs(node);
    const scratch = this.scratchOf(item, call);
    for (const [k, result] of results.entries()) {
      const range = this.rangeOf(result);
      for (const value of reads) {
        const own = this.rangeOf(value);
        const isAllowed = allowed.some(
          (pair) => node.inputs[pair.input] === value && node.outputs[pair.output] === result,
        );
        if (rangesMeet(own, range) && !(isAllowed && own.start === range.start && own.end === range.end))
          fail('internal', `${step} writes ${result.name} over ${value.name} while it reads that`);
      }
      const other = results.slice(0, k).find((earlier) => rangesMeet(this.rangeOf(earlier), range));
      if (other !== undefined) fail('internal', `${step} writes ${result.name} over ${other.name}`);
    }
    if (scratch === undefined) return;
    const used = [...reads, ...results].find((value) => rangesMeet(this.rangeOf(value), scratch));
    if (used !== undefined) fail('internal', `${step} has ${used.name} in its scratch buffer`);
  }

  private scratchOf(item: Item, call: KernelCall): ByteRange | undefined {
    const start = this.places.offsets.get(item);
    if (start === undefined) return undefined;
    const memory = call.device === true ? 'device' : 'host';
    return { memory, start, end: start + this.places.scratchBytesOf(item, call) };
  }

  private runBranches({ node, at, yes, no }: IfItem, before: State): State {
    const step = `step ${at} (${node.op})`;
    for (const value of presentInputs(node).slice(0, 1)) this.expect(before, value, step);
    const ends = [yes, no].map((items, k) => {
      const state = this.walk(items, before);
      return this.takeOver(state, node.regions?.[k]?.graph.outputs.map(({ value }) => value) ?? [], node.outputs, step);
    });
    return ends.reduce(union);
  }

  private runLoop({ node, at, body }: LoopItem, before: State): State {
    const step = `step ${at} (${node.op})`;
    const variables = loopVariables(node);
    const [limit] = node.inputs;
    if (limit !== undefined) this.expect(before, limit, step);
    const results = loopBody(node).outputs.map(({ value }) => value);
    const entry = this.takeOver(before, node.inputs.slice(1), variables, step);
    const first = union(entry, this.takeOver(this.walk(body, entry), results, variables, step));
    return union(first, this.takeOver(this.walk(body, first), results, variables, step));
  }

  /** From now on the bytes of each value, which must be those of the merged value, hold the merged one. */
  private takeOver(
    before: State,
    values: readonly (Value | undefined)[],
    merged: readonly (Value | undefined)[],
    step: string,
  ): State {
    const pairs = merged.flatMap((into, i) => {
      const value = values[i];
      return into === undefined || value === undefined ? [] : [{ into, value }];
    });
    for (const { into, value } of pairs) this.expectAt(before, this.rangeOf(into, value.type), value, step);
    return pairs.reduce<State>((state, { into }) => this.write(state, into), before);
  }
}

function put(state: State, range: ByteRange, holds: ReadonlySet<Value>): State {
  return [...cutOut(state, range), { ...range, holds }];
}

/** Either state may hold. */
function union(a: State, b: State): State {
  return [...a, ...b.filter((segment) => !a.includes(segment))];
}
