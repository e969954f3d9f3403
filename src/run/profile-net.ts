// Times of a net and of its layers, measured through the target's runner: short rounds, and of each layer the lowest mean of a
// round, so that a busy moment of the machine spoils one round only.

import type { Runner } from '../build/target.js';
import { fail } from '../errors.js';
import type { LayerTime, RunRequest, RunStats } from './run-executable.js';
import { runExecutable } from './run-executable.js';

export interface ProfileOptions {
  readonly rounds: number;
  /** Time that a round takes, about; at least two runs. */
  readonly roundMs: number;
}

export const kProfile: ProfileOptions = { rounds: 8, roundMs: 60 };

/** Whether programs take a time there that tells something: an emulated board counts instructions alone. */
export function hasTime({ kind }: Runner): boolean {
  return kind !== 'qemu-system';
}

/** Fails where there is no time to measure. */
export function checkHasTime(runner: Runner): void {
  if (hasTime(runner)) return;
  fail('unsupported', 'an emulated machine has no time to measure', {
    remedy: 'cortado run --profile counts instructions, cortado inspect --report shows the plan',
  });
}

/** Statistics over all rounds: lowest layer means, lowest time, median of medians. Inputs that are not given are random. */
export async function profileNet(request: RunRequest, options: ProfileOptions = kProfile): Promise<RunStats> {
  checkHasTime(request.runner);
  const run = async (repeat: number): Promise<RunStats> => {
    const result = await runExecutable({ ...request, outputs: [], random: true, profile: true, repeat, warmup: 1 });
    return result.stats;
  };
  const first = await run(2);
  const repeat = Math.max(2, Math.min(10000, Math.round(options.roundMs / first.min_ms)));
  const rounds = [first];
  for (let i = 0; i < options.rounds; i++) rounds.push(await run(repeat));
  return mergeRounds(rounds);
}

/** One set of statistics of several. The first gives what does not change. */
export function mergeRounds(rounds: readonly RunStats[]): RunStats {
  const [first, ...rest] = rounds;
  if (first === undefined) throw new RangeError('no rounds');
  const least = (pick: (stats: RunStats) => number): number => Math.min(...rounds.map(pick));
  const medians = rest.length === 0 ? [first.median_ms] : rest.map(({ median_ms }) => median_ms).sort((a, b) => a - b);
  const layers = first.layers.map(
    (layer, i): LayerTime => ({ ...layer, ms: least(({ layers: own }) => own[i]?.ms ?? layer.ms) }),
  );
  return {
    ...first,
    runs: rounds.reduce((sum, { runs }) => sum + runs, 0),
    min_ms: least(({ min_ms }) => min_ms),
    median_ms: medians[medians.length >> 1] ?? first.median_ms,
    create_ms: least(({ create_ms }) => create_ms),
    peak_resident_bytes: Math.max(...rounds.map(({ peak_resident_bytes }) => peak_resident_bytes)),
    layers,
  };
}
