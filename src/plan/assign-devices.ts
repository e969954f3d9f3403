// Placement for targets with a device: which operator runs where. The net's own `device_option` comes first. Purpose: give each node the memory and layout its kernel
// wants, with as few copies as possible. Walks the nodes once: an operator that has a kernel for the device goes there
// when the kernel demands it or when most of its input already is there; the rest stays on the host. The inputs of the
// net count as being in both memories. Each value is copied or converted at most once per form, and a reshape is repeated
// in each memory rather than its result copied. What control flow decides on, and what it gives, is on the host; branches capture
// values in the forms that they read.
//
// A value has up to three forms: on the host, on the device row-major (plain), and on the device as an image: channels
// last, rounded up to a multiple of 8, which is the blocked layout with one block.

import { fail } from '../errors.js';
import { dimEquals, dimMax, shapeEquals } from '../ir/dim.js';
import {
  type Attrs,
  epilogueOperands,
  type Graph,
  type Node,
  operatorInputs,
  presentInputs,
  presentOutputs,
  type Value,
} from '../ir/graph.js';
import { maxSizeBytes, type TensorType } from '../ir/type.js';
import { opDef } from '../ops/define.js';
import type { KernelRequest, KernelTarget } from '../ops/kernel-call.js';
import { onDevice, onHost } from '../ops/operators/transfer.js';
import { FreshNames } from './fresh-names.js';
import { kChannelMultiple } from './kernels/device/image.js';
import { regionsToCheck } from './kernels/device/regions.js';
import { deviceFormsOf } from './kernels/device/table.js';
import { type Form, outputType, roundUpTo } from './kernels/kernel.js';
import { viewChannels } from './view-channels.js';

/** The graph with memories and layouts in its types and copies and conversions between them. */
export function assignDevices(graph: Graph, target: KernelTarget, useImages: boolean): Graph {
  return new DeviceAssigner(graph, target, useImages, new FreshNames(graph)).run();
}

/** A captured value inside a branch, in the memory of the device, as far as it is there outside. */
interface Captured {
  readonly plain?: Value;
  readonly image?: Value;
}

class DeviceAssigner {
  private readonly nodes: Node[] = [];
  private readonly host = new Map<Value, Value>();
  private readonly plain = new Map<Value, Value>();
  private readonly image = new Map<Value, Value>();
  /** Reshapes, repeated in each memory that asks for their result. */
  private readonly reshapes = new Map<Value, Node>();
  private readonly inputs: ReadonlySet<Value>;

  constructor(
    private readonly graph: Graph,
    private readonly target: KernelTarget,
    private readonly useImages: boolean,
    private readonly names: FreshNames,
    /** Of a region; the outermost graph has none. */
    private readonly captured?: ReadonlyMap<Value, Captured>,
  ) {
    this.inputs = new Set(graph.inputs.map(({ value }) => value));
    for (const value of this.inputs) this.host.set(value, value);
    for (const [value, { plain, image }] of captured ?? []) {
      if (plain !== undefined) this.plain.set(value, plain);
      if (image !== undefined) this.image.set(value, image);
    }
  }

  private get isOutermost(): boolean {
    return this.captured === undefined;
  }

  run(): Graph {
    for (const node of this.graph.nodes) this.assign(node);
    const outputs = this.graph.outputs.map(({ name, value }) => ({ name, value: this.leave(value) }));
    return viewChannels({ ...this.graph, nodes: this.nodes, outputs }, this.names);
  }

  private assign(node: Node): void {
    const [result] = node.outputs;
    const isAlone = node.outputs.slice(1).every((value) => value === undefined);
    if (opDef(node.op).view === 'reshape' && node.epilogue === undefined && isAlone && result !== undefined) {
      this.reshapes.set(result, node);
      return;
    }
    if (node.op === 'If') {
      this.pushBranches(node);
      return;
    }
    const form = node.regions === undefined && node.origin.device !== 'cpu' ? this.choose(node) : undefined;
    if (form === undefined) this.pushHost(node);
    else this.pushDevice(node, form);
  }

  /** The form in which the node runs on the device; undefined: it stays on the host. */
  private choose(node: Node): Form | undefined {
    const request: KernelRequest = {
      node,
      target: this.target,
      constant: (value) => (value === undefined ? undefined : this.graph.constants.get(value)),
    };
    const read = presentInputs(node).filter((value) => !this.isConstant(value));
    const bytes = (isThere: (value: Value) => boolean): number =>
      read.filter(isThere).reduce((sum, { type }) => sum + Math.max(1, maxSizeBytes(type)), 0);
    const there = bytes((value) => this.isOnDevice(value));
    const follows = node.origin.device === 'gpu' || (there > 0 && 2 * there >= bytes(() => true));
    const forms = deviceFormsOf(request);
    for (const form of forms) {
      const usesImages = form.blockedOutput || form.blockedInputs.length > 0;
      if (usesImages && !this.useImages) continue;
      if (form.demand) return form;
      if (!follows) continue;
      const wanted = new Set(form.blockedInputs.map((i) => operatorInputs(node)[i]));
      const isImage = (value: Value): boolean => this.image.has(value);
      const images = bytes((value) => wanted.has(value) && isImage(value));
      if (!usesImages || (images > 0 && images >= bytes((value) => wanted.has(value) && !isImage(value)))) return form;
    }
    // A conversion on the device is less than a way to the host.
    return follows && this.useImages ? forms[0] : undefined;
  }

  private isConstant(value: Value): boolean {
    return this.graph.constants.has(value);
  }

  /** Made there, or an input of the net, or either of them reshaped. */
  private isOnDevice(value: Value): boolean {
    const [reshaped] = this.reshapes.get(value)?.inputs ?? [];
    if (reshaped !== undefined) return this.isOnDevice(reshaped);
    const isInput = this.isOutermost && this.inputs.has(value);
    return isInput || this.plain.has(value) || this.image.has(value);
  }

  // ---- nodes -------------------------------------------------------------------------------------------------------

  private pushHost(node: Node): void {
    const regions = node.regions?.map((region) => ({
      ...region,
      graph: this.assignRegion(region.graph, new Map()),
    }));
    for (const value of node.outputs) if (value !== undefined) this.host.set(value, value);
    const inputs = node.inputs.map((value) => (value === undefined ? undefined : this.hostOf(value)));
    this.nodes.push({ ...node, inputs, ...(regions === undefined ? {} : { regions }) });
  }

  private assignRegion(graph: Graph, captured: ReadonlyMap<Value, Captured>): Graph {
    return new DeviceAssigner(graph, this.target, this.useImages, this.names, captured).run();
  }

  /** An If, whose branches capture each value in the forms that either of them reads. */
  private pushBranches(node: Node): void {
    const [condition, ...outer] = node.inputs;
    const inner = (node.regions ?? []).map((region) => region.graph.inputs.map(({ value }) => value));
    const captured = inner.map((values) => new Map(values.map((value, i) => [value, this.captureOf(outer[i], value)])));
    const graphs = (node.regions ?? []).map(({ graph }, k) => this.assignRegion(graph, captured[k] ?? new Map()));
    const read = graphs.map((graph) => valuesRead(graph));
    const inputs: Value[] = [];
    const places = graphs.map((): Value[] => []);
    const capture = (formOf: (value: Value) => Value, inside: readonly (Value | undefined)[], value: Value): void => {
      if (!inside.some((own, k) => own !== undefined && read[k]?.has(own) === true)) return;
      inputs.push(formOf(value));
      inside.forEach((own, k) => void places[k]?.push(own ?? fail('internal', `${value.name} is not captured`)));
    };
    outer.forEach((value, i) => {
      if (value === undefined) return;
      const own = inner.map((values) => values[i]);
      const forms = own.map((each, k) => (each === undefined ? undefined : captured[k]?.get(each)));
      capture((each) => this.hostOf(each), own, value);
      capture(
        (each) => this.plainOf(each),
        forms.map((form) => form?.plain),
        value,
      );
      capture(
        (each) => this.imageOf(each),
        forms.map((form) => form?.image),
        value,
      );
    });
    for (const value of presentOutputs(node)) this.host.set(value, value);
    const regions = (node.regions ?? []).map((region, k) => ({
      ...region,
      graph: {
        ...(graphs[k] ?? region.graph),
        inputs: (places[k] ?? []).map((value) => ({ value, optional: false })),
      },
    }));
    this.nodes.push({ ...node, inputs: [condition && this.hostOf(condition), ...inputs], regions });
  }

  /** What a branch gets for a captured value that the device has. */
  private captureOf(outer: Value | undefined, inside: Value): Captured {
    const form = (made: Value | undefined, suffix: string): Value | undefined =>
      made && { name: this.names.fresh(`${inside.name}.${suffix}`), type: made.type };
    const plain = outer && form(this.plain.get(outer), 'plain');
    const image = outer && form(this.image.get(outer), 'image');
    return { ...(plain === undefined ? {} : { plain }), ...(image === undefined ? {} : { image }) };
  }

  private pushDevice(node: Node, form: Form): void {
    const own = operatorInputs(node).map((value, i) => {
      if (value === undefined) return undefined;
      if (regionsToCheck(node) === i) return this.checkedRegions(node, value);
      return form.blockedInputs.includes(i) ? this.imageOf(value) : this.plainOf(value);
    });
    const result = node.outputs[0] === undefined ? undefined : outputType(node);
    const operands = epilogueOperands(node).map((value) => {
      const isFull = result !== undefined && shapeEquals(value.type.shape, result.shape) && !this.isConstant(value);
      return form.blockedOutput && isFull ? this.imageOf(value) : this.plainOf(value);
    });
    const outputs = node.outputs.map((value, i) => {
      if (value === undefined) return undefined;
      const isImage = form.blockedOutput && (i === 0 || form.allOutputs === true);
      const made: Value = { name: value.name, type: isImage ? this.imageType(value.type) : onDevice(value.type) };
      (isImage ? this.image : this.plain).set(value, made);
      return made;
    });
    this.nodes.push({ ...node, inputs: [...own, ...operands], outputs });
  }

  /** Regions of interest in the memory of the device, after the host has looked at the images that they name. */
  private checkedRegions(node: Node, regions: Value): Value {
    const [images] = node.inputs;
    const checked: Value = { name: this.names.fresh(`${regions.name}.checked`), type: onHost(regions.type) };
    const inputs = [this.hostOf(regions), images && this.imageOf(images)];
    this.nodes.push({ op: 'CheckRegions', inputs, attrs: {}, outputs: [checked], origin: node.origin });
    this.host.set(checked, checked);
    return this.plainOf(checked);
  }

  // ---- forms of values ---------------------------------------------------------------------------------------------

  private hostOf(value: Value): Value {
    if (this.isConstant(value)) return value;
    const known = this.host.get(value);
    if (known !== undefined) return known;
    const reshape = this.reshapes.get(value);
    if (reshape !== undefined) return this.repeat(reshape, value, this.host, (input) => this.hostOf(input));
    const from = this.plainOf(value);
    return this.convert('ToHost', from, onHost(value.type), `${value.name}.host`, this.host, value);
  }

  private plainOf(value: Value): Value {
    if (this.isConstant(value)) return value;
    const known = this.plain.get(value);
    if (known !== undefined) return known;
    const reshape = this.reshapes.get(value);
    if (reshape !== undefined) return this.repeat(reshape, value, this.plain, (input) => this.plainOf(input));
    const type = onDevice(value.type);
    const image = this.image.get(value);
    if (image !== undefined)
      return this.convert('ToPlain', image, type, `${value.name}.plain`, this.plain, value, blockOf(image.type));
    const from = this.host.get(value) ?? fail('internal', `value ${value.name} is read before it is made`);
    return this.convert('ToDevice', from, type, `${value.name}.device`, this.plain, value);
  }

  private imageOf(value: Value): Value {
    const known = this.image.get(value);
    if (known !== undefined) return known;
    const type = this.imageType(value.type);
    const reshape = this.reshapes.get(value);
    const [whole] = reshape?.inputs ?? [];
    if (reshape !== undefined && whole !== undefined && this.image.has(whole) && isOnePixel(whole, value)) {
      const made: Value = { name: this.names.fresh(`${value.name}.image`), type };
      this.nodes.push({ ...reshape, inputs: [this.imageOf(whole)], outputs: [made] });
      this.image.set(value, made);
      return made;
    }
    return this.convert(
      'ToBlocked',
      this.plainOf(value),
      type,
      `${value.name}.image`,
      this.image,
      value,
      blockOf(type),
    );
  }

  /** The reshape once more, on a form of its input. */
  private repeat(node: Node, value: Value, forms: Map<Value, Value>, formOf: (input: Value) => Value): Value {
    const [whole, ...others] = node.inputs;
    const from = whole === undefined ? fail('internal', `${node.op} reshapes nothing`) : formOf(whole);
    const type = from.type.memory === 'device' || forms === this.plain ? onDevice(value.type) : onHost(value.type);
    const isFirst = !this.host.has(value) && !this.plain.has(value);
    const made: Value = { name: isFirst ? value.name : this.names.fresh(`${value.name}.copy`), type };
    forms.set(value, made);
    const rest = others.map((other) => (other === undefined ? undefined : this.hostOf(other)));
    this.nodes.push({ ...node, inputs: [from, ...rest], outputs: [made] });
    return made;
  }

  private convert(
    op: string,
    from: Value,
    type: TensorType,
    name: string,
    forms: Map<Value, Value>,
    value: Value,
    attrs: Attrs = {},
  ): Value {
    const made: Value = { name: this.names.fresh(name), type };
    const origin = { opIndex: '', opType: '', opName: '', blob: from.name };
    this.nodes.push({ op, inputs: [from], attrs, outputs: [made], origin });
    forms.set(value, made);
    return made;
  }

  /** The image form of a tensor [n, c, ...]. */
  private imageType(type: TensorType): TensorType {
    const [, channels = 1] = type.shape;
    const block = roundUpTo(dimMax(channels), kChannelMultiple);
    const isHalf = this.target.device?.precision === 'fp16';
    return {
      ...type,
      layout: { kind: 'blocked', block },
      memory: 'device',
      ...(isHalf ? { storage: 'f16' } : {}),
    };
  }

  /** A result of the graph. What the device made is copied from there at the end of a run, whatever else was done with it. */
  private leave(value: Value): Value {
    if (this.isConstant(value)) return value;
    if (!this.isOutermost || (!this.plain.has(value) && !this.image.has(value) && !this.leavesReshaped(value)))
      return this.hostOf(value);
    const from = this.plainOf(value);
    return this.convert('ToHost', from, onHost(value.type), `${value.name}.out`, new Map(), value, { exit: true });
  }

  private leavesReshaped(value: Value): boolean {
    const [reshaped] = this.reshapes.get(value)?.inputs ?? [];
    if (reshaped === undefined || this.isConstant(reshaped)) return false;
    return this.plain.has(reshaped) || this.image.has(reshaped) || this.leavesReshaped(reshaped);
  }
}

/** All values that nodes read, what their regions capture included, and the results. */
function valuesRead(graph: Graph): ReadonlySet<Value> {
  const read = new Set(graph.outputs.map(({ value }) => value));
  for (const node of graph.nodes) for (const value of presentInputs(node)) read.add(value);
  return read;
}

/** Both have the same channels and one pixel, so their images are the same bytes. */
function isOnePixel(a: Value, b: Value): boolean {
  const [n, c] = a.type.shape;
  const isSingle = (value: Value): boolean => value.type.shape.slice(2).every((dim) => dim === 1);
  const [m, d] = b.type.shape;
  if (n === undefined || c === undefined || m === undefined || d === undefined) return false;
  return dimEquals(n, m) && dimEquals(c, d) && isSingle(a) && isSingle(b);
}

function blockOf({ layout }: TensorType): Attrs {
  return layout.kind === 'blocked' ? { block: layout.block } : fail('internal', 'no image');
}
