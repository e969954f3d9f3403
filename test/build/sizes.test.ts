// Sizes: executables are the packed weights and little else, packed weights are little more than raw ones, and compiling takes
// little more memory than the weights. Times are measured by `npm run bench` and by hand: a busy machine would fail a test.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile, compileModel, type ModelOptions } from '../../src/compile.js';
import { encodeNetDef, parseNetDefText } from '../../src/frontend/caffe2/messages.js';
import { makeArgument, makeNet, makeOperator } from '../../src/frontend/caffe2/net-def.js';
import { maxSizeBytes } from '../../src/ir/type.js';
import { packageRoot } from '../../src/package-root.js';
import { runExecutable } from '../../src/run/run-executable.js';
import { sharedFolder, skipBecause } from '../support/skip.js';
import { suiteFolder } from './places.js';

const kMostCodeBytes = 300_000;
const kMostOwnBytes = 4_000_000;
const kMostPadding = 1.5;
const kMostMemory = 3;
const kTargets = ['x86-64', 'x86-64-v3', 'x86-64-v4'];

describe('sizes', function () {
  this.timeout(300_000);
  const folder = suiteFolder();

  it(`an executable is its weights and at most ${kMostCodeBytes} bytes`, async () => {
    for (const name of ['digits', 'cartoon']) {
      const outputFolder = path.join(folder, name);
      const { build, files } = await compile({
        ...modelIn(shipped(name)),
        outputFolder,
        cacheFolder: path.join(folder, 'cache'),
      });
      const { size } = fs.statSync(build.executable ?? '');
      assert.ok(size <= files.weights.sizeBytes + kMostCodeBytes, `${name}: ${size} for ${files.weights.sizeBytes}`);
    }
  });

  it(`a run keeps weights, arena, inputs, outputs and at most ${kMostOwnBytes} bytes in memory`, async () => {
    for (const name of ['digits', 'cartoon']) {
      const outputFolder = path.join(folder, name);
      const { build, program } = await compile({
        ...modelIn(shipped(name)),
        outputFolder,
        cacheFolder: path.join(folder, 'cache'),
      });
      const tensors = [...program.inputs, ...program.outputs].reduce((sum, { type }) => sum + maxSizeBytes(type), 0);
      const { stats } = await runExecutable({
        executable: build.executable ?? '',
        runner: { kind: 'host' },
        inputs: new Map(),
        outputs: [],
        random: true,
        repeat: 3,
      });
      const own = stats.peak_resident_bytes - program.weightBytes - program.arenaBytes - tensors;
      assert.ok(stats.peak_resident_bytes > 0 && own <= kMostOwnBytes, `${name}: ${own} bytes of its own`);
    }
  });

  it(`packed weights are at most ${kMostPadding} x the raw ones: shipped nets`, () => {
    for (const name of ['digits', 'cartoon']) checkPacking(name, modelIn(shipped(name)));
  });

  it(`packed weights are at most ${kMostPadding} x the raw ones: real nets with files of their own`, function () {
    const shared = sharedFolder();
    if (shared === undefined) return skipBecause(this, 'no recorded nets beside the project');
    const nets = path.join(shared, 'golden', 'nets');
    const small = fs.readdirSync(nets).filter((net) => fs.existsSync(path.join(nets, net, 'init_net.pb')));
    assert.ok(small.length > 0);
    for (const net of small) checkPacking(net, modelIn(path.join(nets, net)));
  });

  it(`memory while compiling: at most ${kMostMemory} x the weights besides the file`, () => {
    const small = peakBytes(folder, 64);
    const [outputs, inputs] = [4096, 4096];
    const large = peakBytes(folder, outputs, inputs);
    const weights = 4 * outputs * inputs;
    const growth = (large - small) / weights;
    assert.ok(growth <= kMostMemory + 1, `${growth.toFixed(2)} x the weights, the file of 1.25 x included`);
  });
});

function checkPacking(name: string, model: ModelOptions): void {
  for (const target of kTargets) {
    const { program } = compileModel({ ...model, target });
    const share = program.weightBytes / program.rawWeightBytes;
    assert.ok(share <= kMostPadding, `${name}, ${target}: ${share.toFixed(3)}`);
  }
}

function shipped(name: string): string {
  return fileURLToPath(new URL(`models/${name}`, packageRoot));
}

function modelIn(folder: string): ModelOptions {
  const file = (name: string): string => path.join(folder, name);
  return { predictNet: file('predict_net.pb'), initNet: file('init_net.pb'), valueInfo: file('value_info.json') };
}

/** Most memory of a process that compiles one FC to source; its weights are written one tag per float, as Caffe2 does. */
function peakBytes(folder: string, outputs: number, inputs = 64): number {
  const text = `name: "big" external_input: "x" external_input: "w" external_input: "b" external_output: "y"
    op { input: "x" input: "w" input: "b" output: "y" type: "FC" }`;
  const fillOf = (name: string, shape: readonly number[]) =>
    makeOperator({
      type: 'GivenTensorFill',
      outputs: [name],
      args: [
        makeArgument({ name: 'shape', ints: BigInt64Array.from(shape, BigInt) }),
        makeArgument({ name: 'values', floats: numbers(shape) }),
      ],
    });
  const [predict, init] = ['big.pb', 'big-init.pb'].map((name) => path.join(folder, name));
  fs.writeFileSync(predict ?? '', encodeNetDef(parseNetDefText(text)));
  fs.writeFileSync(
    init ?? '',
    encodeNetDef(makeNet({ ops: [fillOf('w', [outputs, inputs]), fillOf('b', [outputs])] })),
  );
  const script = `
    import { compile } from ${JSON.stringify(new URL('../../src/compile.js', import.meta.url).href)};
    await compile({ predictNet: ${JSON.stringify(predict)}, initNet: ${JSON.stringify(init)}, inputs: ['x:1,${inputs}'],
      outputFolder: ${JSON.stringify(path.join(folder, 'big'))}, emit: ['source'], threads: 1 });
    console.log(process.resourceUsage().maxRSS);`;
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  return Number(done.stdout) * 1024;
}

function numbers(shape: readonly number[]): Float32Array {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return Float32Array.from({ length: count }, (_, i) => (i % 1009) / 1009);
}
