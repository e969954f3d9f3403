// Problems and warnings on standard error, and the exit code they mean: 2 for a wrong command line, 1 for the rest.

import process from 'node:process';
import { CompileError, formatProblem, type Problem, problemsOf } from '../errors.js';

/** Prints a thrown value; CORTADO_DEBUG=1 adds the stack. */
export function reportError(error: unknown): number {
  const problems = problemsOf(error);
  const headline = problems.length === 1 ? 'error' : `${problems.length} problems`;
  const [first] = problems;
  if (problems.length === 1 && first !== undefined) console.error(`cortado: ${headline}: ${formatProblem(first)}`);
  else console.error([`cortado: ${headline}`, ...problems.map((problem) => `  ${formatProblem(problem)}`)].join('\n'));
  const isDebug = process.env.CORTADO_DEBUG === '1';
  if (isDebug && error instanceof Error) console.error(error.stack);
  else if (!(error instanceof CompileError)) console.error('  CORTADO_DEBUG=1 shows where it happened');
  return problems.every(({ code }) => code === 'bad-option') ? 2 : 1;
}

/** One block; warnings that differ only in their place are one line with a count. */
export function reportWarnings(warnings: readonly Problem[]): void {
  if (warnings.length === 0) return;
  const groups = new Map<string, Problem[]>();
  for (const warning of warnings) {
    const key = `${warning.where?.opType ?? ''}\0${warning.message}`;
    groups.set(key, [...(groups.get(key) ?? []), warning]);
  }
  const lines = [...groups.values()].flatMap(([first, ...more]) => {
    if (first === undefined) return [];
    const others = more.map(({ where }) => where?.opIndex ?? '?');
    const also = others.length === 0 ? '' : ` (and op ${shorten(others)})`;
    return [`  ${formatProblem(first)}${also}`];
  });
  console.error([`cortado: ${warnings.length} warning${warnings.length === 1 ? '' : 's'}`, ...lines].join('\n'));
}

function shorten(items: readonly string[]): string {
  return items.length <= 6 ? items.join(', ') : `${items.slice(0, 5).join(', ')} and ${items.length - 5} more`;
}
