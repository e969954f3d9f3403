// npm run instructions -- [--target T] [--precision P] [--only NETS] [--profile] [--hot N]: instructions per inference of the benchmark's nets
// in QEMU, counted by a plugin that is built here from source. Where no board is at hand, this is the measure of kernels:
// per multiply-add of a direct convolution, against the least that the instruction set allows.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { loadTarget } from '../../src/build/target.js';
import { fail } from '../../src/errors.js';
import { formatTable } from '../../src/format.js';
import { blockedStorage, kPrecisions, type Precision } from '../../src/ops/kernel-call.js';
import { runScript } from '../../test/support/script.js';
import { kBenchNets } from '../nets/index.js';
import { buildPlugin, countNet, type NetCounts } from './count-net.js';
import type { Counts } from './counts.js';

interface Options {
  readonly target: string;
  readonly only?: readonly string[];
  readonly profile: boolean;
  readonly hot: number;
  readonly winograd?: boolean;
  readonly precision?: Precision;
  readonly json: boolean;
}

const kDefaultNets = ['squeezenet_1_1', 'mobilenet_v1', 'resnet50'];

async function main(options: Options): Promise<number> {
  const wanted = options.only ?? kDefaultNets;
  const names = [...kBenchNets.keys()].filter((name) => wanted.some((part) => name.includes(part)));
  if (names.length === 0) {
    fail('bad-option', `no net ${wanted.join(', ')}`, { expected: [...kBenchNets.keys()].join(', ') });
  }
  const target = loadTarget(options.target, options.precision);
  const folder = mkdtempSync(join(tmpdir(), 'cortado-instructions-'));
  try {
    const plugin = await buildPlugin(folder);
    const rows: string[][] = [];
    for (const name of names) {
      const net = kBenchNets.get(name)?.();
      if (net === undefined) continue;
      const counted = await countNet(net, { ...options, plugin, folder });
      rows.push([name, ...cells(counted.run, net.macs)]);
      if (options.json) console.log(JSON.stringify({ net: name, target: target.name, macs: net.macs, ...counted.run }));
      if (options.profile) console.log(`${name}\n${layerTable(counted)}\n`);
      for (const line of counted.blocks) console.log(line);
    }
    const { block } = blockedStorage({
      ...target,
      ...(options.precision === undefined ? {} : { precision: options.precision }),
    });
    const lanes = `${(1 / block).toFixed(3)} multiply instructions per MAC are the least with ${block} lanes`;
    console.log(`instructions per inference on ${target.name}; ${lanes}`);
    console.log(formatTable([kHead('net'), ...rows], [1, 2, 3, 4, 5, 6, 7]));
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
  .addOption(new Option('--precision <kind>', 'how numbers are held and multiplied').choices(kPrecisions))
  .option('--json', 'a JSON line per net as well', false);
await runScript(() => main(command.parse(process.argv).opts<Options>()));
