// The weight file: a 64-byte header, then the packed tensors at their offsets. runtime/CONTRACT.md fixes the header.

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Program } from '../plan/program.js';
import { bytesOf } from '../plan/weights.js';

export const kWeightHeaderBytes = 64;

export interface WeightFile {
  /** First 8 bytes of the content's SHA-256, read as a little-endian number. */
  readonly id: bigint;
  /** Header and content; 0 for a net without weights. */
  readonly sizeBytes: number;
  /** The file in pieces, in order; nothing is copied. */
  readonly chunks: readonly Uint8Array[];
}

/** Lays out the weights of a program; a net without weights has an empty file. */
export function layoutWeightFile(program: Program): WeightFile {
  const content: Uint8Array[] = [];
  let endBytes = 0;
  for (const { offsetBytes, tensor } of program.weights) {
    if (offsetBytes > endBytes) content.push(new Uint8Array(offsetBytes - endBytes));
    const bytes = bytesOf(tensor);
    // crc32 of no bytes starts anew, whatever came before.
    if (bytes.length > 0) content.push(bytes);
    endBytes = offsetBytes + bytes.length;
  }
  if (program.weightBytes > endBytes) content.push(new Uint8Array(program.weightBytes - endBytes));
  if (content.length === 0) return { id: 0n, sizeBytes: 0, chunks: [] };
  const sha = createHash('sha256');
  let crc = 0;
  for (const chunk of content) {
    sha.update(chunk);
    crc = crc32(chunk, crc);
  }
  const digest = sha.digest();
  const id = digest.readBigUInt64LE(0);
  return {
    id,
    sizeBytes: kWeightHeaderBytes + program.weightBytes,
    chunks: [header(program.weightBytes, id, crc), ...content],
  };
}

function header(contentBytes: number, id: bigint, crc: number): Uint8Array {
  const bytes = Buffer.alloc(kWeightHeaderBytes);
  bytes.write('cortadoW', 0, 'latin1');
  bytes.writeUInt32LE(1, 8);
  bytes.writeUInt32LE(kWeightHeaderBytes, 12);
  bytes.writeBigUInt64LE(BigInt(contentBytes), 16);
  bytes.writeBigUInt64LE(id, 24);
  bytes.writeUInt32LE(crc, 32);
  return bytes;
}
