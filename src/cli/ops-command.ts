// cortado ops and cortado targets: what is supported.

import type { Command } from 'commander';
import { describeTarget, loadTarget, targetNames } from '../build/target.js';
import { fail, problemsOf } from '../errors.js';
import { formatTable } from '../format.js';
import { caffe2Types, type OpRow, opTable } from '../op-table.js';
import { kFamilyNames, kWays } from '../op-ways.js';
import { allOps } from '../ops/index.js';
import { closest } from './closest.js';

export function addOpsCommand(program: Command): void {
  program
    .command('ops')
    .description('supported operators')
    .argument('[type]', 'only this operator, with its arguments and how targets compute it')
    .option('--by-target', 'how the targets compute each operator (takes seconds)')
    .option('--json', 'everything that is known, as JSON')
    .option('--markdown', 'a table for documents')
    .action(runOps);
}

export function addTargetsCommand(program: Command): void {
  program
    .command('targets')
    .description('hardware targets to compile for')
    .option('--json', 'as JSON')
    .action(runTargets);
}

interface OpsFlags {
  readonly byTarget?: boolean;
  readonly json?: boolean;
  readonly markdown?: boolean;
}

function runOps(type: string | undefined, flags: OpsFlags): void {
  const rows = opTable(type);
  if (type !== undefined && rows.length === 0) failUnknown(type);
  if (flags.json === true) console.log(JSON.stringify(rows, undefined, 2));
  else if (flags.markdown === true) console.log(markdown(rows));
  else if (type !== undefined) console.log(rows.map(details).join('\n\n'));
  else console.log(flags.byTarget === true ? tableByTarget(rows) : listing(rows));
}

function failUnknown(type: string): never {
  const known = [...new Set(allOps().flatMap((def) => [def.name, ...caffe2Types(def)]))];
  const near = known.find((name) => name.toLowerCase() === type.toLowerCase()) ?? closest(type, known);
  return fail('bad-option', `operator type ${type} is not supported`, {
    remedy: near === undefined ? '`cortado ops` lists those that are' : `did you mean ${near}?`,
  });
}

/** One line per Caffe2 type. */
function byCaffe2Type(rows: readonly OpRow[]): readonly (readonly [type: string, row: OpRow])[] {
  const pairs = rows.flatMap((row) => row.caffe2.map((type) => [type, row] as const));
  return pairs.sort(([a], [b]) => (a < b ? -1 : 1));
}

function listing(rows: readonly OpRow[]): string {
  const lines = byCaffe2Type(rows).map(([type, { doc }]) => [type, doc]);
  const more = 'cortado ops TYPE tells more, --by-target how the targets compute them';
  return `${formatTable(lines)}\n\n${lines.length} operator types; ${more}`;
}

function tableByTarget(rows: readonly OpRow[]): string {
  const lines = byCaffe2Type(rows).map(([type, row]) => [type, ...waysByFamily(row)]);
  return `${formatTable([['Caffe2 type', ...kFamilyNames], ...lines])}\n\n${legend('')}`;
}

function markdown(rows: readonly OpRow[]): string {
  const lines = byCaffe2Type(rows).map(([type, row]) => {
    const args = row.arguments.map(
      ({ name, kind, default: value }) => `\`${name}\` ${kind}${value === undefined ? '' : ` = ${value}`}`,
    );
    return `| ${[type, ...waysByFamily(row), args.join(', '), row.doc].map(cell).join(' | ')} |`;
  });
  const heads = ['Caffe2 type', ...kFamilyNames, 'attributes', 'meaning'];
  return [`| ${heads.join(' | ')} |`, `| ${heads.map(() => '---').join(' | ')} |`, ...lines, '', legend('- ')].join(
    '\n',
  );
}

function waysByFamily({ ways }: OpRow): readonly string[] {
  return kFamilyNames.map((family) => ways[family].join(', '));
}

function legend(bullet: string): string {
  const lines = Object.entries(kWays).map(([way, meaning]) => `${bullet}${way}: ${meaning}`);
  return lines.join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function details(row: OpRow): string {
  const attributes = row.arguments.map(({ name, kind, default: value, doc }) => [
    `  ${name}`,
    kind,
    value === undefined ? 'required' : `= ${value}`,
    doc,
  ]);
  return [
    `${row.name}${row.caffe2.length === 0 ? '' : ` (Caffe2: ${row.caffe2.join(', ')})`}`,
    `  ${row.doc}`,
    `  ${row.inputs.join(', ')} -> ${row.outputs.join(', ')}`,
    ...(attributes.length === 0 ? [] : [formatTable(attributes)]),
    `  source: ${row.source}`,
    ...kFamilyNames.map((family) => `  ${family}: ${row.ways[family].join(', ')}`),
  ].join('\n');
}

function runTargets(flags: { readonly json?: boolean }): void {
  const rows = targetNames().map((name) => ({ ...describeTarget(name), resolvesTo: resolved(name) }));
  if (flags.json === true) console.log(JSON.stringify(rows, undefined, 2));
  else {
    const lines = rows.map(({ name, description, resolvesTo }) => [
      name,
      `${description}${resolvesTo === name ? '' : ` (here: ${resolvesTo})`}`,
    ]);
    console.log(formatTable(lines));
  }
}

function resolved(name: string): string {
  try {
    return loadTarget(name).name;
  } catch (error) {
    return problemsOf(error)[0]?.message ?? 'unknown';
  }
}
