// Compiles and runs every net of a folder laid out like the net zoo and compares each recorded case with Caffe2's outputs,
// within the zoo's advice: floats 1e-4 relative plus 1e-5 of the largest value, bytes one step. One line per net and case.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { compile } from '../../src/compile.js';
import { fail, formatProblem, problemsOf } from '../../src/errors.js';
import { readNpy } from '../../src/files/npy.js';
import { kPrecisions } from '../../src/ops/kernel-call.js';
import { runExecutable } from '../../src/run/run-executable.js';
import { compareTensors, type TensorComparison, toleranceOf } from '../../src/verify/compare-tensors.js';
import { endWithUsage, readArguments, runScript } from '../support/script.js';
import { inputTensor, type TensorSpec, writeInitNet } from './generate.js';

const kUsage =
  'usage: npm run nets -- DIR [--target T] [--only NAME[,NAME]] [--case CASE] [--threads N] [--no-optimize] [--precision P]';

interface NetCase {
  readonly predict_net?: string;
  readonly weights: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: { readonly [blob: string]: { readonly file?: string; readonly unset?: boolean } };
}

const { values, positionals } = readArguments(kUsage, {
  allowPositionals: true,
  options: {
    target: { type: 'string' },
    only: { type: 'string' },
    case: { type: 'string' },
    threads: { type: 'string' },
    precision: { type: 'string' },
    'no-optimize': { type: 'boolean' },
  },
});

async function main(): Promise<number> {
  const [given] = positionals;
  if (given === undefined) endWithUsage(kUsage);
  const folder = existsSync(join(given, 'nets')) ? join(given, 'nets') : given;
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const net of readdirSync(folder).sort()) {
    const golden = join(folder, net, 'golden');
    if (!existsSync(golden)) continue;
    for (const file of readdirSync(golden).sort()) {
      if (!file.endsWith('.json')) continue;
      const name = file.replace(/\.json$/, '');
      const isWanted = values.only === undefined || values.only.split(',').includes(net);
      if (!isWanted || (values.case !== undefined && values.case !== name)) counts.skipped++;
      else counts[(await tryCase(join(folder, net), name)) ? 'passed' : 'failed']++;
    }
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0 ? 0 : 1;
}

async function tryCase(folder: string, name: string): Promise<boolean> {
  const net = basename(folder);
  const work = mkdtempSync(join(tmpdir(), 'cortado-net-'));
  try {
    const { pass, line } = await runCase(folder, name, work);
    console.log(`${pass ? 'pass' : 'FAIL'}  ${net} ${name}: ${line}`);
    return pass;
  } catch (error) {
    console.log(`FAIL  ${net} ${name}: ${problemsOf(error).map(formatProblem).join('\n      ')}`);
    return false;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function runCase(
  folder: string,
  name: string,
  work: string,
): Promise<{ readonly pass: boolean; readonly line: string }> {
  const golden = join(folder, 'golden');
  const item = JSON.parse(readFileSync(join(golden, `${name}.json`), 'utf8')) as NetCase;
  const outputs = Object.entries(item.outputs).filter(([, { file }]) => file !== undefined);
  const precision = kPrecisions.find((kind) => kind === values.precision);
  const initNet = initNetOf(folder, item.weights);
  const start = performance.now();
  const valueInfo = join(folder, 'value_info.json');
  const { program, target, build } = await compile({
    predictNet: join(folder, item.predict_net ?? 'predict_net.pb'),
    initNet,
    ...(existsSync(valueInfo) ? { valueInfo } : {}),
    inputs: item.inputs.map(({ name: blob, dtype, shape }) => `${blob}:${dtype ?? 'float32'}:${shape.join(',')}`),
    outputs: outputs.map(([blob]) => blob),
    optimize: values['no-optimize'] !== true,
    outputFolder: work,
    ...(values.target === undefined ? {} : { target: values.target }),
    ...(precision === undefined ? {} : { precision }),
    ...(values.threads === undefined ? {} : { threads: Number(values.threads) }),
  });
  const compileMs = performance.now() - start;
  const result = await runExecutable({
    executable: build.executable ?? fail('internal', 'no executable was built'),
    runner: target.runner,
    inputs: new Map(item.inputs.map((spec) => [spec.name, inputTensor(spec)])),
    outputs: program.outputs.map((output) => output.name),
    threads: 1,
  });
  const comparisons = outputs.map(([blob, { file }]) => {
    const actual = result.outputs.get(blob) ?? fail('internal', `output ${blob} was not read back`);
    return compareTensors(
      blob,
      readNpy(join(golden, file ?? '')),
      actual,
      toleranceOf(precision, target.device !== undefined),
    );
  });
  const ratio = program.arenaBoundBytes === 0 ? 1 : program.arenaBytes / program.arenaBoundBytes;
  const bad = comparisons.filter(({ pass }) => !pass);
  const line = [
    `worst error ${worst(comparisons)}`,
    `arena ${program.arenaBytes} = ${ratio.toFixed(3)} x bound`,
    `compile ${(compileMs / 1000).toFixed(1)} s`,
    `run ${result.stats.median_ms.toFixed(1)} ms`,
    ...bad.map(({ name: blob, detail, badCount, count }) => `${blob}: ${badCount} of ${count} differ: ${detail ?? ''}`),
  ].join(', ');
  return { pass: bad.length === 0, line };
}

/** The largest error over the largest expected value, and whose. */
function worst(comparisons: readonly TensorComparison[]): string {
  const [first] = [...comparisons].sort((a, b) => b.maxScaled - a.maxScaled);
  return first === undefined ? 'none' : `${first.maxScaled.toExponential(1)} of max (${first.name})`;
}

/** The init net as it is, or made from a specification and kept for the next run. */
function initNetOf(folder: string, weights: string): string {
  const source = join(folder, weights);
  if (!weights.endsWith('.json')) return source;
  const cache = join(tmpdir(), 'cortado-nets', resolve(folder).replaceAll(/[^A-Za-z0-9]/g, '_'));
  const file = join(cache, weights.replace(/\.json$/, '.pb'));
  if (existsSync(file)) return file;
  mkdirSync(cache, { recursive: true });
  const spec = JSON.parse(readFileSync(source, 'utf8')) as {
    readonly net?: string;
    readonly params: readonly TensorSpec[];
  };
  const partial = `${file}.${process.pid}.tmp`;
  writeInitNet(partial, spec.net ?? 'zoo', spec.params);
  renameSync(partial, file);
  return file;
}

await runScript(main);
