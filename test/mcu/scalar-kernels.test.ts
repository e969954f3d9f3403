// The kernels of cores without vectors, compiled for this machine as if it had none: the part of the operator corpus that
// reaches them, against recorded answers.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../src/package-root.js';
import { compiledExecutor } from '../batch/run-compiled.js';
import { readCases } from '../corpus/case-file.js';
import { runCases } from '../corpus/run-cases.js';
import { sharedFolder, skipBecause } from '../support/skip.js';

const kTarget = fileURLToPath(new URL('test/mcu/x86-64-scalar.json', packageRoot));
const kOperators = new Set(['Conv', 'FC', 'LRN', 'MaxPool', 'AveragePool', 'Softmax']);
const kMost = 90;

describe('kernels for cores without vectors', function () {
  this.timeout(600_000);
  it('agree with recorded answers', async function () {
    const shared = sharedFolder();
    const folder = shared === undefined ? undefined : join(shared, 'golden', 'ops');
    if (folder === undefined || !existsSync(folder))
      return skipBecause(this, 'the operator corpus is not beside this checkout');
    const reaching = readCases(folder).filter(
      ({ ops, error }) => error === undefined && ops.some((op) => kOperators.has(op)),
    );
    const step = Math.ceil(reaching.length / kMost);
    const cases = reaching.filter((_, i) => i % step === 0);
    const results = await runCases(cases, compiledExecutor({ target: kTarget, optimize: true }), ['constants']);
    const failures = results.flatMap(({ item, verdict }) =>
      verdict.kind === 'failed' ? [`${item.name}: ${verdict.reason}`] : [],
    );
    assert.ok(cases.length > 60, `${cases.length} cases`);
    assert.deepEqual(failures, []);
  });
});
