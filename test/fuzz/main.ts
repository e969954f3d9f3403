// Random nets through the whole compiler; a failure is made small and printed as textual IR with its seed. Tells how often
// each operator occurred: the operators of the table that never did stand in the last line but one.
// With --images: nets of images alone, rich in convolutions and ranges of channels.
// With --models: damaged forms of the nets of an operator corpus through the compiler up to generated text.

import type { Graph } from '../../src/ir/graph.js';
import { allOps } from '../../src/ops/index.js';
import { kPrecisions, type Precision } from '../../src/ops/kernel-call.js';
import { printGraph } from '../../src/ops/print-graph.js';
import { removeDeadCode } from '../../src/passes/remove-dead-code.js';
import { readCases } from '../corpus/case-file.js';
import { endWithUsage, readArguments, runScript } from '../support/script.js';
import { type CheckSettings, checkNets, shrinkNet } from './compare-nets.js';
import { kPlanned } from './example-moves.js';
import { fuzzModels, modelsOfCases } from './mutate-models.js';
import { randomImageNet, randomNet } from './random-graphs.js';

const kUsage = `usage: npm run fuzz -- [--images] [--count N] [--seed S] [--target NAME] [--precision P] [--level=-O0|-O1]
       npm run fuzz -- --models CORPUS [--count N] [--seed S]`;

const { values } = readArguments(kUsage, {
  options: {
    count: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string', default: 'native' },
    level: { type: 'string', default: '-O0' },
    precision: { type: 'string', default: 'fp32' },
    images: { type: 'boolean', default: false },
    models: { type: 'string' },
  },
});

const kBatch = 512;
const kMaxShrunk = 4;

async function main(): Promise<number> {
  const [count, first] = [Number(values.count), Number(values.seed)];
  if (
    !Number.isInteger(count) ||
    count < 1 ||
    !Number.isInteger(first) ||
    !isLevel(values.level) ||
    !isPrecision(values.precision)
  ) {
    endWithUsage(kUsage);
  }
  const settings = { target: values.target, level: values.level, precision: values.precision };
  return values.models === undefined
    ? await fuzzGraphs(count, first, settings)
    : fuzzFiles(values.models, count, first);
}

function isLevel(text: string): text is '-O0' | '-O1' {
  return text === '-O0' || text === '-O1';
}

function isPrecision(text: string): text is Precision {
  return (kPrecisions as readonly string[]).includes(text);
}

/** Damaged models; the last line counts them. */
function fuzzFiles(corpus: string, count: number, first: number): number {
  const models = modelsOfCases(readCases(corpus).filter(({ error }) => error === undefined));
  const { compiled, refused, slowestMs, peakMiB, failures } = fuzzModels(models, count, first);
  for (const failure of failures) console.log(`FAILED ${failure}`);
  console.log(`${compiled} compiled, ${refused} refused; ${Math.round(slowestMs)} ms at most, ${peakMiB} MiB at most`);
  console.log(`${count - failures.length} passed, ${failures.length} failed`);
  return failures.length === 0 ? 0 : 1;
}

async function fuzzGraphs(count: number, first: number, settings: CheckSettings): Promise<number> {
  let failed = 0;
  const met = new Map(allOps().map(({ name }) => [name, 0]));
  for (let start = first; start < first + count; start += kBatch) {
    const seeds = Array.from({ length: Math.min(kBatch, first + count - start) }, (_, i) => start + i);
    const nets = seeds.map(values.images ? randomImageNet : randomNet);
    for (const { graph } of nets) countOps(graph, met);
    const problems = await checkNets(nets, settings);
    for (const [i, problem] of problems.entries()) {
      const net = nets[i];
      if (problem === undefined || net === undefined) continue;
      failed++;
      console.log(`FAILED seed ${seeds[i]}: ${problem}`);
      if (failed <= kMaxShrunk) console.log(printGraph((await shrinkNet(net, settings)).graph));
    }
    console.log(`seeds ${start} to ${start + nets.length - 1}: ${failed} failed so far`);
  }
  printCoverage(met);
  console.log(`${count - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Nodes of each operator that a result needs, in regions too. */
function countOps(graph: Graph, met: Map<string, number>): void {
  for (const { op, regions = [] } of removeDeadCode(graph).nodes) {
    met.set(op, (met.get(op) ?? 0) + 1);
    for (const region of regions) countOps(region.graph, met);
  }
}

function printCoverage(met: ReadonlyMap<string, number>): void {
  const counts = [...met].sort(([, a], [, b]) => b - a).filter(([, count]) => count > 0);
  console.log(counts.map(([op, count]) => `${op} ${count}`).join(', '));
  const missing = [...met].flatMap(([op, count]) => (count === 0 ? [kPlanned.has(op) ? `${op} (planner)` : op] : []));
  console.log(`${counts.length} of ${met.size} operators occurred; never: ${missing.join(', ') || 'none'}`);
}

await runScript(main);
