// The weight file's content: packed tensors, each once (equal bytes are shared), at 64-byte aligned offsets.

import { createHash } from 'node:crypto';
import type { NumericTensor } from '../ir/tensor.js';
import type { PlacedWeight } from './program.js';

const kAlignment = 64;

/** Collects tensors and gives them offsets in order of first use. */
export class WeightLayout {
  private readonly placed: PlacedWeight[] = [];
  private readonly byIdentity = new Map<NumericTensor['data'], number>();
  private readonly byHash = new Map<string, number>();
  private endBytes = 0;

  /** Offset of the tensor's bytes. */
  add(tensor: NumericTensor, name: string): number {
    const known = this.byIdentity.get(tensor.data);
    if (known !== undefined) return known;
    const bytes = bytesOf(tensor);
    const hash = hashOf(tensor);
    const same = this.byHash.get(hash);
    const offsetBytes = same ?? this.endBytes;
    this.byIdentity.set(tensor.data, offsetBytes);
    if (same !== undefined) return same;
    this.byHash.set(hash, offsetBytes);
    this.placed.push({ offsetBytes, tensor, name });
    this.endBytes += Math.ceil(bytes.length / kAlignment) * kAlignment;
    return offsetBytes;
  }

  get weights(): readonly PlacedWeight[] {
    return this.placed;
  }

  get sizeBytes(): number {
    return this.endBytes;
  }
}

/** Of tensors that were placed before: nets are planned more than once, and hashing takes as long as packing. */
const hashes = new WeakMap<NumericTensor['data'], string>();

function hashOf(tensor: NumericTensor): string {
  const known = hashes.get(tensor.data);
  if (known !== undefined) return known;
  const bytes = bytesOf(tensor);
  const hash = `${bytes.length}:${createHash('sha256').update(bytes).digest('hex')}`;
  hashes.set(tensor.data, hash);
  return hash;
}

/** The tensor's memory as bytes, little endian on every machine Node.js runs on. */
export function bytesOf(tensor: NumericTensor): Uint8Array {
  return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
}
