// ExtendTensor: a table that grows until the largest index fits, zeros behind what was there.

import { type Dim, isStatic, shapeSize } from '../../ir/dim.js';
import { elementCount, makeTensor, toNumbers } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { sizeFromAxis } from '../axes.js';
import { numeric } from '../builder.js';
import type { ImportScope } from '../caffe2-import.js';
import { copyRange } from '../copy-tensor.js';
import { defineOp } from '../define.js';
import { extentArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import { expectInPlace } from '../read-arguments.js';
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

/** Caffe2 compares the largest index with the number of elements and adds the difference as rows: equal for vectors. */
function grownRows(rows: number, elements: number, largest: number): number {
  return rows + Math.max(0, largest + 1 - elements);
}

export const extendTensor = defineOp({
  name: 'ExtendTensor',
  doc: 'x with rows of zeros behind: as many as the largest index + 1 exceeds the elements of x',
  source: 'caffe2/operators/extend_tensor_op.cc',
  inputs: [
    { name: 'x', doc: '[rows, ...]' },
    { name: 'indices', doc: 'i32, of the rank of x' },
  ],
  outputs: [{ name: 'y', doc: '[grown rows, ...]' }],
  attrs: kSizeAttrs,
  infer: (request) => {
    const [x, indices] = [request.type(0), request.type(1)];
    if (x.dtype === 'str' || x.shape.length === 0) request.fail('the table must have rows', { input: 0 });
    if (indices.dtype !== 'i32' || indices.shape.length !== x.shape.length || shapeSize(indices.shape) === 0) {
      request.fail('the indices do not fit the table', {
        input: 1,
        expected: `i32 of rank ${x.shape.length}, not empty`,
      });
    }
    return [tensorType(x.dtype, [sizedByValues(request, 'rows'), ...x.shape.slice(1)])];
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const indices = toNumbers(request.tensor(1));
    if (indices.length === 0) request.fault('there is no largest index');
    const count = elementCount(x.dims);
    const largest = indices.reduce((most, index) => Math.max(most, index));
    const rows = checkBound(request, grownRows(x.dims[0] ?? 0, count, largest));
    const y = makeTensor(x.dtype, [rows, ...x.dims.slice(1)]);
    copyRange(x, 0, y, 0, count);
    return [y];
  },
  lower: (request, attrs) => {
    const [x, indices] = [lowerType(request, 0), lowerType(request, 1)];
    return {
      header: 'cortado/extend_tensor.h',
      fn: 'extend_tensor',
      template: [{ kind: 'dtype', dtype: x.dtype }],
      args: [
        inputArg(0),
        inputArg(1),
        outputArg(),
        storedDim(request, [0]),
        boundArg(attrs),
        extentArg(x.shape[0] ?? 0),
        extentArg(sizeFromAxis(x.shape, 1)),
        extentArg(shapeSize(indices.shape)),
      ],
      parts: 1,
      fallible: true,
    };
  },
  caffe2: {
    ExtendTensor: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1);
      expectInPlace(scope);
      scope.args.ignore('growthPct');
      const attrs = { size: knownRows(scope), bound: readBound(scope, mostOf(scope.inputType(0).shape[0])) };
      return [scope.emitOne('ExtendTensor', [scope.input(0), scope.input(1)], attrs)];
    },
  },
  examples: [
    {
      attrs: { bound: 9 },
      inputs: [
        { dims: [3], range: [-1, 1] },
        { dtype: 'i32', dims: [2], values: [1, 4] },
      ],
    },
    {
      attrs: { size: 4 },
      inputs: [
        { dtype: 'i64', dims: [2, 3], range: [0, 9] },
        { dtype: 'i32', dims: [1, 2], values: [7, 0] },
      ],
    },
  ],
});

/** The grown number of rows where the indices and the table's sizes are known, else -1. */
function knownRows(scope: ImportScope): number {
  const { shape } = scope.inputType(0);
  const [rows = 0, elements]: readonly (Dim | undefined)[] = [shape[0], shapeSize(shape)];
  const indices = knownNumbers(scope, 1);
  if (indices === undefined || indices.length === 0 || !isStatic(rows) || elements === undefined || !isStatic(elements))
    return -1;
  return grownRows(
    rows,
    elements,
    indices.reduce((most, index) => Math.max(most, index)),
  );
}
