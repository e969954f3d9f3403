// --affinity: the net runs on the CPUs that are named, and takes as many threads as there are.

import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { kInit, kPredict, Workplace } from '../cli/command-line.js';

describe('affinity', function () {
  this.timeout(120_000);
  const place = new Workplace();
  after(() => place.remove());

  it('runs on one CPU, on the fast ones, and on none that does not exist', async () => {
    const net = [place.net('tiny.pb', kPredict), '--init', place.net('tiny_init.pb', kInit), '--input', 'x:1,2'];
    const run = (affinity: string) => place.run('run', ...net, '--random', '--json', '--affinity', affinity);
    const threadsOf = (text: string): number => Number((JSON.parse(text) as { readonly threads: number }).threads);
    const one = await run('0');
    assert.equal(one.code, 0, one.stderr);
    assert.equal(threadsOf(one.stdout), 1);
    const fast = await run('fast');
    assert.equal(fast.code, 0, fast.stderr);
    assert.ok(threadsOf(fast.stdout) >= 1 && threadsOf(fast.stdout) <= availableParallelism());
    for (const wrong of ['1000', 'slow', '0,', '3-1', '0-9999999']) {
      const { code, stderr } = await run(wrong);
      assert.equal(code, 2, wrong);
      assert.match(stderr, /--affinity/);
    }
  });
});
