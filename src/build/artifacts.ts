// Artifacts: what `--emit` names. Everything is made in a staging folder inside the output folder and moved into place at
// the end, so a failure leaves nothing behind.

import { existsSync, mkdirSync } from 'node:fs';
import { chmod, copyFile, rename, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { embeddedPackageFiles } from '../emit/embedded-files.js';
import { headerFiles, libraryFiles, sourcePackageFiles } from '../emit/library-files.js';
import type { FileContent, NetFiles } from '../emit/package-files.js';
import { CompileError, fail } from '../errors.js';
import { checkFlash, type ImageSizes, linkImage } from './bare-image.js';
import { type CompileJob, type CompileSettings, compileObjects } from './compile-objects.js';
import { ObjectCache } from './object-cache.js';
import { type System, systemOf } from './system.js';
import type { Target } from './target.js';
import { keepFolder, listTempFolder, makeTempFolder, removeTempFolder } from './temp-folders.js';
import { words } from './tool-paths.js';
import { type FoundToolchain, findToolchain, installCommands, runTool, type ToolPlace } from './toolchain.js';
import { writeContent } from './write-content.js';

export const kArtifacts = ['executable', 'library', 'source', 'object'] as const;
export type Artifact = (typeof kArtifacts)[number];

export interface BuildOptions {
  readonly target: Target;
  readonly emit: readonly Artifact[];
  readonly outputFolder: string;
  /** Folder of the object cache; undefined: none. */
  readonly cacheFolder: string | undefined;
  readonly version: string;
  /** Fails when an image without an operating system needs more to be programmed, weights included. */
  readonly maxFlashBytes?: number;
  /** What is large in it, for that error. */
  readonly largestWeights?: string;
  onProgress?(message: string): void;
}

export interface BuildResult {
  /** Paths below the output folder, by artifact. */
  readonly files: ReadonlyMap<Artifact, readonly string[]>;
  /** The toolchain that was used; undefined for source alone. */
  readonly toolchain?: string;
  readonly executable?: string;
  /** Of an executable without an operating system. */
  readonly image?: ImageSizes;
}

/** Builds the artifacts; the output folder changes only when all of them succeeded. */
export async function buildArtifacts(files: NetFiles, options: BuildOptions): Promise<BuildResult> {
  const { outputFolder } = options;
  const before = await stat(outputFolder).catch(() => undefined);
  if (before !== undefined && !before.isDirectory()) {
    fail('bad-option', `output folder ${outputFolder} is a file`, { remedy: 'name another folder with -o' });
  }
  const work = await makeWorkFolder();
  let made: string | undefined;
  let staging: string | undefined;
  try {
    if (before === undefined) made = await makeOutputFolder(outputFolder);
    staging = await makeStagingFolder(outputFolder);
    const result = await new Builder(files, options, work, staging).build();
    await moveAll(staging, outputFolder, [...new Set([...result.files.values()].flat())]);
    if (made !== undefined) keepFolder(made);
    return result;
  } catch (error) {
    if (made !== undefined) await removeTempFolder(made);
    throw asProblem(error);
  } finally {
    if (staging !== undefined) await removeTempFolder(staging);
    await removeTempFolder(work);
  }
}

async function makeWorkFolder(): Promise<string> {
  return makeTempFolder(tmpdir(), 'cortado-').catch((error: unknown) =>
    fail('bad-option', `temporary folder ${tmpdir()} cannot be written`, {
      got: reasonOf(error),
      remedy: 'let TMPDIR name a folder with room',
    }),
  );
}

/**
 * Makes the folder and lists the uppermost new one for removal until the build has succeeded. Folder by folder: the
 * recursive mkdir of Node.js never ends on file systems that answer ENOENT, such as /proc.
 */
async function makeOutputFolder(outputFolder: string): Promise<string | undefined> {
  const missing: string[] = [];
  for (let folder = resolve(outputFolder); !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  let made: string | undefined;
  try {
    for (const folder of missing) {
      // Listed before it is there and made at once: a folder that is being made while a signal empties the list would stay.
      if (made === undefined) listTempFolder(folder);
      mkdirSync(folder);
      made ??= folder;
    }
    return made;
  } catch (error) {
    if (made !== undefined) await removeTempFolder(made);
    else for (const folder of missing.slice(0, 1)) keepFolder(folder);
    return fail('bad-option', `output folder ${outputFolder} cannot be made`, { got: reasonOf(error) });
  }
}

/** Inside the output folder, so that moving out of it is renaming. */
async function makeStagingFolder(outputFolder: string): Promise<string> {
  return makeTempFolder(outputFolder, '.cortado-').catch((error: unknown) =>
    fail('bad-option', `output folder ${outputFolder} cannot be written`, { got: reasonOf(error) }),
  );
}

/** Moves results into place: first looks whether all can be, then moves; what is replaced goes with the staging folder. */
async function moveAll(staging: string, folder: string, paths: readonly string[]): Promise<void> {
  const old = new Set<string>();
  for (const path of paths) {
    const there = await stat(join(folder, path)).catch(() => undefined);
    if (there === undefined) continue;
    const isFolder = (await stat(join(staging, path))).isDirectory();
    if (there.isDirectory() !== isFolder) {
      const kind = there.isDirectory() ? 'a folder' : 'a file';
      fail('bad-option', `${join(folder, path)} is ${kind}`, {
        expected: isFolder ? 'a folder or nothing' : 'a file or nothing',
        remedy: 'name another folder with -o, or another net with --name',
      });
    }
    if (isFolder) old.add(path);
  }
  for (const [i, path] of paths.entries()) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    const aside = join(staging, `.old-${i}`);
    if (old.has(path)) await rename(target, aside);
    try {
      await rename(join(staging, path), target);
    } catch (error) {
      if (old.has(path)) await rename(aside, target);
      throw error;
    }
  }
}

/** A full disk and its like are no defects of ours. */
function asProblem(error: unknown): unknown {
  const isSystemError = error instanceof Error && 'syscall' in error;
  if (!isSystemError) return error;
  return new CompileError({
    code: 'toolchain',
    message: 'the results cannot be written',
    got: reasonOf(error),
    remedy: 'make room, or name other folders with -o and TMPDIR',
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

class Builder {
  private toolchain: FoundToolchain | undefined;
  private image: ImageSizes | undefined;

  constructor(
    private readonly files: NetFiles,
    private readonly options: BuildOptions,
    private readonly work: string,
    private readonly staging: string,
  ) {}

  async build(): Promise<BuildResult> {
    const { emit, target } = this.options;
    const made = new Map<Artifact, readonly string[]>();
    if (emit.some((artifact) => artifact !== 'source')) {
      this.toolchain = await findToolchain(target);
      checkArtifacts(emit, this.toolchain, target);
      for (const [name, content] of [...this.files.generated, ...this.files.runtime])
        await writeContent(join(this.work, name), content);
    }
    for (const artifact of kArtifacts) if (emit.includes(artifact)) made.set(artifact, await this.make(artifact));
    return {
      files: made,
      ...(this.toolchain === undefined ? {} : { toolchain: `${this.toolchain.name}: ${this.toolchain.version}` }),
      ...(this.image === undefined ? {} : { image: this.image }),
      ...(emit.includes('executable')
        ? { executable: join(this.options.outputFolder, this.system.executable(this.files.prefix)) }
        : {}),
    };
  }

  private make(artifact: Artifact): Promise<readonly string[]> {
    switch (artifact) {
      case 'executable':
        return this.makeExecutable();
      case 'library':
        return this.makeLibrary();
      case 'object':
        return this.makeObject();
      case 'source':
        return this.makeSource();
    }
  }

  private async makeExecutable(): Promise<readonly string[]> {
    const { prefix, isBare } = this.files;
    const objects = await compileObjects([...this.netJobs(), ...jobs(this.files.harnessSources)], this.settings(false));
    this.options.onProgress?.(`linking ${prefix}`);
    const name = this.system.executable(prefix);
    const output = join(this.staging, name);
    if (isBare) {
      this.image = await linkImage(objects, output, this.tools(), this.place());
      checkFlash(this.image, this.options);
    } else await this.linkProgram(objects, output);
    return [name, ...(await this.weightsBeside())];
  }

  private async linkProgram(objects: readonly string[], output: string): Promise<void> {
    const libraries = this.system.libraries(this.files.hasThreads);
    const { commonFlags = [], linkerFlags = [], linkFlags = [] } = this.tools();
    const link = [...this.system.linkExecutable, ...commonFlags, ...linkerFlags, ...linkFlags];
    await this.link([...link, ...objects, '-o', output, ...libraries]);
    await chmod(output, 0o755);
  }

  /** Links with the C driver, or with the device's compiler, which adds its runtime. */
  private async link(args: readonly string[]): Promise<void> {
    const { cc, deviceProgram } = this.tools();
    if (deviceProgram === undefined) return runTool(cc, args, this.place());
    const passed = args.flatMap((arg) => {
      if (arg.startsWith('-Wl,')) return ['-Xlinker', arg.slice('-Wl,'.length)];
      return arg === '-s' ? ['-Xlinker', '-s'] : [arg];
    });
    await runTool(deviceProgram, ['-cudart', 'static', ...passed], this.place());
  }

  private async makeLibrary(): Promise<readonly string[]> {
    const { prefix } = this.files;
    const toolchain = this.tools();
    const settings = this.settings(true, `cortado_${prefix}`);
    const objects = await compileObjects(this.netJobs(), settings);
    mkdirSync(join(this.staging, 'lib'), { recursive: true });
    const archive = this.system.archive(prefix);
    await runTool(toolchain.ar, ['rcsD', join(this.staging, archive), ...objects], this.place());
    const made = [archive, ...(this.files.isBare ? [] : await this.linkShared(objects))];
    const written = await this.writeAll(libraryFiles(this.files, this.options.version));
    return [...made, ...written, ...(await this.weightsBeside())];
  }

  private async linkShared(objects: readonly string[]): Promise<readonly string[]> {
    const { prefix } = this.files;
    const { commonFlags = [], linkerFlags = [] } = this.tools();
    const shared = this.system.shared(prefix);
    mkdirSync(dirname(join(this.staging, shared)), { recursive: true });
    const { name, text } = this.system.exports(prefix, this.functions());
    const exports = join(this.work, name);
    await writeFile(exports, text);
    const importLibrary = this.system.importLibrary?.(prefix);
    const link = [
      ...this.system.linkShared(prefix, exports),
      ...(importLibrary === undefined ? [] : [`-Wl,--out-implib,${join(this.staging, importLibrary)}`]),
    ];
    const output = ['-o', join(this.staging, shared), ...this.system.libraries(this.files.hasThreads)];
    await this.link([...link, ...commonFlags, ...linkerFlags, ...objects, ...output]);
    await chmod(join(this.staging, shared), 0o644);
    return [shared, ...(importLibrary === undefined ? [] : [importLibrary])];
  }

  /** What the net's header declares. */
  private functions(): readonly string[] {
    const { prefix, generated } = this.files;
    const header = generated.get(`src/${prefix}.h`);
    if (typeof header !== 'string') return fail('internal', 'a net without a header');
    return [...new Set(header.match(new RegExp(`\\b${prefix}_\\w+(?=\\()`, 'g')) ?? [])].sort();
  }

  /** One relocatable object with the net and the runtime in it. */
  private async makeObject(): Promise<readonly string[]> {
    const { prefix } = this.files;
    const toolchain = this.tools();
    if (!this.system.joinsObjects) {
      fail('unsupported', `--emit object is not known for ${this.options.target.system}`, {
        remedy: 'take --emit library: the archive holds the objects',
      });
    }
    const objects = await compileObjects(this.netJobs(), this.settings(true, `cortado_${prefix}`));
    await runTool(
      toolchain.cc,
      ['-r', '-nostdlib', ...(toolchain.commonFlags ?? []), ...objects, '-o', join(this.staging, `${prefix}.o`)],
      this.place(),
    );
    const headers = await this.writeAll(headerFiles(this.files));
    return [`${prefix}.o`, ...headers, ...(await this.weightsBeside())];
  }

  private async makeSource(): Promise<readonly string[]> {
    const folder = `${this.files.prefix}-source`;
    const { target, version } = this.options;
    const { machineFlags = [], commonFlags = [], deviceCompiler } = target.toolchains[0] ?? {};
    const files = this.files.isBare
      ? embeddedPackageFiles(this.files, { version, target: target.name, machine: commonFlags, machineFlags })
      : sourcePackageFiles(this.files, machineFlags, deviceCompiler?.flags ?? [], version);
    await this.writeAll(new Map([...files].map(([name, content]) => [`${folder}/${name}`, content])));
    return [folder];
  }

  /** A separate weight file, copied beside the artifact. */
  private async weightsBeside(): Promise<readonly string[]> {
    const name = `${this.files.prefix}.weights`;
    if (this.files.weightsMode === 'linked' || !this.files.generated.has(`src/${name}`)) return [];
    await copyFile(join(this.work, 'src', name), join(this.staging, name));
    return [name];
  }

  private async writeAll(files: ReadonlyMap<string, FileContent>): Promise<readonly string[]> {
    for (const [name, content] of files) await writeContent(join(this.staging, name), content);
    return [...files.keys()];
  }

  private netJobs(): readonly CompileJob[] {
    const isGenerated = (source: string): boolean => /\.(cc|cu)$/.test(source);
    return [
      ...this.files.netSources.map((source) => ({ source, isGenerated: isGenerated(source) })),
      ...jobs(this.files.runtimeSources),
    ];
  }

  private settings(isPositionIndependent: boolean, namespace?: string): CompileSettings {
    const { onProgress } = this.options;
    return {
      folder: this.work,
      files: this.files,
      toolchain: this.tools(),
      cache: new ObjectCache(this.options.cacheFolder),
      isPositionIndependent: isPositionIndependent && !this.files.isBare && this.system.hasPositionFlag,
      ...(namespace === undefined ? {} : { namespace }),
      ...(onProgress === undefined ? {} : { onProgress: (message: string) => onProgress(message) }),
    };
  }

  private get system(): System {
    return systemOf(this.options.target.system);
  }

  private place(): ToolPlace {
    return { folder: this.work, package: this.tools().package };
  }

  private tools(): FoundToolchain {
    return this.toolchain ?? fail('internal', 'no toolchain was looked for');
  }
}

/** Fails where a program of the user's would get another C library than its system's. */
function checkArtifacts(emit: readonly Artifact[], toolchain: FoundToolchain, target: Target): void {
  const wrong = emit.find((artifact) => artifact === 'library' || artifact === 'object');
  if (wrong === undefined || toolchain.executablesOnly !== true) return;
  const others = target.toolchains.filter(({ executablesOnly }) => executablesOnly !== true);
  fail('toolchain', `--emit ${wrong}: ${words(toolchain.cxx)[0]} has not the C library of target ${target.name}`, {
    expected: others.map(({ cxx }) => words(cxx).join(' ')).join(' or '),
    remedy: `${installCommands(others.map((other) => other.package))}, or take --emit source`,
  });
}

function jobs(sources: readonly string[]): readonly CompileJob[] {
  return sources.map((source) => ({ source, isGenerated: false }));
}
