// The files of a compiled net: generated text, weights, and the parts of the runtime it needs. The same map feeds every
// artifact: a source package is the map itself, executables and libraries are built from it.

import { readdirSync, readFileSync } from 'node:fs';
import { fail } from '../errors.js';
import { packageRoot } from '../package-root.js';
import type { Program } from '../plan/program.js';
import { type BareMemory, bareInfo, bareMain, bareMemory, linkerScript } from './bare-files.js';
import { type EmitOptions, emitNet } from './emit-net.js';
import { commentText, mangle } from './names.js';
import { render } from './template.js';
import { layoutWeightFile, type WeightFile } from './weight-file.js';

/** Text, or bytes in pieces (weights are large and never copied). */
export type FileContent = string | readonly Uint8Array[];

export interface NetFiles {
  readonly prefix: string;
  /** The net's own name, safe in a comment. */
  readonly netName: string;
  readonly weights: WeightFile;
  /** Below `src/`: `<prefix>.h`, `.cc`, `.weights`, `_weights.S`, `_main.cc`. */
  readonly generated: ReadonlyMap<string, FileContent>;
  /** Runtime headers reachable from the generated text, and sources, below `runtime/`. */
  readonly runtime: ReadonlyMap<string, FileContent>;
  /** Paths of all translation units of the net itself, and of the executable's harness. */
  readonly netSources: readonly string[];
  readonly runtimeSources: readonly string[];
  readonly harnessSources: readonly string[];
  readonly hasThreads: boolean;
  /** There are CUDA sources. */
  readonly usesDevice: boolean;
  /** For a machine without an operating system: the harness is runtime/bare. */
  readonly isBare: boolean;
  /** What programs around the net lay out in memory; on such machines only. */
  readonly memory?: BareMemory;
  /** Runs can hand out every tensor. */
  readonly isTraced: boolean;
  readonly weightsMode: 'linked' | 'file' | 'pointer';
}

export interface FileOptions extends Omit<EmitOptions, 'weightsId' | 'weightFileBytes'> {
  /** The host's compiler takes the device's sources, too. */
  readonly emulatesDevice?: boolean;
}

/** All files of a program. Deterministic: no dates, no absolute paths. */
export function packageFiles(program: Program, options: FileOptions): NetFiles {
  const weights = layoutWeightFile(program);
  const prefix = options.prefix ?? mangle(program.name);
  const { source, header, device } = emitNet(program, {
    ...options,
    prefix,
    weightsId: weights.id,
    weightFileBytes: weights.sizeBytes,
  });
  const { bare } = options;
  const netName = commentText(program.name);
  const hasWeights = weights.sizeBytes > 0;
  const isLinked = hasWeights && options.weights === 'linked';
  const generated = new Map<string, FileContent>([
    [`src/${prefix}.h`, header],
    [`src/${prefix}.cc`, source],
    [
      `src/${prefix}_main.cc`,
      bare === undefined ? render('net/main.cc', { prefix, netName }) : bareMain(program, prefix, netName, bare),
    ],
  ]);
  if (device !== undefined) generated.set(`src/${prefix}.cu`, device);
  if (bare !== undefined) {
    generated.set('bare/link.ld', linkerScript(program, netName, options.targetName, bare));
    generated.set(`src/${prefix}_info.S`, bareInfo(program, options.targetName, options.trace, weights.sizeBytes));
  }
  if (isLinked)
    generated.set(
      `src/${prefix}_weights.S`,
      render('net/weights.S', { prefix, id: weights.id.toString(16).padStart(16, '0') }),
    );
  if (hasWeights) generated.set(`src/${prefix}.weights`, weights.chunks);
  const hasThreads = program.threads > 1;
  const sources = [...runtimeFiles('src'), ...(device === undefined ? [] : runtimeFiles('cuda/src'))].filter(
    (name) =>
      name.endsWith('.cc') &&
      (hasThreads || name !== 'src/thread_pool.cc') &&
      (bare === undefined || name !== 'src/cpus.cc'),
  );
  const harness = runtimeFiles(bare === undefined ? 'harness' : 'bare');
  const headers = reachableHeaders([
    source,
    header,
    device ?? '',
    ...[...sources, ...harness].map(readRuntime),
    publicIncludes(),
  ]);
  const isUsed = (name: string): boolean => options.emulatesDevice === true || !name.includes('/emulation/');
  const runtimeNames = new Set([
    ...headers.filter(isUsed),
    ...sources,
    ...harness,
    ...runtimeFiles('src').filter((name) => name.endsWith('.h')),
  ]);
  return {
    prefix,
    netName,
    isBare: bare !== undefined,
    ...(bare === undefined ? {} : { memory: bareMemory(program, bare) }),
    isTraced: options.trace,
    weights,
    generated,
    runtime: new Map([...runtimeNames].sort().map((name) => [`runtime/${name}`, readRuntime(name)])),
    netSources: [
      `src/${prefix}.cc`,
      ...(device === undefined ? [] : [`src/${prefix}.cu`]),
      ...(isLinked ? [`src/${prefix}_weights.S`] : []),
    ],
    usesDevice: device !== undefined,
    runtimeSources: sources.map((name) => `runtime/${name}`),
    harnessSources: [
      `src/${prefix}_main.cc`,
      ...(bare === undefined ? [] : [`src/${prefix}_info.S`]),
      ...harness.filter((name) => name.endsWith('.cc')).map((name) => `runtime/${name}`),
    ],
    hasThreads,
    weightsMode: options.weights,
  };
}

const runtimeFolder = new URL('runtime/', packageRoot);

function runtimeFiles(folder: string): readonly string[] {
  const names = readdirSync(new URL(`${folder}/`, runtimeFolder));
  return names
    .filter((name) => /\.(cc|h)$/.test(name))
    .sort()
    .map((name) => `${folder}/${name}`);
}

function readRuntime(name: string): string {
  return readFileSync(new URL(name, runtimeFolder), 'utf8');
}

/** Headers for users of the net, which no source of ours includes. */
function publicIncludes(): string {
  return '#include "cortado/cortado.h"\n#include "cortado/cortado.hpp"\n';
}

/** Headers below include/ that the texts include, directly or not. */
function reachableHeaders(texts: readonly string[]): readonly string[] {
  const found = new Set<string>();
  const waiting = [...texts];
  for (let text = waiting.pop(); text !== undefined; text = waiting.pop()) {
    for (const match of text.matchAll(/^\s*#\s*include\s+"(cortado(?:_cuda)?\/[^"]+)"/gm)) {
      const path = match[1] ?? fail('internal', 'an include without a name');
      const name = path.startsWith('cortado_cuda/') ? `cuda/include/${path}` : `include/${path}`;
      if (found.has(name)) continue;
      found.add(name);
      waiting.push(readRuntime(name));
    }
  }
  return [...found];
}
