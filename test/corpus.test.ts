// A part of the operator corpus, compiled for the least and the best target of this machine; `npm run corpus` runs all of it.

import { loadTarget } from '../src/build/target.js';
import { compiledExecutor } from './batch/run-compiled.js';
import { checkCases } from './corpus/check-cases.js';
import { interpreterExecutor } from './corpus/executor.js';
import { shortForm } from './corpus/short-form.js';
import { needTargetTools } from './support/need-target-tools.js';

const kArmTargets = ['aarch64-linux', 'armv7-linux'];
const kModes = ['constants', 'runtime'] as const;

describe('operator corpus, short form', function () {
  this.timeout(600_000);
  for (const target of new Set(['x86-64', loadTarget('native').name, ...kArmTargets])) {
    it(`compiled for ${target}`, async function () {
      if (kArmTargets.includes(target)) await needTargetTools(this, target);
      await checkCases(this, compiledExecutor({ target, optimize: true }), shortForm, kModes);
    });
  }

  it('interpreted', async function () {
    await checkCases(this, interpreterExecutor, shortForm, kModes);
  });
});
