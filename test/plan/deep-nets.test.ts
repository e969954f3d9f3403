// Nets of thousands of operators are compiled in seconds: no stage takes time that grows with the square of their number.

import assert from 'node:assert/strict';
import { compileModel } from '../../src/compile.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { makeNet, makeOperator } from '../../src/frontend/caffe2/net-def.js';
import { type BufferRequest, planArena } from '../../src/plan/arena.js';
import { RandomSource } from '../fuzz/random-source.js';

/** Far above what is needed, far below what cubic or quadratic work took (minutes). */
const kLimitMs = 20_000;

function chainOf(type: string, count: number): Uint8Array {
  const name = (i: number): string => (i === 0 ? 'x' : `b${i}`);
  const ops = Array.from({ length: count }, (_, i) =>
    makeOperator({ type, inputs: [name(i)], outputs: [name(i + 1)] }),
  );
  return encodeNetDef(makeNet({ ops, externalInputs: ['x'], externalOutputs: [name(count)] }));
}

function timeMs(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

describe('deep nets', function () {
  this.timeout(300_000);

  for (const type of ['Softmax', 'Relu']) {
    it(`3,000 times ${type}`, () => {
      const predictNet = chainOf(type, 3000);
      const spent = timeMs(() => void compileModel({ predictNet, inputs: ['x:2,3'], target: 'x86-64' }));
      assert.ok(spent < kLimitMs, `${spent} ms`);
    });
  }

  it('an arena of 5,000 buffers that never reaches its bound', () => {
    const random = new RandomSource(1);
    const requests = Array.from({ length: 5000 }, (_, i): BufferRequest => {
      const first = random.int(0, 4999);
      return { name: `b${i}`, sizeBytes: 64 * random.int(1, 1000), first, last: first + random.int(1, 40) };
    });
    const spent = timeMs(() => void planArena(requests));
    assert.ok(spent < kLimitMs, `${spent} ms`);
  });
});
