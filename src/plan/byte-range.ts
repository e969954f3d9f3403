// Ranges of bytes that tensors take in a memory, and what is left of older ones when a tensor is written over them.

import { dtypeSizeBytes } from '../ir/dtype.js';
import { maxSpanBytes, type TensorType } from '../ir/type.js';

/** Bytes [start, end) of one memory. */
export interface ByteRange {
  readonly memory: string;
  readonly start: number;
  readonly end: number;
  /** Only `widthBytes` of every `pitchBytes` from `fromBytes` on: a range of the channels of an image. */
  readonly lanes?: { readonly fromBytes: number; readonly widthBytes: number; readonly pitchBytes: number };
}

/** What a tensor of the type takes from `start` on, at its largest sizes. */
export function byteRange(memory: string, start: number, type: TensorType): ByteRange {
  return { memory, start, end: start + maxSpanBytes(type), ...lanesOf(start, type) };
}

function lanesOf(fromBytes: number, { layout, storage, dtype }: TensorType): Pick<ByteRange, 'lanes'> {
  if (layout.kind === 'rowMajor' || layout.pitch === undefined) return {};
  const bytes = dtypeSizeBytes(storage ?? dtype);
  return { lanes: { fromBytes, widthBytes: layout.block * bytes, pitchBytes: layout.pitch * bytes } };
}

/** True when the ranges have a byte in common. */
export function rangesMeet(a: ByteRange, b: ByteRange): boolean {
  return a.memory === b.memory && a.start < b.end && b.start < a.end && !areBeside(a, b);
}

/** Different channels of one image. */
function areBeside({ lanes: a }: ByteRange, { lanes: b }: ByteRange): boolean {
  if (a === undefined || b === undefined || a.pitchBytes !== b.pitchBytes) return false;
  const apart = (((b.fromBytes - a.fromBytes) % a.pitchBytes) + a.pitchBytes) % a.pitchBytes;
  return apart >= a.widthBytes && apart + b.widthBytes <= a.pitchBytes;
}

/** The segments without the bytes of the range; all between its first and its last where it meets one. */
export function cutOut<T extends ByteRange>(segments: readonly T[], range: ByteRange): readonly T[] {
  return segments.flatMap((segment): readonly T[] => {
    if (!rangesMeet(segment, range)) return [segment];
    const before = { ...segment, end: range.start };
    const after = { ...segment, start: range.end };
    return [before, after].map(withoutGaps).filter(({ start, end }) => start < end);
  });
}

/** From the first byte that is the segment's own to the last: none of it may be left beside the lanes. */
function withoutGaps<T extends ByteRange>(segment: T): T {
  const { start, end, lanes } = segment;
  if (lanes === undefined) return segment;
  const { fromBytes, widthBytes, pitchBytes } = lanes;
  const phaseOf = (byte: number): number => (((byte - fromBytes) % pitchBytes) + pitchBytes) % pitchBytes;
  const first = phaseOf(start);
  const last = phaseOf(end - 1);
  return {
    ...segment,
    start: first < widthBytes ? start : start + pitchBytes - first,
    end: last < widthBytes ? end : end - (last - widthBytes + 1),
  };
}
