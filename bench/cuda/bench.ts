// One net at one shape and precision on the GPU: ours against PyTorch in the same run, times by CUDA events. Prints a table of
// modes, the ratio to PyTorch's best one, and our slowest layers with their share of the roofline.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { defaultCacheFolder } from '../../src/build/object-cache.js';
import { loadTarget } from '../../src/build/target.js';
import { findToolchain } from '../../src/build/toolchain.js';
import { compile } from '../../src/compile.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { type DevicePrecision, kDevicePrecisions } from '../../src/ops/kernel-call.js';
import { packageRoot } from '../../src/package-root.js';
import { endWithUsage, readArguments, runScript } from '../../test/support/script.js';
import { kBenchNets } from '../nets/index.js';
import type { BenchNet } from '../nets/net-builder.js';
import { netJson } from './net-json.js';

const kUsage = `usage: node dist/bench/cuda/bench.js --net ${[...kBenchNets.keys()].join('|')} [--shape 1,3,224,224]
       [--precision ${kDevicePrecisions.join('|')}] [--target cuda-sm90] [--peers eager,graph,folded,compiled]`;

const kFolder = fileURLToPath(new URL('bench/cuda/', packageRoot));
const kSlowest = 12;

/** Dense peaks of a GPU: TFLOP/s by precision and GB/s, from the manufacturer's data sheets. */
const kPeaks: {
  readonly [architecture: number]: { readonly [P in DevicePrecision]: number } & { readonly memory: number };
} = {
  80: { fp32: 19.5, tf32: 156, fp16: 312, memory: 1555 },
  90: { fp32: 66.9, tf32: 494, fp16: 989, memory: 3350 },
};

interface LayerTime {
  readonly blob: string;
  readonly kernel: string;
  readonly macs: number;
  readonly bytes: number;
  readonly ms: number;
}

interface OurTimes {
  readonly ms: number;
  readonly layers: readonly LayerTime[];
}

async function main(): Promise<number> {
  const { values } = readArguments(kUsage, {
    options: {
      net: { type: 'string', default: 'resnet50' },
      shape: { type: 'string', default: '1,3,224,224' },
      precision: { type: 'string', default: 'fp16' },
      target: { type: 'string', default: 'cuda-sm90' },
      peers: { type: 'string', default: 'eager,graph,folded' },
    },
  });
  const make = kBenchNets.get(values.net);
  const precision = kDevicePrecisions.find((kind) => kind === values.precision);
  if (make === undefined || precision === undefined) endWithUsage(kUsage);
  const shape = values.shape.split(',').map(Number);
  const folder = mkdtempSync(join(tmpdir(), 'cortado-gpu-'));
  try {
    const net = make();
    const runs = Math.max(5, Math.min(200, Math.round(2e11 / (net.macs * (shape[0] ?? 1)))));
    const ours = await timeOurs(net, shape, precision, values.target, folder, runs);
    console.log(`ours            ${ours.ms.toFixed(4)} ms`);
    await reportPeer(net, shape, [precision, String(runs), values.peers], folder, ours.ms);
    reportLayers(ours.layers, precision, values.target);
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function timeOurs(
  net: BenchNet,
  shape: readonly number[],
  precision: DevicePrecision,
  target: string,
  folder: string,
  runs: number,
): Promise<OurTimes> {
  const { files, build } = await compile({
    predictNet: encodeNetDef(net.predict),
    initNet: encodeNetDef(net.init, { packed: true }),
    inputs: [`${net.input.name}:${shape.join(',')}`],
    name: net.name,
    target,
    precision,
    emit: ['library'],
    outputFolder: folder,
    cacheFolder: defaultCacheFolder(process.env),
  });
  console.log(`compiled by     ${build.toolchain ?? ''}`);
  const { deviceProgram } = await findToolchain(loadTarget(target));
  if (deviceProgram === undefined) throw new Error(`${target} has no device compiler: nothing to measure`);
  const program = join(folder, 'time_net');
  const { prefix } = files;
  await execa(deviceProgram, [
    '-std=c++17',
    '-O2',
    `-DNET=${prefix}`,
    `-DNET_HEADER="${prefix}.h"`,
    `-I${join(folder, 'include')}`,
    `-I${fileURLToPath(new URL('runtime/cuda/include/', packageRoot))}`,
    join(kFolder, 'time_net.cc'),
    join(folder, 'lib', `lib${prefix}.a`),
    '-lpthread',
    '-o',
    program,
  ]);
  return JSON.parse((await execa(program, [String(runs)])).stdout) as OurTimes;
}

async function reportPeer(
  net: BenchNet,
  shape: readonly number[],
  args: readonly string[],
  folder: string,
  ourMs: number,
): Promise<void> {
  const file = join(folder, 'net.json');
  writeFileSync(file, netJson(net, shape));
  const peer = await execa('python3', [join(kFolder, 'torch_peer.py'), file, ...args], {
    reject: false,
  });
  if (peer.exitCode !== 0) {
    console.log(
      `PyTorch skipped: ${String(peer.stderr || peer.shortMessage)
        .split('\n')
        .slice(-2)
        .join(' ')}`,
    );
    return;
  }
  const times = Object.entries(JSON.parse(peer.stdout) as { readonly [mode: string]: number | null });
  for (const [mode, ms] of times) {
    console.log(`PyTorch ${mode.padEnd(8)}${ms === null ? 'failed' : `${ms.toFixed(4)} ms`}`);
  }
  const known = times.flatMap(([, ms]) => ms ?? []);
  if (known.length > 0) console.log(`ratio           ${(Math.min(...known) / ourMs).toFixed(2)} x PyTorch's best`);
}

/** The time a layer needs at least, by arithmetic or by memory, over the time it took. */
function reportLayers(layers: readonly LayerTime[], precision: DevicePrecision, target: string): void {
  const peaks = kPeaks[loadTarget(target).device?.architecture ?? 80];
  if (peaks === undefined) return;
  const slowest = [...layers].sort((a, b) => b.ms - a.ms).slice(0, kSlowest);
  console.log('   ms      % of roofline  kernel, blob');
  for (const { ms, macs, bytes, kernel, blob } of slowest) {
    const leastMs = Math.max((2 * macs) / (peaks[precision] * 1e9), bytes / (peaks.memory * 1e6));
    console.log(
      `${ms.toFixed(4).padStart(8)} ${((100 * leastMs) / ms).toFixed(1).padStart(8)}       ${kernel}, ${blob}`,
    );
  }
  const total = layers.reduce((sum, layer) => sum + layer.ms, 0);
  console.log(`${total.toFixed(4).padStart(8)}                all, one by one`);
}

await runScript(main);
