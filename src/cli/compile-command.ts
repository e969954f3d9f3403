// cortado compile: a net to files, and a short summary of what came out.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { type Artifact, kArtifacts } from '../build/artifacts.js';
import { type BuildRequest, compile } from '../compile.js';
import { formatBytes, formatCount, formatTable, formatTime } from '../format.js';
import type { Graph } from '../ir/graph.js';
import { printGraph } from '../ops/print-graph.js';
import type { Program } from '../plan/program.js';
import { type Measured, writeReport } from '../report/write-report.js';
import { hasTime } from '../run/profile-net.js';
import { imageRows } from './image-rows.js';
import { addModelOptions, cacheFolder, collect, type ModelFlags, modelOptions, parseBytes } from './model-options.js';
import { oneOf } from './one-of.js';
import { Progress } from './progress.js';
import { reportWarnings } from './report-problems.js';

interface CompileFlags extends ModelFlags {
  readonly outputFolder: string;
  readonly emit: readonly string[];
  readonly weights: string;
  readonly maxArena?: number;
  readonly maxFlash?: number;
  readonly trace?: boolean;
  readonly report?: string;
  readonly printAfter?: string;
  readonly dumpDir?: string;
  readonly timePasses?: boolean;
  readonly json?: boolean;
}

type Compiled = Awaited<ReturnType<typeof compile>>;

const kWeights = ['linked', 'file', 'pointer'] as const;

export function addCompileCommand(program: Command): void {
  const command = program
    .command('compile')
    .description('compile a net into an executable, a library, an object or source')
    .argument('<predict_net>', 'NetDef (binary or text) or exported predictor')
    .requiredOption('-o, --output-folder <dir>', 'where the results go; required');
  addModelOptions(command)
    .addOption(
      new Option('--emit <kinds>', `${kArtifacts.join(', ')}; several with commas between`)
        .default([], 'executable')
        .argParser(collectKinds),
    )
    .option('--weights <where>', 'linked into the binary, in a file beside it, or given as a pointer', 'linked')
    .option(
      '--max-arena <size>',
      'fail when run-time memory, of the host or of a device, exceeds this: 65536, 64k, 2M',
      parseBytes,
    )
    .option('--max-flash <size>', 'fail when an image without an operating system exceeds this', parseBytes)
    .option('--trace', 'let the executable write every tensor (its --trace DIR)')
    .option(
      '--report <file.html>',
      'write a page: graph, kernels, arena, layers; runs an executable on random inputs for its times',
    )
    .option('--print-after <pass>', 'print the graph after a pass, or `all`')
    .option('--dump-dir <dir>', 'write the graph after every pass into files')
    .option('--time-passes', 'print how long each pass took')
    .option('--json', 'print the summary as JSON')
    .action(runCompile);
}

async function runCompile(predictNet: string, flags: CompileFlags): Promise<void> {
  const start = performance.now();
  const progress = new Progress();
  const watcher = new PassWatcher(flags);
  const request: BuildRequest = {
    ...modelOptions(predictNet, flags),
    ...cacheFolder(flags),
    outputFolder: flags.outputFolder,
    emit: artifacts(flags.emit),
    weights: oneOf('--weights', flags.weights, kWeights),
    onGraph: watcher.onGraph,
    onProgress: progress.report,
    ...(flags.maxArena === undefined ? {} : { maxArenaBytes: flags.maxArena }),
    ...(flags.maxFlash === undefined ? {} : { maxFlashBytes: flags.maxFlash }),
    ...(flags.trace === undefined ? {} : { trace: flags.trace }),
  };
  const compiled = await compile(request).finally(() => progress.end());
  watcher.check();
  if (flags.report !== undefined) {
    await writeReport(flags.report, compiled, toMeasure(compiled, flags), progress.report).finally(() =>
      progress.end(),
    );
  }
  reportWarnings(compiled.warnings);
  const timeMs = performance.now() - start;
  console.log(flags.json === true ? summaryJson(compiled, flags, timeMs) : summaryText(compiled, flags, timeMs));
}

function collectKinds(value: string, before: readonly string[]): readonly string[] {
  return value.split(',').reduce((kinds, kind) => collect(kind.trim(), kinds), before);
}

function artifacts(kinds: readonly string[]): readonly Artifact[] {
  return kinds.length === 0 ? ['executable'] : [...new Set(kinds.map((kind) => oneOf('--emit', kind, kArtifacts)))];
}

/** Prints, dumps and times graphs between passes. */
class PassWatcher {
  private readonly seen: string[] = [];

  constructor(private readonly flags: CompileFlags) {}

  readonly onGraph = (pass: string, graph: Graph, timeMs: number): void => {
    const { printAfter, dumpDir, timePasses } = this.flags;
    const index = this.seen.push(pass) - 1;
    if (timePasses === true) console.error(`${timeMs.toFixed(1).padStart(8)} ms  ${pass}`);
    if (printAfter === pass || printAfter === 'all') console.log(`# after ${pass}\n${printGraph(graph)}`);
    if (dumpDir === undefined) return;
    mkdirSync(dumpDir, { recursive: true });
    writeFileSync(join(dumpDir, `${String(index).padStart(2, '0')}-${pass}.ir`), printGraph(graph));
  };

  /** Fails when --print-after named no pass. */
  check(): void {
    const { printAfter } = this.flags;
    if (printAfter !== undefined && printAfter !== 'all') oneOf('--print-after', printAfter, this.seen);
  }
}

/** The executable, if one was asked for and can be measured here; weights that are given as a pointer lie in a file beside it. */
function toMeasure({ build, files, target }: Compiled, { outputFolder, weights }: CompileFlags): Measured | undefined {
  if (build.executable === undefined || target.runner.kind === 'none' || !hasTime(target.runner)) return undefined;
  const weightsFile = weights === 'pointer' ? join(outputFolder, `${files.prefix}.weights`) : undefined;
  return {
    executable: build.executable,
    runner: target.runner,
    inputs: new Map(),
    ...(weightsFile === undefined ? {} : { weightsFile }),
  };
}

function written({ build }: Compiled, { outputFolder }: CompileFlags): readonly string[] {
  return [...new Set([...build.files.values()].flat())].map((path) => join(outputFolder, path));
}

function totalMacs({ program }: Compiled): number {
  return program.layers.reduce((sum, layer) => sum + layer.macs, 0);
}

function summaryJson(compiled: Compiled, flags: CompileFlags, timeMs: number): string {
  const { program, target, build, files } = compiled;
  return JSON.stringify(
    {
      net: program.name,
      prefix: files.prefix,
      target: target.name,
      files: written(compiled, flags),
      ...(build.executable === undefined ? {} : { executable: build.executable }),
      ops: program.opCount,
      steps: program.layers.length,
      macs: totalMacs(compiled),
      arenaBytes: program.arenaBytes,
      arenaBoundBytes: program.arenaBoundBytes,
      arenaStrategy: program.arenaStrategy,
      ...(program.deviceArena === undefined ? {} : { deviceArenaBytes: program.deviceArena.sizeBytes }),
      packedWeightBytes: program.weightBytes,
      rawWeightBytes: program.rawWeightBytes,
      ...(build.image === undefined ? {} : { image: build.image }),
      ...(build.toolchain === undefined ? {} : { toolchain: build.toolchain }),
      warnings: compiled.warnings,
      timeMs: Math.round(timeMs),
    },
    undefined,
    2,
  );
}

function summaryText(compiled: Compiled, flags: CompileFlags, timeMs: number): string {
  const { program, target, build } = compiled;
  const share = program.arenaBoundBytes === 0 ? 1 : program.arenaBytes / program.arenaBoundBytes;
  const [first = '', ...rest] = written(compiled, flags);
  return formatTable([
    ['written', first],
    ...rest.map((path) => ['', path]),
    [
      'net',
      `${program.name} for ${target.name}, ${program.opCount} ops in ${program.layers.length} steps, ${formatCount(totalMacs(compiled))} MACs`,
    ],
    [
      'arena',
      `${program.arenaBytes} bytes (${formatBytes(program.arenaBytes)}), ${share.toFixed(3)} x the bound of ${program.arenaBoundBytes}, ${program.arenaStrategy}`,
    ],
    ...deviceRows(program),
    [
      'weights',
      `${program.weightBytes} bytes packed (${formatBytes(program.weightBytes)}), ${program.rawWeightBytes} raw`,
    ],
    ...(build.image === undefined ? [] : imageRows(program.arenaParts, build.image)),
    ...(build.toolchain === undefined ? [] : [['toolchain', build.toolchain]]),
    ['time', formatTime(timeMs)],
  ]);
}

function deviceRows({ deviceArena }: Program): readonly (readonly string[])[] {
  if (deviceArena === undefined) return [];
  const { sizeBytes } = deviceArena;
  return [['', `on the device ${sizeBytes} bytes (${formatBytes(sizeBytes)})`]];
}
