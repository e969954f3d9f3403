// A small part of the operator corpus as images without an operating system, many nets in one, run in an emulated machine:
// `npm run corpus -- DIR --target cortex-m4` runs all of it.

import { compiledExecutor } from '../batch/run-compiled.js';
import { checkCases } from '../corpus/check-cases.js';
import { shortForm } from '../corpus/short-form.js';
import { needTargetTools } from '../support/need-target-tools.js';

/** Every so many cases of the short form that have an answer. */
const kSteps = { 'cortex-m4': 13, 'cortex-m7': 90, 'cortex-m55': 26 } as const;

/** Results that hang on a number below 1.2e-38: Helium takes it for zero. */
const kSubnormal: ReadonlySet<string> = new Set(['u_sign_special', 'u_ceil_special']);

describe('operator corpus on Cortex-M', function () {
  this.timeout(600_000);
  for (const [target, step] of Object.entries(kSteps)) {
    it(`a part of it is right on ${target}`, async function () {
      await needTargetTools(this, target);
      await checkCases(
        this,
        compiledExecutor({ target, optimize: true }),
        (cases) => shortForm(cases.filter(({ error }) => error === undefined)).filter((_, i) => i % step === 0),
        ['constants'],
      );
    });
  }

  it('NaN, infinities and signed zeros are right on the vector unit of cortex-m55', async function () {
    await needTargetTools(this, 'cortex-m55');
    await checkCases(
      this,
      compiledExecutor({ target: 'cortex-m55', optimize: true }),
      (cases) => cases.filter(({ name }) => name.endsWith('_special') && !kSubnormal.has(name)),
      ['constants'],
    );
  });
});
