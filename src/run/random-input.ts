// Random inputs as the executables' own `--random` makes them (runtime/harness/random_input.cc), for images that have no
// such option: the same values from the same seed.

import type { DType } from '../ir/dtype.js';
import { makeTensor, type NumericTensor } from '../ir/tensor.js';

const kMask = (1n << 64n) - 1n;

/** 64 random bits from a counter (the finalizer of SplitMix64, Steele et al. 2014). */
function mix(counter: bigint): bigint {
  let x = (counter + 0x9e3779b97f4a7c15n) & kMask;
  x = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & kMask;
  x = ((x ^ (x >> 27n)) * 0x94d049bb133111ebn) & kMask;
  return x ^ (x >> 31n);
}

/** Floats in [-1, 1), bytes in 0..255, zeros of other types; `index` is the input's place among all. */
export function randomInput(
  dtype: Exclude<DType, 'str'>,
  dims: readonly number[],
  seed: number,
  index: number,
): NumericTensor {
  const tensor = makeTensor(dtype, dims);
  const stream = mix((BigInt(seed) * 1000003n + BigInt(index)) & kMask);
  const { data } = tensor;
  if (data instanceof Float32Array) {
    for (let i = 0; i < data.length; i++) data[i] = Number(mix((stream + BigInt(i)) & kMask) >> 40n) * 2 ** -23 - 1;
  } else if (dtype === 'u8' && data instanceof Uint8Array) {
    for (let i = 0; i < data.length; i++) data[i] = Number(mix((stream + BigInt(i)) & kMask) >> 56n);
  }
  return tensor;
}
