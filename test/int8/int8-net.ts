// A writer of Int8 nets: operators as text, weights from a seed, blobs that know their shape and quantization. Scales are
// chosen so that results spread over the bytes.

import { type ArgValue, bytesFill, intFill, netText, type OpText, opText, scaled } from './int8-text.js';

type Args = { readonly [name: string]: ArgValue };

/** A quantized blob, [n, h, w, c] or [rows, columns]. */
export interface Blob {
  readonly name: string;
  readonly shape: readonly number[];
  readonly scale: number;
  readonly zeroPoint: number;
}

export interface ConvOptions {
  readonly channels: number;
  readonly kernel: readonly [number, number];
  readonly stride?: number;
  readonly pad?: number;
  readonly group?: number;
  readonly relu?: boolean;
}

const kNhwc: Args = { order: 'NHWC' };
/** Standard deviation of uniform bytes times uniform weights, and of the result that is aimed at. */
const kProductSpread = 74 * 74;
const kSpread = 50;

export class Int8Net {
  private readonly fills: string[] = [];
  private readonly ops: string[] = [];
  private readonly outputs: string[] = [];
  readonly weights: string[] = [];
  private count = 0;

  /** All names begin with `prefix`. */
  constructor(
    private state: number,
    private readonly prefix = '',
  ) {}

  /** Uniform in [0, 1). */
  random(): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return this.state / 2 ** 32;
  }

  /** An integer in low..high. */
  pick(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  fresh(prefix = 't'): string {
    this.count += 1;
    return `${this.prefix}${prefix}${this.count}`;
  }

  op(op: OpText): void {
    this.ops.push(opText(op));
  }

  output(name: string): void {
    this.outputs.push(name);
  }

  get init(): string {
    return netText(this.fills, [], []);
  }

  predict(inputs: readonly string[]): string {
    return netText(this.ops, [...inputs, ...this.weights], this.outputs);
  }

  /** The float image, [n, c, h, w], as bytes [n, h, w, c]. */
  quantizedImage(name: string, shape: readonly number[], scale: number, zeroPoint: number): Blob {
    const [n = 1, c = 1, h = 1, w = 1] = shape;
    const nhwc = this.fresh('nhwc');
    this.op({ type: 'NCHW2NHWC', inputs: [name], outputs: [nhwc] });
    return this.quantized(nhwc, [n, h, w, c], scale, zeroPoint);
  }

  quantized(name: string, shape: readonly number[], scale: number, zeroPoint: number): Blob {
    return this.unary('Int8Quantize', { name, shape, scale, zeroPoint }, {});
  }

  dequantized(x: Blob): string {
    const name = this.fresh('f');
    this.op({ type: 'Int8Dequantize', inputs: [x.name], outputs: [name] });
    return name;
  }

  /** An operator that gives `shape` (that of x by default) with x's quantization. */
  unary(type: string, x: Blob, args: Args, shape: readonly number[] = x.shape): Blob {
    const name = this.fresh();
    this.op({ type, inputs: [x.name], outputs: [name], args: { ...args, ...scaled(x.scale, x.zeroPoint) } });
    return { ...x, name, shape };
  }

  /** Sigmoid and Softmax, whose step is 1/256. */
  probability(type: string, x: Blob): Blob {
    const name = this.fresh();
    this.op({ type, inputs: [x.name], outputs: [name], args: scaled(2 ** -8) });
    return { name, shape: x.shape, scale: 2 ** -8, zeroPoint: 0 };
  }

  conv(x: Blob, options: ConvOptions): Blob {
    const { channels, kernel, stride = 1, pad = 0, group = 1, relu = false } = options;
    const [n = 1, h = 1, w = 1, c = 1] = x.shape;
    const size = (extent: number, k: number): number => Math.floor((extent + 2 * pad - k) / stride) + 1;
    const filter = [channels, ...kernel, c / group];
    const y = this.product(relu ? 'Int8ConvRelu' : 'Int8Conv', x, filter, channels, {
      ...kNhwc,
      kernel_h: kernel[0],
      kernel_w: kernel[1],
      stride,
      pad,
      ...(group === 1 ? {} : { group }),
    });
    return { ...y, shape: [n, size(h, kernel[0]), size(w, kernel[1]), channels] };
  }

  convTranspose(x: Blob, channels: number, kernel: number, stride: number): Blob {
    const [n = 1, h = 1, w = 1, c = 1] = x.shape;
    const args = { ...kNhwc, kernel, stride };
    const y = this.product('Int8ConvTranspose', x, [c, kernel, kernel, channels], channels, args);
    return { ...y, shape: [n, (h - 1) * stride + kernel, (w - 1) * stride + kernel, channels] };
  }

  fc(x: Blob, features: number): Blob {
    const [n = 1, ...rest] = x.shape;
    const columns = rest.reduce((product, dim) => product * dim, 1);
    const y = this.product('Int8FC', x, [features, columns], features, {});
    return { ...y, shape: [n, features] };
  }

  /** Int8Add, Int8Sum and their Relu forms. */
  add(type: string, a: Blob, b: Blob): Blob {
    const y = {
      name: this.fresh(),
      shape: a.shape,
      scale: Math.fround(1.3 * Math.max(a.scale, b.scale)),
      zeroPoint: this.pick(90, 160),
    };
    this.op({ type, inputs: [a.name, b.name], outputs: [y.name], args: scaled(y.scale, y.zeroPoint) });
    return y;
  }

  pool(type: string, x: Blob, kernel: number, stride: number, pad = 0): Blob {
    const [n = 1, h = 1, w = 1, c = 1] = x.shape;
    const size = (extent: number): number => Math.floor((extent + 2 * pad - kernel) / stride) + 1;
    const isMax = type.startsWith('Int8MaxPool');
    const own = isMax ? x : { ...x, scale: Math.fround(x.scale * 0.8), zeroPoint: this.pick(100, 150) };
    const y = this.unary(type, { ...x, ...own }, { ...kNhwc, kernel, stride, ...(pad === 0 ? {} : { pad }) });
    return { ...y, shape: [n, size(h), size(w), c] };
  }

  concat(pieces: readonly Blob[]): Blob {
    const [first] = pieces;
    if (first === undefined) throw new Error('nothing to join');
    const channels = pieces.reduce((sum, piece) => sum + (piece.shape[3] ?? 0), 0);
    const name = this.fresh();
    const args = { ...kNhwc, ...scaled(first.scale, first.zeroPoint) };
    this.op({ type: 'Int8Concat', inputs: pieces.map((piece) => piece.name), outputs: [name, `${name}_dims`], args });
    return { ...first, name, shape: [...first.shape.slice(0, 3), channels] };
  }

  /** Weight and bias fills and the operator; the shape of the result is the caller's. */
  private product(type: string, x: Blob, filter: readonly number[], channels: number, args: Args): Blob {
    const [w, b, y] = [this.fresh('w'), this.fresh('b'), this.fresh()];
    this.weights.push(w, b);
    const weights = Array.from({ length: filter.reduce((product, dim) => product * dim, 1) }, () => this.pick(0, 255));
    const taps = Math.max(1, type === 'Int8ConvTranspose' ? (filter[0] ?? 1) : weights.length / channels);
    // Results have about the scale of x.
    const weightScale = Math.fround(((0.8 + 0.4 * this.random()) * kSpread) / (kProductSpread * Math.sqrt(taps)));
    const bias = Array.from({ length: channels }, () => this.pick(-1, 1) * this.pick(0, 20000));
    this.fills.push(bytesFill(w, filter, weights, weightScale, this.pick(110, 140)));
    this.fills.push(intFill(b, bias, Math.fround(x.scale * weightScale)));
    const scale = Math.fround((x.scale * weightScale * kProductSpread * Math.sqrt(taps)) / kSpread);
    const zeroPoint = this.pick(90, 160);
    this.op({ type, inputs: [x.name, w, b], outputs: [y], args: { ...args, ...scaled(scale, zeroPoint) } });
    return { name: y, shape: [], scale, zeroPoint };
  }
}
