// Puts a linear net, its kernels and its memory together into a Program: a place for each operand, packed weights, steps and
// layers, the symbols whose values are known at run time only.

import { fail } from '../errors.js';
import { type DimSymbol, dimEquals, dimSymbols, isStatic, shapeEquals } from '../ir/dim.js';
import { type Graph, type Node, type Origin, presentInputs, presentOutputs, type Value } from '../ir/graph.js';
import { getNumber } from '../ir/tensor.js';
import { maxSizeBytes, type TensorType } from '../ir/type.js';
import type { KernelCall, KernelTarget } from '../ops/kernel-call.js';
import { type ArenaRegion, locateArena } from './arena-regions.js';
import { checkContents } from './check-contents.js';
import { describeEpilogue, describeTile, describeType } from './describe.js';
import type { CopyItem, IfItem, Item, LoopItem, NodeItem } from './items.js';
import type { SelectedKernel } from './kernels/table.js';
import { type Calls, mergeInPlace, readsOf } from './lifetimes.js';
import type { Linear } from './linearize.js';
import { variantSymbol, withOutputShapes } from './output-shapes.js';
import { kMinPartBytes, kMinPartMacs } from './parts.js';
import { type MemoryPlan, planMemory, scratchBytesOfPart } from './plan-memory.js';
import type {
  KernelStep,
  Layer,
  Operand,
  Place,
  Program,
  ProgramInput,
  ProgramOutput,
  ProgramSymbol,
  Step,
} from './program.js';
import { constantTensor } from './select-kernels.js';
import { WeightLayout } from './weights.js';
import { bytesOfNode, macsOf } from './work.js';

export interface PlanOptions {
  readonly target: KernelTarget;
  /** Blocked layouts, views and in-place results; off: every operator is a row-major step of its own. */
  readonly optimize: boolean;
  /** Operators of the net as published, for introspection. */
  readonly opCount: number;
  /** Memory that the arena may use, fastest first; none: one piece without limit. */
  readonly arenaRegions?: readonly ArenaRegion[];
}

export class Planner {
  private readonly weights = new WeightLayout();
  private readonly layers: Layer[] = [];
  private readonly symbols = new Map<string, DimSymbol>();
  private readonly inputIndex: ReadonlyMap<Value, number>;
  private readonly outputIndex: ReadonlyMap<Value, number>;
  private readonly memory: MemoryPlan;
  private readonly rawConstants = new Set<Value>();

  constructor(
    private readonly graph: Graph,
    private readonly linear: Linear,
    private readonly calls: Calls,
    private readonly options: PlanOptions,
  ) {
    this.inputIndex = new Map(graph.inputs.map(({ value }, i) => [value, i]));
    this.outputIndex = new Map(linear.outputRoots.map((root, i) => [root, i]));
    const isFixed = (root: Value): boolean => this.inputIndex.has(root) || this.linear.constants.has(root);
    const lifetimes = this.options.optimize
      ? mergeInPlace(this.linear, this.calls, isFixed)
      : mergeInPlace(
          this.linear,
          new Map([...this.calls].map(([item, call]) => [item, { ...call, inPlace: [] }])),
          isFixed,
        );
    this.memory = planMemory(graph, linear, calls, lifetimes, {
      regions: options.arenaRegions ?? [],
      partsOf: (item, call) => this.partsOf(item, call),
    });
    checkContents(graph, linear, calls, {
      offsets: this.memory.offsets,
      scratchBytesOf: (item, call) => scratchBytesOfPart(call) * this.partsOf(item, call),
    });
  }

  run(): Program {
    const { host, device } = this.memory;
    this.collectSymbols();
    const known = new Set(
      this.graph.inputs.flatMap(({ value }) => value.type.shape.flatMap(dimSymbols)).map((s) => s.name),
    );
    const steps = this.steps(this.linear.items);
    return {
      name: this.graph.name,
      symbols: [...this.symbols.values()].map(({ name, min, max }): ProgramSymbol => ({ name, min, max })),
      inputs: this.graph.inputs.map((input) => this.programInput(input)),
      outputs: this.graph.outputs.map((output, i) => this.programOutput(output.name, output.value, i)),
      layers: this.layers,
      steps: withOutputShapes(steps, this.graph, this.linear.storage, known),
      weights: this.weights.weights,
      weightBytes: this.weights.sizeBytes,
      rawWeightBytes: [...this.rawConstants].reduce((sum, value) => sum + maxSizeBytes(value.type), 0),
      arena: host.entries,
      arenaBytes: host.sizeBytes,
      arenaParts: host.parts,
      arenaBoundBytes: host.boundBytes,
      arenaStrategy: host.strategy,
      ...(device === undefined ? {} : { deviceArena: device }),
      opCount: this.options.opCount,
      threads: this.options.target.threads,
      vectorFloats: this.options.target.vectorFloats,
    };
  }

  // ---- places ------------------------------------------------------------------------------------------------------

  private operand(value: Value, extraBytes = 0): Operand {
    const { root, offsetBytes } = this.linear.storage.locate(value);
    return { place: this.place(root, offsetBytes + extraBytes), type: value.type, name: value.name };
  }

  private place(root: Value, offsetBytes: number): Place {
    const output = this.outputIndex.get(root);
    // A captured copy between host and device has its places for good: results leave from the arena.
    if (output !== undefined && this.memory.device === undefined) return { kind: 'output', index: output, offsetBytes };
    const input = this.inputIndex.get(root);
    if (input !== undefined) return { kind: 'input', index: input, offsetBytes };
    const constant = this.linear.constants.get(root)?.constants.get(root);
    if (constant !== undefined) {
      if (constant.dtype === 'str') {
        return fail('unsupported', 'compiled code has no strings: none can be an output or an input of a kernel', {
          where: { blob: root.name },
        });
      }
      this.rawConstants.add(root);
      return { kind: 'weight', offsetBytes: this.weights.add(constant, root.name) + offsetBytes };
    }
    const arena = this.memory.offsets.get(root) ?? fail('internal', `value ${root.name} has no place`);
    const at = this.inArena(arena, root.type.memory === 'device');
    return { kind: 'arena', part: at.part, offsetBytes: at.offsetBytes + offsetBytes };
  }

  /** A device's arena has one part. */
  private inArena(offsetBytes: number, isOnDevice: boolean): ReturnType<typeof locateArena> {
    return isOnDevice ? { part: 0, offsetBytes } : locateArena(this.memory.host.parts, offsetBytes);
  }

  private programInput(input: Graph['inputs'][number]): ProgramInput {
    const arena = this.memory.offsets.get(input.value);
    const { value, optional } = input;
    const entry = this.linear.entries.get(value);
    return {
      name: value.name,
      type: value.type,
      optional,
      ...(arena === undefined ? {} : { arenaOffsetBytes: arena }),
      ...(entry === undefined ? {} : { deviceOffsetBytes: this.offsetOf(entry) }),
    };
  }

  private programOutput(name: string, value: Value, i: number): ProgramOutput {
    const root = this.linear.outputRoots[i] ?? fail('internal', `output ${name} has no storage`);
    const exit = this.linear.exits.get(value);
    return {
      name,
      type: value.type,
      arenaOffsetBytes: this.memory.offsets.get(root) ?? fail('internal', `output ${name} has no room`),
      ...(exit === undefined ? {} : { deviceOffsetBytes: this.offsetOf(exit) }),
    };
  }

  private offsetOf(value: Value): number {
    const { root, offsetBytes } = this.linear.storage.locate(value);
    return offsetBytes + (this.memory.offsets.get(root) ?? fail('internal', `value ${value.name} has no place`));
  }

  // ---- steps -------------------------------------------------------------------------------------------------------

  private steps(items: readonly Item[]): Step[] {
    return items.flatMap((item): readonly Step[] => {
      if (item.kind === 'if') return [this.branch(item)];
      if (item.kind === 'loop') return [this.loop(item)];
      const call = this.calls.get(item) ?? fail('internal', 'an item without kernel');
      return [item.kind === 'copy' ? this.copyStep(item, call) : this.kernelStep(item, call)];
    });
  }

  private branch(item: IfItem): Step {
    const condition = item.node.inputs[0] ?? fail('internal', 'If without condition');
    const [yes, no] = [item.yes, item.no].map((items, k) => {
      const steps = this.steps(items);
      const region = item.node.regions?.[k]?.graph;
      if (region !== undefined) steps.push(...this.bindings(item.node, region));
      return steps;
    });
    return { kind: 'if', origin: item.node.origin, condition: this.operand(condition), yes: yes ?? [], no: no ?? [] };
  }

  private loop(item: LoopItem): Step {
    const { node } = item;
    const [limit] = node.inputs;
    const [condition] = node.outputs;
    const known = limit === undefined ? undefined : constantTensor(this.linear, limit);
    const count = known === undefined ? undefined : getNumber(known, 0);
    return {
      kind: 'loop',
      origin: node.origin,
      ...(limit === undefined ? {} : { limit: count ?? this.operand(limit) }),
      ...(condition === undefined || node.attrs['conditional'] !== true ? {} : { condition: this.operand(condition) }),
      body: this.steps(item.body),
    };
  }

  /** What a branch tells about the sizes of the If's outputs. */
  private bindings(node: Node, region: Graph): readonly Step[] {
    const bound = new Set<string>();
    const steps: Step[] = [];
    const bind = (
      symbol: DimSymbol,
      value: number | (typeof region.outputs)[number]['value']['type']['shape'][number],
    ): void => {
      if (bound.has(symbol.name)) return;
      bound.add(symbol.name);
      this.symbols.set(symbol.name, symbol);
      steps.push({ kind: 'bind', symbol: symbol.name, value });
    };
    region.outputs.forEach(({ value: made }, j) => {
      const merged = node.outputs[j];
      if (merged === undefined) return;
      const variants = merged.type.variants;
      if (variants !== undefined) {
        const which = variants.findIndex((shape) => shapeEquals(shape, made.type.shape));
        bind(variantSymbol(merged), which);
        return;
      }
      merged.type.shape.forEach((dim, axis) => {
        const own = made.type.shape[axis];
        if (isStatic(dim) || own === undefined || dimEquals(dim, own)) return;
        const [symbol] = dimSymbols(dim);
        if (symbol !== undefined) bind(symbol, own);
      });
    });
    return steps;
  }

  private copyStep(item: CopyItem, call: SelectedKernel): KernelStep {
    const origin: Origin = { opIndex: '', opType: 'Copy', opName: '', blob: item.to.name };
    const from = this.operand(item.from);
    const to = { ...this.operand(item.to, item.offsetBytes), type: item.from.type };
    const layer = this.addLayer({
      origin,
      op: 'Copy',
      kernel: call.kernel,
      tile: '',
      signature: '',
      at: item.at,
      reads: [item.from.name],
      writes: [item.to.name],
      type: describeType(item.from.type),
      macs: 0,
      bytes: 2 * maxSizeBytes(item.from.type),
      fused: '',
      isOnDevice: call.device === true,
    });
    return {
      kind: 'kernel',
      layer,
      call,
      inputs: [from],
      outputs: [to],
      packsBytes: [],
      parts: this.partsOf(item, call),
    };
  }

  private kernelStep(item: NodeItem, call: SelectedKernel): KernelStep {
    const { node } = item;
    const read = new Set(readsOf(node, call));
    const packsBytes = (call.packs ?? []).map((tensor, k) =>
      this.weights.add(tensor, `${node.outputs[0]?.name ?? node.op}.pack${k}`),
    );
    for (const value of presentInputs(node)) if (this.linear.constants.has(value)) this.rawConstants.add(value);
    const first = presentOutputs(node)[0];
    const layer = this.addLayer({
      origin: node.origin,
      op: node.op,
      kernel: call.kernel,
      tile: describeTile(call),
      signature: call.signature ?? '',
      at: item.at,
      reads: presentInputs(node)
        .filter((value) => !this.linear.constants.has(value))
        .map((value) => value.name),
      writes: presentOutputs(node).map((value) => value.name),
      type: first === undefined ? '' : describeType(first.type),
      macs: macsOf(node),
      bytes: bytesOfNode(node),
      fused: node.epilogue === undefined ? '' : describeEpilogue(node.epilogue.expr),
      isOnDevice: call.device === true,
    });
    const scratchOffset = this.memory.offsets.get(item);
    return {
      kind: 'kernel',
      layer,
      call,
      inputs: node.inputs.map((value) => (value === undefined || !read.has(value) ? undefined : this.operand(value))),
      outputs: node.outputs.map((value) => (value === undefined ? undefined : this.operand(value))),
      packsBytes,
      ...(scratchOffset === undefined
        ? {}
        : {
            scratch: {
              ...this.inArena(scratchOffset, call.device === true),
              bytesPerPart: scratchBytesOfPart(call),
            },
          }),
      parts: this.partsOf(item, call),
    };
  }

  private addLayer(layer: Layer): number {
    this.layers.push(layer);
    return this.layers.length - 1;
  }

  private partsOf(item: Item, call: KernelCall): number {
    const macs = item.kind === 'node' ? macsOf(item.node) : 0;
    const bytes =
      item.kind === 'node' ? bytesOfNode(item.node) : item.kind === 'copy' ? 2 * maxSizeBytes(item.from.type) : 0;
    const useful = Math.max(macs / kMinPartMacs, bytes / kMinPartBytes);
    return Math.max(1, Math.min(call.parts, this.options.target.threads, Math.floor(useful)));
  }

  // ---- sizes -------------------------------------------------------------------------------------------------------

  private collectSymbols(): void {
    const addType = (type: TensorType): void => {
      for (const shape of type.variants ?? [type.shape]) {
        for (const symbol of shape.flatMap(dimSymbols)) this.symbols.set(symbol.name, symbol);
      }
    };
    for (const { value } of this.graph.inputs) addType(value.type);
    const visit = (graph: Graph): void => {
      for (const node of graph.nodes) {
        for (const value of presentOutputs(node)) addType(value.type);
        for (const region of node.regions ?? []) visit(region.graph);
      }
    };
    visit(this.graph);
    for (const call of this.calls.values()) {
      for (const arg of call.args) if (arg.kind === 'store-extent') this.symbols.set(arg.symbol.name, arg.symbol);
    }
  }
}
