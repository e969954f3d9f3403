// Every example of every operator definition as a compiled net: what it computes is what the interpreter computes, on the
// least and on the best target of this machine. Each example runs with all inputs given at run time, with weights as
// constants (packed, folded), and with a batch that varies where the operator allows one.

import assert from 'node:assert/strict';
import { loadTarget } from '../../src/build/target.js';
import { runCompiled } from '../batch/run-compiled.js';
import { exampleJobs, judgeExample } from './example-jobs.js';

const kMessageLines = 12;

const kTargets = [...new Set(['x86-64', loadTarget('native').name])];
for (const target of kTargets) {
  for (const optimize of [true, false]) {
    it(`compiled examples agree with the interpreter: ${target}, ${optimize ? 'optimized' : 'not optimized'}`, async function () {
      this.timeout(600_000);
      const jobs = exampleJobs();
      const outcomes = await runCompiled(jobs, { target, optimize });
      const wrong = jobs.flatMap((job, i) => judgeExample(job, outcomes[i]));
      const message = `${wrong.length} of ${jobs.length} differ:\n${wrong.slice(0, kMessageLines).join('\n')}`;
      assert.equal(wrong.length, 0, message);
    });
  }
}
