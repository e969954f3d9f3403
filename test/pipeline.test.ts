// The passes together: nets in which several have to work hand in hand.

import assert from 'node:assert/strict';
import { CompileError, formatProblem } from '../src/errors.js';
import type { Graph } from '../src/ir/graph.js';
import '../src/ops/index.js';
import { parseGraph } from '../src/ops/parse-graph.js';
import { verifyGraph } from '../src/ops/verify-graph.js';
import { compareMeaning } from '../src/passes/check-values.js';
import { runPasses, runPassList } from '../src/passes/pipeline.js';

const kWindow = '{kernel=[3,3], strides=[1,1], pads=[1,1,1,1], dilations=[1,1], group=1}';

/** Optimizes, checks soundness and meaning after every pass; gives the operators left, `Conv+` with an epilogue. */
function optimized(text: string): readonly string[] {
  const graph = parseGraph(text);
  const result = runPasses(graph, {
    optimize: true,
    checkValues: true,
    onPass: (pass, after) => assert.deepEqual(verifyGraph(after).map(formatProblem), [], pass),
  });
  assert.equal(compareMeaning(graph, result), undefined);
  return operators(result);
}

function operators(graph: Graph): readonly string[] {
  return graph.nodes.map((node) => `${node.op}${node.epilogue === undefined ? '' : '+'}`);
}

describe('pipeline', () => {
  it('a residual block with batch norms is two convolutions', () => {
    const norm = (i: number): string => `
      const %s${i}: f32[4] = random(${i}1, 0.5, 1)
      const %b${i}: f32[4] = random(${i}2, -1, 1)
      const %m${i}: f32[4] = random(${i}3, -1, 1)
      const %v${i}: f32[4] = random(${i}4, 0.5, 1)`;
    const text = `net "block" {
      input %x: f32[batch(1..2),4,5,5]
      const %w1: f32[4,4,3,3] = random(1, -1, 1)
      const %w2: f32[4,4,3,3] = random(2, -1, 1)
      ${norm(1)}
      ${norm(2)}
      %c1 = Conv(%x, %w1) ${kWindow} : f32[batch(1..2),4,5,5]
      %n1 = SpatialBN(%c1, %s1, %b1, %m1, %v1) {epsilon=0.001} : f32[batch(1..2),4,5,5]
      %r1 = Relu(%n1) : f32[batch(1..2),4,5,5]
      %d1 = Identity(%r1) : f32[batch(1..2),4,5,5]
      %c2 = Conv(%d1, %w2) ${kWindow} : f32[batch(1..2),4,5,5]
      %n2 = SpatialBN(%c2, %s2, %b2, %m2, %v2) {epsilon=0.001} : f32[batch(1..2),4,5,5]
      %s = Sum(%n2, %x) : f32[batch(1..2),4,5,5]
      %y = Relu(%s) : f32[batch(1..2),4,5,5]
      output "y" = %y
    }`;
    assert.deepEqual(optimized(text), ['Conv+', 'Conv+']);
  });

  it('a net in NHWC order keeps one transpose at each end', () => {
    const text = `net "nhwc" {
      input %x: f32[1,5,5,2]
      const %w1: f32[2,2,3,3] = random(1, -1, 1)
      const %w2: f32[2,2,3,3] = random(2, -1, 1)
      const %k: f32[2] = [0.5,2]
      %t1 = Transpose(%x) {perm=[0,3,1,2]} : f32[1,2,5,5]
      %c1 = Conv(%t1, %w1) ${kWindow} : f32[1,2,5,5]
      %u1 = Transpose(%c1) {perm=[0,2,3,1]} : f32[1,5,5,2]
      %r1 = PRelu(%u1, %k) : f32[1,5,5,2]
      %t2 = Transpose(%r1) {perm=[0,3,1,2]} : f32[1,2,5,5]
      %c2 = Conv(%t2, %w2) ${kWindow} : f32[1,2,5,5]
      %u2 = Transpose(%c2) {perm=[0,2,3,1]} : f32[1,5,5,2]
      %y = Sigmoid(%u2) : f32[1,5,5,2]
      output "y" = %y
    }`;
    assert.deepEqual(optimized(text), ['Transpose', 'Conv+', 'Conv+', 'Transpose']);
  });

  it('x * sigmoid(x) goes into the convolution that makes x', () => {
    const text = `net "swish" {
      input %x: f32[1,2,4,4]
      const %w: f32[2,2,3,3] = random(1, -1, 1)
      %c = Conv(%x, %w) ${kWindow} : f32[1,2,4,4]
      %s = Sigmoid(%c) : f32[1,2,4,4]
      %y = Mul(%c, %s) : f32[1,2,4,4]
      output "y" = %y
    }`;
    assert.deepEqual(optimized(text), ['Conv+']);
  });

  it('without optimization only dead code goes', () => {
    const text = `net "plain" {
      input %x: f32[4]
      %a = Identity(%x) : f32[4]
      %d = Tanh(%x) : f32[4]
      %y = Relu(%a) : f32[4]
      output "y" = %y
    }`;
    assert.deepEqual(operators(runPasses(parseGraph(text), { optimize: false })), ['Identity', 'Relu']);
  });

  it('checkValues names the first pass that changes a result', () => {
    const graph = parseGraph('net "t" { input %x: f32[4] %y = Exp(%x) : f32[4] output "y" = %x output "z" = %y }');
    const [input] = graph.inputs;
    assert.ok(input !== undefined);
    const wrong = (g: Graph): Graph => ({ ...g, outputs: g.outputs.map(({ name }) => ({ name, value: input.value })) });
    const passes = [
      { name: 'harmless', run: (g: Graph) => g },
      { name: 'wrong', run: wrong },
      { name: 'later', run: (g: Graph) => ({ ...g, outputs: [] }) },
    ];
    assert.throws(
      () => runPassList(passes, graph, { checkValues: true }),
      (error) =>
        error instanceof CompileError && /pass wrong changes a result: output z: element 0/.test(error.message),
    );
  });
});
