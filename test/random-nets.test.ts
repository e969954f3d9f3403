// Random nets through the pipeline: every pass leaves a sound graph of the same meaning, and its text reads back.
// A failing seed is printed with the net as an .ir case, ready to be made smaller.

import assert from 'node:assert/strict';
import { formatProblem } from '../src/errors.js';
import { dimSymbol, shapeEquals } from '../src/ir/dim.js';
import type { Graph, Value } from '../src/ir/graph.js';
import { tensorType } from '../src/ir/type.js';
import { GraphBuilder } from '../src/ops/builder.js';
import { randomTensor, uniformNumbers } from '../src/ops/constant-spelling.js';
import '../src/ops/index.js';
import { parseGraph } from '../src/ops/parse-graph.js';
import { printGraph } from '../src/ops/print-graph.js';
import { verifyGraph } from '../src/ops/verify-graph.js';
import { compareMeaning } from '../src/passes/check-values.js';
import { runPasses } from '../src/passes/pipeline.js';

const kNets = 60;
const kNodes = 18;
const kChannels = 4;
const kBatch = dimSymbol('batch', 1, 2);
const kShape = [kBatch, kChannels, 3, 3];
const kUnary = ['Relu', 'Sigmoid', 'Tanh', 'Abs', 'Negative', 'LeakyRelu', 'Identity', 'Clip'] as const;
const kBinary = ['Add', 'Sub', 'Mul', 'Sum', 'Max'] as const;

/** Makes one net; all random choices come from the seed. */
class NetMaker {
  private readonly builder = new GraphBuilder('random');
  private readonly uniform: () => number;
  /** Values shaped [batch, channels, 3, 3]. */
  private readonly images: Value[];
  private readonly results = new Set<Value>();
  private seed: number;

  constructor(seed: number) {
    this.seed = seed * 1000;
    this.uniform = uniformNumbers(seed);
    this.images = ['x', 'z'].map((name) => this.builder.input(name, tensorType('f32', kShape)));
  }

  make(): Graph {
    for (let i = 0; i < kNodes; i++) this.add();
    const last = this.images.at(-1);
    if (last !== undefined) this.results.add(last);
    return this.builder.finish([...this.results].map((value, i) => ({ name: `y${i}`, value })));
  }

  private add(): void {
    const x = this.image();
    const makers = [
      () => this.emit(this.choose(kBinary), [x, this.image()]),
      () => this.emit(this.choose(['Add', 'Mul', 'Sub', 'Div']), this.shuffled([x, this.scale()])),
      ...new Array<() => Value>(5).fill(() => this.convolution(x)),
      ...new Array<() => Value>(3).fill(() => this.emit(this.choose(kUnary), [x])),
      () => this.normalization(x),
      () => this.turned(x),
      () => this.emit('PRelu', [x, this.scale()]),
      () => this.split(x),
      () => this.emit('Reshape', [this.emit('Flatten', [x])], { shape: [-1, kChannels, 3, 3] }),
      () => this.emit('AveragePool', [x], { kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] }),
    ];
    const y = this.choose(makers)();
    if (shapeEquals(y.type.shape, kShape)) this.images.push(y);
    if (this.uniform() < 0.15) this.results.add(y);
  }

  /** Later values are likelier, so that chains grow. */
  private image(): Value {
    const index = Math.floor(this.images.length * this.uniform() ** 0.25);
    return this.images[index] ?? assert.fail('no image');
  }

  private choose<T>(list: readonly T[]): T {
    return list[Math.floor(this.uniform() * list.length)] ?? assert.fail('empty list');
  }

  private shuffled(pair: readonly [Value, Value]): readonly Value[] {
    return this.uniform() < 0.5 ? pair : [pair[1], pair[0]];
  }

  private constant(...dims: readonly number[]): Value {
    return this.builder.constant(randomTensor('f32', dims, this.seed++, 0.25, 1));
  }

  /** A constant per channel, per tensor, per pixel or per row. */
  private scale(): Value {
    return this.constant(...this.choose([[kChannels, 1, 1], [1, kChannels, 1, 1], [], [1], [3, 3], [3, 1]]));
  }

  private convolution(x: Value): Value {
    const group = this.choose([1, 1, 2, 4]);
    const size = this.choose([1, 3]);
    const pads = new Array<number>(4).fill((size - 1) / 2);
    const attrs = { kernel: [size, size], strides: [1, 1], pads, group };
    const bias = this.uniform() < 0.5 ? [this.constant(kChannels)] : [];
    const w = this.constant(kChannels, kChannels / group, size, size);
    if (this.uniform() < 0.3) return this.emit('ConvTranspose', [x, w, ...bias], { ...attrs, adjs: [0, 0] });
    return this.emit('Conv', [x, w, ...bias], { ...attrs, dilations: [1, 1] });
  }

  private normalization(x: Value): Value {
    const parameters = [1, 2, 3, 4].map(() => this.constant(kChannels));
    return this.emit('SpatialBN', [x, ...parameters], { epsilon: 0.01 });
  }

  /** An activation in channels-last order. */
  private turned(x: Value): Value {
    const last = this.emit('Transpose', [x], { perm: [0, 2, 3, 1] });
    const y = this.emit(this.choose(kUnary), [last]);
    return this.emit('Transpose', [y], { perm: [0, 3, 1, 2] });
  }

  private split(x: Value): Value {
    const pieces = this.builder.emit('Split', [x], { axis: 1, parts: [1, 3] }, { outputCount: 2 });
    const inner = this.emit('Concat', [...pieces].reverse(), { axis: 1 });
    const twice = this.emit('Concat', [inner, x], { axis: 1 });
    return this.emit('Slice', [twice], { starts: [0, 2, 0, 0], ends: [-1, 6, -1, -1] });
  }

  private emit(op: string, inputs: readonly Value[], attrs = {}): Value {
    return this.builder.emitOne(op, inputs, attrs);
  }
}

describe('random nets', () => {
  it(`${kNets} nets keep their meaning through every pass`, () => {
    let fused = 0;
    for (let seed = 1; seed <= kNets; seed++) {
      const graph = new NetMaker(seed).make();
      try {
        assert.equal(printGraph(parseGraph(printGraph(graph))), printGraph(graph));
        const onPass = (pass: string, after: Graph): void =>
          assert.deepEqual(verifyGraph(after).map(formatProblem), [], pass);
        const result = runPasses(graph, { optimize: true, checkValues: true, onPass });
        assert.equal(compareMeaning(graph, result, { seed, sizes: 'smallest' }), undefined);
        assert.equal(printGraph(parseGraph(printGraph(result))), printGraph(result));
        fused += result.nodes.filter((node) => node.epilogue !== undefined).length;
      } catch (error) {
        throw new Error(
          `seed ${seed}: ${error instanceof Error ? error.message : String(error)}\n${printGraph(graph)}`,
        );
      }
    }
    assert.ok(fused > kNets / 2, `only ${fused} tails were fused`);
  }).timeout(120_000);
});
