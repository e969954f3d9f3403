// Rows of a tensor at a position known only at run time: what the body of a loop reads and writes. ReadRows, WriteRows,
// GrowRows (a state with room for all steps) and FirstRows (what a loop that ended early has made).

import { type Dim, dimAdd, dimEquals, dimMax, dimMul, type Shape, shapeMaxSize, shapeSize } from '../../ir/dim.js';
import { elementCount, getNumber, makeTensor, type Tensor } from '../../ir/tensor.js';
import { type TensorType, tensorType } from '../../ir/type.js';
import { int } from '../attributes.js';
import { sizeFromAxis } from '../axes.js';
import { numeric } from '../builder.js';
import { copyRange } from '../copy-tensor.js';
import { defineOp, type InferRequest, type ReferenceRequest } from '../define.js';
import { extentArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import type { KernelRequest, TemplateArg } from '../kernel-call.js';
import { storedExtent } from '../stored-extent.js';

const kWholeTensor = 1 << 16;

/** Input i, which has rows; the position is one integer. */
function inferRowsOf<A>(request: InferRequest<A>, i: number, position: number): TensorType {
  const x = request.type(i);
  if (x.shape.length === 0) request.fail('a scalar has no rows', { input: i, expected: 'at least one dim' });
  if (position >= 0) checkPosition(request, position);
  return x;
}

function checkPosition<A>(request: InferRequest<A>, i: number): void {
  const type = request.type(i);
  const isInteger = type.dtype === 'i32' || type.dtype === 'i64';
  if (!isInteger || shapeMaxSize(type.shape) !== 1) {
    request.fail('a position is one integer', { input: i, expected: 'i32 or i64, one element' });
  }
}

/** The first of `window` rows at the position in input i; a fault outside of 0..rows. */
function positionOf<A>(request: ReferenceRequest<A>, i: number, offset: number, window: number, rows: number): number {
  const first = getNumber(request.tensor(i), 0) + offset;
  if (first < 0 || first + window > rows) request.fault(`rows ${first} to ${first + window - 1} of ${rows}`);
  return first;
}

function rowSize(x: Tensor): number {
  return elementCount(x.dims.slice(1));
}

/** Template arguments of kernels over elements and positions. */
function typesOf(request: KernelRequest, x: number, position: number): readonly TemplateArg[] {
  return [
    { kind: 'dtype', dtype: lowerType(request, x).dtype },
    { kind: 'dtype', dtype: lowerType(request, position).dtype },
  ];
}

export const readRows = defineOp({
  name: 'ReadRows',
  doc: 'y = x[at + offset .. at + offset + window)',
  source: 'rnn_internal_apply_link in caffe2/operators/rnn/recurrent_network_op.h',
  inputs: [
    { name: 'x', doc: '[rows, ...]' },
    { name: 'at', doc: 'i32 or i64, one element' },
  ],
  outputs: [{ name: 'y', doc: '[window, ...]' }],
  attrs: { offset: int('added to at', 0), window: int('number of rows', 1) },
  infer: (request) => {
    const x = inferRowsOf(request, 0, 1);
    const { window } = request.attrs;
    if (window < 1 || window > dimMax(x.shape[0] ?? 0)) {
      request.fail('there are not so many rows', { input: 0, expected: `${window} rows or more` });
    }
    return [tensorType(x.dtype, [window, ...x.shape.slice(1)])];
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const { offset, window } = request.attrs;
    const first = positionOf(request, 1, offset, window, x.dims[0] ?? 0);
    const y = makeTensor(x.dtype, [window, ...x.dims.slice(1)]);
    copyRange(x, first * rowSize(x), y, 0, window * rowSize(x));
    return [y];
  },
  lower: (request, { offset, window }) => {
    const { shape } = lowerType(request, 0);
    const sizes = [shape[0] ?? 1, sizeFromAxis(shape, 1), offset, window];
    return {
      header: 'cortado/rows.h',
      fn: 'read_rows',
      template: typesOf(request, 0, 1),
      args: [inputArg(0), inputArg(1), outputArg(), ...sizes.map(extentArg)],
      parts: kWholeTensor,
      fallible: true,
    };
  },
  examples: [
    {
      attrs: { offset: -1, window: 2 },
      inputs: [{ dims: [5, 3] }, { dtype: 'i32', dims: [1], values: [3] }],
    },
  ],
});

export const writeRows = defineOp({
  name: 'WriteRows',
  doc: 'y = x with rows [at + offset, at + offset + window) replaced',
  source: 'rnn_internal_apply_link in caffe2/operators/rnn/recurrent_network_op.h',
  inputs: [
    { name: 'x', doc: '[rows, ...]' },
    { name: 'values', doc: '[window, ...]' },
    { name: 'at', doc: 'i32 or i64, one element' },
  ],
  outputs: [{ name: 'y', doc: 'like x' }],
  attrs: { offset: int('added to at', 0) },
  infer: (request) => {
    const x = inferRowsOf(request, 0, 2);
    const values = inferRowsOf(request, 1, -1);
    const fits = (dim: Dim, i: number): boolean => i === 0 || dimEquals(dim, x.shape[i] ?? -1);
    if (values.dtype !== x.dtype || values.shape.length !== x.shape.length || !values.shape.every(fits)) {
      request.fail('the rows do not fit the tensor', { input: 1, expected: 'rows like those of the tensor' });
    }
    return [tensorType(x.dtype, x.shape)];
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const values = numeric(request.tensor(1));
    const first = positionOf(request, 2, request.attrs.offset, values.dims[0] ?? 0, x.dims[0] ?? 0);
    const y = makeTensor(x.dtype, x.dims);
    copyRange(x, 0, y, 0, elementCount(x.dims));
    copyRange(values, 0, y, first * rowSize(x), elementCount(values.dims));
    return [y];
  },
  lower: (request, { offset }) => {
    const { shape } = lowerType(request, 0);
    const window = lowerType(request, 1).shape[0] ?? 1;
    const sizes = [shape[0] ?? 1, sizeFromAxis(shape, 1), offset, window];
    return {
      header: 'cortado/rows.h',
      fn: 'write_rows',
      template: typesOf(request, 0, 2),
      args: [inputArg(0), inputArg(1), inputArg(2), outputArg(), ...sizes.map(extentArg)],
      parts: 1,
      fallible: true,
    };
  },
  examples: [
    {
      attrs: { offset: 1 },
      inputs: [{ dims: [4, 3] }, { dims: [2, 3] }, { dtype: 'i64', dims: [], values: [1] }],
    },
  ],
});

/** Rows that the initial state fills, and the shape of one of them. */
function initialRows(initial: Shape, like: Shape): { readonly rows: Dim; readonly row: Shape } {
  const [, n = 0] = like;
  if (initial.length === 1) return { rows: 1, row: [n, ...initial] };
  const [rows = 0, ...row] = initial;
  return { rows, row };
}

export const growRows = defineOp({
  name: 'GrowRows',
  doc: 'a state with room for every step of a sequence: the initial rows, then zeros; [d] is repeated for each sequence',
  source: 'initializeRecurrentInput in caffe2/operators/rnn/recurrent_network_op.h',
  inputs: [
    { name: 'initial', doc: '[k, n, d] or [d]' },
    { name: 'like', doc: '[steps, n, ...]; its values are not read' },
  ],
  outputs: [{ name: 'y', doc: '[k + steps, n, d]; k = 1 for [d]' }],
  attrs: {},
  infer: (request) => {
    const initial = request.type(0);
    const like = request.type(1);
    const { rows, row } = initialRows(initial.shape, like.shape);
    if (like.shape.length < 2) request.fail('a sequence has steps and sequences', { input: 1, expected: '[t,n,...]' });
    if (row.length !== 2 || !dimEquals(row[0] ?? 0, like.shape[1] ?? -1)) {
      request.fail('the initial state does not fit the sequences', { input: 0, expected: '[k,n,d] or [d]' });
    }
    return [tensorType(initial.dtype, [dimAdd(rows, like.shape[0] ?? 0), ...row])];
  },
  reference: (request) => {
    const initial = numeric(request.tensor(0));
    const like = request.tensor(1).dims;
    const { rows, row } = initialRows(initial.dims, like);
    const y = makeTensor(initial.dtype, [Number(rows) + (like[0] ?? 0), ...row.map(Number)]);
    const count = Math.max(1, elementCount(initial.dims));
    const filled = Number(rows) * elementCount(row.map(Number));
    for (let at = 0; at + count <= filled; at += count) copyRange(initial, 0, y, at, count);
    return [y];
  },
  lower: (request) => {
    const initial = lowerType(request, 0);
    const like = lowerType(request, 1).shape;
    const { rows, row } = initialRows(initial.shape, like);
    const filled = dimMul(rows, shapeSize(row));
    const total = dimMul(dimAdd(rows, like[0] ?? 0), shapeSize(row));
    return {
      header: 'cortado/rows.h',
      fn: 'grow_rows',
      template: [{ kind: 'dtype', dtype: initial.dtype }],
      args: [inputArg(0), outputArg(), extentArg(shapeSize(initial.shape)), extentArg(filled), extentArg(total)],
      parts: 1,
    };
  },
  examples: [
    { inputs: [{ dims: [2, 3, 4] }, { dims: [5, 3, 1] }] },
    { note: 'one row for all', inputs: [{ dims: [4] }, { dims: [2, 3, 1] }] },
  ],
});

export const firstRows = defineOp({
  name: 'FirstRows',
  doc: 'y = x[0 .. count)',
  source: 'the scan outputs of caffe2/operators/onnx_while_op.h',
  inputs: [
    { name: 'x', doc: '[rows, ...]' },
    { name: 'count', doc: 'i32 or i64, one element, 0 to rows' },
  ],
  outputs: [{ name: 'y', doc: '[count, ...]' }],
  attrs: {},
  infer: (request) => {
    const x = inferRowsOf(request, 0, 1);
    const count = request.symbol('count', 0, Math.max(1, dimMax(x.shape[0] ?? 0)));
    return [tensorType(x.dtype, [count, ...x.shape.slice(1)])];
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const count = getNumber(request.tensor(1), 0);
    if (count < 0 || count > (x.dims[0] ?? 0)) request.fault(`${count} rows of ${x.dims[0] ?? 0}`);
    const y = makeTensor(x.dtype, [count, ...x.dims.slice(1)]);
    copyRange(x, 0, y, 0, elementCount(y.dims));
    return [y];
  },
  lower: (request) => {
    const { shape } = lowerType(request, 0);
    return {
      header: 'cortado/rows.h',
      fn: 'first_rows',
      template: typesOf(request, 0, 1),
      args: [
        inputArg(0),
        inputArg(1),
        outputArg(),
        storedExtent(request, [0]),
        extentArg(shape[0] ?? 1),
        extentArg(sizeFromAxis(shape, 1)),
      ],
      parts: 1,
      fallible: true,
    };
  },
  examples: [{ inputs: [{ dims: [4, 3] }, { dtype: 'i64', dims: [], values: [2] }] }],
});
