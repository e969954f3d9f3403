// Which convolution kernel named layers get, and the transformed filters of the Winograd ones.

import assert from 'node:assert/strict';
import { type ConvGeometry, chooseConv2dFewTile, chooseConv2dTile, type TileTarget } from '../../src/plan/pack-conv.js';
import {
  chooseWinograd,
  chooseWinogradTile,
  packConv2dWinograd,
  winogradFilterMatrix,
  winogradScratchBytes,
} from '../../src/plan/pack-winograd.js';

const kTarget = { threads: 4, vectorFloats: 16, vectorRegisters: 32, l1Bytes: 32768, l2Bytes: 1 << 20 };

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

/** `4`: 4×4 with transformed filters, `4 raw`: with filters that the kernel transforms, `direct`. */
function choice(shape: ConvGeometry, mayGrow: boolean, target: TileTarget = kTarget): string {
  const form = chooseWinograd(shape, mayGrow, target);
  return form === undefined ? 'direct' : `${form.outputs}${form.rawFilters ? ' raw' : ''}`;
}

describe('choice of Winograd convolutions', () => {
  it('VGG-16: 4×4 everywhere, filters transformed by the compiler where they may grow', () => {
    const layers = [
      layer(64, 224, 64),
      layer(128, 112, 128),
      layer(256, 56, 256),
      layer(512, 28, 512),
      layer(512, 14, 512),
    ];
    assert.deepEqual(
      layers.map((shape) => choice(shape, true)),
      ['4', '4', '4', '4', '4'],
    );
    assert.deepEqual(
      layers.map((shape) => choice(shape, false)),
      ['4 raw', '4 raw', '4 raw', '4 raw', '4 raw'],
    );
  });

  it('ResNet-50: 4×4 down to 14×14; at 7×7 reading filters of 4×4 would take longer than the products', () => {
    const layers = [layer(64, 56, 64), layer(128, 28, 128), layer(256, 14, 256), layer(512, 7, 512)];
    assert.deepEqual(
      layers.map((shape) => choice(shape, true)),
      ['4', '4', '4', '2'],
    );
  });

  it('not where few channels do not pay for transforms, which take twice the instructions on NEON', () => {
    const neon: TileTarget = { ...kTarget, vectorFloats: 4, laneMultiply: true, winogradTransformCost: 2 };
    const layers = [layer(8, 56, 8, 4), layer(16, 56, 64, 4), layer(64, 56, 64, 4)];
    assert.deepEqual(
      layers.map((shape) => choice(shape, true, neon)),
      ['direct', '4', '4'],
    );
    assert.equal(choice(layer(8, 56, 8, 4), true, { ...neon, winogradTransformCost: 1 }), '4');
  });

  it('of halves, whose sums are short, 2×2 alone', () => {
    const half: TileTarget = { ...kTarget, vectorFloats: 4, laneMultiply: true, precision: 'fp16' };
    assert.equal(choice(layer(64, 56, 64, 8), true, half), '2');
    assert.equal(choice(layer(64, 56, 64, 8), false, half), '2');
    assert.equal(choice(layer(64, 56, 64), true, { ...kTarget, precision: 'bf16' }), '4');
  });

  it('direct where the image is smaller than a tile', () => {
    assert.equal(choice(layer(512, 3, 512), true), 'direct');
  });

  it('not with strides, dilation, groups, other kernels, or without vectors', () => {
    const base = layer(64, 56, 64);
    assert.equal(choice({ ...base, strideH: 2 }, true), 'direct');
    assert.equal(choice({ ...base, dilationW: 2 }, true), 'direct');
    assert.equal(choice({ ...base, groups: 2 }, true), 'direct');
    assert.equal(choice({ ...base, kernelW: 5 }, true), 'direct');
    assert.equal(choice({ ...base, block: 1 }, true), 'direct');
  });

  it('groups of tiles are even and their scratch is what the header says', () => {
    const tile = chooseWinogradTile(layer(64, 56, 64), { outputs: 4, rawFilters: false }, kTarget);
    assert.deepEqual(tile, { outputs: 4, group: 49, pixels: 14, vectors: 2, chunkBlocks: 0 });
    assert.equal(winogradScratchBytes(layer(64, 56, 64), tile), 4 * 36 * 16 * ((4 + 2) * 49 + 2));
    const raw = chooseWinogradTile(layer(512, 7, 512), { outputs: 4, rawFilters: true }, kTarget);
    assert.deepEqual(raw, { outputs: 4, group: 4, pixels: 6, vectors: 4, chunkBlocks: 1 });
    assert.equal(winogradScratchBytes(layer(512, 7, 512), raw), 4 * 36 * 16 * ((32 + 4) * 4 + 2 + 16 * 4 + 1));
  });
});

describe('bands', () => {
  const bandsOf = (shape: ConvGeometry, threads: number): number =>
    Math.ceil(shape.outHeight / chooseConv2dTile(shape, { ...kTarget, threads }).bandRows);

  it('one output tile is cut into a band for each thread that has enough work', () => {
    assert.equal(bandsOf(layer(16, 60, 16), 1), 1);
    assert.equal(bandsOf(layer(16, 60, 16), 4), 4);
    assert.equal(bandsOf(layer(16, 8, 16), 4), 1);
    const few = { ...layer(16, 64, 3), strideH: 2, strideW: 2, inHeight: 32, inWidth: 32 };
    assert.equal(chooseConv2dFewTile(few, true, { ...kTarget, threads: 4 }).bandRows, 16);
  });

  it('bands and output tiles share out evenly: 6 items of 3 bands would leave two of four threads waiting', () => {
    const first = { ...layer(64, 112, 64), kernelH: 7, kernelW: 7, padTop: 3, padLeft: 3 };
    assert.equal((bandsOf(first, 4) * 2) % 4, 0);
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
    const packed = packConv2dWinograd(weights, shape, {
      outputs: 2,
      group: 4,
      pixels: 6,
      vectors: 1,
      chunkBlocks: 0,
    });
    assert.equal(packed.length, 16 * 2 * 4);
    // First tile of channels 0 and 1: position 0 is w[0][0], position 15 is w[2][2]; channel 1 begins at weight 9.
    assert.deepEqual([...packed.slice(0, 4)], [100, 200, 109, 209]);
    assert.deepEqual([...packed.slice(60, 64)], [108, 208, 117, 217]);
    // Second tile: channel 2 and a lane of zeros.
    assert.deepEqual([...packed.slice(64, 68)], [300, 0, 309, 0]);
  });
});
