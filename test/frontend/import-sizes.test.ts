// Sizes beyond any machine are refused where they arise, at once and without taking the memory; nothing overflows.

import assert from 'node:assert/strict';
import { importText, refusals, run } from './import-sample.js';

const kHuge = 'arg { name: "shape" ints: 1000000 ints: 1000000 }';
const kAdd =
  'external_input: "x" external_input: "w" external_output: "y" op { type: "Add" input: "x" input: "w" output: "y" }';

describe('sizes', () => {
  it('an input too large', () => {
    const predict = 'external_input: "x" external_output: "y" op { type: "Relu" input: "x" output: "y" }';
    for (const dims of ['2147483647,2147483647', `${'2147483647,'.repeat(40)}0`]) {
      assert.match(
        refusals(predict, { inputs: [`x:${dims}`] }).join(),
        /input x is too large \(expected at most 1099511627776 /,
      );
    }
  });

  it('a result too large', () => {
    const tiles = '{ type: "Tile" input: "x" output: "x" arg { name: "tiles" i: 10000 } arg { name: "axis" i: 0 } }';
    const predict = `external_input: "x" external_output: "x" op ${tiles} op ${tiles} op ${tiles}`;
    assert.match(
      refusals(predict, { inputs: ['x:2,3'] }).join(),
      /op 2 Tile.*: the result is too large .*f32\[2000000000000,3\]/,
    );
  });

  for (const type of [
    'ConstantFill',
    'UniformFill',
    'GaussianFill',
    'UniqueUniformFill',
    'RangeFill',
    'DiagonalFill',
  ]) {
    it(`${type} of an init net`, () => {
      const init = `op { type: "${type}" output: "w" ${kHuge} }`;
      assert.match(refusals(kAdd, { init, inputs: ['x:1'], randomSeed: 1 }).join(), /op 0 \w+: blob w: .* too large/);
    });
  }

  it('strings', () => {
    const init = `op { type: "ConstantFill" output: "w" ${kHuge} arg { name: "dtype" i: 4 } }`;
    assert.match(refusals(kAdd, { init, inputs: ['x:1'] }).join(), /op 0 ConstantFill: blob w: .* too large/);
  });

  it('what an init net computes', () => {
    const init = `
      op { type: "ConstantFill" output: "a" arg { name: "shape" ints: 1000 } }
      op { type: "Tile" input: "a" output: "w" arg { name: "tiles" i: 1000000 } arg { name: "axis" i: 0 } }`;
    assert.match(refusals(kAdd, { init, inputs: ['x:1'] }).join(), /op 1 Tile: .*makes a constant that is too large/);
  });

  it('a large fill of the predict net is done at run time, a small one is a constant', () => {
    const fill = (count: number): string =>
      `external_output: "y" op { type: "ConstantFill" output: "y" arg { name: "shape" ints: ${count} } arg { name: "value" f: 2.5 } }`;
    const large = importText(fill(2 ** 18 + 1)).graph;
    assert.deepEqual(
      large.nodes.map((node) => node.op),
      ['Fill'],
    );
    assert.equal(run(large, {}).at(-1), 2.5);
    assert.equal(importText(fill(2 ** 18)).graph.nodes.length, 0);
    assert.equal(importText(fill(3_000_000_000)).graph.nodes.length, 1);
  });

  for (const type of ['Sum', 'Mean', 'Max', 'Min', 'WeightedSum']) {
    it(`${type} of 20,000 inputs`, () => {
      const predict = `external_input: "x" external_output: "y" op { type: "${type}" ${'input: "x" '.repeat(20_000)} output: "y" }`;
      assert.match(refusals(predict, { inputs: ['x:1'] }).join(), /wrong number of inputs .*1024, got 20000/);
    });
  }
});
