// Builds a net's generated package by hand, with flags of the test's choice: sanitizers, allocation traps, other compilers.
// Objects of the runtime are kept for the next net with the same flags.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { writeContent } from '../../src/build/write-content.js';
import { kCompileFlags } from '../../src/emit/compile-flags.js';
import type { NetFiles } from '../../src/emit/package-files.js';

const run = promisify(execFile);

export interface PackageFlags {
  readonly compiler: string;
  readonly compile: readonly string[];
  readonly link: readonly string[];
  /** Flags that choose the CPU, for the net alone. */
  readonly machine: readonly string[];
}

/** Path of the executable, linked from the package's own sources, two compilers at a time. */
export async function buildPackage(folder: string, files: NetFiles, flags: PackageFlags): Promise<string> {
  const place = path.join(folder, files.prefix);
  for (const [name, content] of [...files.generated, ...files.runtime])
    await writeContent(path.join(place, name), content);
  const sources = [...files.netSources, ...files.runtimeSources, ...files.harnessSources];
  const objects = sources.map((source) => objectOf(folder, place, source, files, flags));
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < sources.length; i = next++)
      await compileOne(sources[i] ?? '', objects[i] ?? '', place, files, flags);
  };
  await Promise.all([worker(), worker()]);
  const program = path.join(place, 'program');
  await run(flags.compiler, [...flags.link, '-Wl,--gc-sections', ...objects, '-o', program, '-lm', '-lpthread']);
  return program;
}

function objectOf(folder: string, place: string, source: string, files: NetFiles, flags: PackageFlags): string {
  if (!source.startsWith('runtime/')) return path.join(place, `${path.basename(source)}.o`);
  const key = createHash('sha256')
    .update(JSON.stringify([flags.compiler, flags.compile, files.hasThreads]))
    .digest('hex');
  return path.join(folder, `${key.slice(0, 8)}-${source.replaceAll('/', '-')}.o`);
}

async function compileOne(
  source: string,
  object: string,
  place: string,
  files: NetFiles,
  flags: PackageFlags,
): Promise<void> {
  if (fs.existsSync(object)) return;
  const isNet = source === files.netSources[0];
  const args = source.endsWith('.S')
    ? ['-Wa,-Isrc']
    : [
        '-std=c++17',
        ...kCompileFlags,
        ...flags.compile,
        ...(isNet ? flags.machine : []),
        `-DCORTADO_THREADS=${files.hasThreads ? 1 : 0}`,
        ...['runtime/include', 'runtime/harness', 'src'].map((name) => `-I${name}`),
      ];
  await run(flags.compiler, [...args, '-c', source, '-o', object], { cwd: place });
}
