// Targets without an operating system: what they need from the target file, and options that make no sense on them.

import { type Holding, type MemoryRegion, regionOf } from '../emit/memory-regions.js';
import { fail } from '../errors.js';
import { largestWeightsText } from '../plan/memory-peaks.js';
import type { Program } from '../plan/program.js';
import type { Target } from './target.js';

export const kBareSystem = 'none';

/** CORTADO_MAX_ARENAS of runtime/include/cortado/cortado.h. */
const kMaxArenas = 4;
const kNeeded: readonly Holding[] = ['code', 'weights', 'data', 'arena', 'io'];

/** The memory regions, complete and free of overlaps. */
export function memoryOf({ name, memory }: Target): readonly MemoryRegion[] {
  if (memory === undefined) {
    return fail('bad-option', `target ${name} has system none and no memory regions`, {
      remedy: 'add `memory`, or extend a shipped target such as cortex-m4',
    });
  }
  for (const holding of kNeeded) regionOf(memory, holding);
  const arenas = memory.filter((region) => region.holds.includes('arena'));
  if (arenas.length > kMaxArenas) {
    fail('bad-option', `target ${name} has too many regions for the arena`, {
      expected: `at most ${kMaxArenas}`,
      got: String(arenas.length),
    });
  }
  memory.forEach((a, i) => {
    for (const b of memory.slice(0, i)) {
      const [startA, startB] = [Number(a.origin), Number(b.origin)];
      if (a.name === b.name) fail('bad-option', `target ${name} has two memory regions ${a.name}`);
      if (startA < startB + b.bytes && startB < startA + a.bytes)
        fail('bad-option', `memory regions ${b.name} and ${a.name} of target ${name} overlap`);
    }
  });
  return memory;
}

/** Fails for what needs threads or files. */
export function checkBareOptions(options: { readonly threads: number; readonly weights: string }): void {
  if (options.threads > 1) {
    fail('bad-option', 'a target without an operating system has one thread', {
      expected: '--threads 1',
      got: `--threads ${options.threads}`,
    });
  }
  if (options.weights === 'file') {
    fail('bad-option', 'a target without an operating system has no files for weights', {
      expected: '--weights linked or pointer',
      got: '--weights file',
    });
  }
}

/** What is known before anything is compiled: the weights alone. */
export function checkFlashBudget(
  program: Program,
  target: Target,
  { maxFlashBytes, weights }: { readonly maxFlashBytes?: number; readonly weights?: string },
): void {
  if (target.system !== kBareSystem) {
    if (maxFlashBytes !== undefined)
      fail('bad-option', '--max-flash is for targets without an operating system', { got: `target ${target.name}` });
    return;
  }
  if (weights === 'pointer') return;
  const region = regionOf(memoryOf(target), 'weights');
  const { weightBytes } = program;
  const limit = Math.min(region.bytes, maxFlashBytes ?? Number.POSITIVE_INFINITY);
  if (weightBytes <= limit) return;
  fail('mismatch', 'the weights do not fit the flash', {
    expected: `at most ${limit} bytes${limit === region.bytes ? ` (memory region ${region.name})` : ''}`,
    got: `${weightBytes} bytes of weights, ${weightBytes - limit} too many: ${largestWeightsText(program)}`,
    remedy: 'use a smaller net, or leave the weights out of a library: --emit library --weights pointer',
  });
}
