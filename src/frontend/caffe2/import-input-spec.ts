// What the user says about an input: `data:1,3,224,224`, `data:uint8:1,240,320,4`, `data:1..8,3,224,224`,
// `data:N=1..8,3,224,224`. A range is a dim that varies at run time within bounds; a named one is the same number
// wherever its name stands (`mask:N,1,28,28`). The name may hold colons itself: dims come last, the type before them.

import { fail } from '../../errors.js';
import { type Dim, dimSymbol, type Shape } from '../../ir/dim.js';
import { type DType, isDType } from '../../ir/dtype.js';

/** The type of an input as far as it was given. */
export interface InputSpec {
  readonly name: string;
  readonly dtype?: DType;
  readonly shape: Shape;
}

const kTypeNames: { readonly [name: string]: DType } = {
  float32: 'f32',
  float: 'f32',
  float64: 'f64',
  double: 'f64',
  float16: 'f16',
  half: 'f16',
  uint8: 'u8',
  int8: 'i8',
  uint16: 'u16',
  int16: 'i16',
  int32: 'i32',
  int: 'i32',
  int64: 'i64',
  long: 'i64',
};

/** For messages: one spelling of each. */
export const kInputTypes = 'float32, float64, float16, uint8, int8, uint16, int16, int32, int64, bool';

const kForm = 'NAME:DIMS or NAME:TYPE:DIMS, such as data:1,3,224,224, data:uint8:1,240,320,4 or data:1..8,3,224,224';
/** Beyond this a dim is a slip of the finger, and products of dims are no longer exact. */
const kMaxDim = 2 ** 31 - 1;

interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** Reads all --input options together, since a named dim may be bounded in another one. */
export function parseInputSpecs(texts: readonly string[]): ReadonlyMap<string, InputSpec> {
  const named = new Map<string, Bounds>();
  const parts = texts.map(splitSpec);
  for (const { text, dims } of parts) for (const dim of dims) collectBounds(text, dim, named);
  const specs = new Map<string, InputSpec>();
  for (const { text, name, dtype, dims } of parts) {
    if (specs.has(name)) fail('bad-option', `--input names ${name} twice`, { got: text });
    const shape = dims.map((dim, axis) => parseDim(text, name, axis, dim, named));
    specs.set(name, { name, shape, ...(dtype === undefined ? {} : { dtype }) });
  }
  return specs;
}

/** One --input option by itself. */
export function parseInputSpec(text: string): InputSpec {
  const [spec] = parseInputSpecs([text]).values();
  return spec ?? fail('internal', 'no input spec');
}

interface SpecParts {
  readonly text: string;
  readonly name: string;
  readonly dtype?: DType;
  readonly dims: readonly string[];
}

function splitSpec(text: string): SpecParts {
  const fields = text.split(':');
  const dimsText = fields.at(-1) ?? '';
  if (fields.length < 2)
    return fail('bad-option', '--input has no dims', { expected: kForm, got: JSON.stringify(text) });
  const typeText = fields.at(-2) ?? '';
  const dtype = fields.length > 2 ? typeFromName(typeText) : undefined;
  const name = fields.slice(0, dtype === undefined ? -1 : -2).join(':');
  if (name === '') return fail('bad-option', '--input names no blob', { expected: kForm, got: JSON.stringify(text) });
  if (typeFromName(dimsText) !== undefined) {
    return fail('bad-option', `--input ${name} has a type but no dims`, { expected: kForm, got: JSON.stringify(text) });
  }
  const dims = dimsText.trim() === '' ? [] : dimsText.split(',').map((dim) => dim.trim());
  return { text, name, dims, ...(dtype === undefined ? {} : { dtype }) };
}

/** The dtype of a name as Caffe2, numpy or the IR spells it. */
export function typeFromName(name: string): DType | undefined {
  return kTypeNames[name] ?? (isDType(name) && name !== 'str' && name !== 'bf16' ? name : undefined);
}

const kNumber = /^\d+$/;
const kRange = /^(?:([A-Za-z_]\w*)=)?(\d+)\.\.(\d+)$/;
const kSymbol = /^[A-Za-z_]\w*$/;

function collectBounds(text: string, dim: string, named: Map<string, Bounds>): void {
  const match = kRange.exec(dim);
  const name = match?.[1];
  if (match === null || name === undefined) return;
  const bounds = { min: Number(match[2]), max: Number(match[3]) };
  const before = named.get(name);
  if (before !== undefined && (before.min !== bounds.min || before.max !== bounds.max)) {
    fail('bad-option', `dim ${name} of --input ${text} has other bounds elsewhere`, {
      expected: `${before.min}..${before.max}`,
      got: `${bounds.min}..${bounds.max}`,
    });
  }
  named.set(name, bounds);
}

function parseDim(text: string, input: string, axis: number, dim: string, named: ReadonlyMap<string, Bounds>): Dim {
  if (kNumber.test(dim)) return checkDim(text, Number(dim));
  const range = kRange.exec(dim);
  if (range !== null) {
    const [min, max] = [checkDim(text, Number(range[2])), checkDim(text, Number(range[3]))];
    if (min > max) fail('bad-option', `--input ${text}: the range ${dim} is empty`, { expected: `${max}..${min}` });
    return dimSymbol(range[1] ?? `${input}.d${axis}`, min, max);
  }
  if (kSymbol.test(dim)) {
    const bounds = named.get(dim);
    if (bounds !== undefined) return dimSymbol(dim, bounds.min, bounds.max);
    return fail('bad-option', `--input ${text}: dim ${dim} has no bounds`, { expected: `${dim}=1..8 in some --input` });
  }
  return fail('bad-option', `--input ${text}: bad dim ${JSON.stringify(dim)}`, {
    expected: 'a number, a range such as 1..8, or a named range such as N=1..8',
  });
}

function checkDim(text: string, value: number): number {
  if (value <= kMaxDim) return value;
  return fail('bad-option', `--input ${text}: dim ${value} is too large`, { expected: `at most ${kMaxDim}` });
}
