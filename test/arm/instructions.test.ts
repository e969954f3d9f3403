// Instructions per multiply-add of the kernels that nets spend their time in, counted in the emulator as
// `npm run instructions` does it. The bounds are what the kernels reach and a little more: a tile that spills breaks them.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPlugin, countNet } from '../../bench/instructions/count-net.js';
import { type Blob, NetBuilder } from '../../bench/nets/net-builder.js';
import { needTargetTools } from '../support/need-target-tools.js';

type Layer = (net: NetBuilder) => Blob;

const kInput = [1, 64, 28, 28];
const kLayers: readonly (readonly [
  name: string,
  input: readonly number[],
  layer: Layer,
  aarch64: number,
  armv7: number,
])[] = [
  ['1x1 convolution', kInput, (net) => net.conv(net.input, 64), 0.38, 0.54],
  ['3x3 convolution', kInput, (net) => net.conv(net.input, 64, { kernel: 3, pad: 1 }), 0.36, 0.51],
  ['3x3 depthwise convolution', kInput, (net) => net.conv(net.input, 64, { kernel: 3, pad: 1, group: 64 }), 0.62, 1.0],
  ['7x7 first layer', [1, 3, 56, 56], (net) => net.conv(net.input, 32, { kernel: 7, stride: 2, pad: 3 }), 0.35, 0.48],
];

describe('instructions per multiply-add', function () {
  this.timeout(120_000);
  let folder = '';
  let plugin = '';
  before(async function () {
    await needTargetTools(this, 'aarch64-linux');
    folder = mkdtempSync(join(tmpdir(), 'cortado-instructions-'));
    plugin = await buildPlugin(folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [name, input, layer, aarch64, armv7] of kLayers) {
    for (const [target, bound] of [
      ['aarch64-linux', aarch64],
      ['armv7-linux', armv7],
    ] as const) {
      it(`${name} on ${target}: at most ${bound}`, async function () {
        await needTargetTools(this, target);
        const builder = new NetBuilder('layer', [...input]);
        const net = builder.finish(layer(builder));
        const { layers } = await countNet(net, { target, plugin, folder, hot: 0, winograd: false });
        // The input is brought into blocks of channels and the output out of them by layers of their own.
        const { macs, counts } = layers.find((item) => item.name.includes('conv_0')) ?? assert.fail('no such layer');
        const perMac = counts.total / macs;
        assert.ok(counts.multiplies >= (0.8 * macs) / 4, 'multiply-adds of vectors are counted');
        assert.ok(perMac <= bound, `${perMac.toFixed(3)} instructions per multiply-add`);
      });
    }
  }
});
