// Operators on sizes that vary at run time: types carry the symbols, kernels are lowered from them, and the interpreter
// gives tensors of the sizes that the types promise.

import { strict as assert } from 'node:assert';
import { type Dim, dimEvaluate, dimSymbol } from '../../src/ir/dim.js';
import type { Graph, Value } from '../../src/ir/graph.js';
import { floatTensor, type Tensor } from '../../src/ir/tensor.js';
import { tensorType, typeToString } from '../../src/ir/type.js';
import { GraphBuilder } from '../../src/ops/builder.js';
import { opDef } from '../../src/ops/index.js';
import { interpret } from '../../src/ops/interpret.js';

const kTarget = { vectorFloats: 8, vectorRegisters: 16, fma: true, l1Bytes: 32768, l2Bytes: 1 << 20, threads: 2 };
const kBatch = dimSymbol('batch', 1, 8);

/** A graph over one input [batch, ...dims]; every value made is an output. */
function graphOf(dims: readonly Dim[], make: (builder: GraphBuilder, x: Value) => readonly Value[]): Graph {
  const builder = new GraphBuilder('test');
  const x = builder.input('x', tensorType('f32', [kBatch, ...dims]));
  const values = make(builder, x);
  return builder.finish(values.map((value, i) => ({ name: `y${i}`, value })));
}

function lowerAll(graph: Graph): void {
  for (const node of graph.nodes) {
    opDef(node.op).lower?.({ node, target: kTarget, constant: () => undefined }, node.attrs as never);
  }
}

/** Runs the graph at a batch and checks the sizes of all outputs that depend on the batch alone. */
function checkSizes(graph: Graph, batch: number, dims: readonly number[]): ReadonlyMap<string, Tensor> {
  const count = dims.reduce((product, dim) => product * dim, batch);
  const x = floatTensor(
    [batch, ...dims],
    Array.from({ length: count }, (_, i) => ((i * 37) % 101) / 50 - 1),
  );
  const results = interpret(graph, new Map([['x', x]]));
  for (const { name, value } of graph.outputs) {
    const tensor = results.get(name);
    assert(tensor !== undefined);
    const wanted = value.type.shape.map((dim) => dimEvaluate(dim, new Map([['batch', batch]])));
    assert.deepEqual(tensor.dims, wanted, `${name}: ${typeToString(value.type)}`);
  }
  return results;
}

describe('operators with a batch that varies', () => {
  it('move data', () => {
    const graph = graphOf([6, 4], (builder, x) => [
      builder.emitOne('Reshape', [x], { shape: [0, -1] }),
      builder.emitOne('Reshape', [x], { shape: [-1, 8] }),
      builder.emitOne('Flatten', [x], { axis: 2 }),
      builder.emitOne('MergeDim', [x]),
      builder.emitOne('ExpandDims', [x], { dims: [0, 2] }),
      builder.emitOne('Transpose', [x], { perm: [2, 0, 1] }),
      builder.emitOne('Tile', [x], { tiles: 3, axis: 0 }),
      builder.emitOne('Slice', [x], { starts: [0, 1, 0], ends: [-1, 3, -1] }),
      builder.emitOne('Slice', [x], { starts: [1, 0, 0], ends: [-1, -1, -1] }),
      builder.emitOne('Concat', [x, x], { axis: 0 }),
      builder.emitOne('Concat', [x, x], { axis: 1 }),
      ...builder.emit(
        'Split',
        [builder.emitOne('Concat', [x, x], { axis: 0 })],
        { axis: 0, parts: [-1, -1] },
        { outputCount: 2 },
      ),
      builder.emitOne('Fill', [x], { value: 2, dtype: 'f32', extra: [2] }),
    ]);
    lowerAll(graph);
    for (const batch of [1, 3]) checkSizes(graph, batch, [6, 4]);
  });

  it('compute and search', () => {
    const graph = graphOf([6, 4], (builder, x) => [
      builder.emitOne('Add', [x, x]),
      builder.emitOne('ReduceMean', [x], { axes: [1, 2], keepDims: true }),
      builder.emitOne('ReduceSum', [x], { axes: [0] }),
      builder.emitOne('Shape', [x]),
      builder.emitOne('IsEmpty', [x]),
      builder.emitOne('ArgMax', [x], { axis: 1 }),
      ...builder.emit('TopK', [x], { k: 2, axis: 1 }, { outputCount: 3 }),
    ]);
    lowerAll(graph);
    for (const batch of [1, 3]) checkSizes(graph, batch, [6, 4]);
  });

  it('refuse a shape that holds for one batch only', () => {
    assert.throws(
      () => graphOf([4], (builder, x) => [builder.emitOne('Reshape', [x], { shape: [1, 4] })]),
      /does not agree/,
    );
    assert.throws(
      () => graphOf([4], (builder, x) => [builder.emitOne('Reshape', [x], { shape: [-1, 3] })]),
      /whole number/,
    );
  });

  it('find as many proposals and boxes as the values give, within the bound', () => {
    const builder = new GraphBuilder('test');
    const input = (name: string, dims: readonly Dim[]): Value => builder.input(name, tensorType('f32', dims));
    const scores = input('scores', [1, 3, 4, 5]);
    const deltas = input('deltas', [1, 12, 4, 5]);
    const info = input('info', [1, 3]);
    const anchors = builder.constant(floatTensor([3, 4], [-8, -8, 7, 7, -16, -8, 15, 7, -4, -8, 4, 8]));
    const attrs = { preTop: 30, postTop: 8, minSize: 4, inclusive: true };
    const [rois] = builder.emit('GenerateProposals', [scores, deltas, info, anchors], attrs, { outputCount: 2 });
    assert(rois !== undefined);
    assert.equal(typeToString(rois.type), 'f32[GenerateProposals.rois(0..8),5]');
    const features = builder.emitOne('RoIAlign', [scores, rois], {
      spatialScale: 0.0625,
      height: 2,
      width: 2,
      sampling: 2,
    });
    const flat = builder.emitOne('Flatten', [features], { axis: 1 });
    const boxes = builder.emitOne('BBoxTransform', [rois, flat, info], {}, { outputCount: 1 });
    const classScores = builder.emitOne('ReduceMean', [features], { axes: [2, 3] });
    const found = builder.emit(
      'BoxWithNMSLimit',
      [classScores, boxes],
      { limit: 2, scoreThreshold: -9 },
      { outputCount: 3 },
    );
    const graph = builder.finish([...found, flat].map((value, i) => ({ name: `y${i}`, value })));
    lowerAll(graph);
    const random = (count: number): number[] => Array.from({ length: count }, (_, i) => ((i * 7919) % 97) / 97);
    const results = interpret(
      graph,
      new Map([
        ['scores', floatTensor([1, 3, 4, 5], random(60))],
        ['deltas', floatTensor([1, 12, 4, 5], random(240))],
        ['info', floatTensor([1, 3], [64, 80, 1])],
      ]),
    );
    assert.deepEqual(results.get('y0')?.dims, [2]);
    assert.deepEqual(results.get('y1')?.dims, [2, 4]);
  });
});
