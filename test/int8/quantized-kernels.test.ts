// runtime/test/quantized_test.cc: without a warning of either compiler, on every x86-64 level that this machine runs, and under
// sanitizers.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

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
      if (!(await readFile('/proc/cpuinfo', 'utf8').catch(() => '')).includes(` ${cpuFlag}`)) return this.skip();
      const folder = await mkdtemp(join(tmpdir(), 'cortado-int8-'));
      try {
        const program = join(folder, 'quantized_test');
        const source = join('runtime', 'test', 'quantized_test.cc');
        await run(compiler, ['-std=c++17', ...flags, ...kWarnings, '-Iruntime/include', source, '-o', program]);
        await run(program);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  }
});
