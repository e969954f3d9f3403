// Counts the instructions of a net: builds the QEMU plugin and the net, runs one in the other, reads what the plugin wrote.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { defaultCacheFolder } from '../../src/build/object-cache.js';
import { runTool } from '../../src/build/toolchain.js';
import { compile } from '../../src/compile.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import type { Precision } from '../../src/ops/kernel-call.js';
import { packageRoot } from '../../src/package-root.js';
import type { RunStats } from '../../src/run/run-executable.js';
import type { BenchNet } from '../nets/net-builder.js';
import { type Counts, parseCounts, readReport } from './counts.js';

export interface LayerCounts {
  readonly name: string;
  readonly macs: number;
  readonly counts: Counts;
}

export interface NetCounts {
  readonly run: Counts;
  readonly layers: readonly LayerCounts[];
  readonly blocks: readonly string[];
}

export interface CountOptions {
  readonly target: string;
  /** The plugin that buildPlugin made. */
  readonly plugin: string;
  readonly folder: string;
  /** Blocks of code to show. */
  readonly hot: number;
  readonly winograd?: boolean;
  readonly precision?: Precision;
}

/** The plugin as a shared library. */
export async function buildPlugin(folder: string): Promise<string> {
  const source = fileURLToPath(new URL('bench/instructions/count_instructions.cc', packageRoot));
  const plugin = join(folder, 'count_instructions.so');
  const flags = ['-std=c++17', '-O2', '-Wall', '-Wextra', '-shared', '-fPIC'];
  await runTool('g++', [...flags, source, '-o', plugin], { folder, package: 'g++' });
  return plugin;
}

/** Compiles a net for a target whose runner is a QEMU with plugins, and counts one run on random inputs. */
export async function countNet(net: BenchNet, options: CountOptions): Promise<NetCounts> {
  const { folder, plugin, hot, winograd, precision } = options;
  const { build, target } = await compile({
    predictNet: encodeNetDef(net.predict),
    initNet: encodeNetDef(net.init, { packed: true }),
    inputs: [`${net.input.name}:${net.input.shape.join(',')}`],
    name: net.name,
    target: options.target,
    threads: 1,
    outputFolder: folder,
    cacheFolder: defaultCacheFolder(process.env),
    ...(winograd === undefined ? {} : { winograd }),
    ...(precision === undefined ? {} : { precision }),
  });
  const [emulator, ...before] = target.runner.command ?? [];
  if (emulator === undefined || build.executable === undefined) throw new Error(`${target.name} has no emulator`);
  const report = join(folder, 'counts.txt');
  const stats = join(folder, 'stats.json');
  const argument = `${plugin},out=${report}${hot > 0 ? `,hot=${hot}` : ''}`;
  await execa(emulator, [...before, '-plugin', argument, build.executable, '--random', '--stats', stats]);
  const { readings, blocks } = parseCounts(readFileSync(report, 'utf8'));
  const { layers } = JSON.parse(readFileSync(stats, 'utf8')) as RunStats;
  const { run, perLayer } = readReport(readings, layers.length);
  return {
    run,
    blocks,
    layers: layers.map(({ op, type, blob, kernel, macs }, i) => ({
      name: `${op} ${type} ${blob} ${kernel}`,
      macs,
      counts: perLayer[i] ?? run,
    })),
  };
}
