// The order of packed weights, on shapes small enough to write the expected order down.

import assert from 'node:assert/strict';
import {
  type ConvGeometry,
  conv2dDirectScratchBytes,
  packConv2dDepthwise,
  packConv2dDirect,
  packConv2dFirst,
  packConv2dTranspose,
  transposePhaseTaps,
} from '../src/plan/pack-conv.js';
import { packFullyConnected } from '../src/plan/pack-fc.js';

const kBase: ConvGeometry = {
  inChannels: 3,
  inHeight: 4,
  inWidth: 4,
  outChannels: 3,
  outHeight: 4,
  outWidth: 4,
  kernelH: 1,
  kernelW: 2,
  strideH: 1,
  strideW: 1,
  padTop: 0,
  padLeft: 0,
  dilationH: 1,
  dilationW: 1,
  groups: 1,
  block: 2,
};

/** Weight [m][c][tap] spelled as the number mct, 1-based. */
function numbered(m: number, c: number, taps: number): Float32Array {
  const values: number[] = [];
  for (let i = 1; i <= m; i++)
    for (let j = 1; j <= c; j++) for (let t = 1; t <= taps; t++) values.push(100 * i + 10 * j + t);
  return Float32Array.from(values);
}

describe('packed weights', () => {
  it('direct: tile, channel block, tap, channel, vector, lane; a short last tile and a short last block', () => {
    const packed = packConv2dDirect(numbered(3, 3, 2), kBase, 1);
    const first = [111, 211, 121, 221, 112, 212, 122, 222, 131, 231, 132, 232];
    const second = [311, 0, 321, 0, 312, 0, 322, 0, 331, 0, 332, 0];
    assert.deepEqual([...packed], [...first, ...second]);
  });

  it('direct with two vectors: both vectors of a tap lie together', () => {
    const packed = packConv2dDirect(numbered(3, 3, 2), kBase, 2);
    assert.deepEqual([...packed.slice(0, 8)], [111, 211, 311, 0, 121, 221, 321, 0]);
  });

  it('first layer: tile, channel, tap, vector, lane', () => {
    const packed = packConv2dFirst(numbered(3, 3, 2), kBase, 1);
    assert.deepEqual([...packed.slice(0, 6)], [111, 211, 112, 212, 121, 221]);
  });

  it('depthwise: block, tap, lane', () => {
    const packed = packConv2dDepthwise(numbered(3, 1, 2), { ...kBase, groups: 3 });
    assert.deepEqual([...packed], [111, 211, 112, 212, 311, 0, 312, 0]);
  });

  it('transposed: taps of a phase are congruent to phase + pad and descend', () => {
    assert.deepEqual(transposePhaseTaps(0, 3, 2, 1), [1]);
    assert.deepEqual(transposePhaseTaps(1, 3, 2, 1), [2, 0]);
    // [c][m][tap] numbered; kernel 1×3, stride 1×2, pad 0: phase 0 has taps 3, 1 (1-based), phase 1 has tap 2.
    const shape = { ...kBase, inChannels: 1, outChannels: 2, kernelW: 3, strideW: 2 };
    const packed = packConv2dTranspose(numbered(1, 2, 3), shape, 1);
    assert.deepEqual([...packed], [113, 123, 111, 121, 112, 122]);
  });

  it('fully connected: panel, k, lane; the same from a transposed matrix', () => {
    const w = Float32Array.from([11, 12, 21, 22, 31, 32]);
    const expected = [11, 21, 12, 22, 31, 0, 32, 0];
    assert.deepEqual([...packFullyConnected(w, 3, 2, 2, 1)], expected);
    const transposed = Float32Array.from([11, 21, 31, 12, 22, 32]);
    assert.deepEqual([...packFullyConnected(transposed, 3, 2, 2, 1, true)], expected);
  });

  it('scratch: nothing without padding, else one padded band', () => {
    const tile = { pixels: 14, vectors: 2, bandRows: 2, chunkBlocks: 1 };
    assert.equal(conv2dDirectScratchBytes({ ...kBase, kernelW: 1 }, tile), 0);
    const padded = { ...kBase, kernelH: 3, kernelW: 3, padTop: 1, padLeft: 1 };
    assert.equal(conv2dDirectScratchBytes(padded, tile), 4 * 4 * 4 * 6);
  });
});
