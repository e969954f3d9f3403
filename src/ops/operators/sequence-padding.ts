// AddPadding, RemovePadding, GatherPadding, PadEmptySamples: rows put before and behind each sequence, taken away, summed.

import { type Dim, dimAdd, dimMax, dimMul, dimSub } from '../../ir/dim.js';
import { getNumber, makeTensor, type NumericTensor, setNumber } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { int } from '../attributes.js';
import { sizeFromAxis } from '../axes.js';
import { numeric } from '../builder.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkSameDim } from '../check-input.js';
import { copyRange } from '../copy-tensor.js';
import { defineOp, type InferRequest, type ReferenceRequest } from '../define.js';
import { extentArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import type { KernelCall, KernelRequest } from '../kernel-call.js';
import {
  boundArg,
  checkBound,
  checkedLengths,
  checkRows,
  checkVectorOf,
  inputOrNull,
  knownNumbers,
  kSizeAttrs,
  mostOf,
  sizedByValues,
  startsOf,
  storedDim,
} from '../value-sizes.js';

const kWidths = { start: int('rows before each sequence', 1), end: int('rows behind it', 1) };

interface Widths {
  readonly start: number;
  readonly end: number;
}

function readWidths(scope: ImportScope): Widths {
  const start = scope.args.int('padding_width', 1);
  const end = scope.args.int('end_padding_width', -1);
  if (start < 0) scope.fail('padding_width is negative', { got: String(start) });
  return { start, end: end < 0 ? start : end };
}

/** Rows of x, and how many sequences they are: one when no lengths are given. */
function inferSequences<A>(request: InferRequest<A>) {
  const x = checkRows(request, 0, 'the data');
  if (!['f32', 'f64', 'i32', 'i64', 'bool', 'i8', 'u8'].includes(x.dtype)) {
    request.fail(`sequences of ${x.dtype} cannot be padded`, { input: 0, expected: 'f32, f64, i32, i64 or bool' });
  }
  const sequences: Dim = request.inputs[1] === undefined ? 1 : checkVectorOf(request, 1, 'the lengths');
  return { x, sequences };
}

/** Lengths of the sequences; `least` rows each. */
function lengthsOf<A>(request: ReferenceRequest<A>, rows: number, least = 0): readonly number[] {
  if (request.inputs[1] === undefined) return [rows];
  const lengths = checkedLengths(request, numeric(request.tensor(1)), rows, false);
  lengths.forEach((length, s) => {
    if (length < least) request.fault(`sequence ${s} has ${length} rows, but ${least} of padding`);
  });
  return lengths;
}

function paddedLengths(lengths: readonly number[], change: number): NumericTensor {
  return makeTensor(
    'i32',
    [lengths.length],
    Int32Array.from(lengths, (length) => length + change),
  );
}

/** x, lengths and the kernel's sizes: sequences, rows, inner, start, end. */
function lowerSequences(request: KernelRequest, fn: string, { start, end }: Widths): KernelCall {
  const { dtype, shape } = lowerType(request, 0);
  const sequences = request.node.inputs[1] === undefined ? 1 : (lowerType(request, 1).shape[0] ?? 0);
  const extra = fn === 'add_padding' ? [inputOrNull(request, 2), inputOrNull(request, 3)] : [];
  return {
    header: 'cortado/sequence_padding.h',
    fn,
    template: [{ kind: 'dtype', dtype }],
    args: [
      inputArg(0),
      inputOrNull(request, 1),
      ...extra,
      outputArg(),
      outputArg(1),
      { kind: 'dims', shape: [sequences, shape[0] ?? 0, sizeFromAxis(shape, 1), start, end] },
    ],
    parts: 1,
    fallible: true,
  };
}

const kSequenceInputs = [
  { name: 'x', doc: '[rows, ...], one sequence after another' },
  { name: 'lengths', doc: 'i32 [sequences]; absent: x is one sequence', optional: true },
] as const;

export const addPadding = defineOp({
  name: 'AddPadding',
  doc: 'each sequence with `start` rows before and `end` rows behind it',
  source: 'caffe2/operators/sequence_ops.cc',
  inputs: [
    ...kSequenceInputs,
    { name: 'before', doc: 'the row put before; absent: 0', optional: true },
    { name: 'behind', doc: 'the row put behind; absent: 0', optional: true },
  ],
  outputs: [
    { name: 'y', doc: '[rows + sequences * (start + end), ...]' },
    { name: 'newLengths', doc: 'i32 [sequences]', optional: true },
  ],
  attrs: kWidths,
  infer: (request) => {
    const { x, sequences } = inferSequences(request);
    const { start, end } = request.attrs;
    const [, ...rest] = x.shape;
    for (const i of [2, 3]) {
      const row = request.inputs[i];
      if (row === undefined) continue;
      if (row.dtype !== x.dtype)
        request.fail('the padding must be of the type of the data', { input: i, expected: x.dtype });
      const [own, wanted] = [sizeFromAxis(row.shape, 0), sizeFromAxis(rest, 0)];
      checkSameDim(request, i, 'the padding must be one row', own, wanted);
    }
    const rows = dimAdd(x.rows, dimMul(sequences, start + end));
    return [tensorType(x.dtype, [rows, ...rest]), tensorType('i32', [sequences])].slice(0, request.outputCount);
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const { start, end } = request.attrs;
    const [rows = 0, ...rest] = x.dims;
    const lengths = lengthsOf(request, rows);
    const inner = Number(sizeFromAxis(x.dims, 1));
    const y = makeTensor(x.dtype, [rows + lengths.length * (start + end), ...rest]);
    const [before, behind] = [2, 3].map((i) => request.inputs[i]);
    let at = 0;
    const put = (row: typeof before, count: number): void => {
      for (let i = 0; i < count; i++, at++) if (row !== undefined) copyRange(numeric(row), 0, y, at * inner, inner);
    };
    lengths.forEach((length, s) => {
      put(before, start);
      copyRange(x, (startsOf(lengths)[s] ?? 0) * inner, y, at * inner, length * inner);
      at += length;
      put(behind, end);
    });
    return [y, paddedLengths(lengths, start + end)].slice(0, request.outputs.length);
  },
  lower: (request, attrs) => lowerSequences(request, 'add_padding', attrs),
  caffe2: {
    AddPadding: (scope) => {
      scope.expectInputs(1, 4);
      scope.expectOutputs(1, 2);
      const given = (i: number) => (scope.inputCount > i ? scope.input(i) : undefined);
      const inputs = [scope.input(0), given(1), given(2), given(3) ?? given(2)];
      return scope.emit('AddPadding', inputs, { ...readWidths(scope) }, scope.outputCount);
    },
  },
  examples: [
    {
      attrs: { start: 2, end: 1 },
      inputs: [
        { dims: [5, 2], range: [-1, 1] },
        { dtype: 'i32', dims: [2], values: [2, 3] },
        { dims: [2], values: [8, 9] },
        { dims: [2], values: [-1, -2] },
      ],
    },
    { attrs: { start: 0, end: 2 }, inputs: [{ dtype: 'i32', dims: [3], values: [1, 2, 3] }] },
  ],
});

export const removePadding = defineOp({
  name: 'RemovePadding',
  doc: 'each sequence without its first `start` and its last `end` rows',
  source: 'caffe2/operators/sequence_ops.cc',
  inputs: kSequenceInputs,
  outputs: [
    { name: 'y', doc: '[rows - sequences * (start + end), ...]' },
    { name: 'newLengths', doc: 'i32 [sequences]', optional: true },
  ],
  attrs: kWidths,
  infer: (request) => {
    const { x, sequences } = inferSequences(request);
    const { start, end } = request.attrs;
    const padding = dimMul(sequences, start + end);
    if (dimMax(x.rows) < dimMax(padding)) request.fail('there are fewer rows than padding', { input: 0 });
    return [tensorType(x.dtype, [dimSub(x.rows, padding), ...x.shape.slice(1)]), tensorType('i32', [sequences])].slice(
      0,
      request.outputCount,
    );
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const { start, end } = request.attrs;
    const [rows = 0, ...rest] = x.dims;
    const lengths = lengthsOf(request, rows, start + end);
    const inner = Number(sizeFromAxis(x.dims, 1));
    const y = makeTensor(x.dtype, [rows - lengths.length * (start + end), ...rest]);
    let at = 0;
    lengths.forEach((length, s) => {
      const kept = length - start - end;
      copyRange(x, ((startsOf(lengths)[s] ?? 0) + start) * inner, y, at * inner, kept * inner);
      at += kept;
    });
    return [y, paddedLengths(lengths, -start - end)].slice(0, request.outputs.length);
  },
  lower: (request, attrs) => lowerSequences(request, 'remove_padding', attrs),
  caffe2: {
    RemovePadding: (scope) => {
      scope.expectInputs(1, 2);
      scope.expectOutputs(1, 2);
      const inputs = [scope.input(0), scope.inputCount > 1 ? scope.input(1) : undefined];
      return scope.emit('RemovePadding', inputs, { ...readWidths(scope) }, scope.outputCount);
    },
  },
  examples: [
    {
      attrs: { start: 2, end: 1 },
      inputs: [
        { dims: [9, 2], range: [-1, 1] },
        { dtype: 'i32', dims: [2], values: [4, 5] },
      ],
    },
  ],
});

export const gatherPadding = defineOp({
  name: 'GatherPadding',
  doc: 'sum of the first `start` rows of all sequences, and of the last `end` rows: one sum of both, or two',
  source: 'caffe2/operators/sequence_ops.cc',
  inputs: kSequenceInputs,
  outputs: [
    { name: 'before', doc: '[...]' },
    { name: 'behind', doc: '[...]', optional: true },
  ],
  attrs: { ...kWidths, split: int('how many sums: 1 or 2', 1) },
  infer: (request) => {
    const { x } = inferSequences(request);
    const sum = tensorType(x.dtype, x.shape.slice(1));
    return [sum, sum].slice(0, request.outputCount);
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const { start, end, split } = request.attrs;
    const [rows = 0, ...rest] = x.dims;
    const lengths = lengthsOf(request, rows, start + end);
    const inner = Number(sizeFromAxis(x.dims, 1));
    const sums = [makeTensor(x.dtype, rest), makeTensor(x.dtype, rest)] as const;
    const add = (to: NumericTensor, row: number): void => {
      for (let k = 0; k < inner; k++) setNumber(to, k, getNumber(to, k) + getNumber(x, row * inner + k));
    };
    lengths.forEach((length, s) => {
      const first = startsOf(lengths)[s] ?? 0;
      for (let i = 0; i < start; i++) add(sums[0], first + i);
      for (let i = 0; i < end; i++) add(sums[split - 1] ?? sums[0], first + length - end + i);
    });
    return sums.slice(0, request.outputs.length);
  },
  lower: (request, attrs) => {
    const call = lowerSequences(request, 'gather_padding', attrs);
    return { ...call, args: [...call.args, { kind: 'literal', value: attrs.split === 2 ? 1 : 0, dtype: 'bool' }] };
  },
  caffe2: {
    GatherPadding: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1, 2);
      const attrs = { ...readWidths(scope), split: scope.outputCount };
      return scope.emit('GatherPadding', [scope.input(0), scope.input(1)], attrs, scope.outputCount);
    },
  },
  examples: [
    {
      attrs: { start: 2, end: 1, split: 2 },
      inputs: [
        { dims: [9, 2], range: [-1, 1] },
        { dtype: 'i32', dims: [2], values: [4, 5] },
      ],
    },
  ],
});

export const padEmptySamples = defineOp({
  name: 'PadEmptySamples',
  doc: 'the rows of all samples, with a row of 0 for each empty one',
  source: 'caffe2/operators/sequence_ops.cc',
  inputs: [
    { name: 'lengths', doc: 'i32 [samples]' },
    { name: 'x', doc: '[rows, ...]' },
  ],
  outputs: [{ name: 'y', doc: '[rows and empty samples, ...]' }],
  attrs: kSizeAttrs,
  infer: (request) => {
    checkVectorOf(request, 0, 'the lengths');
    const x = checkRows(request, 1, 'the features');
    return [tensorType(x.dtype, [sizedByValues(request, 'rows'), ...x.shape.slice(1)])];
  },
  reference: (request) => {
    const x = numeric(request.tensor(1));
    const [rows = 0, ...rest] = x.dims;
    const lengths = checkedLengths(request, numeric(request.tensor(0)), rows);
    const inner = Number(sizeFromAxis(x.dims, 1));
    const total = lengths.reduce((sum, length) => sum + Math.max(1, length), 0);
    const y = makeTensor(x.dtype, [checkBound(request, total), ...rest]);
    let at = 0;
    lengths.forEach((length, s) => {
      copyRange(x, (startsOf(lengths)[s] ?? 0) * inner, y, at * inner, length * inner);
      at += Math.max(1, length);
    });
    return [y];
  },
  lower: (request, attrs) => {
    const { dtype, shape } = lowerType(request, 1);
    return {
      header: 'cortado/sequence_padding.h',
      fn: 'pad_empty_samples',
      template: [{ kind: 'dtype', dtype }],
      args: [
        inputArg(0),
        inputArg(1),
        outputArg(),
        storedDim(request, [0]),
        boundArg(attrs),
        extentArg(lowerType(request, 0).shape[0] ?? 0),
        extentArg(shape[0] ?? 0),
        extentArg(sizeFromAxis(shape, 1)),
      ],
      parts: 1,
      fallible: true,
    };
  },
  caffe2: {
    PadEmptySamples: (scope) => {
      scope.expectInputs(1, 1 << 16);
      scope.expectOutputs(scope.inputCount);
      const lengths = scope.input(0);
      if (lengths.type.dtype !== 'i32' || lengths.type.shape.length !== 1) {
        scope.fail('the lengths must be an int32 vector', { blob: scope.inputBlob(0) });
      }
      const known = knownNumbers(scope, 0);
      const size = known?.reduce((sum, length) => sum + Math.max(1, length), 0) ?? -1;
      const features = Array.from({ length: scope.inputCount - 1 }, (_, i) => {
        const x = scope.input(i + 1);
        const rows = mostOf(x.type.shape[0]);
        if (rows !== mostOf(scope.inputType(1).shape[0])) {
          scope.fail('all features must have as many rows', { blob: scope.inputBlob(i + 1) });
        }
        const bound = rows + mostOf(lengths.type.shape[0]);
        return scope.emitOne('PadEmptySamples', [lengths, x], { size, bound: Math.max(1, bound) });
      });
      const ones = scope.constant(makeTensor('i32', [1], Int32Array.of(1)), 'one');
      return [scope.emitOne('Max', [lengths, ones]), ...features];
    },
  },
  examples: [
    {
      attrs: { bound: 6 },
      inputs: [
        { dtype: 'i32', dims: [3], values: [2, 0, 1] },
        { dims: [3, 2], range: [-1, 1] },
      ],
    },
  ],
});
