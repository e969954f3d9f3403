// LengthsTopK, FlexibleTopK: the largest values of each segment or row, k fixed or given for each row.

import { makeTensor, type NumericTensor, toNumbers } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { int } from '../attributes.js';
import { sizeToAxis } from '../axes.js';
import { numeric } from '../builder.js';
import { checkDType, checkSameDim } from '../check-input.js';
import { defineOp } from '../define.js';
import { extentArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import {
  boundArg,
  checkBound,
  checkedLengths,
  checkVectorOf,
  impliedBound,
  knownTotal,
  kSizeAttrs,
  mostOf,
  sizedByValues,
  startsOf,
  storedDim,
} from '../value-sizes.js';

/** Bytes of scratch for each value that is ranked. */
const kRankedBytes = 16;

/** Positions of the values from `start` on, the largest first, equal ones by position. */
function rank(x: readonly number[], start: number, length: number): readonly number[] {
  const order = Array.from({ length }, (_, i) => i);
  return order.sort((a, b) => (x[start + b] ?? 0) - (x[start + a] ?? 0) || a - b);
}

export const lengthsTopK = defineOp({
  name: 'LengthsTopK',
  doc: 'the k largest values of each segment and where they are in it; 0 and -1 where it is shorter',
  source: 'caffe2/operators/lengths_top_k_op.cc',
  inputs: [
    { name: 'x', doc: 'f32 [n]' },
    { name: 'lengths', doc: 'i32 [segments]' },
  ],
  outputs: [
    { name: 'values', doc: 'f32 [segments, k]' },
    { name: 'indices', doc: 'i32 [segments, k]' },
  ],
  attrs: { k: int('how many') },
  infer: (request) => {
    checkVectorOf(request, 0, 'the data', ['f32']);
    const segments = checkVectorOf(request, 1, 'the lengths');
    const { k } = request.attrs;
    if (k < 1) request.fail('k must be at least 1', { got: String(k) });
    return [tensorType('f32', [segments, k]), tensorType('i32', [segments, k])];
  },
  reference: (request) => {
    const x = toNumbers(request.tensor(0));
    const lengths = checkedLengths(request, numeric(request.tensor(1)), x.length, false);
    const starts = startsOf(lengths);
    const { k } = request.attrs;
    const values = makeTensor('f32', [lengths.length, k]);
    const indices = makeTensor('i32', [lengths.length, k]);
    indices.data.fill(-1 as never);
    lengths.forEach((length, s) => {
      const start = starts[s] ?? 0;
      rank(x, start, length)
        .slice(0, k)
        .forEach((at, i) => {
          values.data[s * k + i] = x[start + at] ?? 0;
          indices.data[s * k + i] = at;
        });
    });
    return [values, indices];
  },
  lower: (request, { k }) => ({
    header: 'cortado/segment_top_k.h',
    fn: 'lengths_top_k',
    template: [],
    args: [
      inputArg(0),
      inputArg(1),
      outputArg(),
      outputArg(1),
      extentArg(lowerType(request, 0).shape[0] ?? 0),
      extentArg(lowerType(request, 1).shape[0] ?? 0),
      extentArg(k),
      { kind: 'scratch' },
    ],
    scratchBytes: kRankedBytes * (mostOf(lowerType(request, 0).shape[0]) + 1),
    parts: 1,
    fallible: true,
  }),
  caffe2: {
    LengthsTopK: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(2);
      return scope.emit('LengthsTopK', [scope.input(0), scope.input(1)], { k: scope.args.int('k', -1) }, 2);
    },
  },
  examples: [
    {
      attrs: { k: 2 },
      inputs: [
        { dims: [6], values: [1, 3, 3, -1, 0, 5] },
        { dtype: 'i32', dims: [3], values: [3, 1, 2] },
      ],
    },
  ],
});

export const flexibleTopK = defineOp({
  name: 'FlexibleTopK',
  doc: 'the k[row] largest values of each row and their columns, row after row; a k out of range is a fault',
  source: 'caffe2/operators/flexible_top_k.cc',
  inputs: [
    { name: 'x', doc: 'f32 [..., n]' },
    { name: 'k', doc: 'i64, one for each row' },
  ],
  outputs: [
    { name: 'values', doc: 'f32 [sum of k]' },
    { name: 'indices', doc: 'i64 [sum of k]' },
  ],
  attrs: kSizeAttrs,
  infer: (request) => {
    const { shape } = checkDType(request, 0, 'the data');
    const k = checkDType(request, 1, 'k', 'i64');
    if (shape.length === 0) request.fail('the data must have rows', { input: 0, expected: 'f32 [..., n]' });
    const [rows, given] = [sizeToAxis(shape, shape.length - 1), sizeToAxis(k.shape, k.shape.length)];
    checkSameDim(request, 1, 'there must be one k for each row', given, rows);
    const total = sizedByValues(request, 'values');
    return [tensorType('f32', [total]), tensorType('i64', [total])].slice(0, request.outputCount);
  },
  reference: (request) => {
    const x = request.tensor(0);
    const length = x.dims.at(-1) ?? 0;
    const all = toNumbers(x);
    const counts = toNumbers(request.tensor(1));
    const picked = counts.flatMap((k, row) => {
      if (k < 1 || k > length) request.fault(`k is ${k} in row ${row}, not in 1..${length}`);
      return rank(all, row * length, length)
        .slice(0, k)
        .map((at) => ({ at, value: all[row * length + at] ?? 0 }));
    });
    checkBound(request, picked.length);
    const values: NumericTensor = makeTensor(
      'f32',
      [picked.length],
      Float32Array.from(picked, ({ value }) => value),
    );
    const indices = makeTensor(
      'i64',
      [picked.length],
      BigInt64Array.from(picked, ({ at }) => BigInt(at)),
    );
    return [values, indices].slice(0, request.outputs.length);
  },
  lower: (request, attrs) => {
    const { shape } = lowerType(request, 0);
    const length = shape.at(-1) ?? 0;
    return {
      header: 'cortado/segment_top_k.h',
      fn: 'flexible_top_k',
      template: [],
      args: [
        inputArg(0),
        inputArg(1),
        outputArg(),
        outputArg(1),
        storedDim(request, [0, 1]),
        boundArg(attrs),
        extentArg(sizeToAxis(shape, shape.length - 1)),
        extentArg(length),
        { kind: 'scratch' },
      ],
      scratchBytes: kRankedBytes * (mostOf(length) + 1),
      parts: 1,
      fallible: true,
    };
  },
  caffe2: {
    FlexibleTopK: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(2);
      const { shape } = scope.inputType(0);
      const most = mostOf(sizeToAxis(shape, shape.length));
      const attrs = { size: knownTotal(scope, 1), bound: impliedBound(scope, most, most) };
      return scope.emit('FlexibleTopK', [scope.input(0), scope.input(1)], attrs, 2);
    },
  },
  examples: [
    {
      attrs: { bound: 8 },
      inputs: [
        { dims: [2, 4], values: [1, 4, 2, 4, 0, -1, -2, 3] },
        { dtype: 'i64', dims: [2], values: [3, 1] },
      ],
    },
  ],
});
