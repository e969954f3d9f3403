// Damages a file: a few random edits of its bytes, those that mean something to the formats more often.

import type { RandomSource } from './random-source.js';

/** Bytes that mean something to one of the formats: tags, lengths, brackets, signs. */
const kSpicyBytes = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x12, 0x2a, 0x2d, 0x42, 0x7b, 0x7d, 0x22, 0x5c, 0x5b, 0x2d];

/** One or two random edits: change, flip, insert, delete, repeat, cut. */
export function mutateBytes(original: Uint8Array, source: RandomSource): Uint8Array {
  const random = (below: number): number => source.int(0, below - 1);
  let bytes = Array.from(original);
  for (let edits = 1 + random(2); edits > 0; edits--) {
    const at = random(bytes.length + 1);
    const spicy = kSpicyBytes[random(kSpicyBytes.length)] ?? 0;
    const length = 1 + random(8);
    switch (random(10)) {
      case 0:
        bytes[at] = random(2) === 0 ? spicy : random(256);
        break;
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        break;
      case 2:
        bytes.splice(at, 0, ...Array<number>(length).fill(spicy));
        break;
      case 3:
        bytes.splice(at, length);
        break;
      case 4:
        bytes.splice(at, 0, ...bytes.slice(at, at + random(64)));
        break;
      case 5:
        bytes = bytes.slice(0, at);
        break;
      default:
        if (at < bytes.length) bytes[at] = random(256);
    }
  }
  return Uint8Array.from(bytes);
}
