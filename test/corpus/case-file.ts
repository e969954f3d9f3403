// The operator corpus as files: one JSON case a line. Turns a case into the model and tensors that the compiler takes;
// the forms are described in the corpus's own README. Knows nothing of operators.

import fs from 'node:fs';
import path from 'node:path';
import {
  type Argument,
  makeArgument,
  makeNet,
  makeOperator,
  type NetDef,
  type OperatorDef,
} from '../../src/frontend/caffe2/net-def.js';
import type { DType } from '../../src/ir/dtype.js';
import {
  allocateData,
  elementCount,
  makeTensor,
  type NumericTensor,
  setNumber,
  type Tensor,
} from '../../src/ir/tensor.js';

export interface CaseTensor {
  readonly dims: readonly number[];
  readonly type: string;
  readonly data?: readonly (number | string)[];
  readonly formula?: { readonly seed: number; readonly mod: number; readonly off: number; readonly div: number };
}

interface CaseArgument {
  readonly i?: number | string;
  readonly f?: number | string;
  readonly s?: string;
  readonly ints?: readonly (number | string)[];
  readonly floats?: readonly (number | string)[];
  readonly strings?: readonly string[];
  readonly n?: CaseNet;
}

interface CaseOp {
  readonly type: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly engine?: string;
  readonly name?: string;
  readonly arg?: { readonly [name: string]: CaseArgument };
  readonly args?: readonly (readonly [string, CaseArgument])[];
}

interface CaseNet {
  readonly name?: string;
  readonly ops: readonly CaseOp[];
  readonly external_input: readonly string[];
  readonly external_output: readonly string[];
}

export interface CorpusCase {
  readonly name: string;
  readonly category: string;
  readonly ops: readonly string[];
  readonly tags: readonly string[];
  readonly note?: string;
  readonly net: CaseNet;
  readonly inputs: { readonly [blob: string]: CaseTensor };
  readonly params?: readonly string[];
  readonly shape_inputs?: readonly string[];
  readonly outputs?: { readonly [blob: string]: CaseTensor };
  readonly error?: { readonly stage: string; readonly message: string; readonly log?: readonly string[] };
  readonly may_accept?: string;
  readonly rtol?: number;
  readonly atol?: number;
}

/** All cases of a folder's *.jsonl, or of one file. */
export function readCases(place: string): readonly CorpusCase[] {
  const files = fs.statSync(place).isDirectory()
    ? fs
        .readdirSync(place)
        .filter((name) => name.endsWith('.jsonl'))
        .sort()
        .map((name) => path.join(place, name))
    : [place];
  return files.flatMap((file) =>
    fs
      .readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as CorpusCase),
  );
}

const kTypes: { readonly [type: string]: DType } = {
  float32: 'f32',
  float64: 'f64',
  float16: 'f16',
  int8: 'i8',
  uint8: 'u8',
  int16: 'i16',
  uint16: 'u16',
  int32: 'i32',
  int64: 'i64',
  bool: 'bool',
  string: 'str',
};

export function caseDType(tensor: CaseTensor): DType {
  const dtype = kTypes[tensor.type];
  if (dtype === undefined) throw new Error(`unknown tensor type ${tensor.type}`);
  return dtype;
}

export function caseTensor(tensor: CaseTensor): Tensor {
  const dtype = caseDType(tensor);
  const count = elementCount(tensor.dims);
  if (dtype === 'str') {
    const data = (tensor.data ?? []).map((text) => new TextEncoder().encode(String(text)));
    return { dtype, dims: tensor.dims, data };
  }
  const result = makeTensor(dtype, tensor.dims, allocateData(dtype, count));
  if (tensor.formula !== undefined) fillByFormula(result, tensor.formula);
  else (tensor.data ?? []).forEach((value, i) => void setElement(result, i, value));
  return result;
}

function setElement(tensor: NumericTensor, i: number, value: number | string): void {
  if (tensor.data instanceof BigInt64Array) tensor.data[i] = BigInt(value);
  else setNumber(tensor, i, caseNumber(value));
}

function caseNumber(value: number | string): number {
  if (value === 'inf') return Number.POSITIVE_INFINITY;
  if (value === '-inf') return Number.NEGATIVE_INFINITY;
  return value === 'nan' ? Number.NaN : Number(value);
}

function fillByFormula(tensor: NumericTensor, formula: NonNullable<CaseTensor['formula']>): void {
  for (let i = 0; i < tensor.data.length; i++) {
    let h = (Math.imul(i, 0x9e3779b1) + formula.seed) >>> 0;
    h = Math.imul(h ^ (h >>> 15), 0x85ebca77) >>> 0;
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae3d) >>> 0;
    h = (h ^ (h >>> 16)) >>> 0;
    setNumber(tensor, i, ((h % formula.mod) - formula.off) / formula.div);
  }
}

export function caseNet(net: CaseNet): NetDef {
  return makeNet({
    ...(net.name === undefined ? {} : { name: net.name }),
    ops: net.ops.map(caseOp),
    externalInputs: net.external_input,
    externalOutputs: net.external_output,
  });
}

function caseOp(op: CaseOp): OperatorDef {
  const args = [...Object.entries(op.arg ?? {}), ...(op.args ?? [])];
  return makeOperator({
    type: op.type,
    inputs: op.input,
    outputs: op.output,
    ...(op.engine === undefined ? {} : { engine: op.engine }),
    ...(op.name === undefined ? {} : { name: op.name }),
    args: args.map(([name, arg]) => caseArgument(name, arg)),
  });
}

function caseArgument(name: string, arg: CaseArgument): Argument {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  return makeArgument({
    name,
    ...(arg.i === undefined ? {} : { i: BigInt(arg.i) }),
    ...(arg.f === undefined ? {} : { f: Math.fround(caseNumber(arg.f)) }),
    ...(arg.s === undefined ? {} : { s: bytes(arg.s) }),
    ...(arg.n === undefined ? {} : { n: caseNet(arg.n) }),
    ...(arg.ints === undefined ? {} : { ints: BigInt64Array.from(arg.ints, BigInt) }),
    ...(arg.floats === undefined ? {} : { floats: Float32Array.from(arg.floats, caseNumber) }),
    ...(arg.strings === undefined ? {} : { strings: arg.strings.map(bytes) }),
  });
}
