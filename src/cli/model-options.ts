// The options that compile, run, verify and inspect share, and what they mean.

import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultCacheFolder } from '../build/object-cache.js';
import { targetNames } from '../build/target.js';
import type { CompileOptions } from '../compile.js';
import { fail } from '../errors.js';
import { findValueInfo } from '../frontend/caffe2/value-info.js';
import { kPrecisions, type Precision } from '../ops/kernel-call.js';
import { readTuningRecord } from '../tune/record.js';
import { closest } from './closest.js';

export interface ModelFlags {
  readonly init?: string;
  readonly target: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly valueInfo?: string;
  readonly threads?: number;
  readonly optimize: boolean;
  readonly winograd?: boolean;
  readonly tuning?: string;
  readonly tuningCpu?: string;
  readonly precision?: Precision;
  readonly randomInit?: number;
  readonly name?: string;
  readonly cache: boolean;
  readonly checkValues?: boolean;
}

const kInputTypes = 'data:1,3,224,224, data:1..8,3,224,224, x:uint8:1,4';

/** What --input and --output are for, which depends on whether the command runs the net. */
export const kCompiling = { input: `type and sizes of an input: ${kInputTypes}`, output: 'a further blob to give out' };
export const kRunning = {
  input: `a file with an input's values: data=cat.npy, or picture=cat.png; or its type and sizes: ${kInputTypes}`,
  output: 'a file for an output: prob=p.npy; or a further blob to give out',
};

/** Adds the shared options to a command. */
export function addModelOptions(command: Command, texts: typeof kCompiling = kCompiling): Command {
  return command
    .option('--init <file>', 'init net: weights as NetDef, TensorProtos or minidb')
    .option('-t, --target <name>', 'a target of `cortado targets`, or a .json file', 'native')
    .addOption(listOption('--input <spec>', texts.input))
    .addOption(listOption('--output <blob>', texts.output))
    .option('--value-info <file>', 'types and sizes of inputs (default: value_info.json beside the net)')
    .option('--threads <n>', 'most threads a run may use; 1: no thread code', parseCount)
    .option('--no-optimize', 'no fusion, layouts or views; the answer stays the same')
    .option(
      '--winograd',
      'transform Winograd filters when compiling wherever that is faster, though packed weights may exceed 1.5 x the raw ones',
    )
    .option('--no-winograd', 'no Winograd convolutions: slower, smaller rounding errors')
    .option('--tuning <file>', 'kernels and tiles that `cortado tune` has measured')
    .option('--tuning-cpu <name>', 'whose measurements to use, where the record has several CPUs of the target')
    .addOption(
      new Option(
        '--precision <kind>',
        'how floats are held and multiplied inside the net: bf16 on x86 with AVX512-BF16, fp16 on ARMv8.2 and GPUs, tf32 on GPUs',
      ).choices(kPrecisions),
    )
    .option('--random-init <seed>', 'allow random fills in the init net', parseCount)
    .option('--name <name>', 'name of the net and prefix of its C symbols')
    .option('--no-cache', 'compile everything anew')
    .addOption(
      new Option('--check-values', 'interpret the net after every pass; fail at the first that changes a result'),
    );
}

/** CompileOptions of the flags. Tells on stderr when a value_info.json was found. */
export function modelOptions(predictNet: string, flags: ModelFlags): CompileOptions {
  checkTarget(flags.target);
  const found = flags.valueInfo === undefined ? findValueInfo(predictNet) : undefined;
  if (found !== undefined) console.error(`cortado: using ${found}`);
  const valueInfo = flags.valueInfo ?? found;
  const beside = join(dirname(predictNet), 'init_net.pb');
  if (flags.init === undefined && relative(beside, predictNet) !== '' && existsSync(beside))
    console.error(`cortado: no --init is given; the weights may be in ${beside}: add --init ${beside}`);
  return {
    predictNet,
    target: flags.target,
    inputs: flags.input,
    outputs: flags.output,
    optimize: flags.optimize,
    ...(flags.winograd === undefined ? {} : { winograd: flags.winograd }),
    ...(flags.tuning === undefined ? {} : { tuning: readTuningRecord(flags.tuning) }),
    ...(flags.tuningCpu === undefined ? {} : { tuningCpu: flags.tuningCpu }),
    ...(flags.precision === undefined ? {} : { precision: flags.precision }),
    ...(flags.init === undefined ? {} : { initNet: flags.init }),
    ...(valueInfo === undefined ? {} : { valueInfo }),
    ...(flags.threads === undefined ? {} : { threads: flags.threads }),
    ...(flags.randomInit === undefined ? {} : { randomSeed: flags.randomInit }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.checkValues === undefined ? {} : { checkValues: flags.checkValues }),
  };
}

export function cacheFolder(flags: { readonly cache: boolean }): { readonly cacheFolder?: string } {
  return flags.cache ? { cacheFolder: defaultCacheFolder(process.env) } : {};
}

/** An option that may be given several times. */
export function listOption(flags: string, text: string): Option {
  return new Option(flags, `${text}; may be repeated`).default([], 'none').argParser(collect);
}

export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

export function parseCount(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('a whole number is expected.');
  return value;
}

export function parsePositive(text: string): number {
  const value = parseCount(text);
  if (value < 1) throw new InvalidArgumentError('a whole number of at least 1 is expected.');
  return value;
}

export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('a number is expected.');
  return value;
}

export function parseNumbers(text: string): readonly number[] {
  return text.split(',').map(parseNumber);
}

/** `65536`, `64k`, `2M`, `1G`: powers of 1024. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kKMG]?)(?:i?B)?$/.exec(text);
  const unit = { '': 1, k: 1024, K: 1024, M: 1024 ** 2, G: 1024 ** 3 }[match?.[2] ?? ''];
  if (match === null || unit === undefined)
    throw new InvalidArgumentError('a size is expected, such as 65536, 64k or 2M.');
  return Math.floor(Number(match[1]) * unit);
}

/** An unknown target is answered with the closest known one. */
function checkTarget(target: string): void {
  if (target.endsWith('.json') || targetNames().includes(target)) return;
  const near = closest(target, targetNames());
  fail('bad-option', `unknown target ${target}`, {
    expected: `one of ${targetNames().join(', ')}, or the path of a .json file`,
    ...(near === undefined ? {} : { remedy: `did you mean ${near}?` }),
  });
}
