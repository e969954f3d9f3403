// Many compiled nets in one C++ translation unit: each net's generated header and source stand in a namespace of their
// own, after the headers that all of them include. `#line` makes compiler messages name the net.

import { emitNet } from '../../src/emit/emit-net.js';
import { layoutWeightFile } from '../../src/emit/weight-file.js';
import type { Program } from '../../src/plan/program.js';

export interface BatchNet {
  /** Prefix of the net's C names, unique within the program. */
  readonly id: string;
  readonly program: Program;
  readonly source: string;
  readonly header: string;
  /** The steps on a device; absent where there are none. */
  readonly device?: string;
  readonly weights: readonly Uint8Array[];
  readonly weightBytes: number;
}

/** The generated text of a net, its weights to be given at run time. */
export function emitBatchNet(id: string, program: Program, cpuFeatures: readonly string[]): BatchNet {
  const weights = layoutWeightFile(program);
  const { source, header, device } = emitNet(program, {
    prefix: id,
    targetName: 'batch',
    cpuFeatures,
    weights: 'pointer',
    trace: false,
    version: '0',
    weightsId: weights.id,
    weightFileBytes: weights.sizeBytes,
  });
  return {
    id,
    program,
    source,
    header,
    ...(device === undefined ? {} : { device }),
    weights: weights.chunks,
    weightBytes: weights.sizeBytes,
  };
}

/** A translation unit of nets and of the list `<list>` that the driver reads. */
export function batchSource(list: string, nets: readonly BatchNet[]): string {
  return [
    ...includesOf(nets.map(({ source, header }) => `${header}\n${source}`)),
    '#include "batch_net.h"',
    ...nets.map(({ id, source, header }) => inNamespace(id, `${header}\n${source}`)),
    `extern const BatchNet ${list}[];`,
    `const BatchNet ${list}[] = {`,
    ...nets.map(({ id }) => `    ${entry(id)},`),
    '    kLastBatchNet,',
    '};',
    '',
  ].join('\n');
}

/** The translation unit of the nets' steps on a device; undefined where there are none. */
export function deviceBatchSource(nets: readonly BatchNet[]): string | undefined {
  const texts = nets.flatMap(({ device }) => device ?? []);
  if (texts.length === 0) return undefined;
  const bodies = nets.flatMap(({ id, device }) => (device === undefined ? [] : [inNamespace(id, device)]));
  return [...includesOf(texts), ...bodies, ''].join('\n');
}

/** The translation unit that names all lists. */
export function batchTable(lists: readonly string[]): string {
  return [
    '#include "batch_net.h"',
    ...lists.map((list) => `extern const BatchNet ${list}[];`),
    'extern const BatchNet* const kBatches[];',
    'extern const int kBatchCount;',
    `const BatchNet* const kBatches[] = {${[...lists, 'nullptr'].join(', ')}};`,
    `const int kBatchCount = ${lists.length};`,
    '',
  ].join('\n');
}

/** Ids of the nets that a compiler's messages blame. */
export function blamedNets(messages: string): ReadonlySet<string> {
  return new Set([...messages.matchAll(/^(?:In file included from )?(\w+)\.net:\d+/gm)].map(([, id = '']) => id));
}

const kInclude = /^\s*#\s*include\s+["<][^">]+[">]/gm;

/** All headers of the runtime that the texts include. */
function includesOf(texts: readonly string[]): readonly string[] {
  const lines = texts.flatMap((text) => [...text.matchAll(kInclude)].map(([line]) => line.trim()));
  return [...new Set(lines.filter((line) => line.includes('<') || line.includes('"cortado')))].sort();
}

function inNamespace(id: string, text: string): string {
  return `#line 1 "${id}.net"\nnamespace ${id} {\n${text.replaceAll(kInclude, '')}\n}  // namespace ${id}`;
}

function entry(id: string): string {
  const names = ['model', 'info', 'memory_bytes', 'create', 'run', 'destroy', 'last_fault'].map(
    (name) => `${id}::${id}_${name}`,
  );
  return `batch_net<${names.join(', ')}>("${id}")`;
}
