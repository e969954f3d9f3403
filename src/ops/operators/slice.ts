// Slice: a box of a tensor.

import {
  type Dim,
  dimAdd,
  dimEquals,
  dimMax,
  dimMin,
  dimMinOf,
  dimMul,
  dimSub,
  dimToString,
  type Shape,
} from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { withShape } from '../../ir/type.js';
import { ints } from '../attributes.js';
import { stridesOf } from '../broadcast.js';
import type { Caffe2Import, ImportScope } from '../caffe2-import.js';
import { copyStrided } from '../copy-tensor.js';
import { defineOp } from '../define.js';
import { keepingQuantization } from '../quantized-import.js';
import { readAxis, readConstantVector } from '../read-arguments.js';
import { denseStrides, stridedCopyCall } from '../strided-copy.js';

/** The position that a start or end means: negative v counts as dim + 1 + v; nothing lies beyond the dim. */
function positionOf(value: number, dim: Dim): Dim {
  return value < 0 ? dimAdd(dim, 1 + value) : dimMinOf(value, dim);
}

interface Box {
  readonly starts: Shape;
  readonly dims: Shape;
}

/** Starts and sizes per axis; a sentence when there is none. */
function boxOf(shape: Shape, starts: readonly number[], ends: readonly number[]): Box | string {
  const from = shape.map((dim, i) => positionOf(starts[i] ?? 0, dim));
  const dims = shape.map((dim, i) => dimSub(positionOf(ends[i] ?? -1, dim), from[i] ?? 0));
  for (const [i, dim] of dims.entries()) {
    const start = from[i] ?? 0;
    const isBackward = dimMax(dim) < 0 || (typeof dim === 'number' && dim < 0);
    if (isBackward || dimMin(start) < 0) return `the slice of dim ${i} ends before it starts`;
  }
  return { starts: from, dims };
}

const importSlice: Caffe2Import = (scope) => {
  scope.expectInputs(1, 3);
  scope.expectOutputs(1);
  const x = scope.input(0);
  const { shape } = x.type;
  if (scope.inputCount === 2) scope.fail('Slice needs both starts and ends as inputs, or neither');
  const given = { starts: scope.args.ints('starts'), ends: scope.args.ints('ends') };
  const starts = scope.inputCount === 3 ? readConstantVector(scope, 1, 'starts') : given.starts;
  const ends = scope.inputCount === 3 ? readConstantVector(scope, 2, 'ends') : given.ends;
  if (starts.length !== ends.length || starts.length > shape.length) {
    scope.fail('starts and ends must be equally long, and no longer than the rank', {
      got: `${starts.length} starts, ${ends.length} ends, rank ${shape.length}`,
    });
  }
  const box = boxOf(shape, starts, ends);
  if (typeof box === 'string') return scope.fail(box, { got: `[${starts.join(',')}] to [${ends.join(',')}]` });
  const cut = shape.map((dim, i) => !dimEquals(dim, box.dims[i] ?? -1));
  if (cut.filter(Boolean).length > 1) {
    scope.fail('Slice cuts one dim only, as in Caffe2', { remedy: 'use one Slice for each dim' });
  }
  if (starts.length < shape.length && cut.includes(true)) {
    scope.fail('a Slice that cuts needs a start and an end for every dim', { expected: `${shape.length} of each` });
  }
  const whole = shape.slice(starts.length);
  return [
    scope.emitOne('Slice', [x], {
      starts: [...starts, ...whole.map(() => 0)],
      ends: [...ends, ...whole.map(() => -1)],
    }),
  ];
};

/** As Slice, or `dim` with start_idx and end_idx, which comes first. */
function importQuantizedSlice(scope: ImportScope): readonly (Value | undefined)[] {
  const { args } = scope;
  if (!args.has('dim')) return importSlice(scope);
  args.ignore('starts', 'ends');
  const x = scope.input(0);
  const rank = x.type.shape.length;
  const dim = readAxis(scope, 'dim', 0, rank);
  const box = { starts: new Array<number>(rank).fill(0), ends: new Array<number>(rank).fill(-1) };
  box.starts[dim] = args.int('start_idx', 0);
  box.ends[dim] = args.int('end_idx', -1);
  return [scope.emitOne('Slice', [x], box)];
}

export const slice = defineOp({
  name: 'Slice',
  doc: 'y = x[starts..ends): for each dim; a negative v means dim + 1 + v, so -1 is the end; values are clamped to the dim',
  source: 'caffe2/operators/slice_op.h',
  inputs: [{ name: 'x', doc: 'any dtype' }],
  outputs: [{ name: 'y', doc: 'the box' }],
  attrs: { starts: ints('first index of each dim'), ends: ints('index behind the last of each dim') },
  infer: (request) => {
    const x = request.type(0);
    const { starts, ends } = request.attrs;
    const box = boxOf(x.shape, starts, ends);
    if (typeof box === 'string') {
      return request.fail(box, { got: `[${starts.join(',')}] to [${ends.join(',')}] of ${x.shape.map(dimToString)}` });
    }
    return [withShape(x, box.dims)];
  },
  reference: (request) => {
    const x = request.tensor(0);
    const box = boxOf(x.dims, request.attrs.starts, request.attrs.ends);
    if (typeof box === 'string') return request.fault(box);
    const strides = stridesOf(x.dims);
    const offset = box.starts.reduce<number>((sum, start, i) => sum + Number(start) * (strides[i] ?? 0), 0);
    return [copyStrided(x, box.dims.map(Number), strides, offset)];
  },
  lower: (request, { starts, ends }) => {
    const shape = request.node.inputs[0]?.type.shape ?? [];
    const box = boxOf(shape, starts, ends);
    const strides = denseStrides(shape);
    const { starts: from, dims } = typeof box === 'string' ? { starts: [], dims: shape } : box;
    const offset = from.reduce<Dim>((sum, start, i) => dimAdd(sum, dimMul(start, strides[i] ?? 0)), 0);
    return stridedCopyCall(request, dims, strides, offset);
  },
  caffe2: { Slice: importSlice, Int8Slice: keepingQuantization(importQuantizedSlice) },
  examples: [
    { attrs: { starts: [0, 1, 0], ends: [-1, 3, -1] }, inputs: [{ dims: [2, 5, 4], range: [-1, 1] }] },
    { attrs: { starts: [-3], ends: [-2] }, inputs: [{ dtype: 'i32', dims: [5], range: [0, 9] }] },
    { attrs: { starts: [2, 0], ends: [2, -1] }, inputs: [{ dims: [3, 5], range: [-1, 1] }] },
  ],
});
