// The kernels of cores without vectors, compiled for this machine as if it had none: the part of the operator corpus that
// reaches them, against recorded answers.

import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../src/package-root.js';
import { compiledExecutor } from '../batch/run-compiled.js';
import type { CorpusCase } from '../corpus/case-file.js';
import { checkCases } from '../corpus/check-cases.js';

const kTarget = fileURLToPath(new URL('test/mcu/x86-64-scalar.json', packageRoot));
const kOperators = new Set(['Conv', 'FC', 'LRN', 'MaxPool', 'AveragePool', 'Softmax']);
const kMost = 90;

function reachingCases(cases: readonly CorpusCase[]): readonly CorpusCase[] {
  const reaching = cases.filter(({ ops, error }) => error === undefined && ops.some((op) => kOperators.has(op)));
  const step = Math.ceil(reaching.length / kMost);
  return reaching.filter((_, i) => i % step === 0);
}

describe('kernels for cores without vectors', function () {
  this.timeout(600_000);
  it('agree with recorded answers', async function () {
    await checkCases(this, compiledExecutor({ target: kTarget, optimize: true }), reachingCases, ['constants']);
  });
});
