// Plain objects to binary protobuf, following a message shape: the inverse of decode-message. Fields are written in
// ascending order, numeric lists packed only where the shape says so (or on request), so the bytes are what Caffe2's own
// writer of the time made. Sizes are computed first; the output is allocated once.

import { fail } from '../../errors.js';
import { kMaxMessageDepth, type Scalar } from './message-draft.js';
import { elementSizeBytes, isNumberKind, type NumberArray, type NumberKind } from './number-list.js';
import type { FieldShape, MessageShape, ScalarField } from './schema.js';

export interface EncodeOptions {
  /** Write every numeric list packed, whatever the schema says. */
  readonly packed?: boolean;
}

/** Google's parsers refuse larger messages. */
const kMaxEncodedBytes = 2 ** 31;

type Values = Readonly<Record<string, unknown>>;

/** The wire form of `message`, whose properties are those of `shape`. */
export function encodeMessage(shape: MessageShape, message: object, options: EncodeOptions = {}): Uint8Array {
  const writer = new MessageWriter(options.packed ?? false);
  return writer.write(shape, message);
}

class MessageWriter {
  private readonly packAll: boolean;
  /** Sizes of nested messages and packed lists, in the order in which writing needs them. */
  private readonly sizes: number[] = [];
  private nextSize = 0;
  private bytes = new Uint8Array(0);
  private view = new DataView(this.bytes.buffer);
  private at = 0;

  constructor(packAll: boolean) {
    this.packAll = packAll;
  }

  write(shape: MessageShape, message: object): Uint8Array {
    const sizeBytes = this.measureMessage(shape, message, 1);
    if (sizeBytes >= kMaxEncodedBytes) fail('unsupported', `a message of ${sizeBytes} bytes: protobuf ends at 2 GiB`);
    this.bytes = new Uint8Array(sizeBytes);
    this.view = new DataView(this.bytes.buffer);
    this.writeMessage(shape, message);
    return this.bytes;
  }

  private measureMessage(shape: MessageShape, message: object, depth: number): number {
    if (depth > kMaxMessageDepth) fail('invalid-model', `messages are nested more than ${kMaxMessageDepth} deep`);
    return shape.fields.reduce((size, field) => size + this.measureField(field, message, depth), 0);
  }

  private measureField(field: FieldShape, message: object, depth: number): number {
    const value = (message as Values)[field.property];
    if (value === undefined) return 0;
    const tagSize = varintSize(field.number * 8, 0);
    if (field.kind === 'message') {
      const nested = (field.repeated ? value : [value]) as readonly object[];
      return nested.reduce((size: number, child) => {
        const slot = this.sizes.push(0) - 1;
        const childSize = this.measureMessage(field.message(), child, depth + 1);
        this.sizes[slot] = childSize;
        return size + tagSize + delimitedSize(childSize);
      }, 0);
    }
    if (!field.repeated) return tagSize + scalarSize(field, value as Scalar);
    if (!isNumberKind(field.kind)) {
      return (value as readonly Scalar[]).reduce((size: number, item) => size + tagSize + scalarSize(field, item), 0);
    }
    const numbers = value as NumberArray;
    if (numbers.length === 0) return 0;
    const payload = numbersSize(field.kind, numbers);
    if (!this.isPacked(field)) return payload + tagSize * numbers.length;
    this.sizes.push(payload);
    return tagSize + delimitedSize(payload);
  }

  private isPacked(field: FieldShape): boolean {
    return field.packed || this.packAll;
  }

  private writeMessage(shape: MessageShape, message: object): void {
    for (const field of shape.fields) {
      const value = (message as Values)[field.property];
      if (value !== undefined) this.writeField(field, value);
    }
  }

  private writeField(field: FieldShape, value: unknown): void {
    if (field.kind === 'message') {
      for (const child of (field.repeated ? value : [value]) as readonly object[]) {
        this.writeTag(field, 2);
        this.writeVarint(this.takeSize(), 0);
        this.writeMessage(field.message(), child);
      }
    } else if (field.repeated && isNumberKind(field.kind)) {
      this.writeNumbers(field, field.kind, value as NumberArray);
    } else {
      for (const item of (field.repeated ? value : [value]) as readonly Scalar[]) this.writeScalar(field, item);
    }
  }

  private takeSize(): number {
    return this.sizes[this.nextSize++] ?? fail('internal', 'the writer lost count of its sizes');
  }

  private writeNumbers(field: FieldShape, kind: NumberKind, values: NumberArray): void {
    if (values.length === 0) return;
    const packed = this.isPacked(field);
    if (packed) {
      this.writeTag(field, 2);
      this.writeVarint(this.takeSize(), 0);
    }
    if (packed && (kind === 'float' || kind === 'double')) {
      this.writeRaw(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      return;
    }
    const wide = elementSizeBytes(kind) === 8;
    const words = new Int32Array(values.buffer, values.byteOffset, values.byteLength / 4);
    for (let i = 0; i < values.length; i++) {
      const low = words[wide ? 2 * i : i] ?? 0;
      const high = wide ? (words[2 * i + 1] ?? 0) : 0;
      if (!packed) this.writeTag(field, wireTypeOf(kind));
      this.writeWords(kind, low, high);
    }
  }

  private writeScalar(field: ScalarField, value: Scalar): void {
    const kind = field.kind;
    if (!isNumberKind(kind)) {
      const bytes = bytesOf(value);
      this.writeTag(field, 2);
      this.writeVarint(bytes.length, 0);
      this.writeRaw(bytes);
      return;
    }
    this.writeTag(field, wireTypeOf(kind));
    const [low, high] = wordsOf(kind, value);
    this.writeWords(kind, low, high);
  }

  private writeWords(kind: NumberKind, low: number, high: number): void {
    if (kind === 'float' || kind === 'double') {
      this.view.setInt32(this.at, low, true);
      if (kind === 'double') this.view.setInt32(this.at + 4, high, true);
      this.at += kind === 'double' ? 8 : 4;
    } else this.writeVarint(low, signExtension(kind, low, high));
  }

  private writeTag(field: FieldShape, wireType: number): void {
    this.writeVarint(field.number * 8 + wireType, 0);
  }

  private writeVarint(lowWord: number, highWord: number): void {
    let low = lowWord >>> 0;
    let high = highWord >>> 0;
    while (high !== 0 || low >= 0x80) {
      this.bytes[this.at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.bytes[this.at++] = low;
  }

  private writeRaw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }
}

const kUtf8 = new TextEncoder();
const kWords = new DataView(new ArrayBuffer(8));

function bytesOf(value: Scalar): Uint8Array {
  return typeof value === 'string' ? kUtf8.encode(value) : (value as Uint8Array);
}

function wordsOf(kind: NumberKind, value: Scalar): readonly [number, number] {
  if (kind === 'float') kWords.setFloat32(0, Number(value), true);
  else if (kind === 'double') kWords.setFloat64(0, Number(value), true);
  else if (typeof value === 'bigint') kWords.setBigInt64(0, BigInt.asIntN(64, value), true);
  else return [Number(value), 0];
  return [kWords.getInt32(0, true), kWords.getInt32(4, true)];
}

/** High word of the varint: negative int32 and enum values are written sign-extended to 10 bytes. */
function signExtension(kind: NumberKind, low: number, high: number): number {
  return kind === 'int32' || kind === 'enum' ? low >> 31 : high;
}

function wireTypeOf(kind: NumberKind): number {
  if (kind === 'float') return 5;
  return kind === 'double' ? 1 : 0;
}

function scalarSize(field: ScalarField, value: Scalar): number {
  const kind = field.kind;
  if (!isNumberKind(kind)) return delimitedSize(bytesOf(value).length);
  if (kind === 'float') return 4;
  if (kind === 'double') return 8;
  const [low, high] = wordsOf(kind, value);
  return varintSize(low, signExtension(kind, low, high));
}

function numbersSize(kind: NumberKind, values: NumberArray): number {
  if (kind === 'float' || kind === 'double') return values.byteLength;
  const wide = elementSizeBytes(kind) === 8;
  const words = new Int32Array(values.buffer, values.byteOffset, values.byteLength / 4);
  let size = 0;
  for (let i = 0; i < values.length; i++) {
    const low = words[wide ? 2 * i : i] ?? 0;
    size += varintSize(low, signExtension(kind, low, wide ? (words[2 * i + 1] ?? 0) : 0));
  }
  return size;
}

function delimitedSize(length: number): number {
  return varintSize(length, 0) + length;
}

/** Bytes of the varint of 64 bits: ceil(significant bits / 7), at least 1. */
function varintSize(low: number, high: number): number {
  const bits = high !== 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(low);
  return Math.max(1, Math.ceil(bits / 7));
}
