// Sizes that values decide: known values give them, else a bound does, and what exceeds the bound is refused.

import assert from 'node:assert/strict';
import { CompileError } from '../../src/errors.js';
import { importCaffe2 } from '../../src/frontend/caffe2/import-net.js';
import { dimToString } from '../../src/ir/dim.js';
import type { Graph } from '../../src/ir/graph.js';
import { makeTensor, type Tensor, toNumbers } from '../../src/ir/tensor.js';
import { interpret } from '../../src/ops/interpret.js';
import { caseNet } from '../corpus/case-file.js';

function int32s(...values: readonly number[]): Tensor {
  return makeTensor('i32', [values.length], Int32Array.from(values));
}

/** A net of one operator over int32 lengths [2], known or given at run time. */
function lengthsNet(type: string, arg: { readonly [name: string]: { readonly i: number } }, known?: Tensor): Graph {
  const op = { type, input: ['lengths'], output: ['y'], arg };
  const predict = caseNet({ ops: [op], external_input: ['lengths'], external_output: ['y'] });
  const tensors = new Map(known === undefined ? [] : [['lengths', known] as const]);
  const inputShapes = new Map(
    known === undefined ? [['lengths', { name: 'lengths', dtype: 'i32', shape: [2] } as const] as const] : [],
  );
  return importCaffe2({ predict, tensors }, { inputShapes }).graph;
}

function sizeOf(graph: Graph): string {
  return (graph.outputs[0]?.value.type.shape ?? []).map(dimToString).join(',');
}

describe('sizes that values decide', () => {
  it('are numbers where the values are known', () => {
    assert.equal(sizeOf(lengthsNet('LengthsRangeFill', {}, int32s(2, 3))), '5');
  });

  it('are symbols with a bound where they are not', () => {
    assert.match(sizeOf(lengthsNet('LengthsRangeFill', {})), /\(0\.\.1024\)$/);
    assert.match(sizeOf(lengthsNet('LengthsRangeFill', { cortado_bound: { i: 6 } })), /\(0\.\.6\)$/);
  });

  it('may reach the bound and not exceed it', () => {
    const graph = lengthsNet('LengthsRangeFill', { cortado_bound: { i: 6 } });
    const run = (lengths: Tensor): Tensor | undefined => interpret(graph, new Map([['lengths', lengths]])).get('y');
    assert.deepEqual(toNumbers(run(int32s(4, 2)) ?? assert.fail('no output')), [0, 1, 2, 3, 0, 1]);
    assert.throws(
      () => run(int32s(4, 3)),
      (error) => error instanceof CompileError && /bound is 6/.test(error.message),
    );
    assert.throws(
      () => run(int32s(-1, 3)),
      (error) => error instanceof CompileError && /negative/.test(error.message),
    );
  });
});
