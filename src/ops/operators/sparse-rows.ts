// ScatterAssign, SparseNormalize: few rows of a large tensor, given by index, changed in place.

import { dimMax, shapeEquals } from '../../ir/dim.js';
import { makeTensor, toNumbers } from '../../ir/tensor.js';
import { tensorType, typeToString } from '../../ir/type.js';
import { bool, float } from '../attributes.js';
import { sizeFromAxis } from '../axes.js';
import { numeric } from '../builder.js';
import { checkDType } from '../check-input.js';
import { copyRange, withDims } from '../copy-tensor.js';
import { defineOp } from '../define.js';
import { extentArg, floatArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import { expectInPlace } from '../read-arguments.js';
import { checkRows, kIndexTypes } from '../value-sizes.js';

export const scatterAssign = defineOp({
  name: 'ScatterAssign',
  doc: 'x with row indices[i] replaced by slices[i], the last of several; an index out of range is a fault',
  source: 'caffe2/operators/utility_ops.h',
  inputs: [
    { name: 'x', doc: '[rows, ...]' },
    { name: 'indices', doc: 'i32 or i64' },
    { name: 'slices', doc: 'of the type of x: a row for each index' },
  ],
  outputs: [{ name: 'y', doc: 'shaped as x' }],
  attrs: {},
  infer: (request) => {
    const x = checkRows(request, 0, 'the data');
    const [indices, slices] = [request.type(1), request.type(2)];
    if (!kIndexTypes.includes(indices.dtype))
      request.fail('indices must be integers', { input: 1, expected: 'i32 or i64' });
    const isFit = shapeEquals(slices.shape, [...indices.shape, ...x.shape.slice(1)]);
    if (slices.dtype !== x.dtype || (!isFit && dimMax(sizeFromAxis(indices.shape, 0)) !== 0)) {
      request.fail('there must be one row for each index', {
        input: 2,
        expected: `${x.dtype} rows`,
        got: typeToString(slices),
      });
    }
    return [tensorType(x.dtype, x.shape)];
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const slices = numeric(request.tensor(2));
    const y = makeTensor(x.dtype, x.dims);
    copyRange(x, 0, y, 0, x.data.length);
    const inner = Number(sizeFromAxis(x.dims, 1));
    toNumbers(request.tensor(1)).forEach((row, i) => {
      const rows = x.dims[0] ?? 0;
      if (row < 0 || row >= rows) request.fault(`index ${row} at position ${i} is not in 0..${rows - 1}`);
      copyRange(slices, i * inner, y, row * inner, inner);
    });
    return [y];
  },
  lower: (request) => {
    const { dtype, shape } = lowerType(request, 0);
    const indices = lowerType(request, 1);
    return {
      header: 'cortado/sparse_rows.h',
      fn: 'scatter_assign',
      template: [
        { kind: 'dtype', dtype },
        { kind: 'dtype', dtype: indices.dtype },
      ],
      args: [
        inputArg(0),
        inputArg(1),
        inputArg(2),
        outputArg(),
        extentArg(shape[0] ?? 0),
        extentArg(sizeFromAxis(indices.shape, 0)),
        extentArg(sizeFromAxis(shape, 1)),
      ],
      parts: 1,
      fallible: true,
      inPlace: [{ input: 0, output: 0 }],
    };
  },
  caffe2: {
    ScatterAssign: (scope) => {
      scope.expectInputs(3);
      scope.expectOutputs(1);
      expectInPlace(scope);
      return [scope.emitOne('ScatterAssign', [scope.input(0), scope.input(1), scope.input(2)])];
    },
  },
  examples: [
    {
      inputs: [
        { dims: [5, 2], range: [-1, 1] },
        { dtype: 'i32', dims: [3], values: [1, 3, 1] },
        { dims: [3, 2], range: [-1, 1] },
      ],
    },
  ],
});

export const sparseNormalize = defineOp({
  name: 'SparseNormalize',
  doc: 'x with the named rows scaled to the norm, or only down to it; an index out of range is a fault',
  source: 'caffe2/operators/sparse_normalize_op.h',
  inputs: [
    { name: 'x', doc: 'f32 [rows, ...]' },
    { name: 'indices', doc: 'i32 or i64' },
  ],
  outputs: [{ name: 'y', doc: 'shaped as x' }],
  attrs: { norm: float('the wanted L2 norm', 1), most: bool('rows of a smaller norm stay', true) },
  infer: (request) => {
    checkDType(request, 0, 'the data');
    const { shape } = checkRows(request, 0, 'the data');
    const indices = request.type(1);
    if (!kIndexTypes.includes(indices.dtype))
      request.fail('indices must be integers', { input: 1, expected: 'i32 or i64' });
    return [tensorType('f32', shape)];
  },
  reference: (request) => {
    const y = makeTensor('f32', request.tensor(0).dims);
    const x = numeric(request.tensor(0));
    copyRange(x, 0, y, 0, x.data.length);
    const { norm, most } = request.attrs;
    const inner = Number(sizeFromAxis(x.dims, 1));
    const rows = x.dims[0] ?? 0;
    toNumbers(request.tensor(1)).forEach((row, i) => {
      if (row < 0 || row >= rows) request.fault(`index ${row} at position ${i} is not in 0..${rows - 1}`);
      const values = (y.data as Float32Array).subarray(row * inner, (row + 1) * inner);
      const own = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
      if (most && own <= norm) return;
      values.forEach((value, k) => {
        values[k] = (value * norm) / (own + 1e-12);
      });
    });
    return [withDims(y, x.dims)];
  },
  lower: (request, { norm, most }) => {
    const { shape } = lowerType(request, 0);
    const indices = lowerType(request, 1);
    return {
      header: 'cortado/sparse_rows.h',
      fn: 'sparse_normalize',
      template: [{ kind: 'dtype', dtype: indices.dtype }],
      args: [
        inputArg(0),
        inputArg(1),
        outputArg(),
        extentArg(shape[0] ?? 0),
        extentArg(sizeFromAxis(indices.shape, 0)),
        extentArg(sizeFromAxis(shape, 1)),
        floatArg(norm),
        { kind: 'literal', value: most ? 1 : 0, dtype: 'bool' },
      ],
      parts: 1,
      fallible: true,
      inPlace: [{ input: 0, output: 0 }],
    };
  },
  caffe2: {
    SparseNormalize: (scope) => {
      scope.expectInputs(3);
      scope.expectOutputs(1);
      expectInPlace(scope);
      const [x, indices, slices] = [scope.input(0), scope.input(1), scope.input(2)];
      const wanted = [...indices.type.shape, ...x.type.shape.slice(1)];
      if (slices.type.dtype !== 'f32' || !shapeEquals(slices.type.shape, wanted)) {
        scope.fail('there must be one row of the gradient for each index', { got: typeToString(slices.type) });
      }
      const attrs = { norm: scope.args.float('norm', 1), most: scope.args.bool('use_max_norm', true) };
      return [scope.emitOne('SparseNormalize', [x, indices], attrs)];
    },
  },
  examples: [
    {
      attrs: { norm: 0.5 },
      inputs: [
        { dims: [4, 3], range: [-1, 1] },
        { dtype: 'i32', dims: [2], values: [0, 2] },
      ],
    },
  ],
});
