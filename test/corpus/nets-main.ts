// Imports whole real nets and prints all import problems; with --run, also computes a recorded case with the interpreter
// (minutes for a small net) and names every operator whose result differs from the recorded one.

import { formatProblem, problemsOf } from '../../src/errors.js';
import { parseInputSpecs } from '../../src/frontend/caffe2/import-input-spec.js';
import type { Graph, Node } from '../../src/ir/graph.js';
import { type Tensor, toNumbers } from '../../src/ir/tensor.js';
import { shapeForPeople } from '../../src/ir/type.js';
import { interpret } from '../../src/ops/interpret.js';
import { endWithUsage, readArguments, runScript } from '../support/script.js';
import { describeDifference } from './compare.js';
import { type NetCase, NetZoo, type OpRecord, recordDifference } from './nets.js';

const kUsage = 'usage: npm run corpus:nets -- GOLDEN [--only NET] [--run CASE]';

const { values, positionals } = readArguments(kUsage, {
  allowPositionals: true,
  options: { only: { type: 'string' }, run: { type: 'string' } },
});

function main(): number {
  const [folder] = positionals;
  if (folder === undefined) endWithUsage(kUsage);
  const zoo = new NetZoo(folder);
  const names = zoo.names().filter((name) => values.only === undefined || values.only.split(',').includes(name));
  let failed = 0;
  for (const name of names) {
    const cases = zoo.cases(name).filter((item) => values.run === undefined || item.name === values.run);
    for (const item of cases) if (!tryCase(zoo, name, item)) failed++;
  }
  console.log(`${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function tryCase(zoo: NetZoo, net: string, item: NetCase): boolean {
  const specs = item.inputs.map(({ name, dtype, shape }) => `${name}:${dtype}:${shape.join(',')}`);
  try {
    const start = performance.now();
    const { graph, warnings } = zoo.import(net, item, {
      inputShapes: parseInputSpecs(specs),
      extraOutputs: Object.keys(item.outputs),
    });
    console.log(
      `${net} ${item.name}: imported in ${Math.round(performance.now() - start)} ms, ${describeGraph(graph)}`,
    );
    for (const warning of warnings) console.log(`  warning: ${formatProblem(warning)}`);
    return values.run === undefined || runCase(zoo, net, item, graph);
  } catch (error) {
    console.log(`${net} ${item.name}: FAILED`);
    for (const problem of problemsOf(error)) console.log(`  ${formatProblem(problem)}`);
    return false;
  }
}

function describeGraph(graph: Graph): string {
  const inputs = graph.inputs.map(
    ({ value }) => `${value.name} ${value.type.dtype} ${shapeForPeople(value.type.shape)}`,
  );
  const outputs = graph.outputs.map(({ name, value }) => `${name} ${shapeForPeople(value.type.shape)}`);
  return `${graph.nodes.length} nodes, ${graph.constants.size} constants; ${inputs.join(', ')} -> ${outputs.join(', ')}`;
}

function runCase(zoo: NetZoo, net: string, item: NetCase, graph: Graph): boolean {
  // Of several nodes of one operator the last one gives its result.
  const differences = new Map<string, string | undefined>();
  const trace = (node: Node, outputs: readonly (Tensor | undefined)[]): void => {
    const { opIndex, opType } = node.origin;
    node.outputs.forEach((value, i) => {
      const tensor = outputs[i];
      const record = value === undefined ? undefined : findRecord(item, opIndex, value.name);
      if (tensor === undefined || record === undefined) return;
      differences.set(`op ${opIndex} ${opType} ${record.name}`, recordDifference(tensor, record));
    });
  };
  const results = interpret(graph, zoo.inputs(net, item), trace);
  for (const blob of Object.keys(item.outputs)) {
    const got = results.get(blob);
    const want = zoo.output(net, item, blob);
    differences.set(`output ${blob}`, got === undefined ? 'missing' : outputDifference(got, want));
  }
  const bad = [...differences].filter(([, difference]) => difference !== undefined);
  for (const [place, difference] of bad) console.log(`  ${place}: ${difference}`);
  console.log(`  ${differences.size} recorded results compared, ${bad.length} differ`);
  return bad.length === 0;
}

/** The recorded output that a value of the graph is: the blob's name, or a version of it. */
function findRecord(item: NetCase, opIndex: string, valueName: string): OpRecord['outputs'][number] | undefined {
  const op = item.ops.find((record) => String(record.op) === opIndex);
  return op?.outputs.find(({ name }) => valueName === name || valueName.replace(/\.\d+$/, '') === name);
}

/** Bytes may differ by one step (the zoo's own builds do), other integers not at all, floats by 1e-5 of the largest. */
function outputDifference(got: Tensor, want: Tensor): string | undefined {
  if (want.dtype === 'u8') return byteDifference(got, want);
  const largest = toNumbers(want).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return describeDifference(got, want, 1e-4, 1e-5 * largest);
}

function byteDifference(got: Tensor, want: Tensor): string | undefined {
  if (got.dtype !== want.dtype || got.dims.join() !== want.dims.join()) return describeDifference(got, want, 0, 0);
  const wanted = toNumbers(want);
  const steps = toNumbers(got).map((value, i) => Math.abs(value - (wanted[i] ?? 0)));
  const largest = steps.reduce((most, step) => Math.max(most, step), 0);
  const count = steps.filter((step) => step > 0).length;
  if (count > 0) console.log(`  ${count} of ${steps.length} bytes differ, by ${largest} at most`);
  return largest <= 1 ? undefined : `bytes differ by up to ${largest}`;
}

await runScript(main);
