// SparseToDenseMask, BatchSparseToDense, BatchDenseToSparse: elements given by index, and the dense tensor that has them all.

import type { Dim } from '../../ir/dim.js';
import { getNumber, makeTensor, setNumber, toNumbers } from '../../ir/tensor.js';
import { tensorType, typeToString } from '../../ir/type.js';
import { float, int, ints } from '../attributes.js';
import { sizeFromAxis } from '../axes.js';
import { numeric } from '../builder.js';
import { checkDType, checkRank, checkSameDim } from '../check-input.js';
import { copyRange } from '../copy-tensor.js';
import { defineOp, type InferRequest, type ReferenceRequest } from '../define.js';
import { extentArg, floatArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import { checkedLengths, checkRows, checkVectorOf, inputOrNull, kIndexTypes, startsOf } from '../value-sizes.js';

/** Invalid (negative) indices that Caffe2 passes over before it gives up. */
const kMaxSkipped = 50;

export const sparseToDenseMask = defineOp({
  name: 'SparseToDenseMask',
  doc: 'y[b, m] = the value of example b whose index is mask[m], the last of several, else the default; other indices are passed over',
  source: 'caffe2/operators/sparse_to_dense_mask_op.h',
  inputs: [
    { name: 'indices', doc: 'i32 or i64 [n]' },
    { name: 'values', doc: '[n, ...]' },
    { name: 'default', doc: '[...], of the type of the values' },
    { name: 'lengths', doc: 'i32 [examples]; absent: one example, and y has no dim for it', optional: true },
  ],
  outputs: [
    { name: 'y', doc: '[examples, mask, ...]' },
    { name: 'presence', doc: 'bool [examples, mask]', optional: true },
  ],
  attrs: {
    mask: ints('the indices that are wanted'),
    maxSkipped: int('negative indices that are still allowed', kMaxSkipped),
  },
  infer: (request) => {
    const count = checkVectorOf(request, 0, 'the indices', kIndexTypes);
    const values = checkRows(request, 1, 'the values');
    const own = request.type(2);
    checkSameDim(request, 1, 'there must be one value for each index', values.rows, count);
    if (own.dtype !== values.dtype) request.fail('the default must be of the type of the values', { input: 2 });
    const [size, wanted] = [sizeFromAxis(own.shape, 0), sizeFromAxis(values.shape, 1)];
    checkSameDim(request, 2, 'the default must be one value', size, wanted);
    const examples: readonly Dim[] = request.inputs[3] === undefined ? [] : [checkVectorOf(request, 3, 'the lengths')];
    const outer = [...examples, request.attrs.mask.length];
    return [tensorType(values.dtype, [...outer, ...own.shape]), tensorType('bool', outer)].slice(
      0,
      request.outputCount,
    );
  },
  reference: (request) => {
    const indices = toNumbers(request.tensor(0));
    const values = numeric(request.tensor(1));
    const own = numeric(request.tensor(2));
    const { mask, maxSkipped } = request.attrs;
    const hasLengths = request.inputs[3] !== undefined;
    const lengths = hasLengths
      ? checkedLengths(request, numeric(request.tensor(3)), indices.length, false)
      : [indices.length];
    const outer = hasLengths ? [lengths.length, mask.length] : [mask.length];
    const y = makeTensor(values.dtype, [...outer, ...own.dims]);
    const presence = makeTensor('bool', outer);
    const inner = own.data.length;
    for (let i = 0; i < lengths.length * mask.length; i++) copyRange(own, 0, y, i * inner, inner);
    let skipped = 0;
    const starts = startsOf(lengths);
    lengths.forEach((length, b) => {
      for (let k = starts[b] ?? 0; k < (starts[b] ?? 0) + length; k++) {
        const index = indices[k] ?? -1;
        if (index < 0 && ++skipped >= maxSkipped) request.fault('too many negative indices');
        const place = mask.lastIndexOf(index);
        if (index < 0 || place < 0) continue;
        copyRange(values, k * inner, y, (b * mask.length + place) * inner, inner);
        setNumber(presence, b * mask.length + place, 1);
      }
    });
    return [y, presence].slice(0, request.outputs.length);
  },
  lower: (request, { mask, maxSkipped }) => {
    const values = lowerType(request, 1);
    const examples = request.node.inputs[3] === undefined ? 1 : (lowerType(request, 3).shape[0] ?? 0);
    return {
      header: 'cortado/sparse_rows.h',
      fn: 'sparse_to_dense_mask',
      template: [
        { kind: 'dtype', dtype: values.dtype },
        { kind: 'dtype', dtype: lowerType(request, 0).dtype },
        { kind: 'number', value: mask.length },
      ],
      args: [
        inputArg(0),
        inputArg(1),
        inputArg(2),
        inputOrNull(request, 3),
        outputArg(),
        outputArg(1),
        { kind: 'list', values: mask },
        { kind: 'dims', shape: [values.shape[0] ?? 0, sizeFromAxis(values.shape, 1), examples, maxSkipped] },
      ],
      parts: 1,
      fallible: true,
    };
  },
  caffe2: {
    SparseToDenseMask: (scope) => {
      scope.expectInputs(3, 4);
      const mask = [...scope.args.int64s('mask')].map(Number);
      if (mask.length === 0) scope.fail('SparseToDenseMask needs the argument mask');
      if (mask.some((index) => index < 0)) scope.fail('the mask has a negative index');
      const hasPresence = scope.args.bool('return_presence_mask', false);
      scope.expectOutputs(hasPresence ? 2 : 1);
      const inputs = Array.from({ length: scope.inputCount }, (_, i) => scope.input(i));
      const attrs = { mask, maxSkipped: scope.args.int('max_skipped_indices', kMaxSkipped) };
      return scope.emit('SparseToDenseMask', inputs, attrs, scope.outputCount);
    },
  },
  examples: [
    {
      attrs: { mask: [9, 5] },
      inputs: [
        { dtype: 'i64', dims: [4], values: [2, 5, 9, 5] },
        { dims: [4, 2], range: [-1, 1] },
        { dims: [2], values: [-1, -2] },
        { dtype: 'i32', dims: [3], values: [1, 0, 3] },
      ],
    },
    {
      attrs: { mask: [5, 2, 7] },
      inputs: [
        { dtype: 'i32', dims: [3], values: [2, 5, 9] },
        { dims: [3], range: [-1, 1] },
        { dims: [], values: [-1] },
      ],
    },
  ],
});

/** Examples and elements, after a check of the lengths and indices of a batch. */
function checkBatch<A>(request: InferRequest<A>): readonly [Dim, Dim] {
  return [checkVectorOf(request, 0, 'the lengths', ['i64']), checkVectorOf(request, 1, 'the indices', ['i64'])];
}

/** Row of each element, its index checked against the columns. */
function elementsOf<A>(request: ReferenceRequest<A>, columns: number) {
  const indices = toNumbers(request.tensor(1));
  const lengths = checkedLengths(request, numeric(request.tensor(0)), indices.length);
  const rowOf = lengths.flatMap((length, row) => new Array<number>(length).fill(row));
  return indices.map((column, i) => {
    if (column < 0 || column >= columns) request.fault(`index ${column} at position ${i} is not in 0..${columns - 1}`);
    return (rowOf[i] ?? 0) * columns + column;
  });
}

export const batchSparseToDense = defineOp({
  name: 'BatchSparseToDense',
  doc: 'y[b, indices[i]] = values[i] for the elements i of example b, else the default',
  source: 'caffe2/operators/batch_sparse_to_dense_op.h',
  inputs: [
    { name: 'lengths', doc: 'i64 [examples]' },
    { name: 'indices', doc: 'i64 [n]' },
    { name: 'values', doc: 'f32 [n]' },
  ],
  outputs: [{ name: 'y', doc: 'f32 [examples, columns]' }],
  attrs: { columns: int('of y'), default: float('where there is no value', 0) },
  infer: (request) => {
    const [examples, count] = checkBatch(request);
    const values = checkVectorOf(request, 2, 'the values', ['f32']);
    checkSameDim(request, 2, 'there must be one value for each index', values, count);
    const { columns } = request.attrs;
    if (columns < 1) request.fail('the columns must be at least 1', { got: String(columns) });
    return [tensorType('f32', [examples, columns])];
  },
  reference: (request) => {
    const { columns } = request.attrs;
    const values = numeric(request.tensor(2));
    const y = makeTensor('f32', [request.tensor(0).dims[0] ?? 0, columns]);
    y.data.fill(request.attrs.default as never);
    elementsOf(request, columns).forEach((at, i) => void setNumber(y, at, getNumber(values, i)));
    return [y];
  },
  lower: (request, attrs) => ({
    header: 'cortado/sparse_rows.h',
    fn: 'batch_sparse_to_dense',
    template: [],
    args: [
      inputArg(0),
      inputArg(1),
      inputArg(2),
      outputArg(),
      extentArg(lowerType(request, 0).shape[0] ?? 0),
      extentArg(lowerType(request, 1).shape[0] ?? 0),
      extentArg(attrs.columns),
      floatArg(attrs.default),
    ],
    parts: 1,
    fallible: true,
  }),
  caffe2: {
    BatchSparseToDense: (scope) => {
      scope.expectInputs(3, 4);
      scope.expectOutputs(1);
      const given = scope.args.int('dense_last_dim', -1);
      const shaped = scope.inputCount === 4 ? scope.inputType(3).shape : undefined;
      const last = shaped?.[1];
      if (shaped !== undefined && (shaped.length !== 2 || typeof last !== 'number')) {
        scope.fail('the fourth input must be a matrix of known columns', { got: typeToString(scope.inputType(3)) });
      }
      if (given < 1 && last === undefined) {
        scope.fail('the columns are not known', { expected: 'dense_last_dim, or a fourth input of the wanted shape' });
      }
      const inputs = [scope.input(0), scope.input(1), scope.input(2)];
      const columns = typeof last === 'number' ? last : given;
      return [scope.emitOne('BatchSparseToDense', inputs, { columns, default: scope.args.float('default_value', 0) })];
    },
  },
  examples: [
    {
      attrs: { columns: 4, default: -1.5 },
      inputs: [
        { dtype: 'i64', dims: [3], values: [2, 0, 1] },
        { dtype: 'i64', dims: [3], values: [0, 3, 1] },
        { dims: [3], range: [-1, 1] },
      ],
    },
  ],
});

export const batchDenseToSparse = defineOp({
  name: 'BatchDenseToSparse',
  doc: 'y[i] = dense[b, indices[i]] for the elements i of example b',
  source: 'caffe2/operators/batch_sparse_to_dense_op.h',
  inputs: [
    { name: 'lengths', doc: 'i64 [examples]' },
    { name: 'indices', doc: 'i64 [n]' },
    { name: 'dense', doc: 'f32 [examples, columns]' },
  ],
  outputs: [{ name: 'y', doc: 'f32 [n]' }],
  attrs: {},
  infer: (request) => {
    const [examples, count] = checkBatch(request);
    const dense = checkDType(request, 2, 'the dense tensor');
    checkRank(request, 2, 'the dense tensor', 2);
    checkSameDim(request, 0, 'there must be one length for each row', examples, dense.shape[0] ?? 0);
    return [tensorType('f32', [count])];
  },
  reference: (request) => {
    const dense = numeric(request.tensor(2));
    const places = elementsOf(request, dense.dims[1] ?? 0);
    const y = makeTensor('f32', [places.length]);
    places.forEach((at, i) => void setNumber(y, i, getNumber(dense, at)));
    return [y];
  },
  lower: (request) => ({
    header: 'cortado/sparse_rows.h',
    fn: 'batch_dense_to_sparse',
    template: [],
    args: [
      inputArg(0),
      inputArg(1),
      inputArg(2),
      outputArg(),
      extentArg(lowerType(request, 0).shape[0] ?? 0),
      extentArg(lowerType(request, 1).shape[0] ?? 0),
      extentArg(lowerType(request, 2).shape[1] ?? 0),
    ],
    parts: 1,
    fallible: true,
  }),
  caffe2: {
    BatchDenseToSparse: (scope) => {
      scope.expectInputs(3);
      scope.expectOutputs(1);
      return [scope.emitOne('BatchDenseToSparse', [scope.input(0), scope.input(1), scope.input(2)])];
    },
  },
  examples: [
    {
      inputs: [
        { dtype: 'i64', dims: [3], values: [2, 0, 1] },
        { dtype: 'i64', dims: [3], values: [0, 3, 1] },
        { dims: [3, 4], range: [-1, 1] },
      ],
    },
  ],
});
