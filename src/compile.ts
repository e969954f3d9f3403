// The compiler, top to bottom: read → import → passes → plan → emit → build.

import { basename, dirname, parse, resolve } from 'node:path';
import { checkAddressSpace } from './build/address-space.js';
import { type Artifact, type BuildResult, buildArtifacts } from './build/artifacts.js';
import { checkBareOptions, checkFlashBudget, kBareSystem, memoryOf } from './build/bare-target.js';
import { type StackBound, stackBound } from './build/stack-bound.js';
import { kernelTarget, loadTarget, type Target } from './build/target.js';
import { hasToolchain } from './build/toolchain.js';
import { arenaRegions } from './emit/memory-regions.js';
import { type NetFiles, packageFiles } from './emit/package-files.js';
import { CompileError, fail, type Problem, problemsOf } from './errors.js';
import type { FileOrBytes } from './files/byte-source.js';
import { type InputSpec, parseInputSpecs } from './frontend/caffe2/import-input-spec.js';
import { importCaffe2 } from './frontend/caffe2/import-net.js';
import { nestedNets } from './frontend/caffe2/import-reads.js';
import { loadModelFiles } from './frontend/caffe2/load-model-files.js';
import type { OperatorDef } from './frontend/caffe2/net-def.js';
import type { Graph } from './ir/graph.js';
import type { KernelTarget, Precision } from './ops/kernel-call.js';
import { runPasses } from './passes/pipeline.js';
import { buildProgram } from './plan/build-program.js';
import { arenaPeakText, largestWeightsText } from './plan/memory-peaks.js';
import type { Arena, Program } from './plan/program.js';
import { applyRecord } from './tune/apply-record.js';
import type { TuningRecord } from './tune/record.js';
import { kVersion } from './version.js';

export interface ModelOptions {
  /** predict_net (binary or text), or an exported predictor. */
  readonly predictNet: FileOrBytes;
  readonly initNet?: FileOrBytes;
  readonly valueInfo?: FileOrBytes;
  /** `data:1,3,224,224`, `data:1..8,3,224,224`, `image:uint8:1,480,640,4`. */
  readonly inputs?: readonly string[];
  /** Further blobs to give out. */
  readonly outputs?: readonly string[];
  /** Allows random fills, from this seed. */
  readonly randomSeed?: number;
  /** Names the net instead of the file; mangled, it is the prefix of C symbols and files. */
  readonly name?: string;
}

export interface CompileOptions extends ModelOptions {
  /** Name of a shipped target or path of a target file; `native` by default. */
  readonly target?: string;
  /** false: no fusion, no layouts, no views; the answer stays the same. */
  readonly optimize?: boolean;
  /**
   * Winograd convolutions: faster, with larger rounding errors. By default wherever they are faster, with filters transformed by
   * the compiler where packed weights stay within 1.5 times the raw ones, else in the kernel; true: without that limit;
   * false: none.
   */
  readonly winograd?: boolean;
  /** Measured choices of kernels and tiles, which win over the cost model's; `cortado tune` makes them. */
  readonly tuning?: TuningRecord;
  /** Whose measurements to use, where the record has several CPUs of the target. */
  readonly tuningCpu?: string;
  /** Most threads a run may use; steps are split for this number. 1: no thread code at all. */
  readonly threads?: number;
  /** How a float net's numbers are held between its inputs and outputs, which stay float32; fp32 by default. */
  readonly precision?: Precision;
  readonly weights?: 'linked' | 'file' | 'pointer';
  readonly trace?: boolean;
  /** Fails when the arena needs more. */
  readonly maxArenaBytes?: number;
  /** Fails when an image without an operating system needs more to be programmed: code and weights. */
  readonly maxFlashBytes?: number;
  /** Interprets the net after every pass and fails at the first that changes a result. */
  readonly checkValues?: boolean;
  /** Called after every pass with its time; first of all with the imported graph. */
  readonly onGraph?: (pass: string, graph: Graph, timeMs: number) => void;
  readonly onProgress?: (message: string) => void;
}

export interface BuildRequest extends CompileOptions {
  readonly outputFolder: string;
  readonly emit?: readonly Artifact[];
  /** Folder of the object cache; undefined: no cache. */
  readonly cacheFolder?: string;
}

export interface ImportedNet {
  readonly graph: Graph;
  readonly warnings: readonly Problem[];
  readonly opCount: number;
  /** Types of all operators of the net as published, those of nested nets included. */
  readonly opTypes: readonly string[];
}

export interface CompiledNet {
  readonly program: Program;
  readonly files: NetFiles;
  readonly target: Target;
  readonly graph: Graph;
  readonly warnings: readonly Problem[];
}

const kDefaultThreads = 4;
/** Of machines without an operating system, where no compiler is there to tell. */
const kUnknownStackBytes = 8192;

/** Reads and imports a model: the graph as published, with all its problems at once when there are any. */
export function importModel(options: ModelOptions): ImportedNet {
  const file = typeof options.predictNet === 'string' ? options.predictNet : undefined;
  const model = loadModelFiles({
    predictNet: options.predictNet,
    ...(options.initNet === undefined ? {} : { initNet: options.initNet }),
    ...(options.valueInfo === undefined ? {} : { valueInfo: options.valueInfo }),
  });
  const inputShapes: ReadonlyMap<string, InputSpec> = parseInputSpecs(options.inputs ?? []);
  try {
    const imported = importCaffe2(model, {
      inputShapes,
      ...(options.randomSeed === undefined ? {} : { randomSeed: options.randomSeed }),
      ...(options.outputs === undefined ? {} : { extraOutputs: options.outputs }),
    });
    // The graph of a net without a name is called `net`.
    const own = model.predict.name ?? '';
    const name = options.name ?? (own === '' ? nameFromFile(file) : own);
    const warnings = imported.warnings.map((problem) => (file === undefined ? problem : withFile(problem, file)));
    const opTypes = typesOf(model.predict.ops);
    return { graph: { ...imported.graph, name }, warnings, opCount: model.predict.ops.length, opTypes };
  } catch (error) {
    throw new CompileError(
      problemsOf(error).map((problem) => (file === undefined ? problem : withFile(problem, file))),
    );
  }
}

/** The stem of the predict net's file, or its folder where the stem says nothing. */
function nameFromFile(file: string | undefined): string {
  if (file === undefined) return 'net';
  const { name } = parse(file);
  const isCommon = /^(predict_?net|predict|net|model|exec_net)$/i.test(name);
  const folder = basename(dirname(resolve(file)));
  return isCommon && folder !== '' ? folder : name;
}

function typesOf(ops: readonly OperatorDef[]): readonly string[] {
  return ops.flatMap((op) => [op.type ?? '', ...nestedNets(op).flatMap(({ net }) => typesOf(net.ops))]);
}

/** Everything but the toolchain: the program and its files. A model that was imported before is not read again. */
export function compileModel(options: CompileOptions, known?: ImportedNet): CompiledNet {
  const precision = options.precision ?? 'fp32';
  const target = loadTarget(options.target ?? 'native', precision);
  const regions = target.system === kBareSystem ? memoryOf(target) : undefined;
  const threads = options.threads ?? (regions === undefined ? kDefaultThreads : 1);
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    fail('bad-option', 'bad number of threads', { expected: '1 to 256', got: String(threads) });
  }
  if (regions !== undefined) checkBareOptions({ threads, weights: options.weights ?? 'linked' });
  options.onProgress?.('reading the model');
  const { graph: imported, warnings, opCount } = known ?? importModel(options);
  options.onProgress?.('optimizing');
  const optimize = options.optimize ?? true;
  const graph = runPasses(imported, {
    optimize,
    checkValues: options.checkValues ?? false,
    ...(options.onGraph === undefined ? {} : { onPass: options.onGraph, now: () => performance.now() }),
  });
  options.onProgress?.('planning');
  const allowed = {
    ...kernelTarget(target, threads, precision),
    ...(options.winograd === undefined ? {} : { winograd: options.winograd }),
  };
  const tuned = tuneTarget(options, graph, allowed, target.name);
  const program = buildProgram(graph, {
    target: tuned.target,
    optimize,
    opCount,
    ...(regions === undefined ? {} : { arenaRegions: arenaRegions(regions) }),
  });
  checkBudget(program, options.maxArenaBytes);
  checkAddressSpace(program, target);
  options.onProgress?.('generating');
  checkFlashBudget(program, target, options);
  const stack = { netBytes: kUnknownStackBytes, imageBytes: target.stackBytes ?? kUnknownStackBytes };
  const files = emitFiles(program, target, options, stack);
  return { program, files, target, graph, warnings: [...warnings, ...tuned.warnings] };
}

function emitFiles(program: Program, target: Target, options: CompileOptions, stack: StackBound): NetFiles {
  return packageFiles(program, {
    targetName: target.name,
    cpuFeatures: target.cpuFeatures,
    weights: options.weights ?? 'linked',
    trace: options.trace ?? false,
    version: kVersion,
    emulatesDevice: target.toolchains[0]?.deviceCompiler === undefined,
    ...(target.system !== kBareSystem
      ? {}
      : { bare: { regions: memoryOf(target), stackBytes: stack.imageBytes, netStackBytes: stack.netBytes } }),
  });
}

/** The target with what was measured of the graph's layers. */
function tuneTarget(
  { tuning, tuningCpu }: CompileOptions,
  graph: Graph,
  target: KernelTarget,
  targetName: string,
): { readonly target: KernelTarget; readonly warnings: readonly Problem[] } {
  if (tuning === undefined) return { target, warnings: [] };
  const about = { targetName, ...(tuningCpu === undefined ? {} : { cpu: tuningCpu }) };
  const applied = applyRecord(tuning, graph, target, about);
  return { target: { ...target, tuning: applied.tuning }, warnings: applied.warnings };
}

/** Files with the stack that the call graph of the provisional ones needs. Source alone is written without a compiler, too. */
async function withStackBound(compiled: CompiledNet, request: BuildRequest): Promise<NetFiles> {
  const { files, program, target } = compiled;
  if (!files.isBare) return files;
  const isSourceAlone = request.emit?.every((artifact) => artifact === 'source') === true;
  if (isSourceAlone && !(await hasToolchain(target))) return files;
  const stack = await stackBound(files, target, request.cacheFolder, request.onProgress).catch((error: unknown) => {
    const isUnbounded = problemsOf(error).some(({ code }) => code === 'unsupported');
    if (!isUnbounded || target.stackBytes === undefined) throw error;
    return { netBytes: target.stackBytes, imageBytes: target.stackBytes };
  });
  if (target.stackBytes !== undefined && target.stackBytes < stack.imageBytes) {
    fail('mismatch', `the stack of target ${target.name} is too small for this net`, {
      expected: `stackBytes of at least ${stack.imageBytes}`,
      got: String(target.stackBytes),
    });
  }
  const imageBytes = target.stackBytes ?? stack.imageBytes;
  return emitFiles(program, target, request, { ...stack, imageBytes });
}

/** Compiles and builds artifacts into the output folder. */
export async function compile(
  request: BuildRequest,
  known?: ImportedNet,
): Promise<CompiledNet & { readonly build: BuildResult }> {
  const planned = compileModel(request, known);
  checkImageWeights(planned, request);
  const compiled = { ...planned, files: await withStackBound(planned, request) };
  const { onProgress, maxFlashBytes, emit = ['executable'] } = request;
  if (maxFlashBytes !== undefined && !emit.includes('executable'))
    fail('bad-option', '--max-flash needs an image to measure', { remedy: 'add --emit executable' });
  const build = await buildArtifacts(compiled.files, {
    target: compiled.target,
    emit,
    outputFolder: request.outputFolder,
    cacheFolder: request.cacheFolder,
    version: kVersion,
    ...(maxFlashBytes === undefined ? {} : { maxFlashBytes, largestWeights: largestWeightsText(compiled.program) }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  return { ...compiled, build };
}

/** An image has nobody who would give it the address of its weights. */
function checkImageWeights({ files, program }: CompiledNet, { emit = ['executable'] }: BuildRequest): void {
  if (!files.isBare || files.weightsMode !== 'pointer' || program.weightBytes === 0 || !emit.includes('executable'))
    return;
  fail('bad-option', 'an image without an operating system holds its weights', {
    expected: '--weights linked, or --emit library, object or source',
    got: '--emit executable --weights pointer',
  });
}

/** The arena of the host and that of a device, each by itself. */
function checkBudget(program: Program, maxArenaBytes: number | undefined): void {
  if (maxArenaBytes === undefined) return;
  const { arena, arenaBytes, arenaBoundBytes, deviceArena } = program;
  const host = { entries: arena, sizeBytes: arenaBytes, boundBytes: arenaBoundBytes };
  checkArena(program, 'the arena', host, maxArenaBytes);
  if (deviceArena !== undefined) checkArena(program, 'the arena of the device', deviceArena, maxArenaBytes);
}

function checkArena(
  program: Program,
  what: string,
  { entries, sizeBytes, boundBytes }: Pick<Arena, 'entries' | 'sizeBytes' | 'boundBytes'>,
  mostBytes: number,
): void {
  if (sizeBytes <= mostBytes) return;
  const fewerThreads = program.threads > 1 && program.deviceArena === undefined ? ' or fewer threads' : '';
  fail('mismatch', `${what} exceeds its budget`, {
    expected: `at most ${mostBytes} bytes`,
    got:
      `${sizeBytes} bytes, ${sizeBytes - mostBytes} too many (no plan can be below ${boundBytes}); ` +
      arenaPeakText(program, entries),
    remedy: `raise --max-arena, or use smaller inputs${fewerThreads}`,
  });
}

function withFile(problem: Problem, file: string): Problem {
  return { ...problem, where: { file, ...problem.where } };
}
