// Reads dims, shapes and types as dimToString, shapeToString and typeToString write them: `f32[batch(1..8),3,49*k(0..5)+1]`.

import { fail } from '../errors.js';
import { type Dim, dimAdd, dimFloorDiv, dimMaxOf, dimMinOf, dimMul, dimSymbol, type Shape } from './dim.js';
import { isDType } from './dtype.js';
import { kRowMajor, type Layout, type Quantization, type TensorType, tensorType } from './type.js';

/** Reads one dim; fails with the column when the text is none. */
export function parseDim(text: string): Dim {
  return readWhole(text, (reader) => reader.dim());
}

/** Reads `f32[2,3]`, `f32[n(1..8),64]@c16`, `f32[2,3]|[1]` or `u8[2,3]q(0.02,128)`. */
export function parseType(text: string): TensorType {
  return readWhole(text, (reader) => reader.type());
}

function readWhole<T>(text: string, read: (reader: TypeReader) => T): T {
  const reader = new TypeReader(text);
  const result = read(reader);
  if (reader.at < text.length) reader.bad('trailing text');
  return result;
}

/** Reads types from a place in a longer text; `at` is where it stands. */
export class TypeReader {
  at: number;

  constructor(
    private readonly text: string,
    start = 0,
  ) {
    this.at = start;
  }

  type(): TensorType {
    const dtype = this.take(/[a-z0-9]+/y) ?? this.bad('expected a dtype');
    if (!isDType(dtype)) return this.bad(`unknown dtype ${dtype}`);
    const shapes = [this.shape()];
    while (this.take(/\|/y) !== undefined) shapes.push(this.shape());
    const layout = this.layout();
    const quantization = this.quantization();
    return {
      ...tensorType(dtype, shapes[0] ?? [], layout),
      ...(shapes.length === 1 ? {} : { variants: shapes }),
      ...(quantization === undefined ? {} : { quantization }),
    };
  }

  shape(): Shape {
    this.expect('[');
    const dims: Dim[] = [];
    while (this.take(/\]/y) === undefined) {
      if (dims.length > 0) this.expect(',');
      dims.push(this.dim());
    }
    return dims;
  }

  dim(): Dim {
    let sum = this.term();
    while (this.take(/\+/y) !== undefined) sum = dimAdd(sum, this.term());
    return sum;
  }

  bad(message: string): never {
    return fail('invalid-model', message, { where: { column: this.at + 1 } });
  }

  private term(): Dim {
    let product = this.factor();
    while (this.take(/\*/y) !== undefined) product = dimMul(product, this.factor());
    return product;
  }

  private factor(): Dim {
    const number = this.take(/-?\d+/y);
    if (number !== undefined) return Number(number);
    const quoted = this.take(/"(?:[^"\\]|\\.)*"/y);
    if (quoted !== undefined) return this.symbol(JSON.parse(quoted) as string);
    const name = this.take(/[A-Za-z_][\w./:-]*/y) ?? this.bad('expected a dim');
    const combine = { div: dimFloorDiv, min: dimMinOf, max: dimMaxOf }[name];
    if (combine === undefined) return this.symbol(name);
    this.expect('(');
    const a = this.dim();
    this.expect(',');
    const b = this.dim();
    this.expect(')');
    return combine(a, b);
  }

  private symbol(name: string): Dim {
    this.expect('(');
    const min = this.take(/-?\d+/y) ?? this.bad('expected the lower bound of a size');
    this.expect('..');
    const max = this.take(/-?\d+/y) ?? this.bad('expected the upper bound of a size');
    this.expect(')');
    if (Number(min) >= Number(max)) this.bad(`the bounds ${min}..${max} leave no choice`);
    return dimSymbol(name, Number(min), Number(max));
  }

  private layout(): Layout {
    const block = this.take(/@c\d+/y);
    return block === undefined ? kRowMajor : { kind: 'blocked', block: Number(block.slice(2)) };
  }

  private quantization(): Quantization | undefined {
    const text = this.take(/q\([^,()]+,-?\d+\)/y);
    if (text === undefined) return undefined;
    const [scale = '', zeroPoint = ''] = text.slice(2, -1).split(',');
    if (!(Number(scale) > 0)) this.bad(`the scale ${scale} is no positive number`);
    return { scale: Math.fround(Number(scale)), zeroPoint: Number(zeroPoint) };
  }

  /** The match of a sticky pattern here, which is then behind us. */
  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  private expect(symbol: string): void {
    if (!this.text.startsWith(symbol, this.at)) this.bad(`expected '${symbol}'`);
    this.at += symbol.length;
  }
}
