// Builds a Caffe2 net with its init net, layer by layer, tracking shapes and multiply-adds. Batch 1, NCHW, no in-place
// blobs. Weights are He-scaled (variance gain/fan-in), so activations stay near 1 whatever the depth.

import {
  type Argument,
  makeArgument,
  makeNet,
  makeOperator,
  type NetDef,
  type OperatorDef,
} from '../../src/frontend/caffe2/net-def.js';
import { lstmStepNet } from './recurrent-net.js';
import { centredValues, uniformValues } from './weights.js';

export interface Blob {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface BenchNet {
  readonly name: string;
  /** Counts towards the geometric mean. */
  readonly isConvolutional: boolean;
  readonly predict: NetDef;
  readonly init: NetDef;
  readonly input: Blob;
  readonly output: Blob;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Multiply-adds of convolutions and matrix products. */
  readonly macs: number;
}

export interface ConvOptions {
  readonly kernel?: number;
  /** Where windows are not square. */
  readonly kernelW?: number;
  readonly stride?: number;
  readonly pad?: number;
  /** Top, left, bottom, right; instead of `pad`. */
  readonly pads?: readonly [number, number, number, number];
  readonly group?: number;
  readonly bias?: boolean;
  /** Output variance per input variance: 2 before a Relu (the default), 1 otherwise. */
  readonly gain?: number;
}

/** Argument values by name: whole numbers become `i`, `{ f }` a float, lists `ints`, text `s`. */
type ArgumentValue = number | string | { readonly f: number } | readonly number[] | readonly string[] | NetDef;

const kUtf8 = new TextEncoder();

function argument(name: string, value: ArgumentValue): Argument {
  if (typeof value === 'number') return makeArgument({ name, i: BigInt(value) });
  if (typeof value === 'string') return makeArgument({ name, s: kUtf8.encode(value) });
  if ('f' in value) return makeArgument({ name, f: Math.fround(value.f) });
  if ('ops' in value) return makeArgument({ name, n: value });
  const texts = value.filter((item) => typeof item === 'string');
  if (texts.length > 0) return makeArgument({ name, strings: texts.map((text) => kUtf8.encode(text)) });
  return makeArgument({ name, ints: BigInt64Array.from(value, BigInt) });
}

export class NetBuilder {
  readonly input: Blob;
  private readonly ops: OperatorDef[] = [];
  private readonly fills: OperatorDef[] = [];
  private readonly shapes = new Map<string, readonly number[]>();
  private macs = 0;
  private seed: number;

  constructor(
    private readonly name: string,
    inputShape: readonly number[],
  ) {
    this.seed = [...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) % 65521;
    this.input = { name: 'data', shape: inputShape };
    this.shapes.set('data', inputShape);
  }

  conv(x: Blob, channels: number, options: ConvOptions = {}): Blob {
    const { kernel = 1, stride = 1, pad = 0, group = 1, bias = true, gain = 2 } = options;
    const { kernelW = kernel, pads } = options;
    const [, c, h, w] = imageShape(x);
    const fanIn = (c / group) * kernel * kernelW;
    const weights = this.random([channels, c / group, kernel, kernelW], Math.sqrt(gain / fanIn));
    const [top, left, bottom, right] = pads ?? [pad, pad, pad, pad];
    const extent = (size: number, own: number): number => Math.floor((size - own) / stride) + 1;
    const shape = [1, channels, extent(h + top + bottom, kernel), extent(w + left + right, kernelW)];
    this.macs += volume(shape) * fanIn;
    const inputs = [x.name, weights, ...(bias ? [this.random([channels], 0.05)] : [])];
    const window = kernelW === kernel ? { kernel } : { kernel_h: kernel, kernel_w: kernelW };
    const border = pads === undefined ? { pad } : { pad_t: top, pad_l: left, pad_b: bottom, pad_r: right };
    return this.emit('Conv', inputs, shape, { ...window, stride, ...border, group });
  }

  /** Doubles the image: kernel 3, stride 2, pad 1, adj 1. */
  convTranspose(x: Blob, channels: number): Blob {
    const [, c, h, w] = imageShape(x);
    const weights = this.random([c, channels, 3, 3], Math.sqrt((2 * 4) / (c * 9)));
    this.macs += c * channels * 9 * h * w;
    const inputs = [x.name, weights, this.random([channels], 0.05)];
    return this.emit('ConvTranspose', inputs, [1, channels, 2 * h, 2 * w], { kernel: 3, stride: 2, pad: 1, adj: 1 });
  }

  /** `scale` of the result relative to its input's; below 1 at the end of a residual branch. */
  batchNorm(x: Blob, scale = 1): Blob {
    const channels = x.shape[1] ?? 1;
    const inputs = [
      x.name,
      this.even([channels], 0.8 * scale, 1.2 * scale),
      this.random([channels], 0.1),
      this.random([channels], 0.1),
      this.even([channels], 0.8, 1.25),
    ];
    return this.emit('SpatialBN', inputs, x.shape, { is_test: 1, epsilon: { f: 1e-5 } });
  }

  instanceNorm(x: Blob): Blob {
    const channels = x.shape[1] ?? 1;
    const inputs = [x.name, this.even([channels], 0.8, 1.2), this.random([channels], 0.1)];
    return this.emit('InstanceNorm', inputs, x.shape, { epsilon: { f: 1e-5 } });
  }

  relu(x: Blob): Blob {
    return this.emit('Relu', [x.name], x.shape);
  }

  relu6(x: Blob): Blob {
    return this.emit('Clip', [x.name], x.shape, { min: { f: 0 }, max: { f: 6 } });
  }

  prelu(x: Blob): Blob {
    return this.emit('PRelu', [x.name, this.even([x.shape[1] ?? 1], 0.1, 0.3)], x.shape);
  }

  tanh(x: Blob): Blob {
    return this.emit('Tanh', [x.name], x.shape);
  }

  lrn(x: Blob): Blob {
    return this.emit('LRN', [x.name], x.shape, { size: 5, alpha: { f: 1e-4 }, beta: { f: 0.75 }, bias: { f: 1 } });
  }

  pool(x: Blob, type: 'MaxPool' | 'AveragePool', kernel: number, stride: number, pad = 0): Blob {
    const [, c, h, w] = imageShape(x);
    const extent = (size: number): number => Math.floor((size + 2 * pad - kernel) / stride) + 1;
    return this.emit(type, [x.name], [1, c, extent(h), extent(w)], { kernel, stride, pad });
  }

  globalAverage(x: Blob): Blob {
    return this.emit('AveragePool', [x.name], [1, x.shape[1] ?? 1, 1, 1], { global_pooling: 1 });
  }

  reflect(x: Blob, pad: number): Blob {
    const [, c, h, w] = imageShape(x);
    return this.emit('PadImage', [x.name], [1, c, h + 2 * pad, w + 2 * pad], { pad, mode: 'reflect' });
  }

  upsample(x: Blob): Blob {
    const [, c, h, w] = imageShape(x);
    const scales = { height_scale: { f: 2 }, width_scale: { f: 2 } };
    return this.emit('ResizeNearest', [x.name], [1, c, 2 * h, 2 * w], scales);
  }

  concat(...parts: readonly Blob[]): Blob {
    const [first] = parts;
    const channels = parts.reduce((sum, { shape }) => sum + (shape[1] ?? 0), 0);
    const names = parts.map(({ name }) => name);
    return this.emit('Concat', names, [1, channels, ...(first?.shape.slice(2) ?? [])], { axis: 1 }, ['dims']);
  }

  sum(a: Blob, b: Blob): Blob {
    return this.emit('Sum', [a.name, b.name], a.shape);
  }

  /** The two halves of the channels. */
  halves(x: Blob): readonly [Blob, Blob] {
    const [, c, h, w] = imageShape(x);
    const shape = [1, c / 2, h, w];
    const y = this.emit('Split', [x.name], shape, { axis: 1, split: [c / 2, c / 2] }, ['right']);
    const right = { name: `${y.name}_right`, shape };
    this.shapes.set(right.name, shape);
    return [y, right];
  }

  shuffle(x: Blob, group: number): Blob {
    return this.emit('ChannelShuffle', [x.name], x.shape, { group, kernel: 1 });
  }

  fc(x: Blob, outputs: number, gain = 2): Blob {
    const inputs = volume(x.shape);
    this.macs += inputs * outputs;
    const weights = this.random([outputs, inputs], Math.sqrt(gain / inputs));
    return this.emit('FC', [x.name, weights, this.random([outputs], 0.05)], [1, outputs]);
  }

  /** x: [steps, 1, features]. The state after the last step, [1, 1, units]; both states begin as zeros. */
  lastStateOfLstm(x: Blob, units: number): Blob {
    const [steps = 1, batch = 1, features = 1] = x.shape;
    const fcOf = (inputs: number): readonly [string, string] => [
      this.random([4 * units, inputs], Math.sqrt(1 / inputs)),
      this.random([4 * units], 0.05),
    ];
    const gates = this.emit('FC', [x.name, ...fcOf(features)], [steps, batch, 4 * units], { axis: 2 });
    const [weights, bias] = fcOf(units);
    const zeros = ['h', 'c'].map(() => this.fill([1, batch, units], new Float32Array(batch * units)));
    this.macs += steps * 4 * units * (features + units);
    const states = ['h_states', 'h_states', 'c_states', 'c_states'];
    const name = `recurrentnetwork_${this.ops.length}`;
    this.emit(
      'RecurrentNetwork',
      [gates.name, ...zeros, weights, bias],
      [steps, batch, units],
      {
        step_net: lstmStepNet(weights, bias),
        recurrent_states: ['h_states', 'c_states'],
        initial_recurrent_state_ids: [1, 2],
        link_internal: ['h_prev', 'h_t', 'c_prev', 'c_t', 'x_t'],
        link_external: [...states, gates.name],
        link_offset: [0, 1, 0, 1, 0],
        alias_src: states,
        alias_dst: [name, `${name}_last`, `${name}_c`, `${name}_c_last`],
        alias_offset: [1, -1, 1, -1],
      },
      ['last', 'c', 'c_last', 'scratch'],
    );
    const last = { name: `${name}_last`, shape: [1, batch, units] };
    this.shapes.set(last.name, last.shape);
    return last;
  }

  dropout(x: Blob): Blob {
    return this.emit('Dropout', [x.name], x.shape, { is_test: 1, ratio: { f: 0.5 } }, ['mask']);
  }

  softmax(x: Blob): Blob {
    return this.emit('Softmax', [x.name], x.shape);
  }

  finish(output: Blob, isConvolutional = true): BenchNet {
    const { name, input, ops, fills, shapes } = this;
    const weights = fills.flatMap(({ outputs }) => outputs);
    const predict = makeNet({ name, ops, externalInputs: ['data', ...weights], externalOutputs: [output.name] });
    const init = makeNet({ name: `${name}_init`, ops: fills, externalOutputs: weights });
    return { name, isConvolutional, predict, init, input, output, shapes, macs: this.macs };
  }

  private emit(
    type: string,
    inputs: readonly string[],
    shape: readonly number[],
    values: Readonly<Record<string, ArgumentValue>> = {},
    spare: readonly string[] = [],
  ): Blob {
    const name = `${type.toLowerCase()}_${this.ops.length}`;
    const args = Object.entries(values).map(([key, value]) => argument(key, value));
    const outputs = [name, ...spare.map((suffix) => `${name}_${suffix}`)];
    this.ops.push(makeOperator({ type, inputs, outputs, args }));
    this.shapes.set(name, shape);
    return { name, shape };
  }

  private random(shape: readonly number[], sigma: number): string {
    return this.fill(shape, centredValues(volume(shape), this.seed++, sigma));
  }

  private even(shape: readonly number[], low: number, high: number): string {
    return this.fill(shape, uniformValues(volume(shape), this.seed++, low, high));
  }

  private fill(shape: readonly number[], floats: Float32Array): string {
    const name = `w_${this.fills.length}`;
    const args = [argument('shape', shape), makeArgument({ name: 'values', floats })];
    this.fills.push(makeOperator({ type: 'GivenTensorFill', outputs: [name], args }));
    this.shapes.set(name, shape);
    return name;
  }
}

export function volume(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function imageShape({ shape }: Blob): readonly [number, number, number, number] {
  const [n = 1, c = 1, h = 1, w = 1] = shape;
  return [n, c, h, w];
}
