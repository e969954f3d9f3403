// What a refusal must look like: a CompileError whose first problem has this code and mentions this.

import assert from 'node:assert/strict';
import { CompileError, type Problem, type ProblemCode } from '../../src/errors.js';

/** Runs `call`, which must be refused; gives the first problem for further checks. */
export function expectProblem(call: () => unknown, code: ProblemCode, pattern: RegExp): Problem {
  try {
    call();
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    const [problem] = error.problems;
    assert.ok(problem !== undefined);
    assert.equal(problem.code, code, error.message);
    assert.match(error.message, pattern);
    return problem;
  }
  return assert.fail(`not refused; expected ${code}: ${pattern.source}`);
}
