// cortado run: inputs from files, a net (compiled on the way, or an executable), outputs to files or a look at them.

import { closeSync, openSync, readSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Command } from 'commander';
import { loadTarget, type Runner } from '../build/target.js';
import { makeTempFolder, removeTempFolder } from '../build/temp-folders.js';
import { compile } from '../compile.js';
import { fail } from '../errors.js';
import { formatBytes, formatCount, formatTime } from '../format.js';
import { getNumber, type NumericTensor } from '../ir/tensor.js';
import { writeReport } from '../report/write-report.js';
import { readExecutableInfo, type TensorSlot } from '../run/executable-info.js';
import { checkHasTime } from '../run/profile-net.js';
import { type RunResult, type RunStats, runExecutable } from '../run/run-executable.js';
import { checkOutputFile, readTensorFile, writeTensorFile } from '../run/tensor-file.js';
import {
  addModelOptions,
  cacheFolder,
  kRunning,
  type ModelFlags,
  modelOptions,
  parseCount,
  parsePositive,
} from './model-options.js';
import { addPixelOptions, type PixelFlags, pixelOptions } from './pixel-options.js';
import { Progress } from './progress.js';
import { reportWarnings } from './report-problems.js';
import { addRunnerOption, type RunnerFlags, runnerOf } from './runner-option.js';
import { assignFiles, type NamedFile, splitInputs, splitOutputs } from './tensor-arguments.js';

interface RunFlags extends ModelFlags, PixelFlags, RunnerFlags {
  readonly random?: boolean;
  readonly seed?: number;
  readonly repeat?: number;
  readonly warmup?: number;
  readonly affinity?: string;
  readonly profile?: boolean;
  readonly top?: number;
  readonly trace?: string;
  readonly weightsFile?: string;
  readonly report?: string;
  readonly json?: boolean;
}

/** A net that is ready to be run. */
interface Runnable {
  readonly executable: string;
  readonly runner: Runner;
  readonly inputs: readonly TensorSlot[];
  readonly outputs: readonly { readonly name: string }[];
}

export function addRunCommand(program: Command): void {
  const command = program
    .command('run')
    .description('run a net, or an executable that was compiled before')
    .argument('<net>', 'predict net, or executable')
    .addHelpText(
      'after',
      '\n--input reads .npy, .raw, .bin, .png, .jpg and .ppm; --output writes .npy, .raw, .png and .txt. Where there is only one, its name may be left out.',
    );
  addRunnerOption(addPixelOptions(addModelOptions(command, kRunning)))
    .option('--random', 'random values for inputs that are not given')
    .option('--seed <n>', 'seed of the random values', parseCount)
    .option('--repeat <n>', 'timed runs', parsePositive)
    .option('--warmup <n>', 'runs before the timed ones', parseCount)
    .option(
      '--affinity <cpus>',
      'CPUs to run on: fast (the fast cores of a phone or board), all, or numbers such as 0,4-7',
    )
    .option('--profile', 'time per layer')
    .option('--top <n>', 'show the n largest values of each row (5 when no --output file is given)', parseCount)
    .option('--trace <dir>', 'write every tensor into a folder')
    .option('--weights-file <file>', 'weights of an executable that keeps them outside')
    .option(
      '--report <file.html>',
      'write a page: graph, time of each layer against the roofline, arena, table of layers',
    )
    .option('--json', 'print timing and memory as JSON')
    .action(runRun);
}

async function runRun(net: string, flags: RunFlags): Promise<void> {
  const inputs = splitInputs(flags.input);
  const outputs = splitOutputs(flags.output);
  for (const { file } of outputs.files) checkOutputFile(file);
  if (isExecutable(net)) {
    if (flags.report !== undefined) {
      fail('bad-option', '--report shows how a net was planned, which an executable does not tell', {
        got: net,
        remedy: 'name the predict net instead',
      });
    }
    if (inputs.others.length > 0 || outputs.others.length > 0) {
      fail('bad-option', 'types of inputs and further blobs are chosen when a net is compiled', {
        got: [...inputs.others, ...outputs.others].join(' '),
      });
    }
    const runner = runnerOf(flags, loadTarget(flags.target).runner);
    const info = await readExecutableInfo(runner, net);
    await runNet({ executable: net, runner, ...info }, flags, inputs.files, outputs.files);
    return;
  }
  if (flags.report !== undefined) checkHasTime(runnerOf(flags, loadTarget(flags.target).runner));
  const wanted = outputs.files.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const modelFlags = { ...flags, input: inputs.others, output: [...outputs.others, ...wanted] };
  const progress = new Progress();
  const folder = await makeTempFolder(tmpdir(), 'cortado-net-');
  try {
    const compiled = await compile({
      ...modelOptions(net, modelFlags),
      ...cacheFolder(flags),
      outputFolder: folder,
      trace: flags.trace !== undefined,
      onProgress: progress.report,
    }).finally(() => progress.end());
    reportWarnings(compiled.warnings);
    const executable = compiled.build.executable ?? fail('internal', 'no executable was built');
    const { program, target } = compiled;
    const runner = runnerOf(flags, target.runner);
    const given = await runNet(
      { executable, runner, inputs: program.inputs, outputs: program.outputs },
      flags,
      inputs.files,
      outputs.files,
    );
    if (flags.report !== undefined) {
      const measured = { executable, runner, inputs: given, ...pick(flags) };
      await writeReport(flags.report, compiled, measured, progress.report).finally(() => progress.end());
    }
  } finally {
    await removeTempFolder(folder);
  }
}

/** Runs the net, writes and tells its outputs; the inputs that were read from files. */
async function runNet(
  net: Runnable,
  flags: RunFlags,
  inputFiles: readonly NamedFile[],
  outputFiles: readonly NamedFile[],
): Promise<ReadonlyMap<string, NumericTensor>> {
  const pixels = pixelOptions(flags);
  const files = assignFiles('--input', inputFiles, net.inputs);
  const targets = assignFiles('--output', outputFiles, net.outputs);
  const inputs = new Map(
    [...files].map(([name, file]) => {
      const slot = net.inputs.find((input) => input.name === name) ?? fail('internal', `no input ${name}`);
      return [name, readTensorFile(file, name, slot.type, pixels)] as const;
    }),
  );
  checkMissing(net, inputs, flags);
  const result = await runExecutable({
    executable: net.executable,
    runner: net.runner,
    inputs,
    outputs: net.outputs.map(({ name }) => name),
    ...pick(flags),
    ...(flags.trace === undefined ? {} : { traceFolder: flags.trace }),
  });
  for (const [name, file] of targets) {
    const tensor = result.outputs.get(name) ?? fail('internal', `output ${name} was not read back`);
    writeTensorFile(file, name, tensor, pixels);
  }
  report(result, targets, flags);
  return inputs;
}

function pick({ random, seed, repeat, warmup, profile, threads, affinity, weightsFile }: RunFlags) {
  return {
    ...(random === undefined ? {} : { random }),
    ...(seed === undefined ? {} : { seed }),
    ...(repeat === undefined ? {} : { repeat }),
    ...(warmup === undefined ? {} : { warmup }),
    ...(profile === undefined ? {} : { profile }),
    ...(threads === undefined ? {} : { threads }),
    ...(affinity === undefined ? {} : { affinity }),
    ...(weightsFile === undefined ? {} : { weightsFile }),
  };
}

function checkMissing(net: Runnable, given: ReadonlyMap<string, unknown>, flags: RunFlags): void {
  const missing = net.inputs.filter(({ name, optional }) => !optional && !given.has(name)).map(({ name }) => name);
  if (missing.length === 0 || flags.random === true) return;
  fail('bad-option', `no value for input ${missing.join(', ')}`, {
    remedy: `give ${missing.map((name) => `--input ${name}=FILE`).join(' ')}, or --random for a trial`,
  });
}

function report(result: RunResult, files: ReadonlyMap<string, string>, flags: RunFlags): void {
  const { stats } = result;
  if (flags.json === true) {
    const outputs = [...result.outputs].map(([name, { dtype, dims }]) => ({
      name,
      dtype,
      dims,
      file: files.get(name),
    }));
    console.log(JSON.stringify({ ...stats, outputs }, undefined, 2));
    return;
  }
  for (const [name, tensor] of result.outputs) {
    const file = files.get(name);
    console.log(`${name}: ${tensor.dtype} [${tensor.dims.join(',')}]${file === undefined ? '' : ` -> ${file}`}`);
    if (flags.top !== undefined || (file === undefined && files.size === 0)) printLargest(tensor, flags.top ?? 5);
  }
  if (flags.profile === true) console.log(profileText(result.text));
  console.log(costText(stats));
}

/** Time, or instructions where an emulated machine counts them, and memory. */
function costText(stats: RunStats): string {
  const memory = `arena ${formatBytes(stats.arena_bytes)}, weights ${formatBytes(stats.weight_bytes)}`;
  if (stats.instructions !== undefined) {
    const count = `instructions: ${stats.instructions} (${formatCount(stats.instructions)}) a run`;
    return `${count}; stack ${formatBytes(stats.stack_used_bytes ?? 0)} used; ${memory}`;
  }
  const runs = `${stats.runs} run${stats.runs === 1 ? '' : 's'}, ${stats.threads} thread${stats.threads === 1 ? '' : 's'}`;
  return `time: median ${formatTime(stats.median_ms)}, least ${formatTime(stats.min_ms)} (${runs}); ${memory}`;
}

/** The executable's table, without the lines on outputs and times. */
function profileText(text: string): string {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => /^\s*op\s+type\s/.test(line));
  return lines
    .slice(Math.max(0, first))
    .filter((line) => !/^(time|memory) /.test(line))
    .join('\n')
    .trimEnd();
}

const kRows = 8;

/** The largest values of each row of [n, c], or of the whole tensor. */
function printLargest(tensor: NumericTensor, count: number): void {
  const [rows = 1] = tensor.dims.length > 1 ? tensor.dims : [1];
  const columns = rows === 0 ? 0 : tensor.data.length / rows;
  for (let row = 0; row < Math.min(rows, kRows); row++) {
    const values = Array.from({ length: columns }, (_, c) => ({ c, value: getNumber(tensor, row * columns + c) }));
    const best = values.sort((a, b) => b.value - a.value).slice(0, count);
    console.log(
      `  ${rows > 1 ? `row ${row}: ` : ''}${best.map(({ c, value }) => `${c}: ${Number(value.toPrecision(6))}`).join('  ')}`,
    );
  }
  if (rows > kRows) console.log(`  and ${rows - kRows} more rows`);
}

/** What executables of ELF, Windows and macOS begin with. */
const kExecutableHeads = ['7f454c46', '4d5a', 'cffaedfe'];

/** True for an executable of any system; false also where there is no such file. */
function isExecutable(file: string): boolean {
  try {
    const descriptor = openSync(file, 'r');
    const head = Buffer.alloc(4);
    readSync(descriptor, head, 0, 4, 0);
    closeSync(descriptor);
    return kExecutableHeads.some((start) => head.toString('hex').startsWith(start));
  } catch {
    return false;
  }
}
