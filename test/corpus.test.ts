// A part of the operator corpus, compiled for the least and the best target of this machine; `npm run corpus` runs all of
// it. The corpus lies beside the checkout and not in it: a clone without it skips these tests.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadTarget } from '../src/build/target.js';
import { compiledExecutor } from './batch/run-compiled.js';
import { readCases } from './corpus/case-file.js';
import { type Executor, interpreterExecutor } from './corpus/executor.js';
import { runCases } from './corpus/run-cases.js';
import { shortForm } from './corpus/short-form.js';
import { needTargetTools } from './support/need-target-tools.js';
import { sharedFolder, skipBecause } from './support/skip.js';

const kMessageLines = 20;
const kArmTargets = ['aarch64-linux', 'armv7-linux'];

describe('operator corpus, short form', function () {
  this.timeout(600_000);
  for (const target of new Set(['x86-64', loadTarget('native').name, ...kArmTargets])) {
    it(`compiled for ${target}`, async function () {
      if (kArmTargets.includes(target)) await needTargetTools(this, target);
      await check(this, compiledExecutor({ target, optimize: true }));
    });
  }

  it('interpreted', async function () {
    await check(this, interpreterExecutor);
  });
});

async function check(context: Mocha.Context, executor: Executor): Promise<void> {
  const shared = sharedFolder();
  const folder = shared === undefined ? undefined : join(shared, 'golden', 'ops');
  if (folder === undefined || !existsSync(folder))
    return skipBecause(context, 'the operator corpus is not beside this checkout');
  const results = await runCases(shortForm(readCases(folder)), executor, ['constants', 'runtime']);
  const failures = results.flatMap(({ item, verdict }) =>
    verdict.kind === 'failed' ? [`${item.name}: ${verdict.reason}`] : [],
  );
  assert.equal(
    failures.length,
    0,
    `${failures.length} of ${results.length} fail:\n${failures.slice(0, kMessageLines).join('\n')}`,
  );
}
