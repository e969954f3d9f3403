// Compiles many graphs into few programs and runs them: the executor of compiled code. Every graph goes through the
// whole compiler (passes, plan, emit); the C++ compiler sees dozens of nets at once, at -O1 at most, and keeps its objects in a
// cache below the system's temporary folder.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { kBareSystem } from '../../src/build/bare-target.js';
import { cacheKey, ObjectCache } from '../../src/build/object-cache.js';
import { kernelTarget, loadTarget, type Target } from '../../src/build/target.js';
import { words } from '../../src/build/tool-paths.js';
import { type FoundToolchain, findToolchain } from '../../src/build/toolchain.js';
import { kCompileFlags } from '../../src/emit/compile-flags.js';
import { type Problem, problemsOf } from '../../src/errors.js';
import type { Tensor } from '../../src/ir/tensor.js';
import type { Precision } from '../../src/ops/kernel-call.js';
import { packageRoot } from '../../src/package-root.js';
import { runPasses } from '../../src/passes/pipeline.js';
import { buildProgram } from '../../src/plan/build-program.js';
import { openPlace } from '../../src/run/place.js';
import { type Executor, type Job, kTooLarge, type Outcome } from '../corpus/executor.js';
import { batchLinkerScript, kBareLinkFlags, kBareSources, runBareBatch } from './bare-batch.js';
import { inputRecord, type NetResult, readResults } from './batch-files.js';
import { type BatchNet, batchSource, batchTable, blamedNets, deviceBatchSource, emitBatchNet } from './batch-source.js';

export interface CompiledSettings {
  /** Name of a target whose programs this machine can run, itself or in an emulator. */
  readonly target: string;
  readonly optimize: boolean;
  /** How much the C++ compiler optimizes: `-O1` by default, for its best answer per second. */
  readonly level?: '-O0' | '-O1';
  /** Of a device; fp32 by default. */
  readonly precision?: Precision;
  /** Nets of one translation unit: more of them share more instantiations; 32 by default. */
  readonly netsPerFile?: number;
  /** Threads to split steps for; 1 by default. */
  readonly threads?: number;
  /** Further flags for compiling and linking: sanitizers. */
  readonly flags?: readonly string[];
  /** Leaves sources and program in this folder. */
  readonly keepFolder?: string;
}

const kNetsPerFile = 32;
const kFilesPerProgram = 16;
/** Nets of a program for a machine without an operating system: their code must fit its memory. */
const kBareBatchSize = 128;
const kParallel = Math.max(2, Math.min(16, availableParallelism()));
const kBatchFolder = fileURLToPath(new URL('test/batch/', packageRoot));
const kRuntimeFolder = fileURLToPath(new URL('runtime/', packageRoot));
const kRuntimeSources = ['model', 'memory', 'run', 'fault', 'weights', 'cpu', 'cpus', 'thread_pool'].map(
  (name) => `src/${name}.cc`,
);
const kDeviceSources = ['cuda/src/device.cc'];
const kFolders = [
  ...['include', 'src', 'bare', 'cuda/include'].map((name) => join(kRuntimeFolder, name)),
  kBatchFolder,
];
/** Texts that the device's compiler takes, where there is one. */
const kDeviceText = /_device$|^device$/;
const kFirstLines = 6;

export function compiledExecutor(settings: CompiledSettings): Executor {
  return {
    name: `${settings.target}, ${settings.optimize ? 'optimized' : 'not optimized'}`,
    batchSize: isBare(loadTarget(settings.target)) ? kBareBatchSize : kNetsPerFile * kFilesPerProgram,
    hasStrings: false,
    run: (jobs) => runCompiled(jobs, settings),
  };
}

function isBare({ system }: Target): boolean {
  return system === kBareSystem;
}

/** Compiles, links and runs the jobs as one program. */
export async function runCompiled(jobs: readonly Job[], settings: CompiledSettings): Promise<readonly Outcome[]> {
  const folder = settings.keepFolder ?? (await mkdtemp(join(tmpdir(), 'cortado-batch-')));
  try {
    await mkdir(folder, { recursive: true });
    const target = loadTarget(settings.target, settings.precision);
    return await new Batch(jobs, settings, target, await findToolchain(target), folder).run();
  } finally {
    if (settings.keepFolder === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** Nets of one translation unit. */
interface Unit {
  readonly list: string;
  nets: readonly BatchNet[];
  objects: readonly string[];
}

class Batch {
  private readonly outcomes = new Map<string, Outcome>();
  private readonly cache = new ObjectCache(join(tmpdir(), 'cortado-test-cache'));

  constructor(
    private readonly jobs: readonly Job[],
    private readonly settings: CompiledSettings,
    private readonly target: Target,
    private readonly toolchain: FoundToolchain,
    private readonly folder: string,
  ) {}

  async run(): Promise<readonly Outcome[]> {
    const pool = new Pool(kParallel);
    const units: Unit[] = [];
    const compiling: Promise<void>[] = [];
    const { netsPerFile = kNetsPerFile } = this.settings;
    for (let start = 0; start < this.jobs.length; start += netsPerFile) {
      const nets = this.jobs.slice(start, start + netsPerFile).flatMap((job) => this.compileNet(job));
      if (nets.length === 0) continue;
      const unit: Unit = { list: `kBatch${units.length}`, nets, objects: [] };
      units.push(unit);
      compiling.push(pool.run(() => this.compileUnit(unit)));
      await new Promise(setImmediate);
    }
    const ownSources = isBare(this.target)
      ? [...kRuntimeSources.filter((name) => !name.includes('thread_pool')), ...kBareSources]
      : kRuntimeSources;
    const sources = [...ownSources, ...(this.target.device === undefined ? [] : kDeviceSources)];
    const runtime = await Promise.all(sources.map((name) => pool.run(() => this.compileRuntime(name))));
    await Promise.all(compiling);
    const built = units.filter((unit) => unit.objects.length > 0);
    if (built.length > 0) await this.execute(built, runtime);
    return this.jobs.map(
      (job) => this.outcomes.get(job.id) ?? internal('no result', 'the batch program stopped early'),
    );
  }

  /** The net's text; a refusal by the compiler is the job's outcome. */
  private compileNet(job: Job): readonly BatchNet[] {
    try {
      const { optimize, threads = 1 } = this.settings;
      const graph = runPasses(job.graph, { optimize });
      const program = buildProgram(graph, {
        target: kernelTarget(this.target, threads, this.settings.precision),
        optimize,
        opCount: job.graph.nodes.length,
      });
      return [emitBatchNet(job.id, program, this.target.cpuFeatures)];
    } catch (error) {
      this.outcomes.set(job.id, { kind: 'problems', problems: problemsOf(error) });
      return [];
    }
  }

  /** Compiles a unit; nets that do not compile are taken out and reported. */
  private async compileUnit(unit: Unit): Promise<void> {
    while (unit.nets.length > 0) {
      const { machineFlags } = this.toolchain;
      const device = deviceBatchSource(unit.nets);
      const messages =
        (await this.compileText(unit.list, batchSource(unit.list, unit.nets), machineFlags)) ??
        (device === undefined ? undefined : await this.compileText(`${unit.list}_device`, device, machineFlags));
      if (messages === undefined) {
        unit.objects = [`${unit.list}.o`, ...(device === undefined ? [] : [`${unit.list}_device.o`])];
        return;
      }
      const blamed = blamedNets(messages);
      const bad = unit.nets.filter(({ id }) => blamed.has(id));
      for (const net of bad.length === 0 ? unit.nets : bad) {
        this.outcomes.set(net.id, internal('the generated code does not compile', messagesAbout(net.id, messages)));
      }
      unit.nets = bad.length === 0 ? [] : unit.nets.filter((net) => !bad.includes(net));
    }
  }

  private async compileRuntime(name: string): Promise<string> {
    const text = await readFile(join(kRuntimeFolder, name), 'utf8');
    const object = basename(name, '.cc');
    const messages = await this.compileText(object, text, []);
    if (messages !== undefined) throw new Error(`the runtime's ${name} does not compile:\n${messages}`);
    return `${object}.o`;
  }

  /** Undefined, or what the compiler said. */
  private async compileText(name: string, text: string, machineFlags: readonly string[]): Promise<string | undefined> {
    const { cxx, version, commonFlags = [] } = this.toolchain;
    const flags = [
      '-std=c++17',
      '-ffp-contract=fast',
      '-w',
      '-fmax-errors=0',
      ...kCompileFlags,
      ...commonFlags,
      ...machineFlags,
      this.settings.level ?? '-O1',
    ];
    flags.push(...(this.settings.flags ?? []));
    flags.push(`-DCORTADO_THREADS=${(this.settings.threads ?? 1) > 1 ? 1 : 0}`);
    const object = join(this.folder, `${name}.o`);
    const source = join(this.folder, `${name}.cc`);
    await writeFile(source, text);
    const { deviceProgram, deviceCompiler } = this.toolchain;
    const isForDevice = deviceProgram !== undefined && kDeviceText.test(name);
    const [program, ...before] = isForDevice
      ? [deviceProgram, '-x', 'cu', '-w', '--expt-relaxed-constexpr', ...(deviceCompiler?.flags ?? [])]
      : words(cxx);
    if (isForDevice) flags.splice(0, flags.length, ...forDeviceCompiler(flags));
    const key = cacheKey([version, program, ...before, ...flags, text, ...(await headerTexts(text))]);
    if (await this.cache.fetch(key, object)) return undefined;
    const args = [...before, ...flags, ...kFolders.map((path) => `-I${path}`), '-c', source, '-o', object];
    const result = await execa(program, args, { reject: false, stdin: 'ignore', all: true });
    if (result.exitCode !== 0) return String(result.all ?? result.shortMessage ?? 'the compiler failed');
    await this.cache.keep(key, object);
    return undefined;
  }

  private async execute(units: readonly Unit[], runtime: readonly string[]): Promise<void> {
    const driverFile = isBare(this.target) ? 'bare_batch_driver.cc' : 'batch_driver.cc';
    const driver = await readFile(join(kBatchFolder, driverFile), 'utf8');
    const shares = this.toolchain.deviceProgram === undefined ? '' : '#define CORTADO_BATCH_SHARES_PROCESS\n';
    for (const [name, text] of [
      ['driver', `${shares}${driver}`],
      ['table', batchTable(units.map((unit) => unit.list))],
    ] as const) {
      const messages = await this.compileText(name, text, []);
      if (messages !== undefined) throw new Error(`the batch ${name} does not compile:\n${messages}`);
    }
    await this.link([...units.flatMap((unit) => unit.objects), ...runtime, 'driver.o', 'table.o']);
    const nets = units.flatMap((unit) => unit.nets);
    const inputs = new Map(this.jobs.map((job) => [job.id, job.inputs]));
    await writeFile(
      join(this.folder, 'inputs'),
      nets.flatMap((net) => inputRecord(net, inputs.get(net.id) ?? new Map())),
    );
    const results = isBare(this.target)
      ? await runBareBatch(this.folder, this.target, nets.length)
      : await this.runInPlace(nets.length);
    nets.forEach((net, i) => {
      const result = results[i];
      if (result !== undefined) this.outcomes.set(net.id, outcomeOf(net, result));
    });
  }

  private async link(objects: readonly string[]): Promise<void> {
    const { cxx, cc, commonFlags = [], linkFlags = [] } = this.toolchain;
    const flags = [...commonFlags, ...linkFlags, ...(this.settings.flags ?? [])];
    if (isBare(this.target)) {
      await writeFile(join(this.folder, 'batch.ld'), batchLinkerScript(this.target));
      const [linker, ...before] = words(cc);
      const args = [...before, ...flags, ...kBareLinkFlags, ...objects, '-lgcc', '-o', 'batch'];
      await execa(linker, args, { cwd: this.folder });
      return;
    }
    const { deviceProgram } = this.toolchain;
    const [linker, ...before] = deviceProgram === undefined ? words(cxx) : [deviceProgram, '-cudart', 'static'];
    const collect = deviceProgram === undefined ? ['-Wl,--gc-sections'] : [];
    const args = [...before, ...collect, ...flags, ...objects, '-o', 'batch', '-lm', '-lpthread'];
    await execa(linker, args, { cwd: this.folder });
  }

  /** Runs the program where the target's runner runs programs. */
  private async runInPlace(nets: number): Promise<readonly NetResult[]> {
    const place = await openPlace(this.target.runner);
    try {
      const given = await place.give(join(this.folder, 'inputs'));
      const wanted = place.expect(join(this.folder, 'results'));
      const done = await place.run(join(this.folder, 'batch'), [given, wanted]);
      if (done.exitCode !== 0) throw new Error(`the batch program failed: ${done.signal ?? ''} ${done.stderr}`);
      await place.fetch();
    } finally {
      await place.close();
    }
    return readResults(await readFile(join(this.folder, 'results')), nets);
  }
}

/** nvcc understands few of the host compiler's flags and hands on the others. */
function forDeviceCompiler(flags: readonly string[]): readonly string[] {
  return flags.flatMap((flag) => {
    if (flag === '-w' || flag === '-fmax-errors=0') return [];
    return /^-([DO]|std=)/.test(flag) ? [flag] : ['-Xcompiler', flag];
  });
}

function outcomeOf({ program }: BatchNet, result: NetResult): Outcome {
  const outputName = (i: number): string => program.outputs[i]?.name ?? '';
  if (result.kind === 'crashed') return internal('the compiled net crashed', result.how);
  if (result.kind === 'too-large') return { kind: 'problems', problems: [{ code: 'unsupported', message: kTooLarge }] };
  if (result.kind === 'outside') return internal('the compiled net writes beside its buffers', '');
  if (result.kind === 'unstable') {
    return internal(
      'the compiled net reads memory that it did not write',
      `output ${outputName(result.output)} varies`,
    );
  }
  if (result.status !== 0) {
    const layer = program.layers.find(
      ({ origin, writes }) => result.layer !== '' && (origin.blob === result.layer || writes.includes(result.layer)),
    );
    const where =
      layer === undefined
        ? {}
        : { where: { opIndex: layer.origin.opIndex, opType: layer.origin.opType, blob: layer.origin.blob } };
    return {
      kind: 'problems',
      problems: [{ code: 'invalid-model', message: `status ${result.status} from run`, ...where }],
    };
  }
  return {
    kind: 'outputs',
    outputs: new Map(result.outputs.map((tensor, i): [string, Tensor] => [outputName(i), tensor])),
  };
}

function internal(message: string, got: string): Outcome {
  const problem: Problem = { code: 'internal', message, got };
  return { kind: 'problems', problems: [problem] };
}

/** The first error of the paragraphs that name the net. */
function messagesAbout(id: string, messages: string): string {
  const lines = messages.split('\n');
  const named = lines.findIndex((line) => line.includes(`${id}.net:`));
  const error = lines.findIndex((line, i) => i >= named && /\berror:/.test(line));
  return lines.slice(Math.max(0, error), Math.max(0, error) + (error < 0 ? kFirstLines : 1)).join('\n');
}

/** Texts of the headers that a source includes, directly or not, in a fixed order. */
async function headerTexts(source: string): Promise<readonly string[]> {
  const found = new Map<string, string>();
  const waiting = [source];
  for (let text = waiting.pop(); text !== undefined; text = waiting.pop()) {
    for (const [, name = ''] of text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)) {
      if (found.has(name)) continue;
      const texts = await Promise.all(kFolders.map((folder) => readFile(join(folder, name), 'utf8').catch(() => '')));
      found.set(name, texts.join(''));
      waiting.push(texts.join(''));
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).flat();
}

/** Runs at most `size` tasks at a time, in order. */
class Pool {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly size: number) {}

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.running < this.size) this.running++;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
    }
  }
}
