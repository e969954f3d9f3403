// Runs a compiled net under compute-sanitizer's tools: memory, shared memory races, barriers, uninitialized reads.
// node dist/bench/cuda/sanitize.js --target cuda-sm90

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { compile } from '../../src/compile.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { kDevicePrecisions } from '../../src/ops/kernel-call.js';
import { packageRoot } from '../../src/package-root.js';
import { kBenchNets } from '../nets/index.js';

const kTools = ['memcheck', 'racecheck', 'synccheck', 'initcheck'] as const;
const kNets = ['squeezenet_1_1', 'mobilenet_v2'] as const;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { target: { type: 'string', default: 'cuda-sm90' } } });
  const folder = mkdtempSync(join(tmpdir(), 'cortado-sanitize-'));
  let findings = 0;
  try {
    for (const precision of kDevicePrecisions) {
      for (const program of await programs(values.target, precision, join(folder, precision))) {
        for (const tool of kTools) findings += await check(program, tool, precision);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${findings} findings`);
  return findings === 0 ? 0 : 1;
}

async function programs(
  target: string,
  precision: (typeof kDevicePrecisions)[number],
  outputFolder: string,
): Promise<readonly string[]> {
  const file = (name: string): string => fileURLToPath(new URL(`models/digits/${name}`, packageRoot));
  const common = { target, precision, outputFolder };
  const model = {
    predictNet: file('predict_net.pb'),
    initNet: file('init_net.pb'),
    valueInfo: file('value_info.json'),
  };
  const built = [await compile({ ...model, ...common })];
  for (const name of kNets) {
    const net = kBenchNets.get(name)?.();
    if (net === undefined) throw new Error(`no net ${name}`);
    const predictNet = encodeNetDef(net.predict);
    const initNet = encodeNetDef(net.init, { packed: true });
    built.push(await compile({ predictNet, initNet, inputs: ['data:1,3,64,64'], name, ...common }));
  }
  return built.flatMap(({ build }) => build.executable ?? []);
}

async function check(program: string, tool: string, precision: string): Promise<number> {
  const args = ['--tool', tool, '--error-exitcode', '9', program, '--random'];
  const done = await execa('compute-sanitizer', args, { reject: false, all: true });
  const isClean = done.exitCode === 0;
  console.log(`${isClean ? 'clean' : 'FOUND'}  ${tool} ${precision} ${program.split('/').pop() ?? ''}`);
  if (!isClean)
    console.log(
      String(done.all ?? done.shortMessage)
        .split('\n')
        .slice(0, 12)
        .join('\n'),
    );
  return isClean ? 0 : 1;
}

process.exitCode = await main();
