// How much stack a net can need: frames of all functions along the deepest path of the call graph, both as the compiler
// tells them (GCC's -fcallgraph-info=su). Calls through pointers are resolved by who makes them: a run calls the net's
// run_net, a step its step function, anything else any function that nobody calls directly and that gets no model.

import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NetFiles } from '../emit/package-files.js';
import { fail } from '../errors.js';
import { type CompileJob, callGraphFile, compileObjects } from './compile-objects.js';
import { ObjectCache } from './object-cache.js';
import type { Target } from './target.js';
import { makeTempFolder, removeTempFolder } from './temp-folders.js';
import { findToolchain } from './toolchain.js';
import { writeContent } from './write-content.js';

export interface StackBound {
  /** Of the net's own functions, create and run among them. */
  readonly netBytes: number;
  /** Of a whole image: from reset, with an interrupt on top. */
  readonly imageBytes: number;
}

export interface CallGraph {
  /** Frame of each function whose code is known. */
  readonly frames: ReadonlyMap<string, number>;
  readonly calls: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Functions of libgcc and the C library have no frames in the graph; theirs are far smaller. */
const kForeignBytes = 128;
/** What the processor pushes for an interrupt, FPU registers and alignment included. */
const kInterruptBytes = 112;
const kIndirect = '__indirect_call';

/** Compiles the net's files for their call graphs. Fails where a function's frame or the depth of calls is not bounded. */
export async function stackBound(
  files: NetFiles,
  target: Target,
  cacheFolder: string | undefined,
  onProgress?: (message: string) => void,
): Promise<StackBound> {
  const toolchain = await findToolchain(target);
  const folder = await makeTempFolder(tmpdir(), 'cortado-stack-');
  try {
    for (const [name, content] of [...files.generated, ...files.runtime])
      await writeContent(join(folder, name), content);
    const sources = [...files.netSources, ...files.runtimeSources, ...files.harnessSources];
    const jobs: readonly CompileJob[] = sources
      .filter((source) => !source.endsWith('.S'))
      .map((source) => ({ source, isGenerated: source === files.netSources[0] }));
    const objects = await compileObjects(jobs, {
      folder,
      files,
      toolchain,
      cache: new ObjectCache(cacheFolder),
      isPositionIndependent: false,
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    const graph = parseCallGraph(objects.map((object) => readFileSync(join(folder, callGraphFile(object)), 'utf8')));
    return boundsOf(graph, files.prefix);
  } finally {
    await removeTempFolder(folder);
  }
}

function boundsOf(graph: CallGraph, prefix: string): StackBound {
  const own = [...graph.frames.keys()].filter((name) => name.startsWith(`${prefix}_`));
  const interrupt = kInterruptBytes + stackDepth(graph, 'cortado_systick');
  const round = (bytes: number): number => Math.ceil(bytes / 64) * 64;
  return {
    netBytes: round(Math.max(...own.map((name) => stackDepth(graph, name)))),
    imageBytes: round(stackDepth(graph, 'cortado_reset') + interrupt),
  };
}

/** Joins the graphs of several translation units (VCG text). Functions of one unit are told apart by its name. */
export function parseCallGraph(texts: readonly string[]): CallGraph {
  const frames = new Map<string, number>();
  const calls = new Map<string, Set<string>>();
  for (const text of texts) {
    for (const [, title = '', label = ''] of text.matchAll(/^node: \{ title: "([^"]*)" label: "([^"]*)"/gm)) {
      const frame = /\\n(\d+) bytes \(([a-z,]+)\)/.exec(label);
      if (frame === null) continue;
      if (frame[2] === 'dynamic') notBounded(`${title} has a frame of varying size`);
      frames.set(title, Math.max(frames.get(title) ?? 0, Number(frame[1])));
    }
    for (const [, from = '', to = ''] of text.matchAll(/^edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"/gm)) {
      const known = calls.get(from);
      if (known === undefined) calls.set(from, new Set([to]));
      else known.add(to);
    }
  }
  return { frames, calls };
}

function notBounded(why: string): never {
  return fail('unsupported', `the stack of this net is not bounded: ${why}`, {
    remedy: 'set stackBytes in a target file of your own',
  });
}

/** The deepest stack of a call of `root`. Fails for recursion. */
export function stackDepth(graph: CallGraph, root: string): number {
  const called = new Set([...graph.calls.values()].flatMap((targets) => [...targets]));
  const free = [...graph.frames.keys()].filter((name) => !called.has(name));
  const known = new Map<string, number>();
  const path = new Set<string>();
  const depth = (name: string): number => {
    const before = known.get(name);
    if (before !== undefined) return before;
    if (path.has(name)) return notBounded(`${name} calls itself`);
    path.add(name);
    const targets = [...(graph.calls.get(name) ?? [])].flatMap((target) =>
      target === kIndirect ? indirectTargets(name, free) : [target],
    );
    const own = graph.frames.get(name) ?? kForeignBytes;
    const total = own + Math.max(0, ...targets.map(depth));
    path.delete(name);
    known.set(name, total);
    return total;
  };
  return depth(root);
}

const kRunNet = /7run_netE/;
const kStep = /\d+step_\d+E/;

/** What a call through a pointer can reach. */
function indirectTargets(caller: string, free: readonly string[]): readonly string[] {
  if (/6Runner3runE/.test(caller)) return free.filter((name) => kRunNet.test(name));
  if (/10RunContext(4step|8dispatch)E/.test(caller)) return free.filter((name) => kStep.test(name));
  // What gets a model or a run is no kernel's helper.
  return free.filter((name) => /(^|:)_Z/.test(name) && !/10RunContext|6Runner|5Model/.test(name));
}
