// verify: is the compiled net right? Its outputs, optimized and not, are compared with the reference interpreter's or with
// recorded ones; when they differ, the first operator that does is named.

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Runner } from '../build/target.js';
import { makeTempFolder, removeTempFolder } from '../build/temp-folders.js';
import { type CompiledNet, type CompileOptions, compile, type ImportedNet, importModel } from '../compile.js';
import { fail, type Problem } from '../errors.js';
import type { Graph } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import { interpret } from '../ops/interpret.js';
import { runExecutable } from '../run/run-executable.js';
import { type Agreement, countAgreement, type Outputs } from './agreement.js';
import { compareTensors, type TensorComparison, type Tolerance, toleranceOf } from './compare-tensors.js';
import { compareLayers, type OpDifference } from './first-difference.js';
import { seededInputs } from './seeded-inputs.js';
import { variedInputs } from './varied-inputs.js';

export interface VerifyRequest extends CompileOptions {
  /** Input tensors by name; those left out are made from the seed. */
  readonly inputTensors?: (graph: Graph) => ReadonlyMap<string, Tensor>;
  readonly seed?: number;
  /** Recorded outputs; the interpreter computes them when there are none. */
  readonly expected?: ReadonlyMap<string, Tensor>;
  /** Instead of what is usual for the precision. */
  readonly tolerance?: Partial<Tolerance>;
  /** Reports the error of every layer that a traced build tells of. */
  readonly layers?: boolean;
  /** Builds to verify; both by default. */
  readonly variants?: readonly Variant[];
  readonly cacheFolder?: string;
  /** Of a precision other than fp32: inputs, made from as many seeds, on which its answers are compared with fp32's. */
  readonly variedInputs?: number;
  /** Where executables run, given the target's own runner. */
  readonly runner?: (own: Runner) => Runner;
}

export type Variant = 'optimized' | 'plain';

export interface VariantReport {
  readonly variant: Variant;
  readonly pass: boolean;
  readonly tensors: readonly TensorComparison[];
  readonly firstDifference?: OpDifference;
  /** In order of execution, when they were asked for. */
  readonly layers?: readonly OpDifference[];
}

export interface VerifyReport {
  readonly net: string;
  readonly target: string;
  readonly pass: boolean;
  /** What the outputs were compared with. */
  readonly reference: 'interpreter' | 'recorded';
  readonly variants: readonly VariantReport[];
  /** With the same net compiled in fp32, on varied inputs; only when those were asked for. */
  readonly agreement?: readonly Agreement[];
  readonly warnings: readonly Problem[];
}

/** Compiles, runs and compares. */
export async function verifyNet(request: VerifyRequest): Promise<VerifyReport> {
  if ((request.variedInputs ?? 0) > 0 && (request.precision ?? 'fp32') === 'fp32') {
    fail('bad-option', 'answers in fp32 have nothing to agree with but themselves', {
      remedy: 'choose another precision',
    });
  }
  request.onProgress?.('reading the model');
  const imported = importModel(request);
  const inputs = allInputs(imported.graph, request);
  const runs: VariantRun[] = [];
  for (const variant of request.variants ?? (['optimized', 'plain'] as const)) {
    runs.push(await runVariant(request, imported, variant, inputs));
  }
  const expected = request.expected ?? interpretAll(imported.graph, inputs, request);
  const reports: VariantReport[] = [];
  for (const run of runs) reports.push(await judge(request, imported, run, inputs, expected));
  const agreement = await agreementOf(request, imported);
  return {
    net: imported.graph.name,
    target: runs[0]?.compiled.target.name ?? '',
    pass: reports.every((report) => report.pass),
    reference: request.expected === undefined ? 'interpreter' : 'recorded',
    variants: reports,
    ...(agreement === undefined ? {} : { agreement }),
    warnings: imported.warnings,
  };
}

/** Runs the net in both precisions on varied inputs. */
async function agreementOf(request: VerifyRequest, imported: ImportedNet): Promise<readonly Agreement[] | undefined> {
  const { variedInputs: count = 0, seed = 1 } = request;
  if (count === 0) return undefined;
  const inputs = Array.from({ length: count }, (_, k) => variedInputs(imported.graph, seed + k));
  const runAll = async (run: RunNet): Promise<readonly Outputs[]> => {
    const outputs: Outputs[] = [];
    for (const one of inputs) outputs.push(await run(one));
    return outputs;
  };
  const lower = await withExecutable(request, imported, true, runAll);
  return countAgreement(lower, await withExecutable({ ...request, precision: 'fp32' }, imported, true, runAll));
}

/** Compiles the net, and hands `use` a function that runs it. */
async function withExecutable<T>(
  request: VerifyRequest,
  imported: ImportedNet,
  optimize: boolean,
  use: (run: RunNet, compiled: CompiledNet, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await makeTempFolder(tmpdir(), 'cortado-verify-');
  try {
    const compiled = await compile({ ...request, optimize, outputFolder: folder, emit: ['executable'] }, imported);
    const run: RunNet = async (inputs, traceFolder) => {
      const { outputs } = await runExecutable({
        executable: compiled.build.executable ?? fail('internal', 'no executable was built'),
        runner: request.runner?.(compiled.target.runner) ?? compiled.target.runner,
        inputs,
        outputs: compiled.program.outputs.map(({ name }) => name),
        ...(traceFolder === undefined ? {} : { traceFolder }),
      });
      return outputs;
    };
    return await use(run, compiled, folder);
  } finally {
    await removeTempFolder(folder);
  }
}

type RunNet = (inputs: ReadonlyMap<string, Tensor>, traceFolder?: string) => Promise<Outputs>;

interface VariantRun {
  readonly variant: Variant;
  readonly compiled: CompiledNet;
  readonly outputs: ReadonlyMap<string, Tensor>;
}

function allInputs(graph: Graph, request: VerifyRequest): ReadonlyMap<string, Tensor> {
  const given = request.inputTensors?.(graph) ?? new Map<string, Tensor>();
  const names = graph.inputs.map(({ value }) => value.name);
  for (const name of given.keys()) {
    if (!names.includes(name)) fail('bad-option', `${name} is no input of the net`, { expected: names.join(' or ') });
  }
  return new Map([...seededInputs(graph, request.seed ?? 1), ...given]);
}

async function runVariant(
  request: VerifyRequest,
  imported: ImportedNet,
  variant: Variant,
  inputs: ReadonlyMap<string, Tensor>,
  trace?: (folder: string, compiled: CompiledNet) => void,
): Promise<VariantRun> {
  const traced = { ...request, trace: trace !== undefined };
  return withExecutable(traced, imported, variant === 'optimized', async (run, compiled, folder) => {
    request.onProgress?.(`running the ${variant} net`);
    const traceFolder = join(folder, 'trace');
    const outputs = await run(inputs, trace === undefined ? undefined : traceFolder);
    trace?.(traceFolder, compiled);
    return { variant, compiled, outputs };
  });
}

function interpretAll(
  graph: Graph,
  inputs: ReadonlyMap<string, Tensor>,
  { onProgress }: VerifyRequest,
): ReadonlyMap<string, Tensor> {
  return interpret(graph, inputs, countNodes(graph, onProgress));
}

/** Tells after each operator how far the interpreter is. */
function countNodes(graph: Graph, onProgress: VerifyRequest['onProgress']): () => void {
  let done = 0;
  return () => onProgress?.(`interpreting: operator ${++done} of ${graph.nodes.length}`);
}

async function judge(
  request: VerifyRequest,
  imported: ImportedNet,
  run: VariantRun,
  inputs: ReadonlyMap<string, Tensor>,
  expected: ReadonlyMap<string, Tensor>,
): Promise<VariantReport> {
  const isOnDevice = run.compiled.target.device !== undefined;
  const tolerance = { ...toleranceOf(request.precision, isOnDevice), ...request.tolerance };
  const tensors = [...expected].map(([name, tensor]) => {
    const actual = run.outputs.get(name);
    if (actual === undefined) {
      return fail('bad-option', `${name} is no output of the net`, {
        expected: [...run.outputs.keys()].join(' or '),
        remedy: `ask for it with --output ${name}`,
      });
    }
    return compareTensors(name, tensor, actual, tolerance);
  });
  const { variant } = run;
  const pass = tensors.every((tensor) => tensor.pass);
  if (pass && request.layers !== true) return { variant, pass, tensors };
  const layers = await tracedLayers(request, imported, variant, inputs, tolerance);
  const firstDifference = pass ? undefined : layers.find(({ comparison }) => !comparison.pass);
  return {
    variant,
    pass,
    tensors,
    ...(firstDifference === undefined ? {} : { firstDifference }),
    ...(request.layers === true ? { layers } : {}),
  };
}

async function tracedLayers(
  request: VerifyRequest,
  imported: ImportedNet,
  variant: Variant,
  inputs: ReadonlyMap<string, Tensor>,
  tolerance: Tolerance,
): Promise<readonly OpDifference[]> {
  let found: readonly OpDifference[] = [];
  await runVariant(request, imported, variant, inputs, (traceFolder, { graph }) => {
    found = compareLayers(graph, inputs, traceFolder, tolerance, countNodes(graph, request.onProgress));
  });
  return found;
}
