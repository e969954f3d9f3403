// Packs fully connected weights into column panels, the order of fully_connected in runtime/include/cortado/gemm.h.

import type { BlockedStorage } from '../ops/kernel-call.js';

/**
 * Caffe2's [n][k] → [ceil(n/(vectors·block))][k][vectors][block], zero past n. `transposed`: the weights are [k][n]
 * (FCTransposed).
 */
export function packFullyConnected(
  weights: Float32Array,
  outFeatures: number,
  inFeatures: number,
  block: number,
  vectors: number,
  transposed = false,
): Float32Array {
  const panel = block * vectors;
  const packed = new Float32Array(Math.ceil(outFeatures / panel) * panel * inFeatures);
  let to = 0;
  for (let first = 0; first < outFeatures; first += panel) {
    for (let k = 0; k < inFeatures; k++) {
      for (let n = first; n < first + panel; n++, to++) {
        if (n < outFeatures) packed[to] = weights[transposed ? k * outFeatures + n : n * inFeatures + k] ?? 0;
      }
    }
  }
  return packed;
}

/** fully_connected_scratch_bytes: four packed tiles of input rows, rounded up to 64; single rows of floats are read in place. */
export function fullyConnectedScratchBytes(
  inFeatures: number,
  tileRows: number,
  { bytes, productLanes }: Pick<BlockedStorage, 'bytes' | 'productLanes'>,
): number {
  const rows = tileRows > 1 ? 4 * tileRows : bytes === 4 ? 0 : 1;
  const padded = Math.ceil(inFeatures / productLanes) * productLanes;
  return Math.ceil((bytes * rows * padded) / 64) * 64;
}
