// Compiles translation units to objects, two at a time, through the cache. Works inside a folder that holds all files.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kCompileFlags, kDeviceFlags, kGeneratedFlags } from '../emit/compile-flags.js';
import type { NetFiles } from '../emit/package-files.js';
import { cacheKey, type ObjectCache } from './object-cache.js';
import { words } from './tool-paths.js';
import { type FoundToolchain, runTool } from './toolchain.js';

const kParallel = 2;

export interface CompileJob {
  /** Path of the source below the folder. */
  readonly source: string;
  /** Generated for the target's CPU; runtime and harness are for its baseline. */
  readonly isGenerated: boolean;
}

export interface CompileSettings {
  readonly folder: string;
  readonly files: NetFiles;
  readonly toolchain: FoundToolchain;
  readonly cache: ObjectCache;
  /** Renames the runtime's namespace, so that several nets link into one program. */
  readonly namespace?: string;
  readonly isPositionIndependent: boolean;
  onProgress?(message: string): void;
}

/** Objects of the jobs, in order, as paths below the folder. */
export async function compileObjects(
  jobs: readonly CompileJob[],
  settings: CompileSettings,
): Promise<readonly string[]> {
  const objects = jobs.map((job) => `${job.source.replace(/[^A-Za-z0-9._-]/g, '_')}.o`);
  let next = 0;
  const stop = new AbortController();
  const worker = async (): Promise<void> => {
    for (let i = next++; i < jobs.length && !stop.signal.aborted; i = next++) {
      const job = jobs[i];
      const object = objects[i];
      if (job !== undefined && object !== undefined) await compileOne(job, object, settings, stop.signal);
    }
  };
  // The first failure ends the other compiler; none may still write when the folder is removed.
  let failure: unknown;
  const guarded = async (): Promise<void> => {
    try {
      await worker();
    } catch (error) {
      if (!stop.signal.aborted) failure = error;
      stop.abort();
    }
  };
  await Promise.all(Array.from({ length: Math.min(kParallel, jobs.length) }, guarded));
  if (stop.signal.aborted) throw failure;
  return objects;
}

/** Flags of one translation unit; also printed into CMakeLists.txt. */
export function compileFlags(job: CompileJob, settings: Omit<CompileSettings, 'folder' | 'cache'>): readonly string[] {
  const { toolchain, files } = settings;
  return [
    '-std=c++17',
    '-DNDEBUG',
    ...kCompileFlags,
    ...(toolchain.commonFlags ?? []),
    ...(job.isGenerated ? [...kGeneratedFlags, ...toolchain.machineFlags] : [files.isBare ? '-Os' : '-O2']),
    ...(settings.isPositionIndependent ? ['-fPIC'] : []),
    `-DCORTADO_THREADS=${files.hasThreads ? 1 : 0}`,
    ...(settings.namespace === undefined ? [] : [`-Dcortado=${settings.namespace}`]),
    ...(files.usesDevice ? ['-Iruntime/cuda/include'] : []),
    '-Iruntime/include',
    ...(files.isBare
      ? ['-Iruntime/bare', '-fcallgraph-info=su', `-DCORTADO_TRACE=${files.isTraced ? 1 : 0}`]
      : ['-Iruntime/harness']),
    '-Isrc',
  ];
}

/** Sources that include the device's headers. */
function needsDevice({ source }: CompileJob): boolean {
  return source.startsWith('runtime/cuda/') || source.endsWith('.cu');
}

/** Flags of the device's compiler: its own, and the host compiler's behind `-Xcompiler`. */
export function deviceFlags(job: CompileJob, settings: Omit<CompileSettings, 'folder' | 'cache'>): readonly string[] {
  const all = compileFlags({ ...job, isGenerated: false }, settings);
  const isOwn = (flag: string): boolean => /^-([DIO]|std=)/.test(flag);
  const passed = all.filter((flag) => !isOwn(flag)).flatMap((flag) => ['-Xcompiler', flag]);
  const { flags = [] } = settings.toolchain.deviceCompiler ?? {};
  return [
    ...all.filter((flag) => isOwn(flag) && !flag.startsWith('-O')),
    ...passed,
    ...(job.source.endsWith('.cu') ? [...kDeviceFlags, ...flags] : ['-O2']),
  ];
}

async function compileOne(
  job: CompileJob,
  object: string,
  settings: CompileSettings,
  signal: AbortSignal,
): Promise<void> {
  const { folder, toolchain, cache } = settings;
  const isAssembler = job.source.endsWith('.S');
  const deviceProgram = needsDevice(job) ? toolchain.deviceProgram : undefined;
  const flags = isAssembler
    ? [...(toolchain.commonFlags ?? []), '-Isrc', '-Wa,-Isrc']
    : deviceProgram === undefined
      ? [...compileFlags(job, settings), ...(job.source.endsWith('.cu') ? ['-x', 'c++'] : [])]
      : deviceFlags(job, settings);
  // The weights stub is as fast to assemble as to copy, and its object is as large as the weights.
  const text = await readFile(join(folder, job.source), 'utf8');
  const key = isAssembler
    ? undefined
    : cacheKey([toolchain.version, ...words(toolchain.cxx), ...flags, text, ...includedTexts(text, settings.files)]);
  const graph = settings.files.isBare && !isAssembler ? callGraphFile(object) : undefined;
  const isCached = key !== undefined && (await cache.fetch(key, join(folder, object)));
  if (isCached && (graph === undefined || (await cache.fetch(graphKey(key), join(folder, graph))))) return;
  settings.onProgress?.(`compiling ${job.source}`);
  const program = deviceProgram ?? (isAssembler ? toolchain.cc : toolchain.cxx);
  await runTool(program, [...flags, '-c', job.source, '-o', object], { folder, package: toolchain.package, signal });
  if (key === undefined) return;
  await cache.keep(key, join(folder, object));
  if (graph !== undefined) await cache.keep(graphKey(key), join(folder, graph));
}

function graphKey(key: string): string {
  return cacheKey([key, 'call graph']);
}

/** Where the compiler puts the call graph of an object (`-fcallgraph-info`). */
export function callGraphFile(object: string): string {
  return object.replace(/\.o$/, '.ci');
}

/** Names and texts of the headers that a source includes, directly or not, in a fixed order. */
function includedTexts(source: string, files: NetFiles): readonly string[] {
  const found = new Map<string, string>();
  const waiting = [source];
  for (let text = waiting.pop(); text !== undefined; text = waiting.pop()) {
    for (const match of text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)) {
      const name = match[1] ?? '';
      const known = [
        `src/${name}`,
        ...['include', 'harness', 'bare', 'src', 'cuda/include'].map((folder) => `runtime/${folder}/${name}`),
      ].find((path) => files.runtime.has(path) || files.generated.has(path));
      const content = known === undefined ? undefined : (files.runtime.get(known) ?? files.generated.get(known));
      if (known === undefined || typeof content !== 'string' || found.has(known)) continue;
      found.set(known, content);
      waiting.push(content);
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).flat();
}
