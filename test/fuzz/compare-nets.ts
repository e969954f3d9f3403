// Judges random nets: interpreter, compiled as it is, compiled and optimized must agree; and makes a failing net small.

import { formatProblem, type Problem } from '../../src/errors.js';
import type { Graph, GraphOutput, Value } from '../../src/ir/graph.js';
import { elementCount, getNumber, type Tensor } from '../../src/ir/tensor.js';
import { interpret } from '../../src/ops/interpret.js';
import type { Precision } from '../../src/ops/kernel-call.js';
import { removeDeadCode } from '../../src/passes/remove-dead-code.js';
import { runCompiled } from '../batch/run-compiled.js';
import { interpretJob, type Job, type Outcome } from '../corpus/executor.js';
import type { RandomNet } from './random-graphs.js';

const kMaxShrinkRounds = 30;
const kMaxCandidates = 64;
/** Largest errors as a share of a tensor's largest value, in fp32 and in shorter floats. */
const kShare = 2e-4;
const kShareOfShort = 4e-2;
const kNetsPerFile = 128;

export interface CheckSettings {
  readonly target: string;
  /** How much the C++ compiler optimizes the optimized form; the plain one never is. `-O0` by default: most nets per second. */
  readonly level?: '-O0' | '-O1';
  /** fp32 by default. */
  readonly precision?: Precision;
}

/** What is wrong with each net, in words; undefined where all agree. */
export async function checkNets(
  nets: readonly RandomNet[],
  { target, level = '-O0', precision = 'fp32' }: CheckSettings,
): Promise<readonly (string | undefined)[]> {
  const jobs = nets.map((net, i): Job => ({ ...net, id: `net_${i}` }));
  const optimized = await runCompiled(jobs, { target, precision, optimize: true, level, netsPerFile: kNetsPerFile });
  const plain = await runCompiled(jobs, {
    target,
    precision,
    optimize: false,
    level: '-O0',
    netsPerFile: kNetsPerFile,
  });
  return jobs.map((job, i) => {
    const wanted = interpretJob(job);
    const [a, b] = [complaint(wanted, optimized[i], precision), complaint(wanted, plain[i], precision)];
    if (a !== undefined) return `optimized: ${a}`;
    return b === undefined ? undefined : `not optimized: ${b}`;
  });
}

/** A smaller net with the same kind of failure: fewer outputs, fewer nodes, inputs in place of what made them. */
export async function shrinkNet(net: RandomNet, settings: CheckSettings): Promise<RandomNet> {
  let smallest = net;
  for (let round = 0; round < kMaxShrinkRounds; round++) {
    const candidates = smallerNets(smallest).slice(0, kMaxCandidates);
    if (candidates.length === 0) return smallest;
    const failing = (await checkNets(candidates, settings)).findIndex((problem) => problem !== undefined);
    const next = candidates[failing];
    if (next === undefined) return smallest;
    smallest = next;
  }
  return smallest;
}

/** A fault that values show must be a fault of compiled code too. */
function complaint(wanted: Outcome, outcome: Outcome | undefined, precision: Precision): string | undefined {
  if (outcome === undefined) return 'was not run';
  if (wanted.kind === 'problems') {
    if (outcome.kind === 'outputs') return `gives an answer where the interpreter has ${problemText(wanted.problems)}`;
    return outcome.problems.some(({ code }) => code === 'internal') ? problemText(outcome.problems) : undefined;
  }
  if (outcome.kind === 'problems') return problemText(outcome.problems);
  for (const [name, want] of wanted.outputs) {
    const got = outcome.outputs.get(name);
    if (got === undefined) return `output ${name} is missing`;
    const [is, expected] = [got, want].map(({ dtype, dims }) => `${dtype} [${dims.join()}]`);
    if (is !== expected) return `output ${name} is ${is}, expected ${expected}`;
    const difference = largestDifference(got, want, precision);
    if (difference !== undefined) return `output ${name}: ${difference}`;
  }
  return undefined;
}

function problemText(problems: readonly Problem[]): string {
  return problems.map(formatProblem).join(' | ');
}

/** Rounding differs with the order of sums: errors of floats are measured against the largest value of the tensor. */
function largestDifference(got: Tensor, want: Tensor, precision: Precision): string | undefined {
  const count = elementCount(want.dims);
  let scale = 0;
  for (let i = 0; i < count; i++)
    if (Number.isFinite(getNumber(want, i))) scale = Math.max(scale, Math.abs(getNumber(want, i)));
  const isFloat = ['f16', 'f32', 'f64'].includes(want.dtype);
  const limit = isFloat ? 1e-5 + (precision === 'fp32' ? kShare : kShareOfShort) * scale : 0;
  for (let i = 0; i < count; i++) {
    const [a, b] = [getNumber(got, i), getNumber(want, i)];
    if (!(Object.is(a, b) || a === b || Math.abs(a - b) <= limit))
      return `element ${i} is ${a}, expected ${b} within ${limit}`;
  }
  return undefined;
}

/** Boldest first: one output only, then one node's result given as an input, then one output less. */
function smallerNets(net: RandomNet): readonly RandomNet[] {
  const { outputs } = net.graph;
  const single = outputs.length > 1 ? outputs.map((output) => withOutputs(net, [output])) : [];
  const fewer =
    outputs.length > 2
      ? outputs.map((output) =>
          withOutputs(
            net,
            outputs.filter((other) => other !== output),
          ),
        )
      : [];
  return [...single, ...cutNets(net), ...fewer];
}

function withOutputs(net: RandomNet, outputs: readonly GraphOutput[]): RandomNet {
  return cleaned({ ...net, graph: { ...net.graph, outputs } });
}

/** For each node, later ones first: its results become inputs with the values that the interpreter gives them. */
function cutNets(net: RandomNet): readonly RandomNet[] {
  const values = new Map<Value, Tensor>();
  interpret(net.graph, net.inputs, (node, tensors) => {
    node.outputs.forEach((value, i) => {
      const tensor = tensors[i];
      if (value !== undefined && tensor !== undefined) values.set(value, tensor);
    });
  });
  return [...net.graph.nodes].reverse().flatMap((node) => {
    const made = node.outputs.filter((value): value is Value => value !== undefined);
    const inputs = new Map(net.inputs);
    for (const value of made) {
      const tensor = values.get(value);
      if (tensor !== undefined) inputs.set(value.name, tensor);
    }
    const graph: Graph = {
      ...net.graph,
      nodes: net.graph.nodes.filter((other) => other !== node),
      inputs: [...net.graph.inputs, ...made.map((value) => ({ value, optional: false }))],
    };
    const smaller = cleaned({ graph, inputs });
    return smaller.graph.nodes.length === 0 ? [] : [smaller];
  });
}

/** Without what no output needs. */
function cleaned({ graph, inputs }: RandomNet): RandomNet {
  const live = removeDeadCode(graph);
  const used = new Set<Value>(live.outputs.map((output) => output.value));
  for (const node of live.nodes) for (const value of node.inputs) if (value !== undefined) used.add(value);
  const kept = live.inputs.filter((input) => used.has(input.value));
  const names = new Set(kept.map((input) => input.value.name));
  return {
    graph: { ...live, inputs: kept, constants: new Map([...live.constants].filter(([value]) => used.has(value))) },
    inputs: new Map([...inputs].filter(([name]) => names.has(name))),
  };
}
