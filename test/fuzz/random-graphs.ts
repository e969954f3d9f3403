// Random legal nets, rich in what the optimizer looks for: convolutions with normalization, activation and residuals behind
// them, splits and concats, reshapes, values read twice, dead ends, outputs in the middle, a batch that varies; and, by
// their own examples, all other operators of the table (example-moves.ts) and control flow (control-moves.ts).
// Only operators without jumps are chained, so that rounding does not turn into a different answer.

import { CompileError } from '../../src/errors.js';
import { dimMax, isStatic, shapeEquals } from '../../src/ir/dim.js';
import type { Graph, Value } from '../../src/ir/graph.js';
import { elementCount, type Tensor } from '../../src/ir/tensor.js';
import { branch, repeat } from './control-moves.js';
import { exampleMove } from './example-moves.js';
import { NetPool } from './net-pool.js';
import { RandomSource } from './random-source.js';

export interface RandomNet {
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, Tensor>;
}

const kMaxTries = 12;

/** Channels and image sizes, and how often each move is tried. */
interface Taste {
  readonly bag: readonly Move[];
  readonly channels: readonly number[];
  readonly filters: readonly number[];
}

export function randomNet(seed: number): RandomNet {
  return new NetMaker(new RandomSource(seed), `fuzz${seed}`, kAnything).make();
}

/** Images alone, most of them of whole blocks of 8 channels: convolutions, and ranges of channels of each other. */
export function randomImageNet(seed: number): RandomNet {
  return new NetMaker(new RandomSource(seed), `images${seed}`, kImages).make();
}

type Move = (maker: NetMaker) => void;

/** Moves by how often they are tried. */
const kMoves: readonly (readonly [weight: number, move: Move])[] = [
  [6, (m) => m.convolution()],
  [2, (m) => m.convTranspose()],
  [3, (m) => m.batchNorm()],
  [4, (m) => m.activation()],
  [3, (m) => m.affine()],
  [4, (m) => m.residual()],
  [2, (m) => m.elementwise()],
  [2, (m) => m.window()],
  [2, (m) => m.concat()],
  [2, (m) => m.split()],
  [1, (m) => m.slice()],
  [2, (m) => m.reshape()],
  [2, (m) => m.transpose()],
  [2, (m) => m.fullyConnected()],
  [1, (m) => m.matrixProduct()],
  [1, (m) => m.normalization()],
  [1, (m) => m.pad()],
  [1, (m) => m.resize()],
  [1, (m) => m.shuffle()],
  [1, (m) => m.select()],
  [1, branch],
  [1, repeat],
  [14, exampleMove],
];

const kImageMoves: readonly (readonly [weight: number, move: Move])[] = [
  [7, (m) => m.convolution()],
  [1, (m) => m.convTranspose()],
  [3, (m) => m.activation()],
  [3, (m) => m.residual()],
  [2, (m) => m.window()],
  [5, (m) => m.concat()],
  [4, (m) => m.split()],
  [2, (m) => m.slice()],
  [1, (m) => m.normalization()],
  [1, (m) => m.pad()],
  [1, (m) => m.resize()],
  [1, (m) => m.shuffle()],
];

const kAnything: Taste = {
  bag: bagOf(kMoves),
  channels: [1, 3, 4, 5, 8, 16, 17, 24],
  filters: [1, 3, 5, 8, 16, 20],
};
const kImages: Taste = {
  bag: bagOf(kImageMoves),
  channels: [3, 8, 13, 16, 24, 32, 40],
  filters: [5, 8, 8, 16, 16, 24, 40],
};

function bagOf(moves: readonly (readonly [weight: number, move: Move])[]): readonly Move[] {
  return moves.flatMap(([weight, move]) => new Array<Move>(weight).fill(move));
}

class NetMaker extends NetPool {
  constructor(
    random: RandomSource,
    name: string,
    private readonly taste: Taste,
  ) {
    super(random, name);
  }

  make(): RandomNet {
    const { random } = this;
    for (let i = random.int(1, 2); i > 0; i--) this.addInput();
    const wanted = random.int(2, 9);
    for (let made = 0, tries = 0; made < wanted && tries < wanted * kMaxTries; tries++) {
      if (this.tryMove()) made++;
    }
    return { graph: this.finish(), inputs: this.inputs };
  }

  /** A move that inference refuses leaves the net as it was. */
  private tryMove(): boolean {
    const before = this.size;
    try {
      this.random.pick(this.taste.bag)(this);
    } catch (error) {
      if (!(error instanceof CompileError) || error.problems.some(({ code }) => code === 'internal')) throw error;
    }
    return this.size > before;
  }

  private addInput(): void {
    const { random } = this;
    const channels = random.pick(this.taste.channels);
    const image = [random.int(1, 9), random.int(1, 9)];
    const rest = this.taste === kAnything && random.oneIn(4) ? [channels] : [channels, ...image];
    this.poolInput([this.batch.actual, ...rest], true);
  }

  // ---- moves -------------------------------------------------------------------------------------------------------

  convolution(): void {
    const { random } = this;
    const x = this.image();
    const c = dimMax(x.type.shape[1] ?? 1);
    const group = random.oneIn(3) ? c : random.pick([1, 1, 1, 2, 4]);
    if (c % group !== 0) return;
    const m = group * random.pick(group === c ? [1, 1, 2] : group > 1 ? [1, 4, 8] : this.taste.filters);
    const kernel = [random.pick([1, 1, 3, 2, 5]), random.pick([1, 1, 3, 2])];
    const pad = (): number => random.pick([0, 0, 1, 2]);
    const attrs = {
      kernel,
      strides: [random.pick([1, 1, 2]), random.pick([1, 1, 2])],
      pads: [pad(), pad(), pad(), pad()],
      dilations: [random.pick([1, 1, 2]), 1],
      group,
    };
    const filter = [m, c / group, ...kernel];
    const inputs = [x, this.filter(filter, elementCount(filter) / m), ...(random.oneIn(4) ? [] : [this.weights([m])])];
    this.tail(this.add('Conv', inputs, attrs)[0]);
  }

  convTranspose(): void {
    const { random } = this;
    const x = this.image();
    const c = dimMax(x.type.shape[1] ?? 1);
    const m = random.pick([1, 3, 4, 8, 17]);
    const kernel = [random.int(1, 4), random.int(1, 3)];
    const strides = [random.int(1, 2), random.int(1, 2)];
    const pads = [random.int(0, 1), random.int(0, 1), random.int(0, 1), random.int(0, 1)];
    const inputs = [x, this.filter([c, m, ...kernel], c * 2), ...(random.oneIn(3) ? [] : [this.weights([m])])];
    this.tail(this.add('ConvTranspose', inputs, { kernel, strides, pads, adjs: [0, 0] })[0]);
  }

  /** What usually stands behind a convolution. */
  private tail(value: Value | undefined): void {
    if (value === undefined || !this.includes(value)) return;
    if (this.random.oneIn(3)) this.batchNorm();
    if (this.random.oneIn(3)) this.residual();
    if (this.random.oneIn(2)) this.activation();
  }

  batchNorm(): void {
    const x = this.choose(({ type }) => type.shape.length === 4);
    const c = dimMax(x.type.shape[1] ?? 1);
    const vector = (low: number, high: number): Value => this.weights([c], low, high);
    this.add('SpatialBN', [x, vector(0.5, 1.5), vector(-1, 1), vector(-1, 1), vector(0.5, 2)], { epsilon: 1e-5 });
  }

  activation(): void {
    const op = this.random.pick([
      'Relu',
      'Relu',
      'Relu',
      'Sigmoid',
      'Tanh',
      'Elu',
      'LeakyRelu',
      'Softplus',
      'Swish',
      'Negative',
      'Abs',
    ]);
    this.add(op, [this.choose()]);
  }

  /** x * scale + bias, per channel or by one number: what fold-affine moves into weights. */
  affine(): void {
    const x = this.choose(({ type }) => type.shape.length >= 2);
    const rank = x.type.shape.length;
    const c = dimMax(x.type.shape[1] ?? 1);
    const operand = (low: number, high: number): Value =>
      this.random.oneIn(3)
        ? this.weights([1], low, high)
        : this.weights([c, ...new Array<number>(rank - 2).fill(1)], low, high);
    const scaled = this.random.oneIn(3) ? x : this.add('Mul', [x, operand(0.5, 1.5)])[0];
    if (scaled !== undefined && this.random.oneIn(2))
      this.add('Add', this.random.oneIn(2) ? [scaled, operand(-1, 1)] : [operand(-1, 1), scaled]);
  }

  residual(): void {
    const a = this.choose();
    const b = this.choose((value) => shapeEquals(value.type.shape, a.type.shape));
    const isSum = this.random.oneIn(2);
    const inputs = isSum && this.random.oneIn(3) ? [a, b, this.random.pick([a, b])] : [a, b];
    this.add(isSum ? 'Sum' : this.random.pick(['Add', 'Add', 'Sub', 'Mul', 'Max', 'Min']), inputs);
  }

  elementwise(): void {
    const a = this.choose();
    const b = this.choose();
    this.add(this.random.pick(['Add', 'Sub', 'Mul']), [a, b]);
  }

  window(): void {
    const { random } = this;
    const x = this.image();
    const [, , h = 1, w = 1] = x.type.shape;
    const isGlobal = random.oneIn(3);
    const kernel = isGlobal ? [dimMax(h), dimMax(w)] : [random.int(1, 3), random.int(1, 3)];
    const strides = isGlobal ? [1, 1] : [random.int(1, 2), random.int(1, 2)];
    const pad = (k: number): number => (isGlobal ? 0 : random.int(0, k - 1));
    const pads = [...kernel.map(pad), ...kernel.map(pad)];
    this.add(random.pick(['MaxPool', 'AveragePool']), [x], { kernel, strides, pads });
  }

  concat(): void {
    const a = this.choose(({ type }) => type.shape.length >= 2);
    const axis = this.random.oneIn(4) ? this.random.int(0, a.type.shape.length - 1) : 1;
    const fits = (value: Value): boolean =>
      value.type.shape.length === a.type.shape.length &&
      value.type.shape.every((dim, i) => i === axis || shapeEquals([dim], [a.type.shape[i] ?? 1]));
    const inputs = [a, ...Array.from({ length: this.random.int(1, 2) }, () => this.choose(fits))];
    this.add('Concat', inputs, { axis }, 1);
  }

  split(): void {
    const x = this.choose(({ type }) => type.shape.length >= 2 && dimMax(type.shape[1] ?? 1) >= 2);
    const size = dimMax(x.type.shape[1] ?? 1);
    const first = this.cut(size);
    this.add('Split', [x], { axis: 1, parts: [first, size - first] }, 2);
  }

  /** Where to cut channels: anywhere, in the middle, or at a whole block. */
  private cut(size: number): number {
    const { random } = this;
    if (this.taste === kImages && size > 8 && !random.oneIn(4)) return 8 * random.int(1, Math.ceil(size / 8) - 1);
    return random.oneIn(3) && size % 4 === 0 ? size / 2 : random.int(1, size - 1);
  }

  slice(): void {
    const x = this.choose(({ type }) => type.shape.length >= 2);
    const axis = this.random.int(1, x.type.shape.length - 1);
    const size = dimMax(x.type.shape[axis] ?? 1);
    const start = axis === 1 && size > 1 && this.taste === kImages ? this.cut(size) : this.random.int(0, size - 1);
    const starts = x.type.shape.map((_, i) => (i === axis ? start : 0));
    const ends = x.type.shape.map((_, i) => (i === axis ? this.random.int(start + 1, size) : -1));
    this.add('Slice', [x], { starts, ends });
  }

  reshape(): void {
    const x = this.choose(({ type }) => type.shape.length >= 2 && type.shape.slice(1).every(isStatic));
    const rest = x.type.shape.slice(1).map(dimMax);
    const size = elementCount(rest);
    const [c = 1] = rest;
    const shape = this.random.pick([
      [0, size],
      [0, c, size / c],
      [0, c, 1, size / c],
      [0, size, 1, 1],
      [0, 1, size / c, c],
    ]);
    this.add('Reshape', [x], { shape });
  }

  transpose(): void {
    const x = this.choose();
    const rank = x.type.shape.length;
    const axes = Array.from({ length: rank }, (_, i) => i);
    for (let i = rank - 1; i > 0; i--) {
      const j = this.random.int(0, i);
      [axes[i], axes[j]] = [axes[j] ?? 0, axes[i] ?? 0];
    }
    this.add('Transpose', [x], {
      perm:
        rank === 4 && this.random.oneIn(2)
          ? this.random.pick([
              [0, 2, 3, 1],
              [0, 3, 1, 2],
            ])
          : axes,
    });
  }

  fullyConnected(): void {
    let x = this.choose(({ type }) => type.shape.length >= 2 && type.shape.slice(1).every(isStatic));
    const k = elementCount(x.type.shape.slice(1).map(dimMax));
    if (x.type.shape.length > 2) x = this.emitOne('Reshape', [x], { shape: [0, k] });
    const n = this.random.pick([1, 5, 10, 16, 33]);
    const [y] = this.add('FC', [x, this.filter([n, k], k), this.weights([n])]);
    if (y !== undefined && this.random.oneIn(2)) this.activation();
  }

  matrixProduct(): void {
    const a = this.choose(({ type }) => type.shape.length === 2 && isStatic(type.shape[1] ?? 1));
    const k = dimMax(a.type.shape[1] ?? 1);
    this.add('MatMul', [a, this.filter([k, this.random.pick([1, 7, 16])], k)]);
  }

  normalization(): void {
    const { random } = this;
    const x = this.choose(({ type }) => type.shape.length === 4 || type.shape.length === 2);
    if (x.type.shape.length === 2) {
      this.add('Softmax', [x]);
      return;
    }
    const c = dimMax(x.type.shape[1] ?? 1);
    if (random.oneIn(2)) this.add('LRN', [x], { size: random.pick([1, 3, 5]), alpha: 0.1, beta: 0.75, bias: 1 });
    else this.add('InstanceNorm', [x, this.weights([c], 0.5, 1.5), this.weights([c])], { epsilon: 0.1 });
  }

  pad(): void {
    const p = (): number => this.random.int(0, 2);
    this.add('Pad', [this.image()], {
      pads: [p(), p(), p(), p()],
      mode: this.random.pick(['constant', 'reflect', 'edge']),
      value: 0.5,
    });
  }

  resize(): void {
    this.add('ResizeNearest', [this.image()], {
      heightScale: this.random.pick([1, 2, 1.5]),
      widthScale: this.random.pick([1, 2, 0.7]),
    });
  }

  shuffle(): void {
    this.add('ChannelShuffle', [this.image()], { group: this.random.pick([2, 4]) });
  }

  /** Comparison of inputs alone: their values are exact everywhere. */
  select(): void {
    const a = this.choose((value) => this.isInput(value));
    const b = this.choose((value) => this.isInput(value) && shapeEquals(value.type.shape, a.type.shape));
    const test = this.emitOne(this.random.pick(['LT', 'GE']), [a, b]);
    const like = (value: Value): boolean => shapeEquals(value.type.shape, a.type.shape);
    this.add('Where', [test, this.choose(like), this.choose(like)]);
  }
}
