// A net whose products are warpgroups' (wgmma), on the emulated GPU of cuda-sm90a: convolutions with a stride, in groups, with a residual,
// transposed. Which tiles are chosen is gemm-tile.test.ts's matter, the kernels by themselves are device-kernels.test.ts's.

import assert from 'node:assert/strict';
import path from 'node:path';
import { compileModel } from '../../src/compile.js';
import { verifyNet } from '../../src/verify/verify-net.js';
import { isInstalled, suiteFolder } from '../build/places.js';
import { fill, netBytes } from '../build/sample-models.js';
import { skipBecause } from '../support/skip.js';

const kTarget = 'cuda-emulated-sm90a';

function op(type: string, from: readonly string[], to: string, args: Readonly<Record<string, number>> = {}): string {
  const blobs = [...from.map((name) => `input: "${name}"`), `output: "${to}"`];
  const list = Object.entries(args).map(([name, value]) => `arg { name: "${name}" i: ${value} }`);
  return `op { ${blobs.join(' ')} type: "${type}" ${list.join(' ')} }`;
}

const kNet = {
  predictNet: netBytes(`name: "groups" external_input: "x" external_output: "y"
    external_input: "w1" external_input: "w2" external_input: "w3" external_input: "w4" external_input: "b4"
    ${op('Conv', ['x', 'w1'], 'c1', { kernel: 3, pad: 1 })}
    ${op('Relu', ['c1'], 'r1')}
    ${op('Conv', ['r1', 'w2'], 'c2', { kernel: 1, stride: 2 })}
    ${op('Conv', ['c2', 'w3'], 'c3', { kernel: 3, pad: 1, group: 2 })}
    ${op('Sum', ['c3', 'c2'], 'sum')}
    ${op('ConvTranspose', ['sum', 'w4', 'b4'], 'y', { kernel: 2, stride: 2 })}`),
  initNet: netBytes(
    [
      fill('w1', [128, 64, 3, 3], 1),
      fill('w2', [256, 128, 1, 1], 2),
      fill('w3', [256, 128, 3, 3], 3),
      fill('w4', [256, 64, 2, 2], 4),
      fill('b4', [64], 5),
    ].join('\n'),
  ),
  inputs: ['x:2,64,15,17'],
};

describe('wgmma on the emulated GPU', function () {
  this.timeout(600_000);
  it('a net is right', async function () {
    if (!isInstalled('g++')) skipBecause(this, 'g++ is not installed');
    const model = { ...kNet, target: kTarget, precision: 'fp16' } as const;
    const text = String(compileModel(model).files.generated.get('src/groups.cu'));
    const tiles = [...text.matchAll(/GemmTile \w+\{ ?([\d, ]+?) ?\}/g)].map(([, fields = '']) => fields);
    assert.ok(tiles.filter((fields) => fields.split(',').length === 8).length >= 3, `tiles: ${tiles.join('; ')}`);
    const report = await verifyNet({
      ...model,
      variants: ['optimized'],
      cacheFolder: path.join(suiteFolder(), 'cache'),
    });
    assert.ok(report.pass, JSON.stringify(report.variants));
  });
});
