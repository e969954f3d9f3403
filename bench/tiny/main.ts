// npm run tiny: compiles the nets for microcontrollers for Cortex-M targets, runs them in an emulated machine, and writes
// the table of docs/microcontrollers.md: sizes, multiply-adds, instructions. `--check` only says whether it is stale.

import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { defaultCacheFolder } from '../../src/build/object-cache.js';
import { type CompileOptions, compile } from '../../src/compile.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { packageRoot } from '../../src/package-root.js';
import { runExecutable } from '../../src/run/run-executable.js';
import { runScript } from '../../test/support/script.js';
import { kTinyNets } from '../nets/tiny-nets.js';

const kDocument = fileURLToPath(new URL('docs/microcontrollers.md', packageRoot));
const kBegin = '<!-- table: npm run tiny -->';
const kEnd = '<!-- end of table -->';
const kTargets = ['cortex-m4', 'cortex-m7', 'cortex-m55'] as const;

/** The digit classifier that the project ships, then the nets of MLPerf Tiny. */
function tinyModels(): ReadonlyMap<string, CompileOptions> {
  const file = (name: string): string => fileURLToPath(new URL(`models/digits/${name}`, packageRoot));
  const digits = {
    predictNet: file('predict_net.pb'),
    initNet: file('init_net.pb'),
    valueInfo: file('value_info.json'),
  };
  const built = [...kTinyNets].map(([name, make]): readonly [string, CompileOptions] => {
    const { predict, init, input } = make();
    const inputs = [`${input.name}:${input.shape.join(',')}`];
    return [name, { predictNet: encodeNetDef(predict), initNet: encodeNetDef(init, { packed: true }), inputs, name }];
  });
  return new Map([['digits', digits], ...built]);
}

interface Row {
  readonly net: string;
  readonly macs: number;
  readonly weightBytes: number;
  readonly codeBytes: number;
  readonly arenaBytes: number;
  readonly boundBytes: number;
  readonly stackBytes: number;
  readonly stackUsedBytes: number;
  readonly instructions: ReadonlyMap<string, number>;
}

async function measure(net: string, model: CompileOptions, folder: string): Promise<Row> {
  const instructions = new Map<string, number>();
  let row: Omit<Row, 'instructions'> | undefined;
  for (const target of kTargets) {
    const outputFolder = join(folder, `${net}-${target}`);
    const cacheFolder = defaultCacheFolder(process.env);
    const { build, program, target: found } = await compile({ ...model, target, outputFolder, cacheFolder });
    const { image, executable } = build;
    if (image === undefined || executable === undefined) throw new Error(`${net}: no image was built`);
    const request = { executable, runner: found.runner, inputs: new Map(), outputs: [], random: true };
    const { stats } = await runExecutable(request);
    if (stats.instructions === undefined) throw new Error(`${net}: instructions were not counted`);
    instructions.set(target, stats.instructions);
    row ??= {
      net,
      macs: program.layers.reduce((sum, layer) => sum + layer.macs, 0),
      weightBytes: image.weightBytes,
      codeBytes: image.codeBytes,
      arenaBytes: program.arenaBytes,
      boundBytes: program.arenaBoundBytes,
      stackBytes: image.stackBytes,
      stackUsedBytes: stats.stack_used_bytes ?? 0,
    };
  }
  if (row === undefined) throw new Error('no targets');
  return { ...row, instructions };
}

function table(rows: readonly Row[]): string {
  const head = ['net', 'MACs', 'weights, B', 'code, B', 'arena, B', 'x bound', 'stack bound, B', 'stack used, B'];
  const counts = kTargets.flatMap((target) => [`${target}, instructions`, 'per MAC']);
  const lines = rows.map((row) => [
    row.net,
    String(row.macs),
    ...[row.weightBytes, row.codeBytes, row.arenaBytes].map(String),
    (row.arenaBytes / row.boundBytes).toFixed(3),
    String(row.stackBytes),
    String(row.stackUsedBytes),
    ...kTargets.flatMap((target) => {
      const count = row.instructions.get(target) ?? Number.NaN;
      return [String(count), (count / row.macs).toFixed(3)];
    }),
  ]);
  const all = [[...head, ...counts], [...head, ...counts].map((_, i) => (i === 0 ? '---' : '---:')), ...lines];
  return all.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

async function main(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'cortado-tiny-'));
  try {
    const rows: Row[] = [];
    for (const [net, model] of tinyModels()) {
      console.error(`${net} ...`);
      rows.push(await measure(net, model, folder));
    }
    const before = readFileSync(kDocument, 'utf8');
    const start = before.indexOf(kBegin);
    const end = before.indexOf(kEnd, Math.max(0, start));
    if (start < 0 || end < start) throw new Error(`${kDocument} has no place for the table`);
    const after = `${before.slice(0, start + kBegin.length)}\n${table(rows)}\n${before.slice(end)}`;
    if (process.argv.includes('--check')) {
      if (after !== before) console.error('docs/microcontrollers.md is stale; run `npm run tiny`');
      return after === before ? 0 : 1;
    }
    writeFileSync(kDocument, after);
    return 0;
  } finally {
    await rm(folder, { recursive: true });
  }
}

await runScript(main);
