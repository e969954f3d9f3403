// The parts of verify: comparing tensors, seeded inputs, naming the first operator that differs.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { compileModel, importModel } from '../../src/compile.js';
import { writeNpy } from '../../src/files/npy.js';
import { encodeNetDef, parseNetDefText } from '../../src/frontend/caffe2/messages.js';
import { floatTensor, makeTensor } from '../../src/ir/tensor.js';
import { compareTensors, kDefaultTolerance, toleranceOf } from '../../src/verify/compare-tensors.js';
import { findFirstDifference } from '../../src/verify/first-difference.js';
import { seededInputs } from '../../src/verify/seeded-inputs.js';
import { Workplace } from './command-line.js';

const chain = encodeNetDef(
  parseNetDefText(`external_input: "x" external_output: "z"
    op { input: "x" output: "y" type: "Sqr" } op { input: "y" output: "y" type: "Relu" } op { input: "y" output: "z" type: "Exp" }`),
);

describe('verify', () => {
  it('measures errors and accepts what is within tolerance', () => {
    const expected = floatTensor([4], [1, -2, Number.NaN, Number.POSITIVE_INFINITY]);
    const near = compareTensors(
      't',
      expected,
      floatTensor([4], [1.00001, -2, Number.NaN, Number.POSITIVE_INFINITY]),
      kDefaultTolerance,
    );
    assert.equal(near.pass, true);
    assert.ok(Math.abs(near.maxAbs - 1e-5) < 1e-7);
    const far = compareTensors('t', expected, floatTensor([4], [1, -2.1, 0, 3]), kDefaultTolerance);
    assert.deepEqual([far.pass, far.badCount], [false, 3]);
    assert.match(far.detail ?? '', /^element 1 is -2\.09/);
  });

  it('accepts one step of a byte, no other integer difference, and no other shape', () => {
    const bytes = (...values: readonly number[]) => makeTensor('u8', [values.length], Uint8Array.from(values));
    const ints = (...values: readonly number[]) => makeTensor('i32', [values.length], Int32Array.from(values));
    assert.equal(compareTensors('t', bytes(1, 2), bytes(2, 2), kDefaultTolerance).pass, true);
    assert.equal(compareTensors('t', bytes(1, 2), bytes(3, 2), kDefaultTolerance).pass, false);
    assert.equal(compareTensors('t', ints(1, 2), ints(2, 2), kDefaultTolerance).pass, false);
    assert.match(
      compareTensors('t', bytes(1), bytes(1, 2), kDefaultTolerance).detail ?? '',
      /u8 \[2\] instead of u8 \[1\]/,
    );
  });

  it('lets more bytes of a picture differ by a step where floats err by more', () => {
    const picture = (changed: number) =>
      makeTensor('u8', [10], new Uint8Array(10).fill(7, 0, changed).fill(8, changed));
    const passes = (changed: number, precision: 'fp32' | 'fp16'): boolean =>
      compareTensors('t', picture(0), picture(changed), toleranceOf(precision)).pass;
    assert.deepEqual([passes(1, 'fp32'), passes(2, 'fp32')], [true, false]);
    assert.deepEqual([passes(3, 'fp16'), passes(4, 'fp16')], [true, false]);
  });

  it('makes the same inputs from the same seed, at the largest sizes', () => {
    const { graph } = importModel({ predictNet: chain, inputs: ['x:1..3,4'] });
    const [first, again, other] = [1, 1, 2].map((seed) => seededInputs(graph, seed).get('x'));
    assert.deepEqual(first?.dims, [3, 4]);
    assert.deepEqual(first, again);
    assert.notDeepEqual(first, other);
  });

  it('names the first operator that differs from the interpreter', () => {
    const place = new Workplace();
    try {
      const { graph } = compileModel({ predictNet: chain, inputs: ['x:2'], optimize: false, target: 'x86-64' });
      const [sqr, relu, exp] = graph.nodes.map((node) => node.outputs[0]?.name ?? '');
      const traced = { [sqr ?? '']: [4, 9], [relu ?? '']: [4, 8], [exp ?? '']: [0, 0] };
      const rows = Object.entries(traced).map(([name, values], i) => {
        writeNpy(place.path(`${i}.npy`), floatTensor([2], values));
        return `${i}.npy\t${i}\t${name}`;
      });
      writeFileSync(place.path('index.tsv'), `${rows.join('\n')}\n`);
      const inputs = new Map([['x', floatTensor([2], [2, 3])]]);
      const found = findFirstDifference(graph, inputs, place.folder, kDefaultTolerance);
      assert.deepEqual([found?.opIndex, found?.opType, found?.agreed], ['1', 'Relu', 1]);
      assert.equal(found?.comparison.detail, 'element 1 is 8, expected 9');
    } finally {
      place.remove();
    }
  });
});
