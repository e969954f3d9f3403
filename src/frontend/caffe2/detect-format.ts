// Which of Caffe2's file forms a file has, by its content alone: zoo files are called .pb, .pbtxt, .minidb, .db or
// nothing at all. Looks at the first fields only; whether the rest is sound is the reader's business.

import { CompileError, fail } from '../../errors.js';
import { type ByteSource, whereIn } from '../../files/byte-source.js';
import { isNumberKind } from '../protobuf/number-list.js';
import type { FieldShape, MessageShape } from '../protobuf/schema.js';
import { kWireBytes, kWireFixed32, kWireFixed64, kWireVarint, WireReader } from '../protobuf/wire-reader.js';
import { looksLikeMinidb } from './minidb.js';
import { kNetDefShape, kNetsMapShape, kOperatorDefShape, kTensorProtoShape } from './schema.js';

export type ModelFormat = 'net' | 'net-text' | 'meta-net' | 'tensors' | 'minidb' | 'value-info';

/** What a format is called in messages. */
export const kFormatNames: { readonly [F in ModelFormat]: string } = {
  net: 'a binary NetDef',
  'net-text': 'a NetDef in text form',
  'meta-net': 'a MetaNetDef',
  tensors: 'a TensorProtos database (protodb)',
  minidb: 'a minidb database',
  'value-info': 'a value_info.json',
};

const kHeadBytes = 4096;
const kMaxSniffedFields = 64;

/** The format of a source; refuses what is none of them, with a guess at what it is. */
export function detectFormat(source: ByteSource): ModelFormat {
  if (source.sizeBytes === 0) return fail('invalid-model', 'is empty', { where: whereIn(source) });
  const head = source.slice(0, Math.min(kHeadBytes, source.sizeBytes));
  const format = textFormat(head) ?? (looksLikeMinidb(source) ? 'minidb' : binaryFormat(source));
  if (format !== undefined) return format;
  return fail('invalid-model', `is not a Caffe2 file${guess(head)}`, {
    where: whereIn(source),
    expected: 'a NetDef (binary or text), MetaNetDef, minidb or TensorProtos',
  });
}

function textFormat(head: Uint8Array): ModelFormat | undefined {
  if (head.some((byte) => byte < 0x20 && (byte < 0x09 || byte > 0x0d))) return undefined;
  const text = new TextDecoder().decode(head).replace(/^(?:\s+|#[^\n]*\n)*/, '');
  if (text.startsWith('{')) return 'value-info';
  return /^[A-Za-z_]\w*\s*[:{<]/.test(text) ? 'net-text' : undefined;
}

interface SniffedField {
  readonly number: number;
  readonly wireType: number;
  readonly start: number;
  readonly end: number;
}

function binaryFormat(source: ByteSource): ModelFormat | undefined {
  const fields = sniffFields(source, 0, source.sizeBytes);
  const first = fields[0];
  if (first === undefined) return undefined;
  const second = fields.find((field) => field.number === 2 && field.wireType === kWireBytes);
  if (second !== undefined) {
    const inner = sniffFields(source, second.start, second.end);
    if (isNetsMap(inner)) return 'meta-net';
    return fits(kNetDefShape, fields) && fits(kOperatorDefShape, inner) ? 'net' : undefined;
  }
  if (fields.every((field) => field.number === 1 && field.wireType === kWireBytes)) {
    const inner = sniffFields(source, first.start, first.end);
    const reached = inner.at(-1)?.end ?? first.start;
    if (inner.length > 0 && reached === first.end && fits(kTensorProtoShape, inner)) return 'tensors';
    if (fields.length > 1) return undefined;
  }
  return fits(kNetDefShape, fields) ? 'net' : undefined;
}

/** NetsMap has a key and a net and nothing else; an operator of these fields only would have no type. */
function isNetsMap(fields: readonly SniffedField[]): boolean {
  const numbers = new Set(fields.map(({ number }) => number));
  return numbers.size === 2 && numbers.has(1) && numbers.has(2) && fields.length === 2 && fits(kNetsMapShape, fields);
}

/** Every field is known to the message, with the wire type it must have. */
function fits(shape: MessageShape, fields: readonly SniffedField[]): boolean {
  return fields.every(({ number, wireType }) => {
    const field = shape.byNumber.get(number);
    // Later protos add fields (partition_info): small numbers, messages or strings.
    if (field === undefined) return wireType === kWireBytes && number < 16;
    return wireType === wireTypeOf(field) || (field.repeated && wireType === kWireBytes);
  });
}

function wireTypeOf({ kind }: FieldShape): number {
  if (!isNumberKind(kind)) return kWireBytes;
  if (kind === 'float') return kWireFixed32;
  return kind === 'double' ? kWireFixed64 : kWireVarint;
}

/** The first fields of a message, up to the first that makes no sense. */
function sniffFields(source: ByteSource, start: number, end: number): readonly SniffedField[] {
  const fields: SniffedField[] = [];
  const reader = new WireReader(source, start, end);
  try {
    while (reader.remaining > 0 && fields.length < kMaxSniffedFields) {
      const tag = reader.readTag();
      const wireType = tag & 7;
      const length = wireType === kWireBytes ? reader.readLength() : 0;
      const valueStart = reader.offset;
      if (wireType === kWireBytes) reader.offset += length;
      else reader.skip(tag);
      fields.push({ number: tag >>> 3, wireType, start: valueStart, end: reader.offset });
    }
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
  }
  return fields;
}

/** What other files people try begin with. */
function guess(head: Uint8Array): string {
  const [a, b, c, d] = head;
  if (a === 0x50 && b === 0x4b && c === 3 && d === 4) return ' (a zip archive, perhaps of PyTorch)';
  if (a === 0x80 && b !== undefined && b >= 2 && b <= 5) return ' (a Python pickle)';
  if (a === 0x89 && b === 0x48 && c === 0x44 && d === 0x46) return ' (an HDF5 file)';
  if (a === 0x08 && b !== undefined && b < 32 && (c === 0x12 || c === 0x3a)) return ' (an ONNX model, it seems)';
  if (a === 0x1f && b === 0x8b) return ' (a gzip file; unpack it first)';
  if (head.some((byte) => byte === 0)) return '';
  return /^\s*</.test(new TextDecoder().decode(head)) ? ' (a web page or XML)' : '';
}
