// Concatenations, splits and slices of channels on the device. Purpose: no copies. A piece of a concatenation is made in its place
// in the image of all channels, a part of a split is read from there: both get the pitch of that image. A copy to a place, or out of
// one, is left where a value cannot be there: it has two places, or somebody reads it who knows dense images alone (fused operands,
// reshapes). Needs: memories and layouts are assigned. Gives: nodes that views.ts takes for views.

import { fail } from '../errors.js';
import { type Graph, type Node, presentInputs, presentOutputs, type Value } from '../ir/graph.js';
import type { TensorType } from '../ir/type.js';
import { opDef } from '../ops/define.js';
import type { FreshNames } from './fresh-names.js';
import { isImageRangeView } from './image-ranges.js';

/** The graph with pitches in the types of images that are ranges of the channels of wider ones. */
export function viewChannels(graph: Graph, names: FreshNames): Graph {
  return new ChannelViewer(graph, names).run();
}

class ChannelViewer {
  private readonly pitches = new Map<Value, number>();
  private readonly makers = new Map<Value, Node>();
  private readonly readers = new Map<Value, Node[]>();
  /** Which inputs of each concatenation are made in their places. */
  private readonly placed = new Map<Node, ReadonlySet<number>>();
  private readonly renewed = new Map<Value, Value>();
  private readonly dense = new Map<Value, Value>();
  private readonly nodes: Node[] = [];

  constructor(
    private readonly graph: Graph,
    private readonly names: FreshNames,
  ) {
    for (const node of graph.nodes) {
      for (const value of presentOutputs(node)) this.makers.set(value, node);
      for (const value of new Set(presentInputs(node))) {
        this.readers.set(value, [...(this.readers.get(value) ?? []), node]);
      }
    }
  }

  run(): Graph {
    const ranges = this.graph.nodes.filter(isImageRangeView);
    if (ranges.length === 0) return this.graph;
    // The outermost of nested concatenations comes last and decides; parts follow what they are cut from.
    for (const node of [...ranges].reverse()) if (node.op === 'Concat') this.placePieces(node);
    for (const node of ranges) if (node.op !== 'Concat') this.placeParts(node);
    for (const node of this.graph.nodes) this.rebuild(node);
    return { ...this.graph, nodes: this.nodes };
  }

  private placePieces(node: Node): void {
    const pitch = this.pitchOf(node.outputs[0]);
    const indices = new Set<number>();
    node.inputs.forEach((piece, i) => {
      if (piece === undefined || this.pitches.has(piece) || !this.canBePlaced(piece)) return;
      this.pitches.set(piece, pitch);
      indices.add(i);
    });
    this.placed.set(node, indices);
  }

  /** Its kernel can write it anywhere, and all who read it can read it there. */
  private canBePlaced(piece: Value): boolean {
    const maker = this.makers.get(piece);
    if (maker === undefined || isReshape(maker) || (isImageRangeView(maker) && maker.op !== 'Concat')) return false;
    return (this.readers.get(piece) ?? []).every((reader) => !wantsDense(reader, piece));
  }

  private placeParts(node: Node): void {
    const pitch = this.pitchOf(node.inputs[0]);
    for (const part of presentOutputs(node)) this.pitches.set(part, pitch);
  }

  private pitchOf(image: Value | undefined): number {
    if (image === undefined) return fail('internal', 'channels of nothing');
    const { layout } = image.type;
    return this.pitches.get(image) ?? (layout.kind === 'blocked' ? layout.block : fail('internal', 'no image'));
  }

  private rebuild(node: Node): void {
    const pieces = this.placed.get(node);
    const inputs = node.inputs.map((value, i) => {
      if (value === undefined) return undefined;
      if (pieces !== undefined)
        return pieces.has(i) ? this.renew(value) : this.copy(value, this.pitchOf(node.outputs[0]));
      return wantsDense(node, value) ? this.denseOf(value) : this.renew(value);
    });
    this.nodes.push({ ...node, inputs, outputs: node.outputs.map((value) => value && this.renew(value)) });
  }

  /** The value with its pitch in its type. */
  private renew(value: Value): Value {
    const pitch = this.pitches.get(value);
    if (pitch === undefined) return value;
    const known = this.renewed.get(value) ?? { ...value, type: withPitch(value.type, pitch) };
    this.renewed.set(value, known);
    return known;
  }

  private denseOf(value: Value): Value {
    if (!this.pitches.has(value)) return value;
    const known = this.dense.get(value) ?? this.copy(value, undefined);
    this.dense.set(value, known);
    return known;
  }

  private copy(value: Value, pitch: number | undefined): Value {
    const { type } = value;
    const made: Value = {
      name: this.names.fresh(`${value.name}.copy`),
      type: pitch === undefined ? type : withPitch(type, pitch),
    };
    const block = type.layout.kind === 'blocked' ? type.layout.block : fail('internal', 'no image');
    const origin = { opIndex: '', opType: '', opName: '', blob: value.name };
    this.nodes.push({ op: 'ToBlocked', inputs: [this.renew(value)], attrs: { block }, outputs: [made], origin });
    return made;
  }
}

function isReshape({ op }: Node): boolean {
  return opDef(op).view === 'reshape';
}

/** The node reads the value as a dense image: fused operands by their place in the result, reshapes as bytes, branches by its type. */
function wantsDense(node: Node, value: Value): boolean {
  const own = node.inputs.length - (node.epilogue?.operands ?? 0);
  return isReshape(node) || node.regions !== undefined || node.inputs.slice(own).includes(value);
}

function withPitch(type: TensorType, pitch: number): TensorType {
  const { layout } = type;
  if (layout.kind !== 'blocked') return fail('internal', 'no image');
  return pitch === layout.block ? type : { ...type, layout: { ...layout, pitch } };
}
