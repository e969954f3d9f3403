// Mutation fuzz of the whole compiler up to generated text: damaged predict nets, weights and input sizes must compile or
// be refused with a CompileError, within limits of time and memory. Seeded, so every failure repeats.

import { loadTarget, type Target } from '../../src/build/target.js';
import { CompileError } from '../../src/errors.js';
import type { InputSpec } from '../../src/frontend/caffe2/import-input-spec.js';
import { importCaffe2 } from '../../src/frontend/caffe2/import-net.js';
import { loadModelFiles } from '../../src/frontend/caffe2/load-model-files.js';
import { encodeNetDef, encodeTensorProtos, printNetDefText } from '../../src/frontend/caffe2/messages.js';
import type { NetDef } from '../../src/frontend/caffe2/net-def.js';
import { protoFromTensor } from '../../src/frontend/caffe2/tensor-proto.js';
import type { Tensor } from '../../src/ir/tensor.js';
import { runPasses } from '../../src/passes/pipeline.js';
import { buildProgram } from '../../src/plan/build-program.js';
import { emitBatchNet } from '../batch/batch-source.js';
import { type CorpusCase, caseDType, caseNet, caseTensor } from '../corpus/case-file.js';
import { cpuTimeMs } from '../support/cpu-time.js';
import { mutateBytes } from './mutate-bytes.js';
import { mutateNet } from './mutate-nets.js';
import { RandomSource } from './random-source.js';

/** A sound model: a net, what its init net gives, and the sizes of its inputs. */
export interface SoundModel {
  readonly name: string;
  readonly net: NetDef;
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly inputs: readonly InputSpec[];
}

export interface ModelFuzzOutcome {
  readonly compiled: number;
  readonly refused: number;
  readonly slowestMs: number;
  readonly peakMiB: number;
  /** What went wrong: model, seed and cause. */
  readonly failures: readonly string[];
}

interface DamagedModel {
  readonly predictNet: Uint8Array;
  /** Absent where the model has no weights: an empty file is no init net. */
  readonly initNet?: Uint8Array;
  readonly inputs: readonly InputSpec[];
}

const kLimitMs = 5000;
const kLimitMiB = 1024;
const kMiB = 2 ** 20;
const kTargets = ['x86-64', 'x86-64-v3', 'x86-64-v4'] as const;
const kDims = [0, 1, 2, 3, 5, 17, 300, 70000, 2 ** 31 - 1];

/** The corpus cases that compile, as models with their weights in an init net. */
export function modelsOfCases(cases: readonly CorpusCase[]): readonly SoundModel[] {
  return cases.map((item) => {
    const fixed = new Set([...(item.params ?? []), ...(item.shape_inputs ?? [])]);
    const given = Object.entries(item.inputs);
    return {
      name: item.name,
      net: caseNet(item.net),
      weights: new Map(given.filter(([name]) => fixed.has(name)).map(([name, tensor]) => [name, caseTensor(tensor)])),
      inputs: given
        .filter(([name]) => !fixed.has(name))
        .map(([name, tensor]) => ({ name, dtype: caseDType(tensor), shape: tensor.dims })),
    };
  });
}

/** Compiles `count` damaged models with the seeds from `firstSeed` on. */
export function fuzzModels(models: readonly SoundModel[], count: number, firstSeed: number): ModelFuzzOutcome {
  const targets = kTargets.map((name) => loadTarget(name));
  const failures: string[] = [];
  let [compiled, slowestMs] = [0, 0];
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const random = new RandomSource(seed);
    const model = random.pick(models);
    const damaged = damage(model, random);
    const before = peakMiB();
    const target = random.pick(targets);
    let problem: string | undefined;
    const timeMs = cpuTimeMs(() => {
      problem = compileDamaged(damaged, target);
    });
    slowestMs = Math.max(slowestMs, timeMs);
    if (problem === undefined) compiled++;
    else if (problem !== kRefused) failures.push(`seed ${seed}, ${model.name}: ${problem}`);
    if (timeMs > kLimitMs) failures.push(`seed ${seed}, ${model.name}: took ${Math.round(timeMs)} ms`);
    if (peakMiB() - before > kLimitMiB)
      failures.push(`seed ${seed}, ${model.name}: memory grew from ${before} to ${peakMiB()} MiB`);
  }
  return { compiled, refused: count - compiled - failures.length, slowestMs, peakMiB: peakMiB(), failures };
}

/** Bytes, text or messages: the net mostly, the weights and sizes now and then. */
function damage({ net, weights, inputs }: SoundModel, random: RandomSource): DamagedModel {
  const initNet = encodeTensorProtos({ protos: [...weights].map(([name, tensor]) => protoFromTensor(tensor, name)) });
  const whole = { predictNet: encodeNetDef(net), inputs, ...(weights.size === 0 ? {} : { initNet }) };
  switch (random.int(weights.size === 0 ? 1 : 0, 9)) {
    case 0:
      return { ...whole, initNet: mutateBytes(initNet, random) };
    case 1:
      return { ...whole, predictNet: mutateBytes(whole.predictNet, random) };
    case 2:
      return { ...whole, predictNet: mutateBytes(new TextEncoder().encode(printNetDefText(net)), random) };
    case 3:
      return { ...whole, inputs: inputs.map((spec) => damageSizes(spec, random)) };
    default:
      return { ...whole, predictNet: encodeNetDef(mutateNet(net, random)) };
  }
}

function damageSizes(spec: InputSpec, random: RandomSource): InputSpec {
  const at = random.int(0, spec.shape.length);
  if (at === spec.shape.length) return { ...spec, shape: random.oneIn(2) ? spec.shape.slice(1) : [...spec.shape, 2] };
  return { ...spec, shape: spec.shape.map((dim, i) => (i === at ? random.pick(kDims) : dim)) };
}

const kRefused = 'refused';

/** Undefined: compiled; kRefused: a clean refusal; else what is wrong. */
function compileDamaged({ predictNet, initNet, inputs }: DamagedModel, target: Target): string | undefined {
  try {
    const model = loadModelFiles({ predictNet, ...(initNet === undefined ? {} : { initNet }) });
    const { graph } = importCaffe2(model, { inputShapes: new Map(inputs.map((spec) => [spec.name, spec])) });
    const optimize = true;
    const options = { target: { ...target, threads: 2 }, optimize, opCount: model.predict.ops.length };
    emitBatchNet('net', buildProgram(runPasses(graph, { optimize }), options), target.cpuFeatures);
    return undefined;
  } catch (error) {
    if (error instanceof CompileError && error.problems.every(({ code }) => code !== 'internal')) return kRefused;
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

function peakMiB(): number {
  return Math.round((process.resourceUsage().maxRSS * 1024) / kMiB);
}
