// Which nodes need no kernel because their result is bytes that already exist: reshapes, layout conversions that move
// nothing, slices and splits along the outermost dim that matters, and concats whose pieces can be written in place.

import { fail } from '../errors.js';
import { dimMax, isStatic, type Shape } from '../ir/dim.js';
import { dtypeSizeBytes } from '../ir/dtype.js';
import { type Node, presentInputs, type Value } from '../ir/graph.js';
import { layoutEquals, maxSizeBytes, type TensorType } from '../ir/type.js';
import { opDef } from '../ops/define.js';
import { imageRanges, isImageRange, isImageRangeView } from './image-ranges.js';

/** `value` is the bytes of `of` from offsetBytes on. */
export interface View {
  readonly value: Value;
  readonly of: Value;
  readonly offsetBytes: number;
}

/** The node's outputs as views of its inputs; undefined when it has to compute or copy. */
export function viewsOf(node: Node): readonly View[] | undefined {
  if (node.epilogue !== undefined) return undefined;
  const [input] = node.inputs;
  const [output] = node.outputs;
  if (input === undefined || output === undefined) return undefined;
  if (opDef(node.op).view === 'reshape')
    return onlyOutput(node) ? [{ value: output, of: input, offsetBytes: 0 }] : undefined;
  if ((node.op === 'ToBlocked' || node.op === 'ToPlain') && sameBytesBlocked(input.type, output.type)) {
    return [{ value: output, of: input, offsetBytes: 0 }];
  }
  if (isImageRange(node)) return node.op !== 'Concat' && isImageRangeView(node) ? rangeViews(node, input) : undefined;
  if (node.op === 'Slice') return sliceView(node, input, output);
  if (node.op === 'Split') return splitViews(node, input);
  return undefined;
}

/** Offset of each input of a Concat inside its output, when they lie there one after the other. */
export function concatPieces(node: Node): readonly View[] | undefined {
  const [output] = node.outputs;
  if (node.op !== 'Concat' || output === undefined || !onlyOutput(node)) return undefined;
  if (isImageRange(node)) return isImageRangeView(node) ? rangeViews(node, output) : undefined;
  const axis = Number(node.attrs.axis);
  if (!isOutermost(output.type.shape, axis)) return undefined;
  const inputs = presentInputs(node);
  const pieces: View[] = [];
  let offsetBytes = 0;
  for (const [i, input] of inputs.entries()) {
    if (input.type.shape.length !== output.type.shape.length) return undefined;
    if (!input.type.shape.every(isStatic)) return undefined;
    const { layout } = input.type;
    if (!layoutEquals(layout, output.type.layout)) return undefined;
    const channels = dimMax(input.type.shape[1] ?? 1);
    if (layout.kind === 'blocked' && (axis !== 1 || (channels % layout.block !== 0 && i < inputs.length - 1)))
      return undefined;
    pieces.push({ value: input, of: output, offsetBytes });
    offsetBytes += maxSizeBytes(input.type);
  }
  return pieces;
}

/** Ranges of channels inside the image of all of them, whatever the other dims are: images of the device are channels-last. */
function rangeViews(node: Node, whole: Value): readonly View[] {
  return imageRanges(node).map(({ value, first }) => {
    const { storage, dtype } = value.type;
    return { value, of: whole, offsetBytes: first * dtypeSizeBytes(storage ?? dtype) };
  });
}

function onlyOutput(node: Node): boolean {
  return node.outputs.slice(1).every((value) => value === undefined);
}

/** All dims before `axis` are 1, so a range along `axis` is one contiguous run. */
function isOutermost(shape: Shape, axis: number): boolean {
  return shape.slice(0, axis).every((dim) => dim === 1);
}

/** Blocked and row-major bytes agree: one pixel, and channels in whole blocks. */
function sameBytesBlocked(a: TensorType, b: TensorType): boolean {
  if (a.layout.kind === b.layout.kind || a.dtype !== b.dtype) return false;
  const layout = a.layout.kind === 'blocked' ? a.layout : b.layout;
  const [, channels = 1, ...spatial] = a.shape;
  if (layout.kind !== 'blocked' || layout.pitch !== undefined || !isStatic(channels) || a.storage !== b.storage)
    return false;
  return channels % layout.block === 0 && spatial.every((dim) => dim === 1);
}

function sliceView(node: Node, input: Value, output: Value): readonly View[] | undefined {
  const starts = node.attrs.starts;
  if (!Array.isArray(starts) || input.type.layout.kind !== 'rowMajor' || node.inputs.length > 1) return undefined;
  const axis = output.type.shape.findIndex((dim, i) => dim !== input.type.shape[i]);
  if (axis < 0) return [{ value: output, of: input, offsetBytes: 0 }];
  if (!input.type.shape.every(isStatic) || !isOutermost(input.type.shape, axis)) return undefined;
  const later = output.type.shape.slice(axis + 1).every((dim, i) => dim === input.type.shape[axis + 1 + i]);
  if (!later) return undefined;
  const start = Number(starts[axis] ?? 0);
  return start < 0 ? undefined : [{ value: output, of: input, offsetBytes: start * rowBytes(input.type, axis) }];
}

function splitViews(node: Node, input: Value): readonly View[] | undefined {
  const axis = Number(node.attrs.axis);
  if (!Number.isInteger(axis) || node.inputs.length > 1 || !input.type.shape.every(isStatic)) return undefined;
  if (!isOutermost(input.type.shape, axis)) return undefined;
  const { layout } = input.type;
  const views: View[] = [];
  let offsetBytes = 0;
  for (const output of node.outputs) {
    // A removed output still takes its room, whose size only its type would tell.
    if (output === undefined || output.type.shape.length !== input.type.shape.length) return undefined;
    if (layout.kind === 'blocked' && (axis !== 1 || dimMax(output.type.shape[1] ?? 1) % layout.block !== 0))
      return undefined;
    views.push({ value: output, of: input, offsetBytes });
    offsetBytes += maxSizeBytes(output.type);
  }
  return views;
}

function rowBytes(type: TensorType, axis: number): number {
  const inner = type.shape.slice(axis + 1);
  if (!inner.every(isStatic)) fail('internal', 'a view over dims that vary');
  return inner.reduce<number>((product, dim) => product * dimMax(dim), dtypeSizeBytes(type.dtype));
}
