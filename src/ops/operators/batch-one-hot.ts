// BatchOneHot, BatchBucketOneHot: each column of a matrix expanded by its own values, or by its own buckets.

import { type Dim, dimAdd } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { getNumber, makeTensor, setNumber, toNumbers } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { sizeFromAxis } from '../axes.js';
import { numeric } from '../builder.js';
import type { Caffe2Import, ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank, checkSameDim } from '../check-input.js';
import { defineOp, type InferRequest } from '../define.js';
import { extentArg, inputArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';
import type { KernelCall, KernelRequest } from '../kernel-call.js';
import { checkedLengths, checkVectorOf, kIndexTypes, startsOf } from '../value-sizes.js';

/** Rows and columns of the matrix, after a check that there is one length for each column. */
function checkColumns<A>(request: InferRequest<A>): readonly [Dim, Dim] {
  checkRank(request, 0, 'the data', 2);
  const [rows = 0, columns = 0] = request.type(0).shape;
  const lengths = checkVectorOf(request, 1, 'the lengths');
  checkSameDim(request, 1, 'there must be one length for each column', lengths, columns);
  return [rows, columns];
}

function columnsOf(scope: ImportScope, x: Value): number {
  const size = sizeFromAxis(x.type.shape, 1);
  if (x.type.shape.length === 0) scope.fail('the data must have rows', { blob: x.name });
  return typeof size === 'number'
    ? size
    : scope.fail('the columns must be known', { blob: x.name, code: 'unsupported' });
}

function importColumns(op: string): Caffe2Import {
  return (scope) => {
    scope.expectInputs(3);
    scope.expectOutputs(1);
    const x = scope.input(0);
    // Caffe2 flattens all dims behind the first.
    const matrix = x.type.shape.length === 2 ? x : scope.emitOne('Reshape', [x], { shape: [0, columnsOf(scope, x)] });
    return [scope.emitOne(op, [matrix, scope.input(1), scope.input(2)])];
  };
}

function lowerColumns(request: KernelRequest, fn: string): KernelCall {
  const { dtype, shape } = lowerType(request, 0);
  return {
    header: 'cortado/batch_one_hot.h',
    fn,
    template: [{ kind: 'dtype', dtype }],
    args: [
      inputArg(0),
      inputArg(1),
      inputArg(2),
      outputArg(),
      extentArg(shape[0] ?? 0),
      extentArg(shape[1] ?? 0),
      extentArg(lowerType(request, 2).shape[0] ?? 0),
    ],
    parts: kRowParts,
    fallible: true,
  };
}

const kLengthsInput = { name: 'lengths', doc: 'i32: how many values belong to each column' } as const;

export const batchOneHot = defineOp({
  name: 'BatchOneHot',
  doc: 'y[i, v] = x[i, column of value v] == values[v]',
  source: 'caffe2/operators/one_hot_ops.cc',
  inputs: [{ name: 'x', doc: 'i32 or i64 [n, columns]' }, kLengthsInput, { name: 'values', doc: 'of the type of x' }],
  outputs: [{ name: 'y', doc: 'of the type of x, [n, values]: 0 or 1' }],
  attrs: {},
  infer: (request) => {
    const { dtype } = request.type(0);
    const [rows] = checkColumns(request);
    if (!kIndexTypes.includes(dtype)) request.fail('BatchOneHot needs integers', { input: 0, expected: 'i32 or i64' });
    return [tensorType(dtype, [rows, checkVectorOf(request, 2, 'the values', [dtype])])];
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const values = toNumbers(request.tensor(2));
    const lengths = checkedLengths(request, numeric(request.tensor(1)), values.length);
    const columnOf = lengths.flatMap((length, column) => new Array<number>(length).fill(column));
    const [rows = 0, columns = 0] = x.dims;
    const y = makeTensor(x.dtype, [rows, values.length]);
    for (let i = 0; i < rows; i++) {
      values.forEach((value, v) => {
        setNumber(y, i * values.length + v, getNumber(x, i * columns + (columnOf[v] ?? 0)) === value ? 1 : 0);
      });
    }
    return [y];
  },
  lower: (request) => lowerColumns(request, 'batch_one_hot'),
  caffe2: { BatchOneHot: importColumns('BatchOneHot') },
  examples: [
    {
      inputs: [
        { dtype: 'i32', dims: [3, 2], values: [1, 2, 3, 5, 1, 5] },
        { dtype: 'i32', dims: [2], values: [2, 3] },
        { dtype: 'i32', dims: [5], values: [1, 3, 2, 4, 5] },
      ],
    },
  ],
});

export const batchBucketOneHot = defineOp({
  name: 'BatchBucketOneHot',
  doc: 'one of the buckets (-inf, b0], (b0, b1], …, (last, inf) of each column is 1: the one that holds x',
  source: 'caffe2/operators/one_hot_ops.cc',
  inputs: [
    { name: 'x', doc: 'f32 [n, columns]' },
    kLengthsInput,
    { name: 'boundaries', doc: 'f32, ascending in each column' },
  ],
  outputs: [{ name: 'y', doc: 'f32 [n, boundaries + columns]' }],
  attrs: {},
  infer: (request) => {
    checkDType(request, 0, 'the data');
    const [rows, columns] = checkColumns(request);
    return [tensorType('f32', [rows, dimAdd(checkVectorOf(request, 2, 'the boundaries', ['f32']), columns)])];
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const boundaries = toNumbers(request.tensor(2));
    const lengths = checkedLengths(request, numeric(request.tensor(1)), boundaries.length);
    if (lengths.includes(0)) request.fault('each column needs a boundary');
    const starts = startsOf(lengths);
    const [rows = 0, columns = 0] = x.dims;
    const y = makeTensor('f32', [rows, boundaries.length + columns]);
    for (let i = 0; i < rows; i++) {
      lengths.forEach((length, column) => {
        const start = starts[column] ?? 0;
        const value = getNumber(x, i * columns + column);
        const below = boundaries.slice(start, start + length).filter((boundary) => boundary < value).length;
        y.data[i * (boundaries.length + columns) + start + column + below] = 1;
      });
    }
    return [y];
  },
  lower: (request) => lowerColumns(request, 'batch_bucket_one_hot'),
  caffe2: { BatchBucketOneHot: importColumns('BatchBucketOneHot') },
  examples: [
    {
      inputs: [
        { dims: [3, 2], values: [2, 3, 4, 1, 2, 5] },
        { dtype: 'i32', dims: [2], values: [2, 3] },
        { dims: [5], values: [0.1, 2.5, 1, 3.1, 4.5] },
      ],
    },
  ],
});
