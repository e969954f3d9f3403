// A test of the device kernels (runtime/cuda/test) as a program: by the target's compiler for the device, or the host's where it is emulated.

import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { loadTarget } from '../../src/build/target.js';
import { findToolchain } from '../../src/build/toolchain.js';
import { packageRoot } from '../../src/package-root.js';

const kRoot = fileURLToPath(packageRoot);

export async function buildKernelTest(name: string, target: string, program: string): Promise<void> {
  const { cxx, deviceProgram, deviceCompiler, commonFlags = [] } = await findToolchain(loadTarget(target));
  const includes = ['include', 'test', 'cuda/include', 'cuda/test'].map((path) => `-Iruntime/${path}`);
  const source = `runtime/cuda/test/${name}.cu`;
  const own =
    deviceProgram === undefined
      ? ['-x', 'c++', ...commonFlags]
      : ['--expt-relaxed-constexpr', ...(deviceCompiler?.flags ?? [])];
  await execa(deviceProgram ?? String(cxx), ['-std=c++17', '-O2', ...own, ...includes, source, '-o', program], {
    cwd: kRoot,
  });
}
