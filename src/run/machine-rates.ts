// What a machine can do, for the roofline: FMA peak and read bandwidth, measured by runtime/probe/machine.cc, which is built
// with the target's own flags and run through the target's runner.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Runner, Target } from '../build/target.js';
import { findToolchain, runTool } from '../build/toolchain.js';
import { packageRoot } from '../package-root.js';
import { execute } from './run-executable.js';

/** Rates of `threads` threads together, in 10⁹ per second. */
export interface MachineRates {
  readonly threads: number;
  readonly gflops: number;
  readonly l2Gbps: number;
  readonly l3Gbps: number;
  readonly memoryGbps: number;
}

const kL2Bytes = 2 ** 20;
const kL3Bytes = 2 ** 25;

/** Builds the measuring program into `folder`; the result measures for a number of threads. */
export async function buildMachineProbe(
  target: Target,
  runner: Runner,
  folder: string,
): Promise<(threads: number) => Promise<MachineRates>> {
  const toolchain = await findToolchain(target);
  const root = fileURLToPath(packageRoot);
  const program = join(folder, 'machine');
  const flags = [
    '-std=c++17',
    '-O3',
    ...toolchain.machineFlags,
    ...(toolchain.commonFlags ?? []),
    `-I${join(root, 'runtime/include')}`,
  ];
  const source = join(root, 'runtime/probe/machine.cc');
  await runTool(toolchain.cxx, [...flags, source, '-o', program, ...(toolchain.linkFlags ?? []), '-lpthread'], {
    folder,
    package: toolchain.package,
  });
  return async (threads) => JSON.parse(await execute(runner, program, [String(threads)])) as MachineRates;
}

/** The higher rate of each kind: a busy machine only ever measures too low. */
export function higherRates(a: MachineRates, b: MachineRates): MachineRates {
  return {
    threads: a.threads,
    gflops: Math.max(a.gflops, b.gflops),
    l2Gbps: Math.max(a.l2Gbps, b.l2Gbps),
    l3Gbps: Math.max(a.l3Gbps, b.l3Gbps),
    memoryGbps: Math.max(a.memoryGbps, b.memoryGbps),
  };
}

/** Bytes per nanosecond from the level of memory that so many bytes fit in. */
export function readGbps(rates: MachineRates, bytes: number): number {
  return bytes <= kL2Bytes ? rates.l2Gbps : bytes <= kL3Bytes ? rates.l3Gbps : rates.memoryGbps;
}

/** The roofline: no less than this many milliseconds for the flops, nor for reading the bytes from the level they fit in. */
export function rooflineMs(rates: MachineRates, macs: number, bytes: number): number {
  return Math.max((2 * macs) / rates.gflops, bytes / readGbps(rates, bytes)) / 1e6;
}
