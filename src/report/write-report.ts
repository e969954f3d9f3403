// Writes the report of a compiled net; where there is something to run, it is measured first, through the target's runner.

import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Runner, Target } from '../build/target.js';
import { makeTempFolder, removeTempFolder } from '../build/temp-folders.js';
import type { CompiledNet } from '../compile.js';
import { fail } from '../errors.js';
import { buildMachineProbe, type MachineRates } from '../run/machine-rates.js';
import { profileNet } from '../run/profile-net.js';
import type { RunRequest } from '../run/run-executable.js';
import { kVersion } from '../version.js';
import { reportPage } from './page.js';
import { type Measurement, reportData } from './report-data.js';

/** What is run for the times: an executable with its inputs, or nothing. */
export type Measured = Omit<RunRequest, 'outputs'>;

export async function writeReport(
  file: string,
  { program, target }: CompiledNet,
  measured: Measured | undefined,
  onProgress?: (message: string) => void,
): Promise<void> {
  let measurement: Measurement | undefined;
  if (measured !== undefined) {
    onProgress?.('measuring the net');
    const stats = await profileNet({ ...measured, outputs: [] });
    onProgress?.('measuring the machine');
    measurement = { stats, rates: await measureMachine(target, measured.runner, stats.threads) };
  }
  const page = reportPage(reportData(program, { target: target.name, version: kVersion }, measurement));
  try {
    writeFileSync(file, page);
  } catch (error) {
    fail('bad-option', `the report cannot be written to ${file}`, {
      got: error instanceof Error ? error.message : String(error),
    });
  }
}

async function measureMachine(target: Target, runner: Runner, threads: number): Promise<MachineRates> {
  const folder = await makeTempFolder(tmpdir(), 'cortado-probe-');
  try {
    const probe = await buildMachineProbe(target, runner, folder);
    return await probe(threads);
  } finally {
    await removeTempFolder(folder);
  }
}
