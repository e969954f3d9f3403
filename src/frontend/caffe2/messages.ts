// Reading and writing single Caffe2 messages, binary and text. The one place where the untyped result of the generic
// readers takes on the types of net-def.ts; that the two agree is what the round-trip tests check.

import { fail } from '../../errors.js';
import { type ByteSource, type FileOrBytes, readAll, withByteSource } from '../../files/byte-source.js';
import { type ByteRange, decodeMessage } from '../protobuf/decode-message.js';
import { decodeText } from '../protobuf/decode-text.js';
import { type EncodeOptions, encodeMessage } from '../protobuf/encode-message.js';
import { printText } from '../protobuf/print-text.js';
import type { BlobProto, MetaNetDef, NetDef, TensorProto, TensorProtos } from './net-def.js';
import { kBlobProtoShape, kMetaNetDefShape, kNetDefShape, kTensorProtoShape, kTensorProtosShape } from './schema.js';

/** Text nets are for people; above this size (128 MiB) they would only waste memory. */
const kMaxTextBytes = 2 ** 27;

/** A NetDef from its binary form. Weights stream into typed arrays; a file is never in memory as a whole. */
export function decodeNetDef(origin: FileOrBytes): NetDef {
  return withByteSource(origin, readNetDef);
}

export function readNetDef(source: ByteSource, range?: ByteRange): NetDef {
  return decodeMessage(kNetDefShape, source, range) as NetDef;
}

export function readTensorProto(source: ByteSource, range?: ByteRange): TensorProto {
  return decodeMessage(kTensorProtoShape, source, range) as TensorProto;
}

export function readTensorProtos(source: ByteSource): TensorProtos {
  return decodeMessage(kTensorProtosShape, source) as TensorProtos;
}

export function readBlobProto(source: ByteSource, range?: ByteRange): BlobProto {
  return decodeMessage(kBlobProtoShape, source, range) as BlobProto;
}

export function readMetaNetDef(source: ByteSource): MetaNetDef {
  return decodeMessage(kMetaNetDefShape, source) as MetaNetDef;
}

/** A NetDef from protobuf text form; `file` names the place in errors. */
export function parseNetDefText(text: string, file?: string): NetDef {
  return decodeText(kNetDefShape, text, file) as NetDef;
}

export function readNetDefText(source: ByteSource): NetDef {
  return parseNetDefText(readText(source), source.file);
}

/** The whole source as UTF-8 text. */
export function readText(source: ByteSource): string {
  const bytes = readAll(source, kMaxTextBytes, 'text form');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return fail(
      'invalid-model',
      'is not UTF-8 text',
      source.file === undefined ? {} : { where: { file: source.file } },
    );
  }
}

/** Binary form, numeric argument lists unpacked as Caffe2 wrote them, or packed on request. */
export function encodeNetDef(net: NetDef, options?: EncodeOptions): Uint8Array {
  return encodeMessage(kNetDefShape, net, options);
}

export function encodeTensorProto(tensor: TensorProto): Uint8Array {
  return encodeMessage(kTensorProtoShape, tensor);
}

export function encodeTensorProtos(tensors: TensorProtos): Uint8Array {
  return encodeMessage(kTensorProtosShape, tensors);
}

export function encodeBlobProto(blob: BlobProto): Uint8Array {
  return encodeMessage(kBlobProtoShape, blob);
}

export function encodeMetaNetDef(meta: MetaNetDef): Uint8Array {
  return encodeMessage(kMetaNetDefShape, meta);
}

/** Text form, as in a .pbtxt file. */
export function printNetDefText(net: NetDef): string {
  return printText(kNetDefShape, net);
}
