// Errors: every message a user can meet is a Problem, and a CompileError carries all problems of a model at once.
// A Problem says what was expected, what came, where it is and what to do. Nothing here prints; src/cli does.

/** What kind of trouble a problem is; decides the exit code and the wording of the headline. */
export type ProblemCode = 'invalid-model' | 'unsupported' | 'bad-option' | 'toolchain' | 'mismatch' | 'internal';

/** Where in the user's files a problem sits. Every field is optional; the more are known the better. */
export interface Where {
  readonly file?: string;
  readonly net?: string;
  /** Index of the operator in its net; nested nets are spelled like `111.else.5`. */
  readonly opIndex?: string;
  readonly opType?: string;
  readonly opName?: string;
  readonly blob?: string;
  readonly line?: number;
  readonly column?: number;
  readonly offsetBytes?: number;
}

export interface Problem {
  readonly code: ProblemCode;
  /** One sentence: what is wrong. */
  readonly message: string;
  readonly where?: Where;
  readonly expected?: string;
  readonly got?: string;
  readonly remedy?: string;
}

/** Thrown by every stage; holds at least one problem. */
export class CompileError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[] | Problem) {
    const list = Array.isArray(problems) ? (problems as readonly Problem[]) : [problems as Problem];
    super(list.map(formatProblem).join('\n'));
    this.name = 'CompileError';
    this.problems = list;
  }
}

/** Throws a CompileError with one problem. */
export function fail(code: ProblemCode, message: string, more: Omit<Problem, 'code' | 'message'> = {}): never {
  throw new CompileError({ code, message, ...more });
}

/** Ends an exhaustive switch: the compiler proves that it is never reached. */
export function unreachable(value: never): never {
  throw new CompileError({ code: 'internal', message: `unreachable case: ${JSON.stringify(value)}` });
}

/** The problems of any thrown value; foreign exceptions become one internal problem without a stack trace. */
export function problemsOf(error: unknown): readonly Problem[] {
  if (error instanceof CompileError) return error.problems;
  const message = error instanceof Error ? error.message : String(error);
  return [{ code: 'internal', message, remedy: 'this is a defect of Cortado; please report it with the model' }];
}

/** `predict_net.pb: op 3 Conv "conv2" (blob x)`, as far as known. */
export function formatWhere(where: Where): string {
  const parts: string[] = [];
  if (where.file !== undefined) {
    const line =
      where.line === undefined ? '' : `:${where.line}${where.column === undefined ? '' : `:${where.column}`}`;
    parts.push(where.file + line);
  }
  if (where.offsetBytes !== undefined) parts.push(`byte ${where.offsetBytes}`);
  if (where.net !== undefined) parts.push(`net ${where.net}`);
  if (where.opIndex !== undefined || where.opType !== undefined) {
    const index = where.opIndex === undefined ? '' : ` ${where.opIndex}`;
    const type = where.opType === undefined ? '' : ` ${where.opType}`;
    const name = where.opName === undefined || where.opName === '' ? '' : ` "${where.opName}"`;
    parts.push(`op${index}${type}${name}`);
  }
  if (where.blob !== undefined) parts.push(`blob ${where.blob}`);
  return parts.join(': ');
}

/** One line per problem: place, message, expected, got, remedy. */
export function formatProblem(problem: Problem): string {
  const where = problem.where === undefined ? '' : formatWhere(problem.where);
  const detail = [
    problem.expected === undefined ? '' : `expected ${problem.expected}`,
    problem.got === undefined ? '' : `got ${problem.got}`,
  ].filter((text) => text !== '');
  return [
    where === '' ? '' : `${where}: `,
    problem.message,
    detail.length === 0 ? '' : ` (${detail.join(', ')})`,
    problem.remedy === undefined ? '' : `; ${problem.remedy}`,
  ].join('');
}
