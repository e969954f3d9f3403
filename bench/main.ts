// `npm run bench`: compiles nets built here, times them in turn with the same nets in ONNX Runtime, prints a table. The last
// line is `geomean 1T R 2T R`: how many times faster ours is over the convolution nets.

import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadTarget } from '../src/build/target.js';
import { buildMachineProbe, higherRates, type MachineRates } from '../src/run/machine-rates.js';
import { kBenchNets } from './nets/index.js';
import { type BenchNet, NetBuilder } from './nets/net-builder.js';
import { type BenchOptions, readOptions } from './options.js';
import {
  comparisonLines,
  geomeanLine,
  kTableHead,
  machineLines,
  netLines,
  profileLines,
  startupLines,
} from './report.js';
import { loadRun, saveRun } from './results.js';
import { cpuModel } from './timing/machine.js';
import { type MeasureOptions, measureNet, measurePeerCall, type NetResult } from './timing/measure.js';
import { openPeer, type Peer } from './timing/peer.js';

const kFull = { rounds: 16, roundMs: 150 };
const kQuick = { rounds: 5, roundMs: 80 };

async function main(options: BenchOptions): Promise<void> {
  const names = [...kBenchNets.keys()].filter((name) => options.only?.some((part) => name.includes(part)) ?? true);
  if (names.length === 0) throw new Error(`no such net; there are ${[...kBenchNets.keys()].join(', ')}`);
  const saved = options.compare === undefined ? [] : loadRun(options.compare);
  const folder = mkdtempSync(join(tmpdir(), 'cortado-bench-'));
  try {
    const results = await runNets(names, options, folder);
    for (const line of comparisonLines(results, saved)) console.log(line);
    const cpu = cpuModel();
    if (results.length > 0) saveRun('last', cpu, results);
    if (options.save !== undefined) console.log(`saved in ${saveRun(options.save, cpu, results)}`);
    console.log(geomeanLine(results, options.threads));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runNets(names: readonly string[], options: BenchOptions, folder: string): Promise<readonly NetResult[]> {
  const { threads, target, precision, profile, startup } = options;
  const machine = loadTarget(target, precision);
  const probe = await buildMachineProbe(machine, machine.runner, folder);
  let rates = await probeAll(probe, threads);
  for (const line of machineLines(cpuModel(), rates)) console.log(line);
  const [load = 0] = loadavg();
  if (load > 1) console.log(`note: load average ${load.toFixed(1)}: other programs run, times are too high`);
  const peer = options.peer ? await openPeer(note) : 'not asked for';
  const peerCallMs = typeof peer === 'string' ? 0 : await measurePeerCall(peer, emptyNet());
  console.log(
    typeof peer === 'string'
      ? `peer skipped: ${peer}`
      : `peer ${peer.name}; its call of ${(1000 * peerCallMs).toFixed(0)} µs is taken off`,
  );
  console.log(kTableHead);
  const results: NetResult[] = [];
  const measure: MeasureOptions = {
    ...(options.quick ? kQuick : kFull),
    folder,
    target,
    precision,
    threads,
    profile,
    startup,
    peerCallMs,
    onProgress: note,
  };
  for (const name of names) {
    const result = await measureOne(name, typeof peer === 'string' ? undefined : peer, measure);
    if (result === undefined) continue;
    results.push(result);
    rates = (await probeAll(probe, threads)).map((now, i) => higherRates(now, rates[i] ?? now));
    for (const line of netLines(result, rates)) console.log(line);
    if (startup) for (const line of startupLines(result)) console.log(line);
    if (profile) for (const line of profileLines(result, rates, options.layers)) console.log(line);
    if (options.json) console.log(JSON.stringify(result));
  }
  return results;
}

/** A net that cannot be compiled or compared is reported and left out. */
async function measureOne(
  name: string,
  peer: Peer | undefined,
  options: MeasureOptions,
): Promise<NetResult | undefined> {
  try {
    const build = kBenchNets.get(name);
    return build === undefined ? undefined : await measureNet(build(), peer, options);
  } catch (error) {
    console.log(
      `${name.padEnd(16)} skipped: ${(error instanceof Error ? error.message : String(error)).split('\n').slice(0, 3).join(' ')}`,
    );
    return undefined;
  }
}

async function probeAll(
  probe: (threads: number) => Promise<MachineRates>,
  threads: readonly number[],
): Promise<readonly MachineRates[]> {
  const rates: MachineRates[] = [];
  for (const count of threads) rates.push(await probe(count));
  return rates;
}

/** What a call costs by itself: one value through a Relu. */
function emptyNet(): BenchNet {
  const net = new NetBuilder('empty', [1, 1]);
  return net.finish(net.relu(net.input), false);
}

function note(message: string): void {
  if (process.stderr.isTTY) console.error(message);
}

try {
  await main(readOptions(process.argv));
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
