// Which convolution kernel named layers get, and the transformed filters of the Winograd ones.

import assert from 'node:assert/strict';
import type { ConvGeometry } from '../../src/plan/pack-conv.js';
import {
  chooseWinograd,
  chooseWinogradTile,
  packConv2dWinograd,
  winogradFilterMatrix,
  winogradScratchBytes,
} from '../../src/plan/pack-winograd.js';

const kTarget = { vectorRegisters: 32, l1Bytes: 32768, l2Bytes: 1 << 20 };

/** A square 3×3 layer with padding 1. */
function layer(inChannels: number, size: number, outChannels: number, block = 16): ConvGeometry {
  return {
    inChannels,
    inHeight: size,
    inWidth: size,
    outChannels,
    outHeight: size,
    outWidth: size,
    kernelH: 3,
    kernelW: 3,
    strideH: 1,
    strideW: 1,
    padTop: 1,
    padLeft: 1,
    dilationH: 1,
    dilationW: 1,
    groups: 1,
    block,
  };
}

describe('choice of Winograd convolutions', () => {
  it('VGG-16: 4×4 in the wide layers, 2×2 where weights weigh more than the work they save', () => {
    const layers = [
      layer(64, 224, 64),
      layer(128, 112, 128),
      layer(256, 56, 256),
      layer(512, 28, 512),
      layer(512, 14, 512),
    ];
    assert.deepEqual(layers.map(chooseWinograd), [4, 4, 4, 4, 2]);
  });

  it('ResNet-50: 4×4 down to 28×28, 2×2 at 14×14, direct at 7×7', () => {
    const layers = [layer(64, 56, 64), layer(128, 28, 128), layer(256, 14, 256), layer(512, 7, 512)];
    assert.deepEqual(layers.map(chooseWinograd), [4, 4, 2, undefined]);
  });

  it('not with strides, dilation, groups, other kernels, or without vectors', () => {
    const base = layer(64, 56, 64);
    assert.equal(chooseWinograd({ ...base, strideH: 2 }), undefined);
    assert.equal(chooseWinograd({ ...base, dilationW: 2 }), undefined);
    assert.equal(chooseWinograd({ ...base, groups: 2 }), undefined);
    assert.equal(chooseWinograd({ ...base, kernelW: 5 }), undefined);
    assert.equal(chooseWinograd({ ...base, block: 1 }), undefined);
  });

  it('groups of tiles are even and their scratch is what the header says', () => {
    const tile = chooseWinogradTile(layer(64, 56, 64), 4, kTarget);
    assert.deepEqual(tile, { outputs: 4, group: 49, pixels: 14, vectors: 2 });
    assert.equal(winogradScratchBytes(layer(64, 56, 64), tile), 4 * 36 * 16 * ((4 + 2) * 49 + 2));
  });
});

describe('Winograd filters', () => {
  it('G of F(2, 3)', () => {
    assert.deepEqual(winogradFilterMatrix(2), [
      [1, 0, 0],
      [0.5, 0.5, 0.5],
      [0.5, -0.5, 0.5],
      [0, 0, 1],
    ]);
  });

  it('position, channel, vector, lane: the corner positions are the corner weights', () => {
    const shape = layer(2, 8, 3, 2);
    const weights = Float32Array.from({ length: 3 * 2 * 9 }, (_, i) => 100 * (1 + Math.floor(i / 18)) + (i % 18));
    const packed = packConv2dWinograd(weights, shape, { outputs: 2, group: 4, pixels: 6, vectors: 1 });
    assert.equal(packed.length, 16 * 2 * 4);
    // First tile of channels 0 and 1: position 0 is w[0][0], position 15 is w[2][2]; channel 1 begins at weight 9.
    assert.deepEqual([...packed.slice(0, 4)], [100, 200, 109, 209]);
    assert.deepEqual([...packed.slice(60, 64)], [108, 208, 117, 217]);
    // Second tile: channel 2 and a lane of zeros.
    assert.deepEqual([...packed.slice(64, 68)], [300, 0, 309, 0]);
  });
});
