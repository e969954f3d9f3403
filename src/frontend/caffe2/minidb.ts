// minidb, Caffe2's own database file: records until the end of the file, each an int32 key length, an int32 value length
// (both positive, little-endian), the key and the value. Values are BlobProtos; a tensor of more than a million elements
// is split into records `name#%0`, `name#%1`, … in any order. Source: core/db.cc, core/blob_serialization.cc.

import { CompileError, fail, type Problem } from '../../errors.js';
import { type ByteSource, whereIn } from '../../files/byte-source.js';
import type { Tensor } from '../../ir/tensor.js';
import type { ByteRange } from '../protobuf/decode-message.js';
import { readBlobProto } from './messages.js';
import type { BlobProto } from './net-def.js';
import { chunkFromProto, joinChunks, type TensorChunk } from './tensor-proto.js';

export const kMetaNetDefKey = '!!META_NET_DEF';
const kChunkMark = '#%';
const kHeaderBytes = 8;
const kMaxKeyBytes = 0xffff;

export interface MinidbRecord {
  readonly key: string;
  /** Where the value lies in the file. */
  readonly value: ByteRange;
}

export interface MinidbContent {
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** The serialized MetaNetDef, if the file is an exported predictor. */
  readonly metaNetDef?: Uint8Array;
}

/** Whether the first bytes look like a record header: two small positive lengths, which no protobuf begins with. */
export function looksLikeMinidb(source: ByteSource): boolean {
  if (source.sizeBytes < kHeaderBytes) return false;
  const header = headerAt(source, 0);
  return header.keyBytes > 0 && header.keyBytes <= kMaxKeyBytes;
}

/** All records, values unread. */
export function readMinidbRecords(source: ByteSource): readonly MinidbRecord[] {
  const records: MinidbRecord[] = [];
  const keys = new Set<string>();
  for (let at = 0; at < source.sizeBytes; ) {
    const record = readRecord(source, at);
    if (keys.has(record.key)) {
      fail('invalid-model', `minidb key '${record.key}' occurs twice`, { where: whereIn(source, at) });
    }
    keys.add(record.key);
    records.push(record);
    at = record.value.end;
  }
  return records;
}

/** All tensors, chunks joined, and the MetaNetDef. Blobs of other types are left out. Reports all bad blobs at once. */
export function readMinidb(source: ByteSource): MinidbContent {
  const problems: Problem[] = [];
  const tensors = new Map<string, Tensor>();
  let metaNetDef: Uint8Array | undefined;
  for (const [name, records] of groupByBlob(readMinidbRecords(source))) {
    try {
      if (name === kMetaNetDefKey) metaNetDef = readMetaContent(source, records);
      else {
        const tensor = readTensor(source, name, records);
        if (tensor !== undefined) tensors.set(name, tensor);
      }
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new CompileError(problems);
  return metaNetDef === undefined ? { tensors } : { tensors, metaNetDef };
}

/** A minidb file of the given records, as tests and exporters need it. */
export function encodeMinidb(records: Iterable<readonly [key: string, value: Uint8Array]>): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const [key, value] of records) {
    const keyBytes = new TextEncoder().encode(key);
    const header = new DataView(new ArrayBuffer(kHeaderBytes));
    header.setInt32(0, keyBytes.length, true);
    header.setInt32(4, value.length, true);
    pieces.push(new Uint8Array(header.buffer), keyBytes, value);
  }
  const file = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    file.set(piece, at);
    at += piece.length;
  }
  return file;
}

function headerAt(source: ByteSource, at: number): { readonly keyBytes: number; readonly valueBytes: number } {
  const bytes = source.slice(at, kHeaderBytes);
  const header = new DataView(bytes.buffer, bytes.byteOffset, kHeaderBytes);
  return { keyBytes: header.getInt32(0, true), valueBytes: header.getInt32(4, true) };
}

function readRecord(source: ByteSource, at: number): MinidbRecord {
  const left = source.sizeBytes - at - kHeaderBytes;
  if (left < 0) fail('invalid-model', 'truncated minidb: a record header is cut', { where: whereIn(source, at) });
  const { keyBytes, valueBytes } = headerAt(source, at);
  if (keyBytes <= 0 || keyBytes > kMaxKeyBytes || valueBytes <= 0 || keyBytes + valueBytes > left) {
    fail('invalid-model', 'truncated or damaged minidb record', {
      where: whereIn(source, at),
      expected: `a key and a value within ${left} bytes`,
      got: `lengths ${keyBytes} and ${valueBytes}`,
    });
  }
  const valueStart = at + kHeaderBytes + keyBytes;
  const key = new TextDecoder().decode(source.slice(at + kHeaderBytes, keyBytes));
  return { key, value: { start: valueStart, end: valueStart + valueBytes } };
}

function groupByBlob(records: readonly MinidbRecord[]): ReadonlyMap<string, readonly MinidbRecord[]> {
  const groups = new Map<string, MinidbRecord[]>();
  for (const record of records) {
    const mark = record.key.indexOf(kChunkMark);
    const name = mark < 0 ? record.key : record.key.slice(0, mark);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [record]);
    else group.push(record);
  }
  return groups;
}

function readTensor(source: ByteSource, name: string, records: readonly MinidbRecord[]): Tensor | undefined {
  const where = { ...whereIn(source), blob: name };
  const chunks: TensorChunk[] = [];
  for (const record of records) {
    const blob = readBlobProto(source, record.value);
    if (blob.qtensor !== undefined) fail('unsupported', 'a quantized blob (QTensorProto)', { where });
    if (blob.tensor !== undefined) chunks.push(chunkFromProto(blob.tensor, where));
  }
  return chunks.length === 0 ? undefined : joinChunks(chunks, where);
}

function readMetaContent(source: ByteSource, records: readonly MinidbRecord[]): Uint8Array {
  const [record] = records;
  const blob: BlobProto | undefined = record === undefined ? undefined : readBlobProto(source, record.value);
  if (blob?.content === undefined || records.length > 1 || (blob.contentNumChunks ?? 1) > 1) {
    return fail('invalid-model', `${kMetaNetDefKey} is not one serialized MetaNetDef`, { where: whereIn(source) });
  }
  return blob.content;
}
