// BooleanMask, SparseToDense, Find: rows chosen, scattered and looked up by value; Range, which is always a constant.

import { dimEquals, dimMax, type Shape, shapeToString } from '../../ir/dim.js';
import { getNumber, makeTensor, setNumber, toNumbers } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { int } from '../attributes.js';
import { sizeFromAxis, sizeToAxis } from '../axes.js';
import { numeric } from '../builder.js';
import type { Caffe2Import, ImportScope } from '../caffe2-import.js';
import { copyRange } from '../copy-tensor.js';
import { defineOp } from '../define.js';
import { storedExtent } from '../stored-extent.js';
import {
  boundArg,
  checkBound,
  knownNumbers,
  kSizeAttrs,
  mostOf,
  readBound,
  sizedByValues,
  storedDim,
} from '../value-sizes.js';

export const booleanMask = defineOp({
  name: 'BooleanMask',
  doc: 'the rows of x where the mask is true, and their indices',
  source: 'caffe2/operators/boolean_mask_ops.cc',
  inputs: [
    { name: 'x', doc: 'any dtype, [n, ...]' },
    { name: 'mask', doc: 'bool [n]' },
  ],
  outputs: [
    { name: 'y', doc: '[chosen, ...]' },
    { name: 'indices', doc: 'i64 [chosen]', optional: true },
  ],
  attrs: {},
  infer: (request) => {
    const [x, mask] = [request.type(0), request.type(1)];
    const [rows = -1, ...rest] = x.shape;
    if (mask.dtype !== 'bool' || mask.shape.length !== 1 || !dimEquals(mask.shape[0] ?? 0, rows)) {
      request.fail('there must be one bool for each row', { input: 1, expected: `bool${shapeToString([rows])}` });
    }
    const chosen = request.symbol('chosen', 0, Math.max(1, dimMax(rows)));
    return [tensorType(x.dtype, [chosen, ...rest]), tensorType('i64', [chosen])].slice(0, request.outputCount);
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const rows = toNumbers(request.tensor(1)).flatMap((isChosen, i) => (isChosen !== 0 ? [i] : []));
    const inner = Number(sizeFromAxis(x.dims, 1));
    const y = makeTensor(x.dtype, [rows.length, ...x.dims.slice(1)]);
    rows.forEach((row, i) => void copyRange(x, row * inner, y, i * inner, inner));
    return [y, makeTensor('i64', [rows.length], BigInt64Array.from(rows, BigInt))].slice(0, request.outputs.length);
  },
  lower: (request) => {
    const shape = request.node.inputs[0]?.type.shape ?? [];
    return {
      header: 'cortado/sparse.h',
      fn: 'boolean_mask',
      template: [{ kind: 'dtype', dtype: request.node.inputs[0]?.type.dtype ?? 'f32' }],
      args: [
        { kind: 'input', index: 0 },
        { kind: 'input', index: 1 },
        { kind: 'output', index: 0 },
        { kind: 'output', index: 1 },
        storedExtent(request, [0, 1]),
        { kind: 'extent', dim: shape[0] ?? 0 },
        { kind: 'extent', dim: sizeFromAxis(shape, 1) },
      ],
      parts: 1,
    };
  },
  caffe2: {
    BooleanMask: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1, 2);
      return scope.emit('BooleanMask', [scope.input(0), scope.input(1)], {}, scope.outputCount);
    },
  },
  examples: [
    {
      inputs: [
        { dims: [4, 3], range: [-1, 1] },
        { dtype: 'bool', dims: [4], values: [0, 1, 1, 0] },
      ],
    },
  ],
});

/** Rows of the dense tensor: output_first_dim, the third input, or one more than the largest index; -1 where not known. */
function readRows(scope: ImportScope): number {
  const given = scope.args.int('output_first_dim', 0);
  if (given > 0) return given;
  if (scope.inputCount === 3) {
    const rows = scope.inputType(2).shape[0];
    if (typeof rows === 'number') return rows;
    return scope.fail('the number of rows must be known at compile time', { code: 'unsupported' });
  }
  return knownNumbers(scope, 0)?.reduce((rows, index) => Math.max(rows, index + 1), 0) ?? -1;
}

export const sparseToDense = defineOp({
  name: 'SparseToDense',
  doc: 'y[indices[i]] += values[i], from zeros; an index out of range is a fault',
  source: 'caffe2/operators/sparse_to_dense_op.h',
  inputs: [
    { name: 'indices', doc: 'i32 or i64 [n]' },
    { name: 'values', doc: '[n, ...]' },
  ],
  outputs: [{ name: 'y', doc: '[rows, ...]' }],
  attrs: kSizeAttrs,
  infer: (request) => {
    const [indices, values] = [request.type(0), request.type(1)];
    const [count = -1, ...rest] = values.shape;
    if ((indices.dtype !== 'i32' && indices.dtype !== 'i64') || indices.shape.length !== 1) {
      request.fail('indices must be a vector of integers', { input: 0, expected: 'i32 or i64 [n]' });
    }
    if (!dimEquals(indices.shape[0] ?? 0, count)) {
      request.fail('there must be one row of values for each index', {
        input: 1,
        expected: `${shapeToString(indices.shape)} rows`,
      });
    }
    return [tensorType(values.dtype, [sizedByValues(request, 'rows'), ...rest])];
  },
  reference: (request) => {
    const indices = toNumbers(request.tensor(0));
    const values = numeric(request.tensor(1));
    const { size } = request.attrs;
    const rows = checkBound(request, size >= 0 ? size : Math.max(0, ...indices.map((index) => index + 1)));
    const inner = Number(sizeFromAxis(values.dims, 1));
    const y = makeTensor(values.dtype, [rows, ...values.dims.slice(1)]);
    indices.forEach((row, i) => {
      if (row < 0 || row >= rows) request.fault(`index ${row} at position ${i} is not in 0..${rows - 1}`);
      for (let k = 0; k < inner; k++) {
        setNumber(y, row * inner + k, getNumber(y, row * inner + k) + getNumber(values, i * inner + k));
      }
    });
    return [y];
  },
  lower: (request, attrs) => {
    const [indices, values] = request.node.inputs;
    return {
      header: 'cortado/sparse.h',
      fn: 'sparse_to_dense',
      template: [
        { kind: 'dtype', dtype: values?.type.dtype ?? 'f32' },
        { kind: 'dtype', dtype: indices?.type.dtype ?? 'i32' },
      ],
      args: [
        { kind: 'input', index: 0 },
        { kind: 'input', index: 1 },
        { kind: 'output', index: 0 },
        storedDim(request, [0]),
        boundArg(attrs),
        { kind: 'extent', dim: indices?.type.shape[0] ?? 0 },
        { kind: 'literal', value: attrs.size, dtype: 'i64' },
        { kind: 'extent', dim: sizeFromAxis(values?.type.shape ?? [], 1) },
      ],
      parts: 1,
      fallible: true,
    };
  },
  caffe2: {
    SparseToDense: (scope) => {
      scope.expectInputs(2, 3);
      scope.expectOutputs(1);
      const inputs = [scope.input(0), scope.input(1)];
      const bound = readBound(scope, mostOf(scope.inputType(0).shape[0]));
      return [scope.emitOne('SparseToDense', inputs, { size: readRows(scope), bound })];
    },
  },
  examples: [
    {
      attrs: { size: 4 },
      inputs: [
        { dtype: 'i32', dims: [3], values: [1, 1, 3] },
        { dims: [3, 2], range: [-1, 1] },
      ],
    },
    {
      attrs: { bound: 8 },
      inputs: [
        { dtype: 'i64', dims: [3], values: [1, 0, 5] },
        { dtype: 'i32', dims: [3], values: [3, 4, 5] },
      ],
    },
  ],
});

export const find = defineOp({
  name: 'Find',
  doc: 'position of each query in the index, the last of equal ones; `missing` where there is none',
  source: 'caffe2/operators/find_op.h',
  inputs: [
    { name: 'index', doc: 'i32 or i64' },
    { name: 'queries', doc: 'of the same type' },
  ],
  outputs: [{ name: 'y', doc: 'of that type, shaped as the queries' }],
  attrs: { missing: int('answer for what is not there', -1) },
  infer: (request) => {
    const [index, queries] = [request.type(0), request.type(1)];
    if ((index.dtype !== 'i32' && index.dtype !== 'i64') || queries.dtype !== index.dtype) {
      request.fail('index and queries must be integers of one type', { input: 1, expected: index.dtype });
    }
    return [tensorType(queries.dtype, queries.shape)];
  },
  reference: (request) => {
    const index = numeric(request.tensor(0));
    const queries = numeric(request.tensor(1));
    const places = new Map(Array.from({ length: index.data.length }, (_, i) => [getNumber(index, i), i]));
    const y = makeTensor(queries.dtype, queries.dims);
    for (let i = 0; i < y.data.length; i++) setNumber(y, i, places.get(getNumber(queries, i)) ?? request.attrs.missing);
    return [y];
  },
  lower: (request, { missing }) => {
    const shapeOf = (i: number): Shape => request.node.inputs[i]?.type.shape ?? [];
    return {
      header: 'cortado/sparse.h',
      fn: 'find',
      template: [{ kind: 'dtype', dtype: request.node.inputs[0]?.type.dtype ?? 'i32' }],
      args: [
        { kind: 'input', index: 0 },
        { kind: 'input', index: 1 },
        { kind: 'output', index: 0 },
        { kind: 'extent', dim: sizeToAxis(shapeOf(0), shapeOf(0).length) },
        { kind: 'extent', dim: sizeToAxis(shapeOf(1), shapeOf(1).length) },
        { kind: 'extent', dim: missing },
      ],
      parts: request.target.threads,
    };
  },
  caffe2: {
    Find: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1);
      const missing = scope.args.int('missing_value', -1);
      return [scope.emitOne('Find', [scope.input(0), scope.input(1)], { missing })];
    },
    Range: importRange,
  },
  examples: [
    {
      inputs: [
        { dtype: 'i32', dims: [4], values: [1, 5, 3, 5] },
        { dtype: 'i32', dims: [3], values: [5, 2, 1] },
      ],
    },
  ],
});

/** Range(stop), Range(start, stop) or Range(start, stop, step): scalars that are known at compile time. */
function importRange(scope: ImportScope): ReturnType<Caffe2Import> {
  scope.expectInputs(1, 3);
  scope.expectOutputs(1);
  const { dtype } = scope.inputType(0);
  const values = Array.from({ length: scope.inputCount }, (_, i) => {
    const value = scope.input(i);
    if (value.type.shape.length !== 0) scope.fail('the inputs of Range must be scalars', { blob: scope.inputBlob(i) });
    if (value.type.dtype !== dtype) scope.fail('the inputs of Range must have one type', { blob: scope.inputBlob(i) });
    const tensor = scope.constantOf(value);
    if (tensor === undefined) {
      return scope.fail('the length of a Range must be known at compile time', {
        code: 'unsupported',
        blob: scope.inputBlob(i),
      });
    }
    return getNumber(tensor, 0);
  });
  if (dtype !== 'f32' && dtype !== 'f64' && dtype !== 'i32' && dtype !== 'i64') {
    return scope.fail(`Range cannot take ${dtype}`, { expected: 'f32, f64, i32 or i64' });
  }
  const [start = 0, stop = 0, step = 1] = values.length === 1 ? [0, ...values] : values;
  if (step === 0) scope.fail('the step of Range must not be 0');
  const span = stop - start;
  const isInteger = dtype === 'i32' || dtype === 'i64';
  const whole = Math.trunc(span / step);
  // Integers as in range_op.h: one more when the whole steps fall short of the span, which they never do downwards.
  const length = Math.max(0, isInteger ? whole + (whole * step < span ? 1 : 0) : Math.ceil(span / step));
  const tensor = makeTensor(dtype, [length]);
  const round = dtype === 'f32' ? Math.fround : (value: number): number => value;
  for (let i = 0; i < length; i++) setNumber(tensor, i, start + round(i * step));
  return [scope.constant(tensor)];
}
