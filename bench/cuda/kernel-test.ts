// A test of the device kernels (runtime/cuda/test) as a program: by the target's compiler for the device, or the host's where it is emulated.

import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { loadTarget } from '../../src/build/target.js';
import { findToolchain } from '../../src/build/toolchain.js';
import { packageRoot } from '../../src/package-root.js';

/** Programs in runtime/cuda/test of kernels that every device has. */
export const kKernelTests = [
  'conv_gemm_test',
  'conv_transpose_test',
  'image_test',
  'image_norm_test',
  'image_move_test',
] as const;
/** Of kernels for Hopper alone. */
export const kWgmmaTest = 'conv_wgmma_test';
export const kKernelIncludes = ['include', 'test', 'cuda/include', 'cuda/test'].map((path) => `-Iruntime/${path}`);

const kRoot = fileURLToPath(packageRoot);

export async function buildKernelTest(name: string, target: string, program: string): Promise<void> {
  const { cxx, deviceProgram, deviceCompiler, commonFlags = [] } = await findToolchain(loadTarget(target));
  const source = `runtime/cuda/test/${name}.cu`;
  const own =
    deviceProgram === undefined
      ? ['-x', 'c++', ...commonFlags]
      : ['--expt-relaxed-constexpr', ...(deviceCompiler?.flags ?? [])];
  await execa(deviceProgram ?? String(cxx), ['-std=c++17', '-O2', ...own, ...kKernelIncludes, source, '-o', program], {
    cwd: kRoot,
  });
}
