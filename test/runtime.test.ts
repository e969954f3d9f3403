// The kernels' own tests (runtime/test/*_test.cc), compiled for every x86-64 level that this machine runs, for ARM in the
// emulator, and once with sanitizers. Each program compares kernels with obvious loops and prints a line per case.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadTarget } from '../src/build/target.js';
import { words } from '../src/build/tool-paths.js';
import { needTargetTools } from './support/need-target-tools.js';
import { skipBecause } from './support/skip.js';

const run = promisify(execFile);
const kPrograms = [
  'math_test',
  'conv_test',
  'conv_few_test',
  'conv_winograd_test',
  'dense_test',
  'shape_test',
] as const;
/** What images without a C library bring of it, compiled for this machine. */
const kBareProgram = 'bare_math_test';
/** For each storage type. */
const kStoragePrograms = ['storage_test', 'storage_conv_test'] as const;
const kBf16 = '-DCORTADO_STORAGE=Bfloat16';
const kHalf = '-DCORTADO_STORAGE=Half';
const kBf16Flags = ['-O2', '-march=x86-64-v4', '-mavx512bf16', kBf16];
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
        this.timeout(300_000);
        if (!(await hasCpuFeature(feature))) skipBecause(this, `this CPU lacks ${feature}`);
        await compileAndRun(program, join(directory, `${program}-${level}`), ['-O2', `-march=${level}`]);
      });
    }
  }

  for (const target of ['aarch64-linux', 'armv7-linux']) {
    for (const program of kPrograms) {
      it(`${program} on ${target}`, async function () {
        this.timeout(180_000);
        await needTargetTools(this, target);
        await compileAndEmulate(program, join(directory, `${program}-${target}`), target);
      });
    }
  }

  for (const program of kStoragePrograms) {
    it(`${program} of halves on aarch64-linux-v8.2, with their arithmetic`, async function () {
      this.timeout(300_000);
      await needTargetTools(this, 'aarch64-linux-v8.2');
      await compileAndEmulate(program, join(directory, `${program}-v8.2`), 'aarch64-linux-v8.2', [kHalf]);
    });
  }

  for (const program of kStoragePrograms) {
    it(`${program} of bfloat16, with AVX512-BF16 where the CPU has it`, async function () {
      this.timeout(300_000);
      const flags = (await hasCpuFeature('avx512_bf16')) ? kBf16Flags : ['-O1', kBf16];
      await compileAndRun(program, join(directory, `${program}-bf16`), flags);
    });
  }

  // With fused multiply-adds, as the cores have; under the sanitizers below without.
  it(`${kBareProgram} on x86-64-v3`, async function () {
    this.timeout(300_000);
    if (!(await hasCpuFeature('avx2'))) skipBecause(this, 'this CPU lacks AVX2');
    await compileAndRun(kBareProgram, join(directory, kBareProgram), ['-O2', '-march=x86-64-v3']);
  });

  // Convolutions of halves run on ARM above; in portable code only their element differs, and compiling them takes minutes.
  const storagePrograms = [...kStoragePrograms.map((name) => [name, kBf16] as const), ['storage_test', kHalf] as const];
  const otherPrograms = [...kPrograms, kBareProgram].map((name) => [name, ''] as const);
  for (const [program, define] of [...otherPrograms, ...storagePrograms]) {
    it(`${program} ${define} under address and undefined-behaviour sanitizers`, async function () {
      this.timeout(300_000);
      const flags = define === '' ? kSanitizers : [...kSanitizers, define];
      await compileAndRun(program, join(directory, `${program}${define}-sanitized`), flags);
    });
  }
});

/** The same with the target's first toolchain, in its emulator. */
async function compileAndEmulate(
  program: string,
  executable: string,
  target: string,
  defines: readonly string[] = [],
): Promise<void> {
  const { toolchains, runner } = loadTarget(target);
  const { cxx = '', machineFlags = [], linkFlags = [] } = toolchains[0] ?? {};
  const flags = ['-O1', '-Wno-psabi', ...defines, ...machineFlags, ...linkFlags];
  await compileAndRun(program, executable, flags, words(cxx)[0], runner.command ?? []);
}

/** Rejects with the program's output if it does not compile without a warning or a case fails. */
async function compileAndRun(
  program: string,
  executable: string,
  flags: readonly string[],
  compiler = process.env.CXX ?? 'g++',
  emulator: readonly string[] = [],
): Promise<void> {
  const source = join('runtime', 'test', `${program}.cc`);
  await run(compiler, [
    '-std=c++17',
    ...flags,
    ...kWarnings,
    '-Iruntime/include',
    '-Iruntime/bare',
    source,
    '-o',
    executable,
  ]);
  const [command = executable, ...args] = [...emulator, executable];
  await run(command, args).catch((error: unknown) => {
    const output = typeof error === 'object' && error !== null && 'stdout' in error ? String(error.stdout) : '';
    throw new Error(`${program} failed:\n${output}`);
  });
}

async function hasCpuFeature(feature: string): Promise<boolean> {
  const info = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  return new RegExp(`^flags.*\\b${feature}\\b`, 'm').test(info);
}
