// Every example of every operator definition as a compiled net: what it computes is what the interpreter computes, on the
// least and on the best target of this machine. Each example runs with all inputs given at run time, with weights as
// constants (packed, folded), and with a batch that varies where the operator allows one.

import assert from 'node:assert/strict';
import { loadTarget } from '../../src/build/target.js';
import { formatProblem } from '../../src/errors.js';
import { kDefaultTolerance } from '../../src/ops/define.js';
import { interpret } from '../../src/ops/interpret.js';
import { runCompiled } from '../batch/run-compiled.js';
import { describeDifference } from '../corpus/compare.js';
import type { Job, Outcome } from '../corpus/executor.js';
import { type ExampleCase, type ExampleOptions, exampleCases, exampleGraph } from './example-graph.js';

interface ExampleJob extends Job {
  readonly title: string;
  readonly item: ExampleCase;
}

const kVariants: readonly (readonly [name: string, options: ExampleOptions])[] = [
  ['inputs', {}],
  ['weights', { weights: true }],
  ['batch', { batch: true, weights: true }],
];
const kMessageLines = 12;

const kTargets = [...new Set(['x86-64', loadTarget('native').name])];
for (const target of kTargets) {
  for (const optimize of [true, false]) {
    it(`compiled examples agree with the interpreter: ${target}, ${optimize ? 'optimized' : 'not optimized'}`, async function () {
      this.timeout(600_000);
      const jobs = exampleJobs();
      const outcomes = await runCompiled(jobs, { target, optimize });
      const wrong = jobs.flatMap((job, i) => judge(job, outcomes[i]));
      const message = `${wrong.length} of ${jobs.length} differ:\n${wrong.slice(0, kMessageLines).join('\n')}`;
      assert.equal(wrong.length, 0, message);
    });
  }
}

/** Operators that refuse a variant (no batch, weights of fixed content) have no job for it. */
function exampleJobs(): readonly ExampleJob[] {
  const jobs: ExampleJob[] = [];
  for (const item of exampleCases()) {
    if (item.op.name === 'ToBlocked' || item.op.name === 'ToPlain') continue;
    for (const [variant, options] of kVariants) {
      if (variant !== 'inputs' && item.example.inputs.length < 2 && options.batch !== true) continue;
      const made = tryGraph(item, options);
      if (made !== undefined)
        jobs.push({ ...made, item, id: `example_${jobs.length}`, title: `${item.name}, ${variant}` });
    }
  }
  return jobs;
}

function tryGraph(item: ExampleCase, options: ExampleOptions): Pick<Job, 'graph' | 'inputs'> | undefined {
  try {
    const { graph, inputs } = exampleGraph(item, options);
    interpret(graph, inputs);
    return { graph, inputs };
  } catch (error) {
    if (options.batch === true || options.weights === true) return undefined;
    throw error;
  }
}

function judge({ title, item, graph, inputs }: ExampleJob, outcome: Outcome | undefined): readonly string[] {
  if (outcome === undefined) return [`${title}: was not run`];
  if (outcome.kind === 'problems') return [`${title}: ${outcome.problems.map(formatProblem).join(' | ')}`];
  const { relative, absolute } = item.op.tolerance ?? kDefaultTolerance;
  const wanted = interpret(graph, inputs);
  return [...wanted].flatMap(([name, want]) => {
    const got = outcome.outputs.get(name);
    const difference = got === undefined ? 'is missing' : describeDifference(got, want, relative, absolute);
    return difference === undefined ? [] : [`${title}: output ${name}: ${difference}`];
  });
}
