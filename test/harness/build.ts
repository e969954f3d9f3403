// Builds the runtime's own programs and the executables of the two nets written by hand in runtime/test, and runs them.

import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type Mocha from 'mocha';
import { packageRoot } from '../../src/package-root.js';
import { isInstalled } from '../build/places.js';
import { skipBecause } from '../support/skip.js';

export const kRuntime = fileURLToPath(new URL('runtime/', packageRoot));
const kWarnings = ['-pedantic', '-Wall', '-Wextra', '-Wconversion', '-Werror'];
export const kModelSources = [
  'src/model.cc',
  'src/memory.cc',
  'src/run.cc',
  'src/fault.cc',
  'src/weights.cc',
  'src/cpu.cc',
  'src/cpus.cc',
];
export const kFileSources = ['bytes.cc', 'inflate.cc', 'deflate.cc', 'png.cc', 'image.cc', 'npy.cc'].map(
  (f) => `harness/${f}`,
);
export const kHarnessSources = fs
  .readdirSync(path.join(kRuntime, 'harness'))
  .filter((file) => file.endsWith('.cc'))
  .map((file) => `harness/${file}`);

interface Compiler {
  readonly cc: string;
  readonly cxx: string;
}

export const kCompilers: readonly Compiler[] = [
  { cc: 'gcc', cxx: 'g++' },
  { cc: 'clang-14', cxx: 'clang++-14' },
];
export const run = promisify(execFile);

/** Compiles and links in one folder, two compilers at a time; objects of one file with the same flags are shared. */
export class Build {
  private readonly objects = new Map<string, Promise<string>>();
  private readonly queue: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
  private next = 0;

  constructor(
    private readonly compiler: Compiler,
    readonly folder: string,
    private readonly flags: readonly string[],
  ) {}

  /** Links with the C driver, so that nothing can need libstdc++; sanitizers are parts of the C++ one. */
  async link(
    name: string,
    sources: readonly string[],
    extra: readonly string[] = [],
    libraries: readonly string[] = [],
  ): Promise<string> {
    const objects = await Promise.all(sources.map((source) => this.object(source, extra)));
    return this.linkObjects(name, objects, libraries);
  }

  async linkObjects(name: string, objects: readonly string[], libraries: readonly string[] = []): Promise<string> {
    const output = path.join(this.folder, name);
    const args = [...this.flags, ...objects, '-Wl,--gc-sections', '-lpthread', '-lm', ...libraries, '-o', output];
    const sanitized = this.flags.some((flag) => flag.startsWith('-fsanitize'));
    await this.queued(() => run(sanitized ? this.compiler.cxx : this.compiler.cc, args));
    return output;
  }

  object(source: string, extra: readonly string[] = []): Promise<string> {
    const key = `${source} ${extra.join(' ')}`;
    const known = this.objects.get(key);
    if (known !== undefined) return known;
    const output = path.join(this.folder, `${this.objects.size}-${path.basename(source)}.o`);
    const made = this.queued(() =>
      run(this.driverOf(source), [...this.flagsOf(source), ...extra, '-c', source, '-o', output], { cwd: kRuntime }),
    );
    const object = made.then(() => output);
    this.objects.set(key, object);
    return object;
  }

  private driverOf(source: string): string {
    return source.endsWith('.cc') ? this.compiler.cxx : this.compiler.cc;
  }

  private flagsOf(source: string): readonly string[] {
    const common = [...this.flags, '-g', '-ffunction-sections', '-fdata-sections', '-Iinclude'];
    if (source.endsWith('.S')) return ['-Wa,-I,test'];
    if (source.endsWith('.c')) return [...common, ...kWarnings, '-std=c99', '-D_POSIX_C_SOURCE=200809L'];
    return [
      ...common,
      ...kWarnings,
      '-std=c++17',
      '-fno-exceptions',
      '-fno-rtti',
      '-fno-threadsafe-statics',
      '-fvisibility=hidden',
    ];
  }

  private queued<T>(work: () => Promise<T>): Promise<T> {
    const lane = this.next++ % this.queue.length;
    const result = (this.queue[lane] ?? Promise.resolve()).then(work);
    this.queue[lane] = result.catch(() => undefined);
    return result;
  }
}

export const kPoolSources = ['src/thread_pool.cc', 'src/cpus.cc'];
export const kExample = [...kModelSources, 'src/thread_pool.cc', 'test/example_net.cc', 'test/example_net.S'];
const kPictureFlags = ['-Dcortado=cortado_picture', '-DCORTADO_THREADS=0'];

export async function linkTwoNets(build: Build): Promise<string> {
  const picture = [...kModelSources, 'test/picture_net.cc'].map((source) => build.object(source, kPictureFlags));
  const example = ['test/two_nets_test.c', ...kExample].map((source) => build.object(source));
  return build.linkObjects('two-nets', await Promise.all([...picture, ...example]));
}

export function linkPicture(build: Build, extra: readonly string[] = []): Promise<string> {
  return build.link(
    'picture',
    [...kModelSources, 'test/picture_net.cc', 'test/picture_main.cc', ...kHarnessSources],
    [...kPictureFlags, ...extra],
  );
}

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

export function execute(executable: string, args: readonly string[]): Outcome {
  const result = spawnSync(executable, args, { encoding: 'utf8' });
  return { code: result.status, out: result.stdout, error: result.stderr };
}

const folders: string[] = [];

/** Removed with the folder of `npm test`, else at the end of the process: suites of several files share what is built. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(process.env.CORTADO_TEST_FOLDER ?? os.tmpdir(), 'cortado-harness-'));
  folders.push(folder);
  return folder;
}

process.once('exit', () => {
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
});

export interface HarnessPrograms {
  /** The net of tensors, and the one of pictures without threads. */
  readonly example: string;
  readonly picture: string;
}

let built: Promise<HarnessPrograms> | undefined;

/** Both executables with sanitizers, built once; skips where there is no compiler. */
export function harnessPrograms(context: Mocha.Context): Promise<HarnessPrograms> {
  const compiler = kCompilers.find(hasCompiler);
  if (compiler === undefined) skipBecause(context, `none of ${kCompilers.map((c) => c.cxx).join(', ')} is installed`);
  built ??= buildPrograms(compiler);
  return built;
}

export function hasCompiler({ cc, cxx }: Compiler): boolean {
  return isInstalled(cc) && isInstalled(cxx);
}

async function buildPrograms(compiler: Compiler): Promise<HarnessPrograms> {
  const flags = ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  const build = new Build(compiler, temporaryFolder(), flags);
  return {
    example: await build.link('example', [...kExample, 'test/example_main.cc', ...kHarnessSources]),
    picture: await linkPicture(build),
  };
}
