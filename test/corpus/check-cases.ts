// Cases of the operator corpus as a test. The corpus lies beside the checkout and not in it: a clone without it skips them.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sharedFolder, skipBecause } from '../support/skip.js';
import { type CorpusCase, readCases } from './case-file.js';
import type { Executor } from './executor.js';
import { type Mode, runCases } from './run-cases.js';

const kMessageLines = 20;

/** Runs the cases that `choose` takes from the corpus; fails with the first that are wrong. */
export async function checkCases(
  context: Mocha.Context,
  executor: Executor,
  choose: (cases: readonly CorpusCase[]) => readonly CorpusCase[],
  modes: readonly Mode[],
): Promise<void> {
  const shared = sharedFolder();
  const folder = shared === undefined ? undefined : join(shared, 'golden', 'ops');
  if (folder === undefined || !existsSync(folder))
    return skipBecause(context, 'the operator corpus is not beside this checkout');
  const cases = choose(readCases(folder));
  assert.ok(cases.length > 0, 'no case was chosen');
  const results = await runCases(cases, executor, modes);
  const failures = results.flatMap(({ item, verdict }) =>
    verdict.kind === 'failed' ? [`${item.name}: ${verdict.reason}`] : [],
  );
  const first = failures.slice(0, kMessageLines).join('\n');
  assert.equal(failures.length, 0, `${failures.length} of ${results.length} fail:\n${first}`);
}
