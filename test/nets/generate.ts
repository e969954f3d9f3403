// The published generator of the net zoo, implemented from its formula: weights and inputs from names and integers only,
// the same bits everywhere. See nets-README.md of the zoo:
//   r(i) = (hash(fnv(name), i) >> 8) * 2^-23 - 1, value(i) = fround(fround(r * S) + O).

import fs from 'node:fs';
import { fail } from '../../src/errors.js';
import { elementCount, makeTensor, type NumericTensor } from '../../src/ir/tensor.js';

export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly kind: string;
  readonly dtype?: string;
  readonly gain?: number;
  readonly stride?: number;
  readonly scale?: number;
  readonly offset?: number;
  readonly mean?: readonly number[];
  readonly values?: readonly number[];
}

/** FNV-1a, 32 bits. */
function fnv(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

function hashAt(seed: number, i: number): number {
  let x = (seed + Math.imul(i, 0x9e3779b9)) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Values of a parameter (or of a `uniform` input). */
export function parameterValues(spec: TensorSpec): Float32Array {
  const values = new Float32Array(elementCount(spec.shape));
  if (spec.kind === 'values') {
    values.set(spec.values ?? []);
    return values;
  }
  const [scale, offset] = spread(spec).map(Math.fround);
  const seed = fnv(spec.name);
  for (let i = 0; i < values.length; i++) {
    const r = (hashAt(seed, i) >>> 8) * 2 ** -23 - 1;
    values[i] = Math.fround(r * (scale ?? 0)) + (offset ?? 0);
  }
  return values;
}

/** S and O of each kind, before rounding to float32. */
function spread(spec: TensorSpec): readonly [scale: number, offset: number] {
  const gain = spec.gain ?? 1;
  const [d0 = 1, , d2 = 1, d3 = 1] = spec.shape;
  switch (spec.kind) {
    case 'weight':
      return [gain * Math.sqrt(6 / elementCount(spec.shape.slice(1))), 0];
    case 'weight_t':
      return [gain * Math.sqrt(6 / ((d0 * d2 * d3) / (spec.stride ?? 1) ** 2)), 0];
    case 'bias':
    case 'bn_bias':
    case 'bn_mean':
      return [0.1 * gain, 0];
    case 'bn_scale':
    case 'bn_var':
      return [0.25 * gain, gain];
    case 'prelu':
      return [0.125 * gain, 0.25 * gain];
    case 'uniform':
      return [(spec.scale ?? 1) * gain, (spec.offset ?? 0) * gain];
    default:
      return fail('unsupported', `parameter ${spec.name} has the unknown kind ${spec.kind}`);
  }
}

/** The tensor of an input. */
export function inputTensor(spec: TensorSpec): NumericTensor {
  const dtype = spec.dtype === 'uint8' ? 'u8' : spec.dtype === 'int32' ? 'i32' : 'f32';
  const tensor = makeTensor(dtype, spec.shape);
  if (spec.kind === 'image') fillImage(spec, tensor);
  else if (dtype === 'f32') (tensor.data as Float32Array).set(parameterValues(spec));
  else (tensor.data as Uint8Array | Int32Array).set(spec.values ?? []);
  return tensor;
}

/** A pattern of triangles and squares with noise, 0..255: uint8 [n,h,w,c] as it is, float32 [n,c,h,w] minus mean, scaled. */
function fillImage(spec: TensorSpec, tensor: NumericTensor): void {
  const { data, dtype } = tensor;
  const [n = 1, d1 = 1, d2 = 1, d3 = 1] = spec.shape;
  const [channels, height, width] = dtype === 'u8' ? [d3, d1, d2] : [d1, d2, d3];
  const seed = fnv(spec.name);
  let i = 0;
  for (let b = 0; b < n; b++)
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++, i++) {
          const noise = (hashAt(seed, i) >>> 27) - 16;
          const byte = Math.min(255, Math.max(0, pattern(b, c, y, x, channels) + noise));
          if (dtype === 'u8') data[((b * height + y) * width + x) * channels + c] = byte;
          else data[i] = (byte - (spec.mean?.[c] ?? 0)) * (spec.scale ?? 1);
        }
}

function pattern(b: number, c: number, y: number, x: number, channels: number): number {
  const k = 5 - (b % 4);
  const squares = ((x >> k) ^ (y >> k)) & 1;
  const wave = triangle((((c + b) % channels) + 2) * x + (3 + 2 * b) * y + 85 * c + 51 * b);
  const base = (3 * wave + 255 * squares) >> 2;
  return b % 2 === 1 ? 255 - base : base;
}

function triangle(t: number): number {
  const u = t & 511;
  return u < 256 ? u : 511 - u;
}

/** An init net of GivenTensorFill operators, floats one by one with a tag each, as Caffe2 of 2018 wrote them. */
export function writeInitNet(file: string, net: string, specs: readonly TensorSpec[]): void {
  const descriptor = fs.openSync(file, 'w');
  try {
    const write = (bytes: Uint8Array): void => {
      for (let done = 0; done < bytes.length; )
        done += fs.writeSync(descriptor, bytes, done, Math.min(2 ** 28, bytes.length - done));
    };
    write(field(1, text(`${net}_init`)));
    for (const spec of specs) {
      const values = floatFields(parameterValues(spec));
      const dims = spec.shape.map((dim) => Buffer.concat([varint(6 * 8), varint(dim)]));
      const head = Buffer.concat([
        field(2, text(spec.name)),
        field(4, text('GivenTensorFill')),
        field(5, Buffer.concat([field(1, text('shape')), ...dims])),
      ]);
      const name = field(1, text('values'));
      const argumentHead = Buffer.concat([varint(5 * 8 + 2), varint(name.length + values.length), name]);
      write(
        Buffer.concat([
          varint(2 * 8 + 2),
          varint(head.length + argumentHead.length + values.length),
          head,
          argumentHead,
        ]),
      );
      write(values);
    }
    write(Buffer.concat(specs.map((spec) => field(8, text(spec.name)))));
  } finally {
    fs.closeSync(descriptor);
  }
}

const text = (value: string): Buffer => Buffer.from(value, 'utf8');

/** A length-delimited field. */
function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

/** Field 5 (float) of an Argument, unpacked: tag 0x2d and four bytes each. */
function floatFields(values: Float32Array): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 5);
  const source = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  for (let i = 0; i < values.length; i++) {
    bytes[i * 5] = 0x2d;
    source.copy(bytes, i * 5 + 1, i * 4, i * 4 + 4);
  }
  return bytes;
}
