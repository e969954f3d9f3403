// Every example of every operator definition: type inference and reference agree, for fixed sizes and for a batch that
// varies at run time.

import assert from 'node:assert/strict';
import { CompileError } from '../../src/errors.js';
import { dimMax, dimMin, isStatic } from '../../src/ir/dim.js';
import type { Graph } from '../../src/ir/graph.js';
import type { Tensor } from '../../src/ir/tensor.js';
import { type ExampleCase, exampleCases, exampleGraph, hasBatch } from '../../src/ops/example-graph.js';
import { interpret } from '../../src/ops/interpret.js';

describe('operator examples', () => {
  for (const item of exampleCases()) {
    it(`${item.name}: the reference gives the inferred types`, () => {
      const { graph, inputs } = exampleGraph(item);
      checkTypes(graph, interpret(graph, inputs));
    });
    if (!hasBatch(item)) continue;
    it(`${item.name}: with a batch that varies`, () => {
      const fixed = exampleGraph(item);
      const varying = exampleGraph(item, { batch: true });
      const outputs = interpret(varying.graph, varying.inputs);
      checkTypes(varying.graph, outputs);
      assert.deepEqual(outputs, interpret(fixed.graph, fixed.inputs));
    });
  }
});

/** dtype, rank and dims (within bounds where they vary) are as inferred. */
function checkTypes(graph: Graph, outputs: ReadonlyMap<string, Tensor>): void {
  for (const { name, value } of graph.outputs) {
    const tensor = outputs.get(name);
    assert.ok(tensor !== undefined);
    assert.equal(tensor.dtype, value.type.dtype);
    assert.equal(tensor.dims.length, value.type.shape.length);
    value.type.shape.forEach((dim, axis) => {
      const actual = tensor.dims[axis] ?? -1;
      if (isStatic(dim)) assert.equal(actual, dim);
      else assert.ok(actual >= dimMin(dim) && actual <= dimMax(dim), `dim ${axis} is ${actual}`);
    });
  }
}

describe('operators with optional outputs', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['LRN', 2],
    ['InstanceNorm', 3],
    ['LayerNorm', 3],
  ];
  for (const [name, outputCount] of cases) {
    it(`${name} gives ${outputCount} outputs`, () => {
      const item = exampleCases().find(({ op }) => op.name === name);
      assert.ok(item !== undefined);
      const { graph, inputs } = exampleGraph(item, { outputCount });
      const outputs = interpret(graph, inputs);
      assert.equal(outputs.size, outputCount);
      checkTypes(graph, outputs);
    });
  }
});

describe('operators refuse', () => {
  const window = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] };
  const cases: readonly (readonly [string, string, ExampleCase['example'], RegExp])[] = [
    [
      'a filter that is not shaped like the kernel',
      'Conv',
      { attrs: { ...window, kernel: [3, 3] }, inputs: [{ dims: [1, 2, 6, 6] }, { dims: [3, 2, 3, 2] }] },
      /not shaped like the kernel/,
    ],
    [
      'too many channels',
      'Conv',
      { attrs: { ...window, kernel: [3, 3] }, inputs: [{ dims: [1, 3, 6, 6] }, { dims: [3, 2, 3, 3] }] },
      /input channels do not match/,
    ],
    [
      'a window that does not fit',
      'Conv',
      { attrs: { ...window, kernel: [3, 3] }, inputs: [{ dims: [1, 2, 2, 2] }, { dims: [3, 2, 3, 3] }] },
      /larger than the padded image/,
    ],
    ['inner sizes that differ', 'MatMul', { inputs: [{ dims: [2, 3] }, { dims: [4, 2] }] }, /inner sizes/],
    ['an even LRN window', 'LRN', { attrs: { size: 4, alpha: 1, beta: 1 }, inputs: [{ dims: [1, 4, 2, 2] }] }, /odd/],
    [
      'a mirror larger than the image',
      'Pad',
      { attrs: { pads: [4, 4, 4, 4], mode: 'reflect' }, inputs: [{ dims: [1, 1, 3, 3] }] },
      /too small to be mirrored/,
    ],
    [
      'groups that do not divide',
      'ChannelShuffle',
      { attrs: { group: 3 }, inputs: [{ dims: [1, 4, 2, 2] }] },
      /divide into groups/,
    ],
  ];
  for (const [what, name, example, message] of cases) {
    it(`${name}: ${what}`, () => {
      const op = exampleCases().find((item) => item.op.name === name)?.op;
      assert.ok(op !== undefined);
      assert.throws(
        () => exampleGraph({ name, op, example }),
        (error) => error instanceof CompileError && message.test(error.message),
      );
    });
  }
});
