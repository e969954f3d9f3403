// Tuning: tries the kernels and tiles of every layer where they will run, inside the net. Each program of a pass is the whole
// net with another candidate in every layer at once, so a handful of programs measures hundreds of candidates with the caches
// as they really are. Programs take turns, and of each layer the lowest time counts. Axis by axis: kernels and register tiles
// first, then bands, then chunks, each from the best so far.

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelTarget, type Runner } from '../build/target.js';
import { makeTempFolder, removeTempFolder } from '../build/temp-folders.js';
import { type BuildRequest, type CompileOptions, compile, type ImportedNet, importModel } from '../compile.js';
import { fail } from '../errors.js';
import type { TunedKernel } from '../ops/kernel-call.js';
import type { Layer, Program } from '../plan/program.js';
import { tunableLayers } from '../plan/tuning-space.js';
import { checkHasTime, mergeRounds } from '../run/profile-net.js';
import { type RunStats, runExecutable } from '../run/run-executable.js';
import { type Candidate, LayerTimes } from './layer-times.js';
import type { TunedLayer, TuningRecord } from './record.js';

export interface TuneOptions extends CompileOptions {
  readonly cacheFolder?: string;
  /** Where executables run; the target's own runner by default. */
  readonly runner?: Runner;
  /** Threads of a run; one by default, which measures kernels rather than how they are split. */
  readonly runThreads?: number;
  /** Turns of each program, and what a turn takes, about. */
  readonly rounds: number;
  readonly roundMs: number;
}

/** What tuning found out of one layer. */
export interface LayerTuning {
  readonly layer: string;
  /** Steps of the net that are this layer. */
  readonly count: number;
  readonly candidates: number;
  readonly model: TunedKernel;
  readonly best: TunedKernel;
}

export interface TunedNet {
  readonly record: TuningRecord;
  readonly layers: readonly LayerTuning[];
  readonly programs: number;
  /** Least time of a run, measured in turns at the end. */
  readonly modelMs: number;
  readonly tunedMs: number;
}

const kFinalRounds = 3;

/** Tunes a net for its target. */
export async function tuneNet(options: TuneOptions): Promise<TunedNet> {
  const folder = await makeTempFolder(tmpdir(), 'cortado-tune-');
  try {
    return await new Tuner(options, importModel(options), folder).run();
  } finally {
    await removeTempFolder(folder);
  }
}

interface Trial {
  readonly executable: string;
  readonly program: Program;
  readonly runner: Runner;
}

class Tuner {
  private programs = 0;

  constructor(
    private readonly options: TuneOptions,
    private readonly imported: ImportedNet,
    private readonly folder: string,
  ) {}

  async run(): Promise<TunedNet> {
    const { model, target, layers } = await this.start();
    const reference = await this.profile([model], this.options.rounds);
    this.learn(layers, model.program, reference[0], (times) => times.model);
    const axes = Math.max(0, ...layers.flatMap(({ kernels }) => kernels.map(({ tiles }) => tiles?.axes.length ?? 1)));
    // The first axis twice: then also for kernels that have turned out to come close.
    const passes = [0, ...Array.from({ length: axes }, (_, axis) => axis)];
    for (const [i, axis] of passes.entries())
      await this.pass(`pass ${i + 1} of ${passes.length}`, axis, target, layers, model);
    const record = this.record(layers, target, reference[0]);
    const tuned = await this.build(record, 'tuned');
    this.note('comparing the tuned net with the cost model’s');
    const [modelStats, tunedStats] = await this.profile([model, tuned], kFinalRounds * this.options.rounds);
    return {
      record,
      layers: layers.map((times) => summary(times)),
      programs: this.programs,
      modelMs: modelStats?.min_ms ?? 0,
      tunedMs: tunedStats?.min_ms ?? 0,
    };
  }

  /** The net as the cost model plans it, and its layers with a choice. */
  private async start(): Promise<{
    readonly model: Trial;
    readonly target: string;
    readonly layers: readonly LayerTimes[];
  }> {
    this.note('compiling the net as the cost model plans it');
    const compiled = await this.compile([], 'model');
    const { program, target, graph } = compiled;
    const { precision = 'fp32' } = this.options;
    const { threads, vectorFloats } = program;
    const spaces = tunableLayers(graph, { ...kernelTarget(target, threads, precision), vectorFloats });
    const layers = [...spaces].flatMap(([layer, kernels]) => {
      const steps = program.layers.filter(({ signature }) => signature === layer);
      const [first] = steps;
      return first === undefined ? [] : [new LayerTimes(layer, kernels, first.kernel, steps.length)];
    });
    const trial = this.trial(compiled);
    checkHasTime(trial.runner);
    if (layers.length === 0) fail('bad-option', 'no layer of this net has a choice of kernels', { got: program.name });
    return { model: trial, target: target.name, layers };
  }

  /** Tries what all layers still have along one axis. */
  private async pass(
    name: string,
    axis: number,
    target: string,
    layers: readonly LayerTimes[],
    model: Trial,
  ): Promise<void> {
    const lists = layers.map((times) => times.candidates(axis));
    const count = Math.max(0, ...lists.map((list) => list.length));
    if (count === 0) return;
    const candidateOf = (times: LayerTimes, i: number, k: number): Candidate =>
      lists[i]?.[k] ?? times.best()[0] ?? times.model;
    const trials: Trial[] = [];
    for (let k = 0; k < count; k++) {
      this.note(`${name}: compiling program ${k + 1} of ${count}`);
      const choices = layers.map(
        (times, i): TunedLayer => entry(times, target, [{ ...candidateOf(times, i, k), ms: 1 }]),
      );
      trials.push(await this.build(choices, `${name} program ${k}`));
    }
    this.note(`${name}: running ${count} programs`);
    const chosen = layers.map((times, i) => Array.from({ length: count }, (_, k) => candidateOf(times, i, k)));
    // The model's choices are measured again each time, so that what they are compared with had the same chances.
    const [usual, ...stats] = await this.profile([model, ...trials], this.options.rounds);
    this.learn(layers, model.program, usual, (times) => times.model);
    trials.forEach(({ program }, k) => {
      this.learn(layers, program, stats[k], (times) => chosen[layers.indexOf(times)]?.[k]);
    });
  }

  private async build(choices: TuningRecord, name: string): Promise<Trial> {
    return this.trial(await this.compile(choices, name));
  }

  private compile(choices: TuningRecord, name: string): ReturnType<typeof compile> {
    const { tuning: _own, tuningCpu: _cpu, ...options } = this.options;
    this.programs += 1;
    const request: BuildRequest = {
      ...options,
      outputFolder: join(this.folder, name),
      emit: ['executable'],
      ...(choices.length === 0 ? {} : { tuning: choices }),
      ...(options.winograd === undefined && choices.some(isTrial) ? { winograd: true } : {}),
    };
    return compile(request, this.imported);
  }

  private trial({ build, program, target }: Awaited<ReturnType<typeof compile>>): Trial {
    const executable = build.executable ?? fail('internal', 'no executable was built');
    return { executable, program, runner: this.options.runner ?? target.runner };
  }

  /** Statistics of each trial; all take turns. */
  private async profile(trials: readonly Trial[], rounds: number): Promise<readonly RunStats[]> {
    const { roundMs, runThreads = 1 } = this.options;
    const run = async ({ executable, runner }: Trial, repeat: number): Promise<RunStats> => {
      const request = { executable, runner, inputs: new Map(), outputs: [], random: true, profile: true };
      return (await runExecutable({ ...request, threads: runThreads, repeat, warmup: 2 })).stats;
    };
    const all: RunStats[][] = [];
    for (const trial of trials) all.push([await run(trial, 2)]);
    for (let round = 0; round < rounds; round++) {
      for (const [i, trial] of trials.entries()) {
        const repeat = Math.max(2, Math.min(5000, Math.round(roundMs / (all[i]?.[0]?.min_ms ?? roundMs))));
        all[i]?.push(await run(trial, repeat));
      }
    }
    return all.map(mergeRounds);
  }

  /** Notes what each layer took in a program where it really was the candidate's kernel. */
  private learn(
    layers: readonly LayerTimes[],
    program: Program,
    stats: RunStats | undefined,
    candidateOf: (times: LayerTimes) => Candidate | undefined,
  ): void {
    for (const times of layers) {
      const candidate = candidateOf(times);
      if (candidate === undefined || stats === undefined) continue;
      const steps = program.layers.flatMap((layer, i) =>
        layer.signature === times.layer && layer.kernel === candidate.kernel ? [stepMs(program, stats, layer, i)] : [],
      );
      if (steps.length > 0) times.add(candidate, steps.reduce((sum, ms) => sum + ms, 0) / steps.length);
    }
  }

  private record(layers: readonly LayerTimes[], target: string, stats: RunStats | undefined): TuningRecord {
    const { runThreads = 1 } = this.options;
    return layers.map((times) => ({
      ...entry(times, target, times.best().map(roundTime)),
      cpu: stats?.cpu ?? 'unknown',
      threads: stats?.threads ?? runThreads,
    }));
  }

  private note(message: string): void {
    this.options.onProgress?.(message);
  }
}

const kTrialCpu = 'trial';

function isTrial({ cpu }: TunedLayer): boolean {
  return cpu === kTrialCpu;
}

function entry({ layer }: LayerTimes, target: string, kernels: readonly TunedKernel[]): TunedLayer {
  return { target, cpu: kTrialCpu, layer, threads: 1, kernels };
}

/** A step's time, and that of layout conversions right before and after it, which other kernels may not need. */
function stepMs({ layers }: Program, stats: RunStats, layer: Layer, index: number): number {
  const isNear = ({ op, reads, writes }: Layer): boolean =>
    (op === 'ToPlain' || op === 'ToBlocked') &&
    (layer.writes.includes(reads[0] ?? '') || layer.reads.includes(writes[0] ?? ''));
  const conversions = layers.reduce((sum, one, i) => sum + (isNear(one) ? (stats.layers[i]?.ms ?? 0) : 0), 0);
  return (stats.layers[index]?.ms ?? 0) + conversions;
}

/** Tenths of microseconds: more would be noise in the record. */
function roundTime(tuned: TunedKernel): TunedKernel {
  return { ...tuned, ms: Math.max(1e-4, Number(tuned.ms.toFixed(4))) };
}

function summary(times: LayerTimes): LayerTuning {
  const model = times.timeOf(times.model) ?? { ...times.model, ms: 0 };
  const [best = model] = times.best();
  return { layer: times.layer, count: times.count, candidates: times.tried.size, model, best };
}
