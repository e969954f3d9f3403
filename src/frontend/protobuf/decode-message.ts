// Binary protobuf to plain objects, following a message shape. Numeric lists are accepted packed, unpacked and mixed,
// and go straight into typed arrays; unknown fields are skipped, as protobuf demands; a known field in an unexpected
// wire type is refused, because silently ignoring it would change the model.

import type { ByteSource } from '../../files/byte-source.js';
import { kMaxMessageDepth, MessageDraft, ObjectBudget, type Scalar } from './message-draft.js';
import { elementSizeBytes, isNumberKind, type NumberKind, type NumberList } from './number-list.js';
import type { FieldShape, MessageShape, ScalarField } from './schema.js';
import { kWireBytes, kWireFixed32, kWireFixed64, kWireVarint, WireReader } from './wire-reader.js';

const kUtf8 = new TextDecoder('utf-8', { fatal: true });

/** The part of a source that holds a message; the whole of it by default. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Reads one message. The result has the properties of `shape`; absent singular fields are absent properties. */
export function decodeMessage(shape: MessageShape, source: ByteSource, range?: ByteRange): object {
  const reader = new WireReader(source, range?.start, range?.end);
  const draft = new MessageDraft(shape, new ObjectBudget((message) => reader.refuse(message)));
  readFields(reader, draft, 1);
  return draft.finish((message, field) => reader.refuse(`${message} without its required field ${field}`));
}

function readFields(reader: WireReader, draft: MessageDraft, depth: number): void {
  while (reader.remaining > 0) {
    const tag = reader.readTag();
    const field = draft.shape.byNumber.get(tag >>> 3);
    if (field === undefined) reader.skip(tag);
    else readField(reader, draft, field, tag, depth);
  }
}

function readField(reader: WireReader, draft: MessageDraft, field: FieldShape, tag: number, depth: number): void {
  if (field.kind === 'message') {
    expectWireType(reader, draft.shape, field, tag, kWireBytes);
    readNested(reader, draft.child(field), depth);
  } else if (field.repeated && isNumberKind(field.kind)) {
    readNumbers(reader, draft, field, field.kind, tag);
  } else {
    const value = readScalar(reader, draft.shape, field, tag);
    if (field.repeated) draft.append(field, value);
    else draft.set(field, value);
  }
}

function readNested(reader: WireReader, draft: MessageDraft, depth: number): void {
  if (depth >= kMaxMessageDepth) reader.refuse(`messages are nested more than ${kMaxMessageDepth} deep`);
  const length = reader.readLength();
  const outer = reader.limit;
  reader.limit = reader.offset + length;
  readFields(reader, draft, depth + 1);
  reader.limit = outer;
}

function readScalar(reader: WireReader, shape: MessageShape, field: ScalarField, tag: number): Scalar {
  if (isNumberKind(field.kind)) {
    expectWireType(reader, shape, field, tag, wireTypeOf(field.kind));
    readWords(reader, field.kind);
    return numberFromWords(field.kind, reader.low, reader.high);
  }
  expectWireType(reader, shape, field, tag, kWireBytes);
  const start = reader.offset;
  const bytes = reader.readBytes(reader.readLength());
  if (field.kind === 'bytes') return bytes;
  try {
    return kUtf8.decode(bytes);
  } catch {
    return reader.refuse(`${shape.name}.${field.name} is not UTF-8 text`, start);
  }
}

function readNumbers(reader: WireReader, draft: MessageDraft, field: ScalarField, kind: NumberKind, tag: number): void {
  const list = draft.numbers(field);
  if ((tag & 7) === kWireBytes) {
    readPacked(reader, list, kind, `${draft.shape.name}.${field.name}`);
    return;
  }
  expectWireType(reader, draft.shape, field, tag, wireTypeOf(kind));
  if (kind === 'float' && tag < 0x80) {
    readFloatRun(reader, list, tag);
    return;
  }
  do {
    readWords(reader, kind);
    pushWords(list, kind, reader.low, reader.high);
  } while (reader.acceptTagByte(tag));
}

/**
 * A run of unpacked floats. The room left in the message bounds their number; a run of more than one window is
 * usually the rest of its message, so the bound is then the exact count and the list is allocated once.
 */
function readFloatRun(reader: WireReader, list: NumberList, tag: number): void {
  let pieces = 0;
  reader.readTaggedFixed32Run(tag, (view, at, count) => {
    if (pieces++ === 1) list.reserve(Math.floor((reader.remaining + 1) / 5), true);
    list.appendStrided(view, at, count, 5);
  });
}

function readPacked(reader: WireReader, list: NumberList, kind: NumberKind, name: string): void {
  const start = reader.offset;
  const length = reader.readLength();
  if (wireTypeOf(kind) !== kWireVarint) {
    const count = length / elementSizeBytes(kind);
    if (!Number.isInteger(count)) reader.refuse(`packed ${name} of ${length} bytes is cut inside an element`, start);
    reader.readInto(list.appendBytes(count));
    return;
  }
  list.reserve(reader.countVarints(length), list.length === 0);
  const outer = reader.limit;
  reader.limit = reader.offset + length;
  while (reader.remaining > 0) {
    reader.readVarint();
    pushWords(list, kind, reader.low, reader.high);
  }
  reader.limit = outer;
}

function readWords(reader: WireReader, kind: NumberKind): void {
  const wireType = wireTypeOf(kind);
  if (wireType === kWireFixed32) reader.readFixed32();
  else if (wireType === kWireFixed64) reader.readFixed64();
  else reader.readVarint();
}

function pushWords(list: NumberList, kind: NumberKind, low: number, high: number): void {
  if (elementSizeBytes(kind) === 8) list.pushWords(low, high);
  else list.pushWord(kind === 'bool' ? Number((low | high) !== 0) : low);
}

const kWords = new DataView(new ArrayBuffer(8));

function numberFromWords(kind: NumberKind, low: number, high: number): Scalar {
  kWords.setInt32(0, low, true);
  kWords.setInt32(4, high, true);
  switch (kind) {
    case 'float':
      return kWords.getFloat32(0, true);
    case 'double':
      return kWords.getFloat64(0, true);
    case 'int64':
      return kWords.getBigInt64(0, true);
    case 'uint64':
      return kWords.getBigUint64(0, true);
    case 'uint32':
      return low >>> 0;
    case 'bool':
      return (low | high) !== 0;
    case 'int32':
    case 'enum':
      return low;
  }
}

function wireTypeOf(kind: NumberKind): number {
  if (kind === 'float') return kWireFixed32;
  return kind === 'double' ? kWireFixed64 : kWireVarint;
}

function expectWireType(
  reader: WireReader,
  shape: MessageShape,
  field: FieldShape,
  tag: number,
  expected: number,
): void {
  const got = tag & 7;
  if (got === expected) return;
  if (got === 3 || got === 4 || got > 5) reader.skip(tag);
  reader.refuse(`${shape.name}.${field.name} (${field.kind}) has wire type ${got} instead of ${expected}`);
}
