// A few random nets of fixed seeds through the whole compiler; `npm run fuzz` runs as many as wanted and shrinks failures.

import assert from 'node:assert/strict';
import { checkNets } from './fuzz/compare-nets.js';
import { randomNet } from './fuzz/random-graphs.js';

const kCount = 64;

describe('random nets', () => {
  it('compiled, optimized and interpreted agree', async function () {
    this.timeout(600_000);
    const nets = Array.from({ length: kCount }, (_, i) => randomNet(100_000 + i));
    const problems = await checkNets(nets, 'native');
    const failures = problems.flatMap((problem, i) =>
      problem === undefined ? [] : [`seed ${100_000 + i}: ${problem}`],
    );
    assert.deepEqual(failures, []);
  });
});
