// Builds and runs one test of the device kernels: on a GPU where the target is for one. Ends with the test's exit code.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { endWithUsage, readArguments, runScript } from '../../test/support/script.js';
import { buildKernelTest } from './kernel-test.js';

const kUsage = 'usage: node dist/bench/cuda/kernel-test-main.js NAME [--target cuda-sm90]';

async function main(): Promise<number> {
  const { values, positionals } = readArguments(kUsage, {
    allowPositionals: true,
    options: { target: { type: 'string', default: 'cuda-sm90' } },
  });
  const [name] = positionals;
  if (name === undefined) endWithUsage(kUsage);
  const folder = mkdtempSync(join(tmpdir(), 'cortado-kernel-'));
  try {
    const program = join(folder, name);
    await buildKernelTest(name, values.target, program);
    const { all, exitCode } = await execa(program, [], { reject: false, all: true });
    console.log(all);
    return exitCode ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await runScript(main);
