// Gather, BatchGather, BatchPermutation, OneHot: rows picked by index.

import { type Dim, dimEquals, shapeToString } from '../../ir/dim.js';
import { getNumber, makeTensor } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { int } from '../attributes.js';
import { sizeFromAxis, sizeToAxis } from '../axes.js';
import { numeric } from '../builder.js';
import type { Caffe2Import } from '../caffe2-import.js';
import { copyRange } from '../copy-tensor.js';
import { defineOp } from '../define.js';
import { readConstantInts } from '../read-arguments.js';
import { partsFor } from '../strided-copy.js';

function importGather(axis: 0 | 1): Caffe2Import {
  return (scope) => {
    scope.expectInputs(2);
    scope.expectOutputs(1);
    return [scope.emitOne('Gather', [scope.input(0), scope.input(1)], { axis })];
  };
}

export const gather = defineOp({
  name: 'Gather',
  doc: 'y[outer, i, inner] = data[outer, indices[i], inner]: the dims of indices replace the axis; an index out of range is a fault',
  source: 'caffe2/operators/gather_op.h, batch_gather_ops.h',
  inputs: [
    { name: 'data', doc: 'any dtype' },
    { name: 'indices', doc: 'i32 or i64' },
  ],
  outputs: [{ name: 'y', doc: 'data.dims[:axis] + indices.dims + data.dims[axis+1:]' }],
  attrs: { axis: int('axis of data that indices count along', 0) },
  infer: (request) => {
    const data = request.type(0);
    const indices = request.type(1);
    const { axis } = request.attrs;
    if (data.shape.length <= axis) {
      request.fail('the data has too few dims', { input: 0, expected: `rank ${axis + 1} or more` });
    }
    if (indices.dtype !== 'i32' && indices.dtype !== 'i64') {
      request.fail('indices must be integers', { input: 1, expected: 'i32 or i64' });
    }
    return [tensorType(data.dtype, [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)])];
  },
  reference: (request) => {
    const data = numeric(request.tensor(0));
    const indices = numeric(request.tensor(1));
    const { axis } = request.attrs;
    const rows = data.dims[axis] ?? 0;
    const outer = Number(sizeToAxis(data.dims, axis));
    const inner = Number(sizeFromAxis(data.dims, axis + 1));
    const count = indices.data.length;
    const y = makeTensor(data.dtype, [...data.dims.slice(0, axis), ...indices.dims, ...data.dims.slice(axis + 1)]);
    for (let i = 0; i < count; i++) {
      const row = getNumber(indices, i);
      if (row < 0 || row >= rows) request.fault(`index ${row} at position ${i} is not in 0..${rows - 1}`);
      for (let o = 0; o < outer; o++) copyRange(data, (o * rows + row) * inner, y, (o * count + i) * inner, inner);
    }
    return [y];
  },
  lower: (request, { axis }) => {
    const data = request.node.inputs[0]?.type ?? tensorType('f32', []);
    const indices = request.node.inputs[1]?.type ?? tensorType('i32', []);
    const sizes: readonly Dim[] = [
      sizeToAxis(data.shape, axis),
      data.shape[axis] ?? 0,
      sizeFromAxis(data.shape, axis + 1),
      sizeToAxis(indices.shape, indices.shape.length),
    ];
    return {
      header: 'cortado/gather.h',
      fn: 'gather',
      template: [
        { kind: 'dtype', dtype: data.dtype },
        { kind: 'dtype', dtype: indices.dtype },
      ],
      args: [
        { kind: 'input', index: 0 },
        { kind: 'input', index: 1 },
        { kind: 'output', index: 0 },
        ...sizes.map((dim) => ({ kind: 'extent', dim }) as const),
      ],
      parts: partsFor(request.node.outputs[0]?.type.shape ?? [], request),
      fallible: true,
    };
  },
  caffe2: {
    Gather: importGather(0),
    BatchGather: importGather(1),
    BatchPermutation: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1);
      const [x, order] = [scope.input(0), scope.input(1)];
      const [rows] = x.type.shape;
      const [count] = order.type.shape;
      if (order.type.dtype !== 'i32' || order.type.shape.length !== 1) {
        scope.fail('the order must be 1-D int32', { got: `${order.type.dtype}${shapeToString(order.type.shape)}` });
      }
      if (rows === undefined || count === undefined || !dimEquals(rows, count)) {
        scope.warn('the order and the data are not known to have equally many rows');
      }
      return [scope.emitOne('Gather', [x, order], { axis: 0 })];
    },
  },
  examples: [
    {
      inputs: [
        { dims: [6, 3], range: [-1, 1] },
        { dtype: 'i32', dims: [2, 2], values: [0, 5, 2, 2] },
      ],
    },
    {
      attrs: { axis: 1 },
      inputs: [
        { dims: [2, 4, 3], range: [-1, 1] },
        { dtype: 'i64', dims: [2], values: [3, 0] },
      ],
    },
  ],
});

export const oneHot = defineOp({
  name: 'OneHot',
  doc: 'y[i, j] = indices[i] == j; an index out of range is a fault',
  source: 'caffe2/operators/one_hot_ops.cc',
  inputs: [{ name: 'indices', doc: 'i64 [n]' }],
  outputs: [{ name: 'y', doc: 'f32 [n, size]' }],
  attrs: { size: int('columns') },
  infer: (request) => {
    const indices = request.type(0);
    const [count] = indices.shape;
    if (indices.dtype !== 'i64' || indices.shape.length !== 1 || count === undefined) {
      return request.fail('indices of OneHot must be a vector', { input: 0, expected: 'i64 [n]' });
    }
    if (request.attrs.size < 0) request.fail('the size of OneHot is negative', { got: String(request.attrs.size) });
    return [tensorType('f32', [count, request.attrs.size])];
  },
  reference: (request) => {
    const indices = numeric(request.tensor(0));
    const { size } = request.attrs;
    const y = makeTensor('f32', [indices.data.length, size]);
    for (let i = 0; i < indices.data.length; i++) {
      const at = getNumber(indices, i);
      if (at < 0 || at >= size) request.fault(`index ${at} at position ${i} is not in 0..${size - 1}`);
      y.data[i * size + at] = 1;
    }
    return [y];
  },
  lower: (request, { size }) => ({
    header: 'cortado/gather.h',
    fn: 'one_hot',
    template: [],
    args: [
      { kind: 'input', index: 0 },
      { kind: 'output', index: 0 },
      { kind: 'extent', dim: request.node.inputs[0]?.type.shape[0] ?? 0 },
      { kind: 'extent', dim: size },
    ],
    parts: 1,
    fallible: true,
  }),
  caffe2: {
    OneHot: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1);
      if (scope.inputType(1).dtype !== 'i64') scope.fail('the size of OneHot must be int64');
      const sizes = readConstantInts(scope, 1, 'the size of OneHot');
      if (sizes.length !== 1) scope.fail('the size of OneHot must be one value', { got: `${sizes.length} values` });
      return [scope.emitOne('OneHot', [scope.input(0)], { size: sizes[0] ?? 0 })];
    },
  },
  examples: [{ attrs: { size: 4 }, inputs: [{ dtype: 'i64', dims: [3], values: [0, 3, 1] }] }],
});
