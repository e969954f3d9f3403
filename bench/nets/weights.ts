// Deterministic weights: a 32-bit mixing hash of (seed, index), the same on every machine and in every run.

/** Values spread evenly over [low, high); `seed` separates tensors. */
export function uniformValues(count: number, seed: number, low: number, high: number): Float32Array {
  const values = new Float32Array(count);
  const scale = (high - low) / 2 ** 32;
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  for (let i = 0; i < count; i++) {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    values[i] = low + ((bits ^ (bits >>> 14)) >>> 0) * scale;
  }
  return values;
}

/** Even values of the given standard deviation around 0: half width √3·σ. */
export function centredValues(count: number, seed: number, sigma: number): Float32Array {
  const half = Math.sqrt(3) * sigma;
  return uniformValues(count, seed, -half, half);
}
