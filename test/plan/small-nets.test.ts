// Small nets in which values share bytes (test/plan/nets/*.ir): concats, splits, slices, reshapes, in-place chains, branches,
// outputs that are inputs. Each is compiled with and without optimization, for the least and the best target of this machine,
// for one, two and four threads, and must give what the interpreter gives. Branches are taken both ways, sizes that vary take
// their least and their largest value.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadTarget } from '../../src/build/target.js';
import { formatProblem } from '../../src/errors.js';
import type { Graph } from '../../src/ir/graph.js';
import { type Tensor, tensorFromNumbers } from '../../src/ir/tensor.js';
import { interpret } from '../../src/ops/interpret.js';
import '../../src/ops/index.js';
import { parseGraph } from '../../src/ops/parse-graph.js';
import { packageRoot } from '../../src/package-root.js';
import { seededInputs } from '../../src/passes/check-values.js';
import { type CompiledSettings, runCompiled } from '../batch/run-compiled.js';
import { describeDifference } from '../corpus/compare.js';
import type { Job } from '../corpus/executor.js';

const kFolder = fileURLToPath(new URL('test/plan/nets/', packageRoot));
const kRelative = 1e-4;
const kAbsolute = 1e-5;

const kTargets = [...new Set(['x86-64', loadTarget('native').name])];
const kSettings: readonly CompiledSettings[] = [
  ...kTargets.flatMap((target) => [true, false].map((optimize) => ({ target, optimize }))),
  ...[2, 4].map((threads) => ({ target: 'native', optimize: true, threads })),
  { target: 'native', optimize: false, threads: 2 },
];

describe('values that share bytes', function () {
  this.timeout(300_000);
  for (const settings of kSettings) {
    const { target, optimize, threads = 1 } = settings;
    const title = `${target}, ${optimize ? 'optimized' : 'not optimized'}, ${threads} thread${threads > 1 ? 's' : ''}`;
    it(title, async () => {
      const jobs = smallNets().flatMap(({ name, graph }, i) => runsOf(name, graph, i));
      const outcomes = await runCompiled(jobs, settings);
      const wrong = jobs.flatMap((job, i) => {
        const outcome = outcomes[i];
        if (outcome?.kind !== 'outputs')
          return [`${job.title}: ${outcome?.problems.map(formatProblem).join(' | ') ?? 'was not run'}`];
        return [...interpret(job.graph, job.inputs)].flatMap(([name, want]) => {
          const got = outcome.outputs.get(name);
          const difference = got === undefined ? 'is missing' : describeDifference(got, want, kRelative, kAbsolute);
          return difference === undefined ? [] : [`${job.title}: output ${name}: ${difference}`];
        });
      });
      assert.deepEqual(wrong, []);
    });
  }
});

function smallNets(): readonly { readonly name: string; readonly graph: Graph }[] {
  return fs.readdirSync(kFolder).map((file) => {
    const text = fs.readFileSync(path.join(kFolder, file), 'utf8');
    return { name: file.replace(/\.ir$/, ''), graph: parseGraph(text, file) };
  });
}

/** Both values of every condition; least and largest sizes where they vary. */
function runsOf(name: string, graph: Graph, index: number): readonly (Job & { readonly title: string })[] {
  const conditions = graph.inputs.filter(({ value }) => value.type.dtype === 'bool').map(({ value }) => value.name);
  const hasSymbols = graph.inputs.some(({ value }) => value.type.shape.some((dim) => typeof dim !== 'number'));
  const sizes = hasSymbols ? (['largest', 'smallest'] as const) : (['largest'] as const);
  return sizes.flatMap((size) =>
    Array.from({ length: 2 ** conditions.length }, (_, bits) => {
      const inputs = new Map<string, Tensor>(seededInputs(graph, { seed: index + 1, sizes: size }));
      for (const [k, name] of conditions.entries()) inputs.set(name, tensorFromNumbers('bool', [], [(bits >> k) & 1]));
      return { id: `small_${index}_${size}_${bits}`, title: `${name}, ${size}, ${bits}`, graph, inputs };
    }),
  );
}
