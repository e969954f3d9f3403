// npm run docs: writes what is generated in the documents, docs/operators.md and the tables of targets between
// `<!-- table: npm run docs, targets PATTERN... -->` and `<!-- end of table -->`; with --check fails when one is stale.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './prepare.mjs';

prepare();
const { loadTarget, targetNames } = await import(pathToFileURL(join(root, 'dist/src/build/target.js')).href);
const isCheck = process.argv.includes('--check');
let stale = 0;

function put(name, text) {
  const file = join(root, 'docs', name);
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  stale += 1;
  if (isCheck) return console.error(`docs/${name} is stale; run \`npm run docs\``);
  writeFileSync(file, text);
  console.error(`wrote docs/${name}`);
}

function operatorsText() {
  const args = [join(root, 'bin', 'cortado.js'), 'ops', '--markdown'];
  const table = execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  return `# Operators

Generated from the definitions in \`src/ops/operators\` by \`npm run docs\`. \`cortado ops TYPE\` says more about one. All of them run in
the reference interpreter. How targets compute them is what the compiler plans for the examples of each definition, on CUDA for a net
that asks for the GPU; the words are explained below the table.

${table}`;
}

/** `cortex-*` as a regular expression. */
function matcher(pattern) {
  return new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
}

function compilersOf({ toolchains }) {
  const choices = toolchains.map((chain) => {
    const host = chain.package.startsWith('npm:') ? chain.name : chain.package;
    const names = [...host.split(' '), ...(chain.deviceCompiler === undefined ? [] : [chain.deviceCompiler.package])];
    return names.map((name) => `\`${name}\``).join(' + ');
  });
  return [...new Set(choices)].join(', ');
}

function runnerOf({ runner, device, toolchains }) {
  switch (runner.kind) {
    case 'host':
      return device !== undefined && toolchains.some((chain) => chain.deviceCompiler !== undefined) ? 'this machine with a GPU' : 'this machine';
    case 'adb':
      return 'a device behind `adb`';
    case 'qemu-system':
      return `\`${runner.package}\`, board ${runner.machine}`;
    case 'command':
      return `\`${runner.package}\``;
    default:
      return 'nowhere: copy it there';
  }
}

function memoryOf({ memory = [] }) {
  return memory.map(({ name, bytes }) => `${name} ${bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20} MiB` : `${bytes / 1024} KiB`}`).join(', ');
}

/** Columns whose cells are all alike are left out, but for the first two. */
function targetTable(patterns) {
  const names = targetNames().filter((name) => patterns.some((pattern) => matcher(pattern).test(name)));
  if (names.length === 0) throw new Error(`no target is called ${patterns.join(' or ')}`);
  const targets = names.map((name) => loadTarget(name));
  const columns = [
    ['target', ({ name }) => `\`${name}\``],
    ['for', ({ description }) => description],
    ['compiler (the first found is used)', compilersOf],
    ['`--precision`', ({ precisions }) => precisions.join(', ')],
    ['memory', memoryOf],
    ['runs in', runnerOf],
  ].filter(([, cellOf], i) => i < 2 || new Set(targets.map(cellOf)).size > 1);
  const row = (cells) => `| ${cells.join(' | ')} |`;
  return [row(columns.map(([head]) => head)), row(columns.map(() => '---')), ...targets.map((target) => row(columns.map(([, cellOf]) => cellOf(target))))].join('\n');
}

put('operators.md', operatorsText());
const kTable = /(<!-- table: npm run docs, targets (.+?) -->\n)[\s\S]*?(<!-- end of table -->)/g;
for (const name of readdirSync(join(root, 'docs'))) {
  const text = readFileSync(join(root, 'docs', name), 'utf8');
  put(name, text.replaceAll(kTable, (_, head, patterns, end) => `${head}${targetTable(patterns.split(' '))}\n${end}`));
}
process.exit(isCheck && stale > 0 ? 1 : 0);
