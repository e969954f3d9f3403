// The machine: CPU model, FMA peak and read bandwidth, measured by native/machine.cc, built with the target's own flags.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Target } from '../../src/build/target.js';
import { findToolchain, runTool } from '../../src/build/toolchain.js';
import { packageRoot } from '../../src/package-root.js';

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

export function cpuModel(): string {
  try {
    const line = /^model name\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
    return line ?? process.arch;
  } catch {
    return process.arch;
  }
}

/** Builds the measuring program into `folder`; the result measures for a number of threads. */
export async function buildMachineProbe(
  target: Target,
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
  await runTool(toolchain.cxx, [...flags, join(root, 'bench/native/machine.cc'), '-o', program, '-lpthread'], {
    folder,
    package: toolchain.package,
  });
  return async (threads) => JSON.parse((await execa(program, [String(threads)])).stdout) as MachineRates;
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

/** The roofline: no less than this many milliseconds for the flops, nor for reading the bytes from the level they fit in. */
export function rooflineMs(rates: MachineRates, macs: number, bytes: number): number {
  const gbps = bytes <= kL2Bytes ? rates.l2Gbps : bytes <= kL3Bytes ? rates.l3Gbps : rates.memoryGbps;
  return Math.max((2 * macs) / rates.gflops, bytes / gbps) / 1e6;
}
