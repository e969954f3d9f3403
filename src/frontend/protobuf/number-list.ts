// Growing lists of numbers in exactly the typed array that the model keeps. A reader that knows a count reserves it
// first, so that a list of 100 million floats is allocated once and filled in place; unknown counts double.
// Assumes a little-endian host, as protobuf's fixed-width lists are little-endian (true of every Node.js platform
// but s390x).

import type { ScalarField } from './schema.js';

export type NumberArray = Float32Array | Float64Array | Int32Array | Uint32Array | BigInt64Array | BigUint64Array;
export type NumberKind = 'float' | 'double' | 'int32' | 'uint32' | 'int64' | 'uint64' | 'bool' | 'enum';

export function isNumberKind(kind: ScalarField['kind'] | 'message'): kind is NumberKind {
  return kind !== 'string' && kind !== 'bytes' && kind !== 'message';
}

/** Size of a list element that is stored as 32-bit or 64-bit words. */
export function elementSizeBytes(kind: NumberKind): 4 | 8 {
  return kind === 'double' || kind === 'int64' || kind === 'uint64' ? 8 : 4;
}

const kEmpty: { readonly [K in NumberKind]: NumberArray } = {
  float: new Float32Array(0),
  double: new Float64Array(0),
  int32: new Int32Array(0),
  uint32: new Uint32Array(0),
  int64: new BigInt64Array(0),
  uint64: new BigUint64Array(0),
  bool: new Int32Array(0),
  enum: new Int32Array(0),
};

/** The one empty list of a kind, shared by all messages. */
export function emptyNumbers(kind: NumberKind): NumberArray {
  return kEmpty[kind];
}

/** Elements are stored as little-endian words: one word, or low word then high word. */
export class NumberList {
  readonly kind: NumberKind;
  private words = new Int32Array(0);
  private usedWords = 0;

  constructor(kind: NumberKind) {
    this.kind = kind;
  }

  get length(): number {
    return this.usedWords / (elementSizeBytes(this.kind) / 4);
  }

  /** Makes room for `count` more elements: exactly that when `exact`, else at least doubling. */
  reserve(count: number, exact: boolean): void {
    const needed = this.usedWords + count * (elementSizeBytes(this.kind) / 4);
    if (needed <= this.words.length) return;
    const grown = new Int32Array(exact ? needed : Math.max(8, needed, this.words.length * 2));
    grown.set(this.words.subarray(0, this.usedWords));
    this.words = grown;
  }

  pushWord(word: number): void {
    if (this.usedWords === this.words.length) this.reserve(1, false);
    this.words[this.usedWords++] = word;
  }

  pushWords(low: number, high: number): void {
    if (this.usedWords + 2 > this.words.length) this.reserve(1, false);
    this.words[this.usedWords] = low;
    this.words[this.usedWords + 1] = high;
    this.usedWords += 2;
  }

  /** Bytes of `count` new elements, for filling with fixed-width data straight from a file. */
  appendBytes(count: number): Uint8Array {
    this.reserve(count, this.usedWords === 0);
    const target = new Uint8Array(this.words.buffer, this.usedWords * 4, count * elementSizeBytes(this.kind));
    this.usedWords += target.length / 4;
    return target;
  }

  /**
   * Appends `count` 32-bit values that lie `strideBytes` apart, the first at `at`. Bits are copied as they are:
   * a signalling NaN survives. This is the loop that reads unpacked weights (stride 5: tag, 4 bytes).
   */
  appendStrided(view: DataView, at: number, count: number, strideBytes: number): void {
    this.reserve(count, false);
    const words = this.words;
    const end = this.usedWords + count;
    for (let i = this.usedWords, from = at; i < end; i++, from += strideBytes) words[i] = view.getInt32(from, true);
    this.usedWords = end;
  }

  /** The list in its final type, in memory of exactly its size. */
  finish(): NumberArray {
    if (this.usedWords === 0) return emptyNumbers(this.kind);
    if (this.usedWords < this.words.length) this.words = this.words.slice(0, this.usedWords);
    const buffer = this.words.buffer;
    switch (this.kind) {
      case 'float':
        return new Float32Array(buffer);
      case 'double':
        return new Float64Array(buffer);
      case 'int64':
        return new BigInt64Array(buffer);
      case 'uint64':
        return new BigUint64Array(buffer);
      case 'uint32':
        return new Uint32Array(buffer);
      default:
        return this.words;
    }
  }
}
