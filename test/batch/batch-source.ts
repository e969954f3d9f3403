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
  readonly weights: readonly Uint8Array[];
  readonly weightBytes: number;
}

/** The generated text of a net, its weights to be given at run time. */
export function emitBatchNet(id: string, program: Program, cpuFeatures: readonly string[]): BatchNet {
  const weights = layoutWeightFile(program);
  const { source, header } = emitNet(program, {
    prefix: id,
    targetName: 'batch',
    cpuFeatures,
    weights: 'pointer',
    trace: false,
    version: '0',
    weightsId: weights.id,
    weightFileBytes: weights.sizeBytes,
  });
  return { id, program, source, header, weights: weights.chunks, weightBytes: weights.sizeBytes };
}

/** A translation unit of nets and of the list `<list>` that the driver reads. */
export function batchSource(list: string, nets: readonly BatchNet[]): string {
  const includes = nets.flatMap(({ id, source, header }) =>
    [...`${header}\n${source}`.matchAll(kInclude)]
      .map(([line]) => line.trim())
      .filter((line) => !line.includes(`"${id}.h"`)),
  );
  return [
    ...[...new Set(includes)].sort(),
    '#include "batch_net.h"',
    ...nets.map(netInNamespace),
    `extern const BatchNet ${list}[];`,
    `const BatchNet ${list}[] = {`,
    ...nets.map(({ id }) => `    ${entry(id)},`),
    '    kLastBatchNet,',
    '};',
    '',
  ].join('\n');
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

function netInNamespace({ id, source, header }: BatchNet): string {
  const body = `${header}\n${source}`.replaceAll(kInclude, '');
  return `#line 1 "${id}.net"\nnamespace ${id} {\n${body}\n}  // namespace ${id}`;
}

function entry(id: string): string {
  const names = ['model', 'info', 'create', 'run', 'destroy', 'last_fault'].map((name) => `${id}::${id}_${name}`);
  return `batch_net<${names.join(', ')}>("${id}")`;
}
