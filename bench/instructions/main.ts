// npm run instructions -- [--target T] [--only NETS] [--profile] [--hot N]: instructions per inference of the benchmark's nets
// in QEMU, counted by a plugin that is built here from source. Where no board is at hand, this is the measure of kernels:
// per multiply-add of a direct convolution, against the least that the instruction set allows.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { execa } from 'execa';
import { defaultCacheFolder } from '../../src/build/object-cache.js';
import { loadTarget, type Target } from '../../src/build/target.js';
import { runTool } from '../../src/build/toolchain.js';
import { formatTable } from '../../src/cli/format.js';
import { compile } from '../../src/compile.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { packageRoot } from '../../src/package-root.js';
import type { RunStats } from '../../src/run/run-executable.js';
import { kBenchNets } from '../nets/index.js';
import type { BenchNet } from '../nets/net-builder.js';
import { type Counts, parseCounts, readReport } from './counts.js';

interface Options {
  readonly target: string;
  readonly only?: readonly string[];
  readonly profile: boolean;
  readonly hot: number;
  readonly winograd?: boolean;
  readonly json: boolean;
}

interface Layer {
  readonly name: string;
  readonly macs: number;
  readonly counts: Counts;
}

interface NetCounts {
  readonly net: BenchNet;
  readonly run: Counts;
  readonly layers: readonly Layer[];
  readonly blocks: readonly string[];
}

const kDefaultNets = ['squeezenet_1_1', 'mobilenet_v1', 'resnet50'];

async function main(options: Options): Promise<void> {
  const wanted = options.only ?? kDefaultNets;
  const names = [...kBenchNets.keys()].filter((name) => wanted.some((part) => name.includes(part)));
  if (names.length === 0) throw new Error(`no such net; there are ${[...kBenchNets.keys()].join(', ')}`);
  const target = loadTarget(options.target);
  const folder = mkdtempSync(join(tmpdir(), 'cortado-instructions-'));
  try {
    const plugin = await buildPlugin(folder);
    const rows: string[][] = [];
    for (const name of names) {
      const net = kBenchNets.get(name)?.();
      if (net === undefined) continue;
      const counted = await countNet(net, target, plugin, options, folder);
      rows.push([name, ...cells(counted.run, net.macs)]);
      if (options.json) console.log(JSON.stringify({ net: name, target: target.name, macs: net.macs, ...counted.run }));
      if (options.profile) console.log(`${name}\n${layerTable(counted)}\n`);
      for (const line of counted.blocks) console.log(line);
    }
    const lanes = `${(1 / target.vectorFloats).toFixed(3)} multiply instructions per MAC are the least with ${target.vectorFloats} lanes`;
    console.log(`instructions per inference on ${target.name}; ${lanes}`);
    console.log(formatTable([kHead('net'), ...rows], [1, 2, 3, 4, 5, 6, 7]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The plugin as a shared library. */
async function buildPlugin(folder: string): Promise<string> {
  const source = fileURLToPath(new URL('bench/instructions/count_instructions.cc', packageRoot));
  const plugin = join(folder, 'count_instructions.so');
  const flags = ['-std=c++17', '-O2', '-Wall', '-Wextra', '-shared', '-fPIC'];
  await runTool('g++', [...flags, source, '-o', plugin], { folder, package: 'g++' });
  return plugin;
}

async function countNet(
  net: BenchNet,
  target: Target,
  plugin: string,
  options: Options,
  folder: string,
): Promise<NetCounts> {
  const { build } = await compile({
    predictNet: encodeNetDef(net.predict),
    initNet: encodeNetDef(net.init, { packed: true }),
    inputs: [`${net.input.name}:${net.input.shape.join(',')}`],
    name: net.name,
    target: options.target,
    threads: 1,
    outputFolder: folder,
    cacheFolder: defaultCacheFolder(process.env),
    ...(options.winograd === undefined ? {} : { winograd: options.winograd }),
  });
  const [emulator, ...before] = target.runner.command ?? [];
  if (emulator === undefined || build.executable === undefined) throw new Error(`${target.name} has no emulator`);
  const report = join(folder, 'counts.txt');
  const stats = join(folder, 'stats.json');
  const argument = `${plugin},out=${report}${options.hot > 0 ? `,hot=${options.hot}` : ''}`;
  await execa(emulator, [...before, '-plugin', argument, build.executable, '--random', '--stats', stats]);
  const { readings, blocks } = parseCounts(readFileSync(report, 'utf8'));
  const { layers } = JSON.parse(readFileSync(stats, 'utf8')) as RunStats;
  const { run, perLayer } = readReport(readings, layers.length);
  return {
    net,
    run,
    blocks,
    layers: layers.map(({ op, type, blob, kernel, macs }, i) => ({
      name: `${op} ${type} ${blob} ${kernel}`,
      macs,
      counts: perLayer[i] ?? run,
    })),
  };
}

const kHead = (first: string): string[] => [
  first,
  'MMAC',
  'M instr.',
  'per MAC',
  'multiply',
  'loads',
  'stores',
  'others',
];

/** Counts, and each kind's share per MAC. */
function cells({ total, multiplies, loads, stores }: Counts, macs: number): string[] {
  const per = (count: number): string => (macs === 0 ? '' : (count / macs).toFixed(3));
  const others = total - multiplies - loads - stores;
  const kinds = [total, multiplies, loads, stores, others].map(per);
  return [(macs / 1e6).toFixed(1), (total / 1e6).toFixed(2), ...kinds];
}

function layerTable({ layers }: NetCounts): string {
  const rows = layers.map(({ name, macs, counts }) => [name, ...cells(counts, macs)]);
  return formatTable([kHead('layer'), ...rows], [1, 2, 3, 4, 5, 6, 7]);
}

const command = new Command('instructions')
  .description('Counts the instructions of compiled nets in QEMU.')
  .option('--target <name>', 'target whose runner is a QEMU that loads plugins', 'aarch64-linux')
  .option('--only <nets>', 'names or parts of names, separated by commas', (text) => text.split(','))
  .option('--profile', 'counts of each layer', false)
  .option('--hot <n>', 'show the n blocks of code that most instructions go to', Number, 0)
  .option('--winograd', 'Winograd convolutions wherever they are faster')
  .option('--no-winograd', 'no Winograd convolutions')
  .option('--json', 'a JSON line per net as well', false);
await main(command.parse(process.argv).opts<Options>());
