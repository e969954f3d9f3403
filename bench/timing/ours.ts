// Our side: a net compiled to an executable, timed inside its own harness (no files, no process start in the numbers).

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { defaultCacheFolder } from '../../src/build/object-cache.js';
import { compile } from '../../src/compile.js';
import { readNpy, writeNpy } from '../../src/files/npy.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { makeTensor } from '../../src/ir/tensor.js';
import type { Precision } from '../../src/ops/kernel-call.js';
import type { RunStats } from '../../src/run/run-executable.js';
import type { BenchNet } from '../nets/net-builder.js';

export interface LayerStats {
  readonly op: number;
  readonly type: string;
  readonly blob: string;
  readonly kernel: string;
  readonly macs: number;
  readonly bytes: number;
  readonly ms: number;
}

/** Milliseconds of one run. */
export interface RunTimes {
  readonly minMs: number;
  readonly medianMs: number;
}

export interface OurNet {
  readonly compileMs: number;
  readonly arenaBytes: number;
  readonly weightBytes: number;
  /** The output's values, for the input that is timed or another. */
  answer(input?: Float32Array): Promise<Float32Array>;
  time(threads: number, repeat: number): Promise<RunTimes>;
  /** Mean time of each layer; reading the clock between layers costs a little. */
  profile(threads: number, repeat: number): Promise<readonly LayerStats[]>;
  /** A process that runs the net once, from its start to its end. */
  startup(threads: number): StartUp;
}

export interface StartUp {
  /** Least time of a whole process with one run, beyond that of a program that does nothing. */
  readonly processMs: number;
  /** Most memory that such a process has resident. */
  readonly residentBytes: number;
}

const kStarts = 20;

export interface OurOptions {
  readonly folder: string;
  readonly target: string;
  readonly threads: number;
  readonly precision: Precision;
}

export async function compileOurs(net: BenchNet, input: Float32Array, options: OurOptions): Promise<OurNet> {
  const { folder, target, threads, precision } = options;
  mkdirSync(folder, { recursive: true });
  const begin = performance.now();
  const { build, program } = await compile({
    predictNet: encodeNetDef(net.predict),
    initNet: encodeNetDef(net.init, { packed: true }),
    inputs: [`${net.input.name}:${net.input.shape.join(',')}`],
    name: net.name,
    target,
    threads,
    precision,
    outputFolder: folder,
    cacheFolder: defaultCacheFolder(process.env),
  });
  const compileMs = performance.now() - begin;
  if (build.executable === undefined) throw new Error('no executable was made');
  const inputFile = join(folder, 'input.npy');
  const otherFile = join(folder, 'other.npy');
  const outputFile = join(folder, 'output.npy');
  const statsFile = join(folder, 'stats.json');
  writeNpy(inputFile, makeTensor('f32', [...net.input.shape], input));
  const executable = build.executable;
  const runOn = async (file: string, args: readonly string[]): Promise<string> =>
    (await execa(executable, ['--input', `${net.input.name}=${file}`, ...args])).stdout;
  const run = (args: readonly string[]): Promise<string> => runOn(inputFile, args);
  return {
    compileMs,
    arenaBytes: program.arenaBytes,
    weightBytes: program.weightBytes,
    answer: async (other) => {
      if (other !== undefined) writeNpy(otherFile, makeTensor('f32', [...net.input.shape], other));
      await runOn(other === undefined ? inputFile : otherFile, ['--output', `${net.output.name}=${outputFile}`]);
      return Float32Array.from(readNpy(outputFile).data as Float32Array);
    },
    time: async (count, repeat) => {
      const [minMs = 0, medianMs = 0] = readTimes(await run(timing(count, repeat)));
      return { minMs, medianMs };
    },
    startup: (count) => {
      const once = ['--threads', String(count), '--repeat', '1', '--stats', statsFile];
      const args = ['--input', `${net.input.name}=${inputFile}`, ...once];
      const [processMs, nothingMs] = [leastMs(executable, args), leastMs('/bin/true', [])];
      const stats = JSON.parse(readFileSync(statsFile, 'utf8')) as RunStats;
      return { processMs: processMs - nothingMs, residentBytes: stats.peak_resident_bytes };
    },
    profile: async (count, repeat) => {
      await run([...timing(count, repeat), '--stats', statsFile]);
      return (JSON.parse(readFileSync(statsFile, 'utf8')) as { readonly layers: readonly LayerStats[] }).layers;
    },
  };
}

/** Least time of a process, of several. */
function leastMs(program: string, args: readonly string[]): number {
  const times = Array.from({ length: kStarts }, () => {
    const begin = performance.now();
    const { status } = spawnSync(program, args, { stdio: 'ignore' });
    if (status !== 0) throw new Error(`${program} ended with ${status}`);
    return performance.now() - begin;
  });
  return Math.min(...times);
}

function timing(threads: number, repeat: number): readonly string[] {
  const warmup = Math.max(2, Math.ceil(repeat / 10));
  return ['--threads', String(threads), '--warmup', String(warmup), '--repeat', String(repeat)];
}

/** Minimum and median from the harness's line `time    min 6.163 ms, median 6.220 ms  (...)`. */
function readTimes(text: string): readonly number[] {
  const match = /^time\s+min ([\d.]+) ms, median ([\d.]+) ms/m.exec(text);
  if (match === null) throw new Error(`the executable printed no times: ${text}`);
  return match.slice(1).map(Number);
}
