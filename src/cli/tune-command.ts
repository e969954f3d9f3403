// cortado tune: measures kernels and tiles of a net through the target's runner and keeps the fastest in a record file.

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { loadTarget } from '../build/target.js';
import { fail } from '../errors.js';
import { formatTable, formatTime } from '../format.js';
import { mergeRecords, readTuningRecord, writeTuningRecord } from '../tune/record.js';
import { type LayerTuning, type TunedNet, tuneNet } from '../tune/tune-net.js';
import { addModelOptions, cacheFolder, type ModelFlags, modelOptions, parsePositive } from './model-options.js';
import { Progress } from './progress.js';
import { addRunnerOption, type RunnerFlags, runnerOf } from './runner-option.js';

interface TuneFlags extends ModelFlags, RunnerFlags {
  readonly record: string;
  readonly runThreads: number;
  readonly rounds: number;
  readonly roundMs: number;
  readonly json?: boolean;
}

export function addTuneCommand(program: Command): void {
  const command = program
    .command('tune')
    .description("measure the kernels and tiles of a net's layers on the target and keep the fastest in a record")
    .argument('<predict_net>', 'NetDef (binary or text) or exported predictor')
    .requiredOption('-o, --record <file.json>', 'the record; new measurements join those it has; required')
    .addHelpText(
      'after',
      '\n`compile --tuning FILE` reads the record. Each program holds another candidate in every layer at once.',
    );
  addRunnerOption(addModelOptions(command))
    .option('--run-threads <n>', 'threads of the measured runs', parsePositive, 1)
    .option('--rounds <n>', 'turns of each program', parsePositive, 12)
    .option(
      '--round-ms <n>',
      'milliseconds that a turn takes, about; short ones are disturbed less often',
      parsePositive,
      15,
    )
    .option('--json', 'print the findings as JSON')
    .action(runTune);
}

async function runTune(predictNet: string, flags: TuneFlags): Promise<void> {
  if (flags.tuning !== undefined) fail('bad-option', '--tuning is for compiling', { remedy: 'tune without it' });
  if (!flags.optimize) fail('bad-option', 'tuning needs optimization', { remedy: 'leave --no-optimize out' });
  const before = existsSync(flags.record) ? readTuningRecord(flags.record) : [];
  const progress = new Progress();
  const tuned = await tuneNet({
    ...modelOptions(predictNet, flags),
    ...cacheFolder(flags),
    runner: runnerOf(flags, loadTarget(flags.target).runner),
    runThreads: flags.runThreads,
    rounds: flags.rounds,
    roundMs: flags.roundMs,
    onProgress: progress.report,
  }).finally(() => progress.end());
  writeTuningRecord(flags.record, mergeRecords(before, tuned.record));
  console.log(flags.json === true ? JSON.stringify(tuned, undefined, 2) : findings(tuned, flags.record));
}

/** Layers where a measurement disagrees with the cost model, the largest gain first, and the sum. */
function findings({ layers, programs, modelMs, tunedMs }: TunedNet, file: string): string {
  const gain = ({ model, best, count }: LayerTuning): number => count * (model.ms - best.ms);
  const changed = layers.filter(({ model, best }) => best.ms < model.ms).sort((a, b) => gain(b) - gain(a));
  const rows = changed.map((layer) => {
    const { model, best, count } = layer;
    const percent = `${((100 * (model.ms - best.ms)) / model.ms).toFixed(0)} %`;
    return [String(count), formatTime(model.ms), formatTime(best.ms), percent, layer.layer, change(layer)];
  });
  const candidates = layers.reduce((sum, layer) => sum + layer.candidates, 0);
  const total = modelMs === 0 ? 0 : 100 * (1 - tunedMs / modelMs);
  return [
    ...(rows.length === 0
      ? ['no layer gains']
      : [formatTable([['steps', 'model', 'best', 'gain', 'layer', 'change'], ...rows], [0, 1, 2, 3])]),
    `${layers.length} layers, ${candidates} candidates in ${programs} programs`,
    `net: ${formatTime(modelMs)} as the cost model plans it, ${formatTime(tunedMs)} tuned (${Math.abs(total).toFixed(1)} % ${total < 0 ? 'more' : 'less'})`,
    `written to ${file}`,
  ].join('\n');
}

/** `conv2d_direct: pixels 14 -> 8, vectors 2 -> 3`. */
function change({ model, best }: LayerTuning): string {
  const fields = Object.entries(best.tile).map(([name, value]) => {
    const before = model.kernel === best.kernel ? model.tile[name] : undefined;
    return before === value ? '' : `${name} ${before === undefined ? '' : `${before} -> `}${value}`;
  });
  const kernel = model.kernel === best.kernel ? best.kernel : `${model.kernel} -> ${best.kernel}`;
  return `${kernel}: ${fields.filter((field) => field !== '').join(', ')}`;
}
