// Artifacts: what `--emit` names. Everything is made in a staging folder inside the output folder and moved into place at
// the end, so a failure leaves nothing behind.

import { createWriteStream } from 'node:fs';
import { chmod, copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { headerFiles, libraryFiles, sourcePackageFiles } from '../emit/library-files.js';
import type { FileContent, NetFiles } from '../emit/package-files.js';
import { fail } from '../errors.js';
import { type CompileJob, type CompileSettings, compileObjects } from './compile-objects.js';
import { ObjectCache } from './object-cache.js';
import type { Target } from './target.js';
import { keepFolder, listTempFolder, makeTempFolder, removeTempFolder } from './temp-folders.js';
import { type FoundToolchain, findToolchain, runTool } from './toolchain.js';

export const kArtifacts = ['executable', 'library', 'source', 'object'] as const;
export type Artifact = (typeof kArtifacts)[number];

export interface BuildOptions {
  readonly target: Target;
  readonly emit: readonly Artifact[];
  readonly outputFolder: string;
  /** Folder of the object cache; undefined: none. */
  readonly cacheFolder: string | undefined;
  readonly version: string;
  onProgress?(message: string): void;
}

export interface BuildResult {
  /** Paths below the output folder, by artifact. */
  readonly files: ReadonlyMap<Artifact, readonly string[]>;
  /** The toolchain that was used; undefined for source alone. */
  readonly toolchain?: string;
  readonly executable?: string;
}

/** Builds the artifacts; the output folder changes only when all of them succeeded. */
export async function buildArtifacts(files: NetFiles, options: BuildOptions): Promise<BuildResult> {
  const { outputFolder } = options;
  const before = await stat(outputFolder).catch(() => undefined);
  if (before !== undefined && !before.isDirectory()) {
    fail('bad-option', `output folder ${outputFolder} is a file`, { remedy: 'name another folder with -o' });
  }
  const work = await makeTempFolder(tmpdir(), 'cortado-');
  const made = before === undefined ? await makeOutputFolder(outputFolder) : undefined;
  let staging: string | undefined;
  try {
    await mkdir(outputFolder, { recursive: true });
    staging = await makeTempFolder(outputFolder, '.cortado-');
    const result = await new Builder(files, options, work, staging).build();
    for (const path of new Set([...result.files.values()].flat())) await moveInto(staging, outputFolder, path);
    if (made !== undefined) keepFolder(made);
    return result;
  } catch (error) {
    if (made !== undefined) await removeTempFolder(made);
    throw error;
  } finally {
    if (staging !== undefined) await removeTempFolder(staging);
    await removeTempFolder(work);
  }
}

/** Makes the folder and lists the uppermost new one for removal until the build has succeeded. */
async function makeOutputFolder(outputFolder: string): Promise<string> {
  const first = await mkdir(outputFolder, { recursive: true }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    return fail('bad-option', `output folder ${outputFolder} cannot be made`, { got: reason });
  });
  const made = first ?? outputFolder;
  listTempFolder(made);
  return made;
}

async function moveInto(staging: string, folder: string, path: string): Promise<void> {
  const target = join(folder, path);
  await mkdir(dirname(target), { recursive: true });
  await rm(target, { recursive: true, force: true });
  await rename(join(staging, path), target);
}

/** Writes a file in pieces. */
export async function writeContent(file: string, content: FileContent): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  if (typeof content === 'string') await writeFile(file, content);
  else await pipeline(content, createWriteStream(file));
}

class Builder {
  private toolchain: FoundToolchain | undefined;

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
      for (const [name, content] of [...this.files.generated, ...this.files.runtime])
        await writeContent(join(this.work, name), content);
    }
    for (const artifact of kArtifacts) if (emit.includes(artifact)) made.set(artifact, await this.make(artifact));
    return {
      files: made,
      ...(this.toolchain === undefined ? {} : { toolchain: `${this.toolchain.name}: ${this.toolchain.version}` }),
      ...(emit.includes('executable') ? { executable: join(this.options.outputFolder, this.files.prefix) } : {}),
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
    const { prefix } = this.files;
    const objects = await compileObjects([...this.netJobs(), ...jobs(this.files.harnessSources)], this.settings(false));
    await this.linkProgram(objects, join(this.staging, prefix));
    return [prefix, ...(await this.weightsBeside())];
  }

  private async linkProgram(objects: readonly string[], output: string): Promise<void> {
    const toolchain = this.tools();
    this.options.onProgress?.(`linking ${this.files.prefix}`);
    const libraries = ['-lm', ...(this.files.hasThreads ? ['-lpthread'] : [])];
    const link = ['-Wl,--gc-sections', '-s', ...(toolchain.commonFlags ?? []), ...(toolchain.linkFlags ?? [])];
    await runTool(toolchain.cc, [...link, ...objects, '-o', output, ...libraries], this.work);
    await chmod(output, 0o755);
  }

  private async makeLibrary(): Promise<readonly string[]> {
    const { prefix } = this.files;
    const toolchain = this.tools();
    const settings = this.settings(true, `cortado_${prefix}`);
    const objects = await compileObjects(this.netJobs(), settings);
    await mkdir(join(this.staging, 'lib'), { recursive: true });
    const archive = join(this.staging, 'lib', `lib${prefix}.a`);
    await runTool(toolchain.ar, ['rcsD', archive, ...objects], this.work);
    const shared = join(this.staging, 'lib', `lib${prefix}.so`);
    const exports = join(this.work, `${prefix}.map`);
    await writeFile(exports, `{ global: ${prefix}_*; local: *; };\n`);
    const link = [
      '-shared',
      '-Wl,--gc-sections',
      `-Wl,--version-script=${exports}`,
      `-Wl,-soname,lib${prefix}.so`,
      '-s',
    ];
    const libraries = ['-lm', ...(this.files.hasThreads ? ['-lpthread'] : [])];
    await runTool(
      toolchain.cc,
      [...link, ...(toolchain.commonFlags ?? []), ...objects, '-o', shared, ...libraries],
      this.work,
    );
    await chmod(shared, 0o644);
    const written = await this.writeAll(libraryFiles(this.files, this.options.version));
    return [`lib/lib${prefix}.a`, `lib/lib${prefix}.so`, ...written, ...(await this.weightsBeside())];
  }

  /** One relocatable object with the net and the runtime in it. */
  private async makeObject(): Promise<readonly string[]> {
    const { prefix } = this.files;
    const toolchain = this.tools();
    const objects = await compileObjects(this.netJobs(), this.settings(true, `cortado_${prefix}`));
    await runTool(
      toolchain.cc,
      ['-r', '-nostdlib', ...(toolchain.commonFlags ?? []), ...objects, '-o', join(this.staging, `${prefix}.o`)],
      this.work,
    );
    const headers = await this.writeAll(headerFiles(this.files));
    return [`${prefix}.o`, ...headers, ...(await this.weightsBeside())];
  }

  private async makeSource(): Promise<readonly string[]> {
    const folder = `${this.files.prefix}-source`;
    const files = sourcePackageFiles(
      this.files,
      this.options.target.toolchains[0]?.machineFlags ?? [],
      this.options.version,
    );
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
    const [first, ...rest] = this.files.netSources;
    return [
      ...(first === undefined ? [] : [{ source: first, isGenerated: true }]),
      ...jobs(rest),
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
      isPositionIndependent,
      ...(namespace === undefined ? {} : { namespace }),
      ...(onProgress === undefined ? {} : { onProgress: (message: string) => onProgress(message) }),
    };
  }

  private tools(): FoundToolchain {
    return this.toolchain ?? fail('internal', 'no toolchain was looked for');
  }
}

function jobs(sources: readonly string[]): readonly CompileJob[] {
  return sources.map((source) => ({ source, isGenerated: false }));
}
