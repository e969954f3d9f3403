// The generated text and every kernel it uses, read by each compiler with all warnings on, for each x86-64 level; then run
// under the address and undefined-behaviour sanitizers, faulty values included. Nets: one example of each operator, small nets
// of views and branches, the shipped models, and real nets where they are beside the project.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { loadTarget } from '../../src/build/target.js';
import { compileModel, type ModelOptions } from '../../src/compile.js';
import { kCompileFlags } from '../../src/emit/compile-flags.js';
import { formatProblem } from '../../src/errors.js';
import { tensorFromNumbers } from '../../src/ir/tensor.js';
import { exampleCases, exampleGraph } from '../../src/ops/example-graph.js';
import { interpret } from '../../src/ops/interpret.js';
import { parseGraph } from '../../src/ops/parse-graph.js';
import { packageRoot } from '../../src/package-root.js';
import { seededInputs } from '../../src/passes/check-values.js';
import { runPasses } from '../../src/passes/pipeline.js';
import { buildProgram } from '../../src/plan/build-program.js';
import type { Program } from '../../src/plan/program.js';
import { type BatchNet, batchSource, emitBatchNet } from '../batch/batch-source.js';
import { runCompiled } from '../batch/run-compiled.js';
import { isInstalled, suiteFolder } from '../build/places.js';
import { digitsModel, varyingModel } from '../build/sample-models.js';
import { describeDifference } from '../corpus/compare.js';
import type { Job } from '../corpus/executor.js';
import { sharedFolder, skipBecause } from '../support/skip.js';

const kRoot = fileURLToPath(packageRoot);
const kSmallNets = path.join(kRoot, 'test', 'plan', 'nets');
const kWarnings = ['-Wall', '-Wextra', '-Wconversion', '-Werror'];
/** Without optimization: compiling takes the time here. */
const kSanitizers = ['-O0', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const run = promisify(execFile);

describe('generated code and kernels without a warning', function () {
  this.timeout(300_000);
  const folder = suiteFolder();

  for (const target of ['x86-64', 'x86-64-v3', 'x86-64-v4']) {
    it(target, async function () {
      const compilers = ['g++', 'clang++-14'].filter(isInstalled);
      if (compilers.length < 2) skipBecause(this, 'g++ and clang++-14 are not both installed');
      const nets = [...modelPrograms(target), ...graphPrograms(target)].map(([name, program], i) =>
        emitBatchNet(`net${i}_${name.replace(/\W/g, '_')}`, program, loadTarget(target).cpuFeatures),
      );
      const source = path.join(folder, `${target}.cc`);
      fs.writeFileSync(source, batchSource('kNets', nets));
      await Promise.all(compilers.map((compiler) => readBy(compiler, target, source, nets)));
    });
  }
});

/** Syntax and templates only: every kernel is instantiated, none is optimized. */
async function readBy(compiler: string, target: string, source: string, nets: readonly BatchNet[]): Promise<void> {
  assert.ok(nets.length > 100);
  const folders = ['runtime/include', 'test/batch'].map((name) => `-I${path.join(kRoot, name)}`);
  const machine = loadTarget(target).toolchains[0]?.machineFlags ?? [];
  const args = ['-std=c++17', '-fsyntax-only', ...kCompileFlags, ...machine, ...kWarnings, ...folders, source];
  try {
    await run(compiler, args, { maxBuffer: 1 << 26 });
  } catch (error) {
    const text = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    assert.fail(text.split('\n').slice(0, 40).join('\n'));
  }
}

describe('generated code under sanitizers', function () {
  this.timeout(300_000);

  it('examples and small nets give the right answers without a complaint', async () => {
    const jobs = [...smallGraphs(), ...exampleJobs()];
    const outcomes = await runCompiled(jobs, { target: 'native', optimize: true, flags: kSanitizers });
    const wrong = jobs.flatMap((job, i) => {
      const outcome = outcomes[i];
      if (outcome?.kind !== 'outputs')
        return [`${job.title}: ${outcome?.problems.map(formatProblem).join(' | ') ?? 'was not run'}`];
      return [...interpret(job.graph, job.inputs)].flatMap(([name, want]) => {
        const got = outcome.outputs.get(name);
        const difference = got === undefined ? 'is missing' : describeDifference(got, want, 1e-3, 1e-4);
        return difference === undefined ? [] : [`${job.title}: output ${name}: ${difference}`];
      });
    });
    assert.deepEqual(wrong, []);
  });

  it('faulty values end in a status, not in a complaint', async () => {
    const gather = `net "gather" { input %x: f32[4,2] input %i: i32[3] %y = Gather(%x, %i) {axis=0} : f32[3,2] output "y" = %y }`;
    const divide = `net "divide" { input %x: i32[3] input %i: i32[3] %n = Nonzero(%i) : i32[3] %y = Div(%x, %n) : i32[3] output "y" = %y }`;
    const jobs = [
      ...[-1, 4, 2 ** 31 - 1, -(2 ** 31)].map((index) => faultyJob(gather, [0, index, 1])),
      faultyJob(divide, [1, 0, 2]),
    ].map((job, i) => ({ ...job, id: `fault_${i}` }));
    const outcomes = await runCompiled(jobs, { target: 'native', optimize: true, flags: kSanitizers });
    const kinds = outcomes.map((outcome) => (outcome.kind === 'problems' ? outcome.problems[0]?.code : outcome.kind));
    assert.deepEqual(
      kinds,
      jobs.map(() => 'invalid-model'),
    );
  });
});

function faultyJob(text: string, values: readonly number[]): Omit<Job, 'id'> {
  const graph = parseGraph(text);
  const inputs = new Map(seededInputs(graph, { seed: 1, sizes: 'largest' }));
  inputs.set('i', tensorFromNumbers('i32', [values.length], values));
  return { graph, inputs };
}

type TitledJob = Job & { readonly title: string };

function smallGraphs(): readonly TitledJob[] {
  return fs.readdirSync(kSmallNets).map((file, i) => {
    const graph = parseGraph(fs.readFileSync(path.join(kSmallNets, file), 'utf8'), file);
    return { id: `small_${i}`, title: file, graph, inputs: seededInputs(graph, { seed: i + 1, sizes: 'largest' }) };
  });
}

/** The first example of each operator that has one the compiler takes. */
function exampleJobs(): readonly TitledJob[] {
  const seen = new Set<string>();
  return exampleCases().flatMap((item, i) => {
    if (seen.has(item.op.name) || item.op.name === 'ToBlocked' || item.op.name === 'ToPlain') return [];
    seen.add(item.op.name);
    return [{ id: `example_${i}`, title: item.name, ...exampleGraph(item, { weights: hasWeights(item.op.name) }) }];
  });
}

function hasWeights(op: string): boolean {
  return ['Conv', 'ConvTranspose', 'FC'].includes(op);
}

function graphPrograms(target: string): readonly (readonly [string, Program])[] {
  return [...smallGraphs(), ...exampleJobs()].map(({ title, graph }) => {
    const options = { target: { ...loadTarget(target), threads: 2 }, optimize: true, opCount: graph.nodes.length };
    return [title, buildProgram(runPasses(graph, { optimize: true }), options)] as const;
  });
}

/** The shipped models, and the small real ones beside the project. */
function modelPrograms(target: string): readonly (readonly [string, Program])[] {
  const shared = sharedFolder();
  const style = shared === undefined ? [] : [modelIn(path.join(shared, 'golden', 'nets', 'style_animals'))];
  const models: readonly ModelOptions[] = [
    digitsModel(),
    varyingModel(),
    modelIn(path.join(kRoot, 'models', 'cartoon')),
    ...style,
  ];
  return models.map((model) => {
    const { program } = compileModel({ ...model, target, threads: 2 });
    return [program.name, program] as const;
  });
}

function modelIn(folder: string): ModelOptions {
  const file = (name: string): string => path.join(folder, name);
  return { predictNet: file('predict_net.pb'), initNet: file('init_net.pb'), valueInfo: file('value_info.json') };
}
