// Layout assignment. Purpose: put the regions of a graph where blocked kernels live into the channel-blocked layout (and, in those
// precisions, into bf16 or f16), with conversions only at the borders. Walks the nodes once: a kernel that demands its blocked form gets it; one that merely
// supports it follows its inputs. Each value is converted at most once per layout. Regions of control flow stay row-major
// at their borders and are assigned inside.

import { fail } from '../errors.js';
import { dimMax, shapeEquals } from '../ir/dim.js';
import { arithmeticDType } from '../ir/dtype.js';
import { epilogueOperands, type Graph, type Node, operatorInputs, type Value } from '../ir/graph.js';
import { kRowMajor, type Layout, type TensorType } from '../ir/type.js';
import { type BlockedStorage, blockedStorage, type KernelRequest, type KernelTarget } from '../ops/kernel-call.js';
import { FreshNames } from './fresh-names.js';
import { type Form, outputType } from './kernels/kernel.js';
import { formsOf } from './kernels/table.js';

/** The graph with layouts in its types and ToBlocked/ToPlain nodes between regions. */
export function assignLayouts(graph: Graph, target: KernelTarget, names = new FreshNames(graph)): Graph {
  return new LayoutAssigner(graph, target, names).run();
}

class LayoutAssigner {
  private readonly nodes: Node[] = [];
  /** Each old value in its row-major and blocked form, as far as made. */
  private readonly plain = new Map<Value, Value>();
  private readonly blocked = new Map<Value, Value>();
  private readonly storage: BlockedStorage;
  private readonly layout: Layout;

  constructor(
    private readonly graph: Graph,
    private readonly target: KernelTarget,
    private readonly names: FreshNames,
  ) {
    this.storage = blockedStorage(target);
    this.layout = { kind: 'blocked', block: this.storage.block };
    for (const { value } of graph.inputs) this.plain.set(value, value);
    for (const value of graph.constants.keys()) this.plain.set(value, value);
  }

  run(): Graph {
    for (const node of this.graph.nodes) this.assign(node);
    const outputs = this.graph.outputs.map((output) => ({ name: output.name, value: this.plainOf(output.value) }));
    return { ...this.graph, nodes: this.nodes, outputs };
  }

  private assign(node: Node): void {
    const request: KernelRequest = {
      node,
      target: this.target,
      constant: (value) => (value === undefined ? undefined : this.graph.constants.get(value)),
    };
    const form = this.target.vectorFloats > 1 ? this.choose(request) : undefined;
    const regions = node.regions?.map((region) => ({
      ...region,
      graph: assignLayouts(region.graph, this.target, this.names),
    }));
    this.push(node, form, regions);
  }

  /** The form to use: one that demands blocks, else one whose blocked inputs mostly exist already. */
  private choose(request: KernelRequest): Form | undefined {
    for (const form of formsOf(request)) {
      if (form.demand) return form;
      if (form.blockedInputs.length === 0 && !form.blockedOutput) continue;
      const bytes = (isBlocked: boolean): number =>
        form.blockedInputs
          .map((i) => operatorInputs(request.node)[i])
          .filter((value): value is Value => value !== undefined && this.blocked.has(value) === isBlocked)
          .reduce((sum, value) => sum + value.type.shape.reduce<number>((size, dim) => size * dimMax(dim), 1), 0);
      if (bytes(true) > 0 && bytes(true) >= bytes(false)) return form;
    }
    return undefined;
  }

  private push(node: Node, form: Form | undefined, regions: Node['regions']): void {
    const own = operatorInputs(node);
    const inputs = own.map((value, i) => {
      if (value === undefined) return undefined;
      return form?.blockedInputs.includes(i) === true ? this.blockedOf(value) : this.plainOf(value);
    });
    const result = node.outputs[0] === undefined ? undefined : outputType(node);
    const operands = epilogueOperands(node).map((value) => {
      const isFull =
        result !== undefined && shapeEquals(value.type.shape, result.shape) && !this.graph.constants.has(value);
      return form?.blockedOutput === true && isFull ? this.blockedOf(value) : this.plainOf(value);
    });
    const outputs = node.outputs.map((value, i) => {
      if (value === undefined) return undefined;
      if (i === 0 && form?.blockedOutput === true) {
        const made: Value = { name: value.name, type: this.blockedType(value.type) };
        this.blocked.set(value, made);
        return made;
      }
      this.plain.set(value, value);
      return value;
    });
    this.nodes.push({
      ...node,
      inputs: [...inputs, ...operands],
      outputs,
      ...(regions === undefined ? {} : { regions }),
    });
  }

  private plainOf(value: Value): Value {
    const known = this.plain.get(value);
    if (known !== undefined) return known;
    const from = this.blocked.get(value) ?? fail('internal', `value ${value.name} is read before it is made`);
    const type: TensorType = { ...value.type, dtype: arithmeticDType(value.type.dtype), layout: kRowMajor };
    const made: Value = { name: this.names.fresh(`${value.name}.plain`), type };
    this.convert('ToPlain', from, made);
    this.plain.set(value, made);
    return made;
  }

  private blockedOf(value: Value): Value {
    const known = this.blocked.get(value);
    if (known !== undefined) return known;
    const from = this.plain.get(value) ?? fail('internal', `value ${value.name} is read before it is made`);
    const made: Value = { name: this.names.fresh(`${value.name}.blocked`), type: this.blockedType(value.type) };
    this.convert('ToBlocked', from, made);
    this.blocked.set(value, made);
    return made;
  }

  private blockedType(type: TensorType): TensorType {
    return { ...type, dtype: this.storage.dtype, layout: this.layout };
  }

  private convert(op: string, from: Value, to: Value): void {
    const origin = { opIndex: '', opType: '', opName: '', blob: from.name };
    const attrs = { block: this.storage.block, ...(op === 'ToBlocked' ? { dtype: to.type.dtype } : {}) };
    this.nodes.push({ op, inputs: [from], attrs, outputs: [to], origin });
  }
}
