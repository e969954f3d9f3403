// npm run corpus -- DIR [--target NAME] [--mode constants|runtime|both] [--category C] [--only NAME] [--op TYPE]
//                       [--no-optimize] [--short] [--list-failures]
// Runs the operator corpus and prints counts per category and per operator; the last line is the sum. It lives in test/
// because it judges the compiler by recorded answers and is nothing that a user of the compiler needs.

import { parseArgs } from 'node:util';
import { targetNames } from '../../src/build/target.js';
import { compiledExecutor } from '../batch/run-compiled.js';
import { type CorpusCase, readCases } from './case-file.js';
import { type Executor, interpreterExecutor } from './executor.js';
import { type CaseResult, type Mode, runCases, type Verdict } from './run-cases.js';
import { shortForm } from './short-form.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    target: { type: 'string', default: 'interpreter' },
    mode: { type: 'string', default: 'both' },
    category: { type: 'string' },
    only: { type: 'string' },
    op: { type: 'string' },
    short: { type: 'boolean', default: false },
    'no-optimize': { type: 'boolean', default: false },
    'list-failures': { type: 'boolean', default: false },
  },
});

const kModes: { readonly [name: string]: readonly Mode[] } = {
  constants: ['constants'],
  runtime: ['runtime'],
  both: ['constants', 'runtime'],
};

async function main(): Promise<number> {
  const [place] = positionals;
  const executor = findExecutor(values.target);
  const modes = kModes[values.mode];
  if (place === undefined || executor === undefined || modes === undefined) {
    console.error(
      `usage: corpus DIR [--target ${['interpreter', ...targetNames()].join('|')}] [--mode constants|runtime|both]`,
    );
    console.error('              [--no-optimize] [--short] [--category C] [--only NAME] [--op TYPE] [--list-failures]');
    return 2;
  }
  const cases = readCases(place);
  const results = await runCases((values.short ? shortForm(cases) : cases).filter(isWanted), executor, modes);
  if (values['list-failures']) listFailures(results);
  console.log(`${executor.name}, ${values.mode === 'both' ? 'weights as constants and as inputs' : values.mode}`);
  printTable('category', results, (item) => [item.category]);
  printTable('operator', results, (item) => [...new Set(item.ops)]);
  printExclusions(results);
  const counts = countVerdicts(results);
  const apart = counts.accepted === 0 ? '' : ` (${counts.accepted} of them accepted beyond Caffe2)`;
  console.log(
    `${counts.passed + counts.accepted} passed${apart}, ${counts.failed} failed, ${counts.excluded} excluded`,
  );
  return counts.failed === 0 ? 0 : 1;
}

/** The interpreter, or compiled code for a target; undefined for an unknown name. */
function findExecutor(name: string): Executor | undefined {
  if (name === interpreterExecutor.name) return interpreterExecutor;
  return targetNames().includes(name)
    ? compiledExecutor({ target: name, optimize: !values['no-optimize'] })
    : undefined;
}

function isWanted(item: CorpusCase): boolean {
  if (values.category !== undefined && !values.category.split(',').includes(item.category)) return false;
  if (values.op !== undefined && !values.op.split(',').some((type) => item.ops.includes(type))) return false;
  return values.only === undefined || matchesName(item.name, values.only);
}

/** A name, or a pattern with `*`. */
function matchesName(name: string, pattern: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`).test(name);
}

type Counts = { readonly [K in Verdict['kind']]: number };

function countVerdicts(results: readonly CaseResult[]): Counts {
  const counts = { passed: 0, accepted: 0, failed: 0, excluded: 0 };
  for (const { verdict } of results) counts[verdict.kind]++;
  return counts;
}

function printTable(
  title: string,
  results: readonly CaseResult[],
  keysOf: (item: CorpusCase) => readonly string[],
): void {
  const groups = new Map<string, CaseResult[]>();
  for (const result of results) {
    for (const key of keysOf(result.item)) groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  console.log(`\n${title.padEnd(44)} passed  failed  excluded`);
  for (const [key, group] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { passed, accepted, failed, excluded } = countVerdicts(group);
    const cells = [passed + accepted, failed, excluded].map((count) => String(count).padStart(7));
    console.log(`${key.padEnd(43)}${cells.join(' ')}${failed === 0 ? '' : '  <'}`);
  }
}

function printExclusions(results: readonly CaseResult[]): void {
  const rules = new Map<string, number>();
  for (const { verdict } of results) {
    if (verdict.kind === 'excluded') rules.set(verdict.rule, (rules.get(verdict.rule) ?? 0) + 1);
  }
  console.log('');
  for (const [rule, count] of rules) console.log(`excluded by rule: ${rule}: ${count}`);
}

function listFailures(results: readonly CaseResult[]): void {
  for (const { item, verdict } of results) {
    if (verdict.kind === 'failed') console.log(`FAILED ${item.category} ${item.name}: ${verdict.reason}`);
  }
}

process.exitCode = await main();
