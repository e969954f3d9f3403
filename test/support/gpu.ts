// Whether this machine has a GPU that CUDA programs can use, and what stands in for it where there is none.

import { spawnSync } from 'node:child_process';
import { loadTarget } from '../../src/build/target.js';

const kEmulated = { plain: 'cuda-emulated', wgmma: 'cuda-emulated-sm90a' } as const;

/** Names of the GPUs, as the driver tells; empty where there is none. */
export function gpuNames(): readonly string[] {
  const result = spawnSync('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader'], { encoding: 'utf8' });
  return result.status === 0 ? result.stdout.split('\n').filter((line) => line.trim() !== '') : [];
}

/** The target itself where its programs can run here, else the emulated one. */
export function runnableTarget(name: string): string {
  const { toolchains, device } = loadTarget(name);
  const needsGpu = toolchains[0]?.deviceCompiler !== undefined;
  return needsGpu && gpuNames().length === 0 ? kEmulated[device?.wgmma ? 'wgmma' : 'plain'] : name;
}
