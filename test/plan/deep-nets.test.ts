// Nets of thousands of operators: no stage takes time that grows with the square of their number.

import assert from 'node:assert/strict';
import { compileModel } from '../../src/compile.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { makeNet, makeOperator } from '../../src/frontend/caffe2/net-def.js';
import { type BufferRequest, planArena } from '../../src/plan/arena.js';
import { RandomSource } from '../fuzz/random-source.js';
import { cpuTimeMs } from '../support/cpu-time.js';

function chainOf(type: string, count: number): Uint8Array {
  const name = (i: number): string => (i === 0 ? 'x' : `b${i}`);
  const ops = Array.from({ length: count }, (_, i) =>
    makeOperator({ type, inputs: [name(i)], outputs: [name(i + 1)] }),
  );
  return encodeNetDef(makeNet({ ops, externalInputs: ['x'], externalOutputs: [name(count)] }));
}

function arenaRequests(count: number): readonly BufferRequest[] {
  const random = new RandomSource(1);
  return Array.from({ length: count }, (_, i) => {
    const first = random.int(0, count - 1);
    return { name: `b${i}`, sizeBytes: 64 * random.int(1, 1000), first, last: first + random.int(1, 40) };
  });
}

/** Fails unless work of size `large` takes at most `most` times as long as work of size `small`. */
function expectGrowth(small: number, large: number, most: number, work: (size: number) => () => void): void {
  const [before, after] = [small, large].map((size) => cpuTimeMs(work(size)));
  const growth = (after ?? 0) / (before ?? 1);
  assert.ok(growth <= most, `${small}: ${before} ms, ${large}: ${after} ms`);
}

describe('deep nets', function () {
  this.timeout(300_000);

  for (const type of ['Softmax', 'Relu']) {
    it(`8,000 times ${type} take less than eight times as long as 2,000`, () => {
      expectGrowth(2000, 8000, 8, (count) => {
        const predictNet = chainOf(type, count);
        return () => void compileModel({ predictNet, inputs: ['x:2,3'], target: 'x86-64' });
      });
    });
  }

  it('an arena that never reaches its bound is searched less, the more buffers it has', () => {
    expectGrowth(1250, 5000, 4, (count) => {
      const requests = arenaRequests(count);
      return () => void planArena(requests);
    });
  });
});
