// Runs an executable net through its target's runner: inputs as .npy files in a temporary folder, outputs read back.

import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Runner } from '../build/target.js';
import { makeTempFolder, removeTempFolder } from '../build/temp-folders.js';
import { fail } from '../errors.js';
import { readNpy, writeNpy } from '../files/npy.js';
import type { NumericTensor, Tensor } from '../ir/tensor.js';
import { type Ending, openPlace, type Place } from './place.js';
import { runImage } from './run-image.js';

export interface RunRequest {
  readonly executable: string;
  readonly runner: Runner;
  /** A tensor, or the path of its .npy file. Optional inputs may be left out. */
  readonly inputs: ReadonlyMap<string, Tensor | string>;
  /** Names of the outputs to read back. */
  readonly outputs: readonly string[];
  /** Fills inputs that are not given with random values. */
  readonly random?: boolean;
  readonly seed?: number;
  readonly threads?: number;
  /** CPUs to run on: `fast`, `all`, or numbers such as `0,4-7`. */
  readonly affinity?: string;
  readonly repeat?: number;
  readonly warmup?: number;
  readonly profile?: boolean;
  readonly weightsFile?: string;
  /** Folder that receives every traced tensor; needs a net compiled with tracing. */
  readonly traceFolder?: string;
}

export interface LayerTime {
  readonly op: number;
  readonly type: string;
  readonly blob: string;
  readonly kernel: string;
  readonly macs: number;
  readonly ms: number;
  /** Where an emulated machine counts them. */
  readonly instructions?: number;
}

/** What the executable's --stats says. An emulated machine has no time (NaN) and counts instructions instead. */
export interface RunStats {
  readonly net: string;
  readonly target: string;
  /** Of the machine that ran it, as its system tells: `AMD EPYC (family 26 model 2)`. */
  readonly cpu: string;
  readonly threads: number;
  readonly runs: number;
  readonly min_ms: number;
  readonly median_ms: number;
  readonly create_ms: number;
  readonly arena_bytes: number;
  readonly weight_bytes: number;
  readonly peak_resident_bytes: number;
  /** Of one run, where an emulated machine counts them; and the most stack that was in use. */
  readonly instructions?: number;
  readonly stack_used_bytes?: number;
  readonly layers: readonly LayerTime[];
}

export interface RunResult {
  readonly outputs: ReadonlyMap<string, NumericTensor>;
  readonly stats: RunStats;
  /** What the executable printed (the profile, times). */
  readonly text: string;
}

/** Runs the executable once (or `repeat` times on the same inputs). */
export async function runExecutable(request: RunRequest): Promise<RunResult> {
  if (request.runner.kind === 'qemu-system') return runImage(request);
  const folder = await makeTempFolder(tmpdir(), 'cortado-run-');
  const outputs = request.outputs.map((name, i) => ({ name, file: join(folder, `output${i}.npy`) }));
  const stats = join(folder, 'stats.json');
  try {
    const text = await inPlace(request.runner, async (place) => {
      const args = [
        ...(await inputArguments(request, folder, place)),
        ...outputs.flatMap(({ name, file }) => ['--output', `${name}=${place.expect(file)}`]),
        ...(await optionArguments(request, place)),
        '--stats',
        place.expect(stats),
      ];
      const printed = checkEnding(await place.run(request.executable, args), request.executable);
      await place.fetch();
      return printed;
    });
    return {
      outputs: new Map(outputs.map(({ name, file }) => [name, readNpy(file)])),
      stats: JSON.parse(await readFile(stats, 'utf8')) as RunStats,
      text,
    };
  } finally {
    await removeTempFolder(folder);
  }
}

/** Standard output of an executable; a failure becomes a problem with what it said. */
export async function execute(runner: Runner, executable: string, args: readonly string[]): Promise<string> {
  return inPlace(runner, async (place) => checkEnding(await place.run(executable, args), executable));
}

async function inPlace(runner: Runner, work: (place: Place) => Promise<string>): Promise<string> {
  const place = await openPlace(runner);
  try {
    return await work(place);
  } finally {
    await place.close();
  }
}

function checkEnding({ exitCode, signal, stdout, stderr }: Ending, executable: string): string {
  if (exitCode === 0) return stdout;
  const message = stderr.trim().split('\n').slice(0, 4).join(' / ');
  if (signal !== undefined) {
    return fail('internal', `${executable} was killed by ${signal}`, message === '' ? {} : { got: message });
  }
  return fail(exitCode === 2 ? 'bad-option' : 'invalid-model', message === '' ? `${executable} failed` : message);
}

async function inputArguments({ inputs }: RunRequest, folder: string, place: Place): Promise<readonly string[]> {
  const args: string[] = [];
  for (const [i, [name, input]] of [...inputs].entries()) {
    const file = typeof input === 'string' ? input : join(folder, `input${i}.npy`);
    if (typeof input !== 'string') writeNpy(file, input);
    args.push('--input', `${name}=${await place.give(file)}`);
  }
  return args;
}

async function optionArguments(request: RunRequest, place: Place): Promise<readonly string[]> {
  const { threads, affinity, repeat, warmup, random, seed, profile, weightsFile, traceFolder } = request;
  const valued = (option: string, value: string | number | undefined): readonly string[] =>
    value === undefined ? [] : [option, String(value)];
  return [
    ...valued('--threads', threads),
    ...valued('--affinity', affinity),
    ...valued('--repeat', repeat),
    ...valued('--warmup', warmup),
    ...valued('--seed', seed),
    ...valued('--weights', weightsFile === undefined ? undefined : await place.give(weightsFile)),
    ...valued('--trace', traceFolder === undefined ? undefined : place.expect(traceFolder)),
    ...(random === true ? ['--random'] : []),
    ...(profile === true ? ['--profile'] : []),
  ];
}
