// Ranges of the channels of images on the device: where the pieces of a Concat, the parts of a Split and the result of a Slice lie in
// the image of all channels, and whether they can be used there.

import { dimMax } from '../ir/dim.js';
import { type Node, presentInputs, presentOutputs, type Value } from '../ir/graph.js';
import type { TensorType } from '../ir/type.js';
import { kChannelMultiple } from './kernels/device/image.js';

/** `value` is the channels [first, end) of the whole. */
export interface ImageRange {
  readonly value: Value;
  readonly first: number;
  readonly end: number;
}

/** The ranges of a Concat, Split or Slice along axis 1, in order. */
export function imageRanges(node: Node): readonly ImageRange[] {
  const [x] = node.inputs;
  let end = node.op === 'Slice' && x !== undefined ? firstChannel(node, x.type) : 0;
  return (node.op === 'Concat' ? presentInputs(node) : presentOutputs(node)).map((value) => {
    const first = end;
    end += channelsOf(value.type);
    return { value, first, end };
  });
}

/** A Concat, Split or Slice of images of the device. */
export function isImageRange({ op, outputs }: Node): boolean {
  const type = outputs[0]?.type;
  const isImage = type?.memory === 'device' && type.layout.kind === 'blocked';
  return isImage && (op === 'Concat' || op === 'Split' || op === 'Slice');
}

/** Its ranges are whole packs: they are used in their places. */
export function isImageRangeView(node: Node): boolean {
  return isImageRange(node) && areWholePacks(node);
}

/** Each range begins where a pack of channels does, and ends there or with the whole. */
function areWholePacks(node: Node): boolean {
  const [whole] = node.op === 'Concat' ? node.outputs : node.inputs;
  const channels = whole === undefined ? 0 : channelsOf(whole.type);
  return imageRanges(node).every(
    ({ first, end }) => first % kChannelMultiple === 0 && (end % kChannelMultiple === 0 || end === channels),
  );
}

/** Where a Slice of [n, c, ...] begins along c. */
function firstChannel(node: Node, input: TensorType): number {
  const { starts } = node.attrs;
  const start = Array.isArray(starts) ? Number(starts[1] ?? 0) : 0;
  return start < 0 ? channelsOf(input) + 1 + start : start;
}

export function channelsOf(type: TensorType): number {
  return dimMax(type.shape[1] ?? 1);
}
