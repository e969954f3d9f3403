// The examples of operator definitions as jobs of an executor: all inputs given at run time, weights as constants (packed, folded), and a
// batch that varies where the operator allows one.

import { formatProblem } from '../../src/errors.js';
import { kDefaultTolerance } from '../../src/ops/define.js';
import { type ExampleCase, type ExampleOptions, exampleCases, exampleGraph } from '../../src/ops/example-graph.js';
import { interpret } from '../../src/ops/interpret.js';
import { describeDifference } from '../corpus/compare.js';
import type { Job, Outcome } from '../corpus/executor.js';

export interface ExampleJob extends Job {
  readonly title: string;
  readonly item: ExampleCase;
}

const kVariants: readonly (readonly [name: string, options: ExampleOptions])[] = [
  ['inputs', {}],
  ['weights', { weights: true }],
  ['batch', { batch: true, weights: true }],
];

/** Operators that refuse a variant (no batch, weights of fixed content) have no job for it. */
export function exampleJobs(isWanted: (item: ExampleCase) => boolean = () => true): readonly ExampleJob[] {
  const jobs: ExampleJob[] = [];
  for (const item of exampleCases()) {
    if (item.op.name === 'ToBlocked' || item.op.name === 'ToPlain' || !isWanted(item)) continue;
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

/** Sentences about the outputs that differ from the interpreter's. */
export function judgeExample(
  { title, item, graph, inputs }: ExampleJob,
  outcome: Outcome | undefined,
): readonly string[] {
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
