// Runs the operator corpus and prints counts per category and per operator; the last line is the sum. A case passes when
// it passes in every form: interpreted, compiled without optimization (plain) and with it, weights as constants and as
// run-time inputs. Targets with a GPU run on the emulated one where there is none. It lives in test/ because it judges the
// compiler by recorded answers and is nothing that a user of the compiler needs.

import { targetNames } from '../../src/build/target.js';
import { compiledExecutor } from '../batch/run-compiled.js';
import { runnableTarget } from '../support/gpu.js';
import { endWithUsage, readArguments, runScript } from '../support/script.js';
import { type CorpusCase, readCases } from './case-file.js';
import { type Executor, interpreterExecutor } from './executor.js';
import { type CaseResult, type Mode, runCases, type Verdict } from './run-cases.js';
import { shortForm } from './short-form.js';

const kUsage = `usage: npm run corpus -- DIR [--target ${['interpreter', ...targetNames()].join('|')}]
       [--forms interpreted,plain,optimized] [--mode constants|runtime|both]
       [--only NAME] [--category C] [--op TYPE] [--short] [--slice I/N] [--list-failures]`;

const { values, positionals } = readArguments(kUsage, {
  allowPositionals: true,
  options: {
    target: { type: 'string', default: 'native' },
    forms: { type: 'string', default: 'interpreted,plain,optimized' },
    mode: { type: 'string', default: 'both' },
    category: { type: 'string' },
    only: { type: 'string' },
    op: { type: 'string' },
    short: { type: 'boolean', default: false },
    slice: { type: 'string', default: '1/1' },
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
  const executors = findExecutors(values.target, values.forms.split(','));
  const modes = kModes[values.mode];
  const isSlice = /^\d+\/[1-9]\d*$/.test(values.slice);
  if (place === undefined || executors === undefined || modes === undefined || !isSlice) endWithUsage(kUsage);
  const all = readCases(place);
  const cases = (values.short ? shortForm(all) : all).filter(isWanted).filter(isInSlice);
  if (cases.length === 0) {
    console.error(`no case of ${place} is asked for: --only takes a name or a pattern such as 'conv_*'`);
    return 2;
  }
  const forms: Form[] = [];
  for (const executor of executors) forms.push({ executor, results: await runCases(cases, executor, modes) });
  report(forms, combineForms(forms));
  return forms.every(({ results }) => countVerdicts(results).failed === 0) ? 0 : 1;
}

interface Form {
  readonly executor: Executor;
  readonly results: readonly CaseResult[];
}

/** The forms in which cases run; undefined for an unknown name. */
function findExecutors(asked: string, forms: readonly string[]): readonly Executor[] | undefined {
  if (asked === interpreterExecutor.name) return [interpreterExecutor];
  if (!asked.endsWith('.json') && !targetNames().includes(asked)) return undefined;
  const target = runnableTarget(asked);
  if (target !== asked) console.log(`${asked}: no GPU here, its code runs on the emulated one (${target})`);
  const known: { readonly [form: string]: Executor } = {
    interpreted: interpreterExecutor,
    plain: compiledExecutor({ target, optimize: false }),
    optimized: compiledExecutor({ target, optimize: true }),
  };
  const executors = forms.flatMap((form) => known[form] ?? []);
  return executors.length === forms.length ? executors : undefined;
}

/** For each case its worst verdict: failed, else excluded, else what the forms agree on. */
function combineForms(forms: readonly Form[]): readonly CaseResult[] {
  const [first] = forms;
  return (first?.results ?? []).map((result, i) => {
    const verdicts = forms.map(({ results }) => results[i]?.verdict ?? result.verdict);
    const worst = verdicts.find(({ kind }) => kind === 'failed') ?? verdicts.find(({ kind }) => kind === 'excluded');
    return { item: result.item, verdict: worst ?? result.verdict };
  });
}

function report(forms: readonly Form[], combined: readonly CaseResult[]): void {
  if (values['list-failures']) for (const form of forms) listFailures(form);
  printTable('category', combined, (item) => [item.category]);
  printTable('operator', combined, (item) => [...new Set(item.ops)]);
  console.log('');
  printExclusions(combined);
  console.log(`weights ${values.mode === 'both' ? 'as constants and as inputs' : `as ${values.mode}`}`);
  for (const { executor, results } of forms) console.log(`${executor.name}: ${sumLine(results)}`);
  console.log(
    `${countVerdicts(combined).accepted} of the passed are accepted although Caffe2 refuses them (may_accept)`,
  );
  console.log(sumLine(combined));
}

function sumLine(results: readonly CaseResult[]): string {
  const { passed, accepted, failed, excluded } = countVerdicts(results);
  return `${passed + accepted} passed, ${failed} failed, ${excluded} excluded`;
}

function isWanted(item: CorpusCase): boolean {
  if (values.category !== undefined && !values.category.split(',').includes(item.category)) return false;
  if (values.op !== undefined && !values.op.split(',').some((type) => item.ops.includes(type))) return false;
  return values.only === undefined || matchesName(item.name, values.only);
}

/** Part I of N, cases dealt out in turn. */
function isInSlice(_item: CorpusCase, index: number): boolean {
  const [part = 1, parts = 1] = values.slice.split('/').map(Number);
  return index % parts === (part - 1) % parts;
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
  for (const [rule, count] of rules) console.log(`excluded by rule: ${rule}: ${count}`);
}

function listFailures({ executor, results }: Form): void {
  for (const { item, verdict } of results) {
    if (verdict.kind !== 'failed') continue;
    console.log(`FAILED ${item.category} ${item.name} (${executor.name}): ${verdict.reason}`);
  }
}

await runScript(main);
