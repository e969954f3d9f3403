// The device kernels' own tests (runtime/cuda/test/*.cu): compiled by the host's compiler against the emulation and run, once more under
// sanitizers, and compiled by nvcc for both architectures where it is installed. Each program compares with obvious loops.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { kKernelIncludes, kKernelTests, kWgmmaTest } from '../../bench/cuda/kernel-test.js';
import { skipBecause } from '../support/skip.js';

const run = promisify(execFile);
/** Tests of the emulation itself have nothing for a device. */
const kHostOnly = ['emulation_test', 'wgmma_emulation_test'] as const;
const kWarnings = ['-Wall', '-Wextra', '-Wconversion', '-Wno-sign-conversion', '-Werror'];
const kSanitizers = ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
/** The emulation's own: races, reads of what was never written, misaligned vectors. `npm run sanitize` does all programs and some nets. */
const kDeviceSanitizer = [
  '-DCORTADO_DEPENDENT_LAUNCH',
  '-O1',
  '-g',
  '-fsanitize=thread',
  '-fno-threadsafe-statics',
  '-DCORTADO_CUDA_SANITIZER',
];
const kDeviceSanitized = ['sanitizer_test', 'image_norm_test'] as const;
/** The programs with no death test (the sanitizers' reports would be taken for deaths), and cheap enough. */
const kSanitized: readonly string[] = ['conv_transpose_test', 'image_test', 'image_norm_test'];

describe('device kernels', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cortado-device-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  for (const program of [...kHostOnly, ...kKernelTests, kWgmmaTest]) {
    it(`${program} through the emulation`, async function () {
      this.timeout(600_000);
      // Of warpgroups: many instances that run once.
      await compileAndRun(program, join(directory, program), [program === kWgmmaTest ? '-O1' : '-O2']);
    });
  }

  for (const program of kSanitized) {
    it(`${program} under address and undefined-behaviour sanitizers`, async function () {
      this.timeout(600_000);
      await compileAndRun(program, join(directory, `${program}-sanitized`), kSanitizers);
    });
  }

  it('every kernel waits for the one before it (begin_kernel)', () => {
    const folder = join('runtime', 'cuda', 'include', 'cortado_cuda');
    const headers = readdirSync(folder).filter((name) => name.endsWith('.h'));
    const kernels = headers.flatMap((name) =>
      readFileSync(join(folder, name), 'utf8')
        .split(/^(?=(?:static )?__global__)/m)
        .slice(1)
        .map((text) => ({ name, text })),
    );
    // conv2d_gemm fetches its weights before, in accumulate_tile.
    const without = kernels.filter(({ text }) => !/begin_kernel\(\);|accumulate_tile</.test(text));
    assert.ok(kernels.length > 20);
    assert.deepEqual(
      without.map(({ name, text }) => `${name}: ${text.split('\n', 1)[0] ?? ''}`),
      [],
    );
  });

  for (const program of kDeviceSanitized) {
    it(`${program} under the emulation's own sanitizer`, async function () {
      this.timeout(600_000);
      await compileAndRun(program, join(directory, `${program}-checked`), kDeviceSanitizer);
    });
  }

  for (const program of kKernelTests) {
    it(`nvcc compiles ${program} for sm_80 and sm_90 without a warning`, async function () {
      this.timeout(600_000);
      const nvcc = findNvcc() ?? skipBecause(this, 'nvcc is not installed');
      const architectures = ['80', '90'].flatMap((arch) => ['-gencode', `arch=compute_${arch},code=sm_${arch}`]);
      const flags = ['-std=c++17', ...architectures, '-Werror', 'all-warnings', ...kKernelIncludes];
      await run(nvcc, [...flags, '-c', sourceOf(program), '-o', join(directory, `${program}.o`)]);
    });
  }

  it(`nvcc compiles ${kWgmmaTest} for sm_90a without a warning, and ptxas keeps its products in flight`, async function () {
    this.timeout(600_000);
    const nvcc = findNvcc() ?? skipBecause(this, 'nvcc is not installed');
    const flags = [
      '-std=c++17',
      '-gencode',
      'arch=compute_90a,code=sm_90a',
      '-Werror',
      'all-warnings',
      '-Xptxas',
      '-v',
    ];
    const output = ['-cubin', '-o', join(directory, `${kWgmmaTest}.cubin`)];
    const { stdout, stderr } = await run(nvcc, [...flags, ...kKernelIncludes, sourceOf(kWgmmaTest), ...output]);
    const said = `${stdout}${stderr}`;
    assert.match(said, /Used \d+ registers/);
    assert.doesNotMatch(said, /Potential Performance Loss|serialized/);
  });
});

function sourceOf(program: string): string {
  return join('runtime', 'cuda', 'test', `${program}.cu`);
}

function findNvcc(): string | undefined {
  return ['/usr/local/cuda/bin/nvcc', '/usr/bin/nvcc'].find((path) => existsSync(path));
}

/** Rejects with the program's output if it does not compile without a warning or a case fails. */
async function compileAndRun(program: string, executable: string, flags: readonly string[]): Promise<void> {
  const compiler = process.env.CXX ?? 'g++';
  const emulated = ['-std=c++17', '-DCORTADO_CUDA_EMULATION', ...flags, ...kWarnings, ...kKernelIncludes, '-x', 'c++'];
  // Linked by itself: the compiler's own runtime for -fsanitize=thread must stay out.
  await run(compiler, [...emulated, '-c', sourceOf(program), '-o', `${executable}.o`]);
  const linked = flags.filter((flag) => flag.startsWith('-fsanitize=') && flag !== '-fsanitize=thread');
  await run(compiler, [...linked, `${executable}.o`, '-o', executable]);
  await run(executable).catch((error: unknown) => {
    const output = String(error instanceof Error && 'stdout' in error ? `${error.stdout}${error.message}` : error);
    throw new Error(`${program} failed:\n${output}`);
  });
}
