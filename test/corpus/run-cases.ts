// Runs corpus cases through the importer and an executor and judges them. A case with weights runs twice: weights as
// constants, then as run-time inputs. An error case must be refused with a problem that names the place and the cause;
// only faults that values alone show may wait until the net runs.

import { formatProblem, type Problem, problemsOf } from '../../src/errors.js';
import type { InputSpec } from '../../src/frontend/caffe2/import-input-spec.js';
import { importCaffe2 } from '../../src/frontend/caffe2/import-net.js';
import type { Tensor } from '../../src/ir/tensor.js';
import { type CorpusCase, caseDType, caseNet, caseTensor } from './case-file.js';
import { describeDifference } from './compare.js';
import { type Executor, type Job, kTooLarge, type Outcome } from './executor.js';

export type Mode = 'constants' | 'runtime';

export type Verdict =
  | { readonly kind: 'passed' }
  /** Caffe2 refuses it, we give it its evident meaning; allowed by the case. */
  | { readonly kind: 'accepted' }
  | { readonly kind: 'excluded'; readonly rule: string }
  | { readonly kind: 'failed'; readonly reason: string };

export interface CaseResult {
  readonly item: CorpusCase;
  readonly verdict: Verdict;
}

const kPassed: Verdict = { kind: 'passed' };

/** A case in one mode, on its way. */
interface Attempt {
  readonly item: CorpusCase;
  readonly mode: Mode;
  verdict?: Verdict;
  job?: Job;
}

export async function runCases(
  cases: readonly CorpusCase[],
  executor: Executor,
  modes: readonly Mode[],
): Promise<readonly CaseResult[]> {
  const attempts = cases.flatMap((item) => modesOf(item, modes).map((mode): Attempt => ({ item, mode })));
  const waiting: Attempt[] = [];
  const flush = async (): Promise<void> => {
    const batch = waiting.splice(0);
    const outcomes = await executor.run(batch.flatMap((attempt) => (attempt.job === undefined ? [] : [attempt.job])));
    batch.forEach((attempt, i) => {
      const outcome = outcomes[i];
      if (outcome === undefined) throw new Error(`executor ${executor.name} gave too few outcomes`);
      attempt.verdict = judge(attempt.item, outcome);
      delete attempt.job;
    });
  };
  for (const [i, attempt] of attempts.entries()) {
    prepare(attempt, `case_${i}`, executor);
    if (attempt.job !== undefined) waiting.push(attempt);
    if (waiting.length >= executor.batchSize) await flush();
  }
  await flush();
  return cases.map((item) => ({ item, verdict: combine(attempts.filter((attempt) => attempt.item === item)) }));
}

/** Without weights both modes are the same. */
function modesOf(item: CorpusCase, modes: readonly Mode[]): readonly Mode[] {
  return (item.params ?? []).length === 0 ? modes.slice(0, 1) : modes;
}

/** The only rules of exclusion that any case here meets. */
function exclusionOf(item: CorpusCase, executor: Executor): string | undefined {
  if (item.error !== undefined) return undefined;
  const fixed = new Set([...(item.params ?? []), ...(item.shape_inputs ?? [])]);
  const strings = Object.entries(item.inputs).filter(([name, tensor]) => tensor.type === 'string' && !fixed.has(name));
  if (strings.length > 0) return 'string tensors other than constants';
  const isStringOutput = Object.values(item.outputs ?? {}).some((tensor) => tensor.type === 'string');
  return isStringOutput && !executor.hasStrings ? 'string tensors as outputs of compiled code' : undefined;
}

function prepare(attempt: Attempt, id: string, executor: Executor): void {
  const { item, mode } = attempt;
  const rule = exclusionOf(item, executor);
  if (rule !== undefined) {
    attempt.verdict = { kind: 'excluded', rule };
    return;
  }
  const constants = new Set([...(item.shape_inputs ?? []), ...(mode === 'constants' ? (item.params ?? []) : [])]);
  const tensors = new Map<string, Tensor>();
  const inputs = new Map<string, Tensor>();
  const inputShapes = new Map<string, InputSpec>();
  for (const [name, tensor] of Object.entries(item.inputs)) {
    if (constants.has(name)) {
      tensors.set(name, caseTensor(tensor));
      continue;
    }
    inputs.set(name, caseTensor(tensor));
    inputShapes.set(name, { name, dtype: caseDType(tensor), shape: tensor.dims });
  }
  try {
    const { graph } = importCaffe2({ predict: caseNet(item.net), tensors }, { inputShapes });
    attempt.job = { id, graph, inputs };
  } catch (error) {
    attempt.verdict = judgeRefusal(item, problemsOf(error));
  }
}

/** Cases without the tag `value-dependent` whose fault nevertheless only values show: lengths that do not add up. */
const kValueFaults: ReadonlySet<string> = new Set(['err_auto_dim_pademptysamples_l']);

function judge(item: CorpusCase, outcome: Outcome): Verdict {
  if (outcome.kind === 'problems' && outcome.problems.some(({ message }) => message === kTooLarge))
    return { kind: 'excluded', rule: kTooLarge };
  if (item.error !== undefined) {
    if (outcome.kind === 'outputs') return judgeAcceptance(item);
    if (item.tags.includes('value-dependent') || kValueFaults.has(item.name))
      return judgeRefusal(item, outcome.problems);
    return failed(`refused at run time only: ${problemText(outcome.problems)}`);
  }
  if (outcome.kind === 'problems') return failed(`run: ${problemText(outcome.problems)}`);
  for (const [name, tensor] of Object.entries(item.outputs ?? {})) {
    const got = outcome.outputs.get(name);
    if (got === undefined) return failed(`output ${name} is missing`);
    const difference = describeDifference(got, caseTensor(tensor), item.rtol ?? 0, item.atol ?? 0);
    if (difference !== undefined) return failed(`output ${name}: ${difference}`);
  }
  return kPassed;
}

function judgeAcceptance(item: CorpusCase): Verdict {
  if (item.may_accept !== undefined) return { kind: 'accepted' };
  const cause = item.error?.log?.[0] ?? item.error?.message ?? '';
  return failed(`accepted, but Caffe2 refuses: ${cause.slice(0, 160).replaceAll('\n', ' ')}`);
}

function judgeRefusal(item: CorpusCase, problems: readonly Problem[]): Verdict {
  const text = problemText(problems);
  if (problems.some((problem) => problem.code === 'internal')) return failed(`internal: ${text}`);
  if (item.error === undefined) return failed(`refused: ${text}`);
  // A missing operator would refuse everything: that says nothing about the fault of the case.
  if (problems.some(isMissingOperator) && !isAboutMissingOperator(item)) return failed(`not judged: ${text}`);
  const isPlaced = ({ where }: Problem): boolean => where?.opType !== undefined || where?.blob !== undefined;
  return problems.every(isPlaced) ? kPassed : failed(`names neither operator nor blob: ${text}`);
}

function isMissingOperator(problem: Problem): boolean {
  return problem.code === 'unsupported' && problem.message.startsWith('operator type ');
}

/** Caffe2 refuses it for the same reason. */
function isAboutMissingOperator(item: CorpusCase): boolean {
  const words = [item.error?.message ?? '', ...(item.error?.log ?? [])].join(' ');
  return /Cannot (find operator schema|create operator of type)/.test(words);
}

function combine(attempts: readonly Attempt[]): Verdict {
  const verdicts = attempts.map(({ verdict, mode }): Verdict => {
    if (verdict === undefined) return failed('was not run');
    return verdict.kind === 'failed' && attempts.length > 1 ? failed(`(${mode}) ${verdict.reason}`) : verdict;
  });
  return verdicts.find((verdict) => verdict.kind === 'failed') ?? verdicts[0] ?? failed('was not run');
}

function failed(reason: string): Verdict {
  return { kind: 'failed', reason };
}

function problemText(problems: readonly Problem[]): string {
  return problems.map(formatProblem).join(' | ');
}
