// runtime/test/quantized_test.cc: without a warning of either compiler, on every x86-64 level that this machine runs, under
// sanitizers, and in the emulator with ARM's dot products.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadTarget } from '../../src/build/target.js';
import { words } from '../../src/build/tool-paths.js';
import { needTargetTools } from '../support/need-target-tools.js';
import { skipBecause } from '../support/skip.js';

const run = promisify(execFile);
const kWarnings = ['-Wall', '-Wextra', '-Wconversion', '-Werror'];
const kBuilds: readonly (readonly [compiler: string, flags: readonly string[], cpuFlag: string])[] = [
  ['g++', ['-O3', '-march=x86-64'], 'sse2'],
  ['g++', ['-O3', '-march=x86-64-v3'], 'avx2'],
  ['g++', ['-O3', '-march=x86-64-v4'], 'avx512vl'],
  ['clang++-14', ['-O2', '-march=x86-64-v3'], 'avx2'],
  ['g++', ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'], 'sse2'],
];

describe('8-bit kernels', () => {
  for (const [compiler, flags, cpuFlag] of kBuilds) {
    it(`${compiler} ${flags.join(' ')}`, async function () {
      this.timeout(180_000);
      if (!(await readFile('/proc/cpuinfo', 'utf8').catch(() => '')).includes(` ${cpuFlag}`))
        return skipBecause(this, `this CPU lacks ${cpuFlag}`);
      await compileAndRun(compiler, flags, []);
    });
  }

  it('aarch64-linux-v8.2, with dot products', async function () {
    this.timeout(180_000);
    await needTargetTools(this, 'aarch64-linux-v8.2');
    const { toolchains, runner } = loadTarget('aarch64-linux-v8.2');
    const { cxx = '', machineFlags = [], linkFlags = [] } = toolchains[0] ?? {};
    await compileAndRun(words(cxx)[0] ?? '', ['-O1', ...machineFlags, ...linkFlags], runner.command ?? []);
  });
});

async function compileAndRun(compiler: string, flags: readonly string[], emulator: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cortado-int8-'));
  try {
    const program = join(folder, 'quantized_test');
    const source = join('runtime', 'test', 'quantized_test.cc');
    await run(compiler, ['-std=c++17', ...flags, ...kWarnings, '-Iruntime/include', source, '-o', program]);
    const [command = program, ...args] = [...emulator, program];
    await run(command, args);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
