// The kernels' own tests (runtime/test/*_test.cc), compiled for every x86-64 level that this machine runs, and once with
// sanitizers. Each program compares kernels with obvious loops and prints a line per case.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const kPrograms = [
  'math_test',
  'conv_test',
  'conv_few_test',
  'conv_winograd_test',
  'dense_test',
  'shape_test',
] as const;
const kWarnings = ['-Wall', '-Wextra', '-Wconversion', '-Werror'];
const kSanitizers = ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

describe('runtime kernels', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cortado-kernels-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  for (const [level, feature] of [
    ['x86-64', 'sse2'],
    ['x86-64-v3', 'avx2'],
    ['x86-64-v4', 'avx512vl'],
  ] as const) {
    for (const program of kPrograms) {
      it(`${program} on ${level}`, async function () {
        this.timeout(180_000);
        if (!(await hasCpuFeature(feature))) this.skip();
        await compileAndRun(program, join(directory, `${program}-${level}`), ['-O2', `-march=${level}`]);
      });
    }
  }

  for (const program of kPrograms) {
    it(`${program} under address and undefined-behaviour sanitizers`, async function () {
      this.timeout(180_000);
      await compileAndRun(program, join(directory, `${program}-sanitized`), kSanitizers);
    });
  }
});

/** Rejects with the program's output if it does not compile without a warning or a case fails. */
async function compileAndRun(program: string, executable: string, flags: readonly string[]): Promise<void> {
  const source = join('runtime', 'test', `${program}.cc`);
  const compiler = process.env.CXX ?? 'g++';
  await run(compiler, ['-std=c++17', ...flags, ...kWarnings, '-Iruntime/include', source, '-o', executable]);
  await run(executable).catch((error: unknown) => {
    const output = typeof error === 'object' && error !== null && 'stdout' in error ? String(error.stdout) : '';
    throw new Error(`${program} failed:\n${output}`);
  });
}

async function hasCpuFeature(feature: string): Promise<boolean> {
  const info = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  return new RegExp(`^flags.*\\b${feature}\\b`, 'm').test(info);
}
