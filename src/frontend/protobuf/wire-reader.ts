// A cursor over protobuf's wire format: varints, fixed-width values, length-delimited ranges, over a byte source of any
// size. Only a window of the source is in memory. Every read stays inside `limit`, the end of the innermost message,
// and every length is checked against it before anything is allocated, so no declared length is ever trusted.

import { fail } from '../../errors.js';
import { type ByteSource, whereIn } from '../../files/byte-source.js';

export const kWireVarint = 0;
export const kWireFixed64 = 1;
export const kWireBytes = 2;
export const kWireFixed32 = 5;

const kWindowBytes = 2 ** 20;

export class WireReader {
  readonly source: ByteSource;
  /** End of the innermost message, in bytes from the start of the source. */
  limit: number;
  /** Words of the last varint or 64-bit value. */
  low = 0;
  high = 0;
  private window: Uint8Array;
  private view: DataView;
  private windowStart = 0;
  private at = 0;
  private buffer: Uint8Array | undefined;

  constructor(source: ByteSource, start = 0, end = source.sizeBytes) {
    this.source = source;
    this.limit = end;
    this.window = new Uint8Array(0);
    this.view = new DataView(this.window.buffer);
    this.offset = start;
  }

  /** Bytes from the start of the source. */
  get offset(): number {
    return this.windowStart + this.at;
  }

  set offset(offsetBytes: number) {
    const at = offsetBytes - this.windowStart;
    if (at >= 0 && at <= this.window.length) this.at = at;
    else this.load(offsetBytes);
  }

  get remaining(): number {
    return this.limit - this.offset;
  }

  /** Refuses the input at the cursor (or at `offsetBytes`). */
  refuse(message: string, offsetBytes = this.offset): never {
    return fail('invalid-model', message, { where: whereIn(this.source, offsetBytes) });
  }

  /** A varint into `low` and `high`; bits beyond 64 are dropped, more than 10 bytes are refused. */
  readVarint(): void {
    this.need(1);
    const first = this.window[this.at] ?? 0;
    if (first < 0x80) {
      this.at++;
      this.low = first;
      this.high = 0;
      return;
    }
    this.readLongVarint();
  }

  /** Field number and wire type, as `number * 8 + type`. */
  readTag(): number {
    const start = this.offset;
    this.readVarint();
    const tag = this.low >>> 0;
    if (this.high !== 0 || tag < 8) this.refuse('is not a protobuf message here: bad field number', start);
    return tag;
  }

  /** Takes the next byte if it is this one-byte tag: the short way through a run of one field. */
  acceptTagByte(tag: number): boolean {
    if (this.window[this.at] !== tag || this.remaining === 0) return false;
    this.at++;
    return true;
  }

  /** The length of a length-delimited field, checked against the enclosing message. */
  readLength(): number {
    const start = this.offset;
    this.readVarint();
    const length = (this.high >>> 0) * 2 ** 32 + (this.low >>> 0);
    if (length > this.remaining) {
      this.refuse(`truncated or damaged: a field of ${length} bytes where ${this.remaining} are left`, start);
    }
    return length;
  }

  readFixed32(): void {
    this.need(4);
    this.low = this.view.getInt32(this.at, true);
    this.at += 4;
  }

  readFixed64(): void {
    this.need(8);
    this.low = this.view.getInt32(this.at, true);
    this.high = this.view.getInt32(this.at + 4, true);
    this.at += 8;
  }

  /** A copy of the next `length` bytes (already checked). */
  readBytes(length: number): Uint8Array {
    const target = new Uint8Array(length);
    this.readInto(target);
    return target;
  }

  /** Fills `target` (its length already checked); large pieces go straight from the source to their place. */
  readInto(target: Uint8Array): void {
    const start = this.offset;
    if (this.at + target.length <= this.window.length) {
      target.set(this.window.subarray(this.at, this.at + target.length));
    } else this.source.read(start, target);
    this.offset = start + target.length;
  }

  /** Skips the value of a field; groups and unknown wire types are refused. */
  skip(tag: number): void {
    const wireType = tag & 7;
    if (wireType === kWireVarint) this.readVarint();
    else if (wireType === kWireFixed64) this.readFixed64();
    else if (wireType === kWireFixed32) this.readFixed32();
    else if (wireType === kWireBytes) {
      const length = this.readLength();
      this.offset += length;
    } else if (wireType === 3 || wireType === 4) this.refuse(`a group (field ${tag >>> 3}); Caffe2 files have none`);
    else this.refuse(`is not a protobuf message here: wire type ${wireType}`);
  }

  /** How many varints the next `length` bytes hold: bytes without the continuation bit. The cursor stays. */
  countVarints(length: number): number {
    const start = this.offset;
    let count = 0;
    for (let left = length; left > 0; ) {
      this.need(1);
      const end = Math.min(this.window.length, this.at + left);
      left -= end - this.at;
      for (let i = this.at; i < end; i++) count += ((this.window[i] ?? 0) >> 7) ^ 1;
      this.at = end;
    }
    this.offset = start;
    return count;
  }

  /**
   * The values of a run of fields with the one-byte `tag` and a 4-byte value, the cursor being after the first tag:
   * hands (view, at, count) pieces of stride 5 to `take` and leaves the cursor behind the last value.
   */
  readTaggedFixed32Run(tag: number, take: (view: DataView, at: number, count: number) => void): void {
    for (;;) {
      this.need(4);
      const end = Math.min(this.window.length, this.limit - this.windowStart);
      let next = this.at + 4;
      while (next + 5 <= end && this.window[next] === tag) next += 5;
      take(this.view, this.at, (next - this.at + 1) / 5);
      this.at = next;
      // The window may have ended inside the run: go on when the next field, tag and value, is one of it.
      if (this.remaining < 5) return;
      this.need(5);
      if (this.window[this.at] !== tag) return;
      this.at++;
    }
  }

  /** Makes `count` bytes readable at the cursor. */
  private need(count: number): void {
    if (count > this.remaining) this.refuse('truncated: the message ends inside a field');
    if (this.at + count > this.window.length) this.load(this.offset);
  }

  private readLongVarint(): void {
    const start = this.offset;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      this.need(1);
      const byte = this.window[this.at++] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= bits << 31;
      if (byte < 0x80) {
        this.low = low;
        this.high = high;
        return;
      }
    }
    this.refuse('is not a protobuf message here: a varint of more than 10 bytes', start);
  }

  /** Moves the window so that it starts at the offset. A memory source is one window, never copied. */
  private load(offsetBytes: number): void {
    if (this.source.file === undefined) {
      this.setWindow(this.source.slice(0, this.source.sizeBytes), 0);
      this.at = offsetBytes;
      return;
    }
    this.buffer ??= new Uint8Array(Math.min(kWindowBytes, this.limit - offsetBytes));
    const window = this.buffer.subarray(0, Math.min(this.buffer.length, this.source.sizeBytes - offsetBytes));
    this.source.read(offsetBytes, window);
    this.setWindow(window, offsetBytes);
    this.at = 0;
  }

  private setWindow(window: Uint8Array, start: number): void {
    this.window = window;
    this.view = new DataView(window.buffer, window.byteOffset, window.byteLength);
    this.windowStart = start;
  }
}
