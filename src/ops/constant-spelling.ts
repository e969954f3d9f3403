// How the textual IR spells constants that it does not list: `random(seed, low, high)`, `splat(value)`, `omitted(hash)`.
// A tensor read from such a spelling remembers it, so that a printed graph reads like the file it came from.

import { type DType, isFloat } from '../ir/dtype.js';
import { elementCount, makeTensor, type NumericTensor, setNumber, type Tensor } from '../ir/tensor.js';

const spellings = new WeakMap<Tensor, string>();

/** How the tensor was spelled where it was read. */
export function constantSpelling(tensor: Tensor): string | undefined {
  return spellings.get(tensor);
}

export function rememberSpelling<T extends Tensor>(tensor: T, spelling: string): T {
  spellings.set(tensor, spelling);
  return tensor;
}

/** Uniform values in [low, high), integers truncated toward -inf; the same everywhere for a seed. */
export function randomTensor(
  dtype: Exclude<DType, 'str'>,
  dims: readonly number[],
  seed: number,
  low: number,
  high: number,
): NumericTensor {
  const uniform = uniformNumbers(seed);
  const tensor = makeTensor(dtype, dims);
  for (let i = 0; i < elementCount(dims); i++) {
    const value = low + (high - low) * uniform();
    setNumber(tensor, i, isFloat(dtype) ? value : Math.floor(value));
  }
  return tensor;
}

/** Numbers in [0, 1) from a seed (mulberry32). */
export function uniformNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}
