// TopK, ArgMax and ArgMin: where the largest and smallest values of an axis are.

import { type Dim, dimMax, dimMin, dimToString, type Shape } from '../../ir/dim.js';
import { getNumber, makeTensor } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { bool, int } from '../attributes.js';
import { sizeFromAxis, sizeToAxis } from '../axes.js';
import { numeric } from '../builder.js';
import type { Caffe2Import } from '../caffe2-import.js';
import { defineOp } from '../define.js';
import type { KernelArg } from '../kernel-call.js';
import { readAxisOrLast } from '../read-arguments.js';

function replaceAxis(shape: Shape, axis: number, by: Dim): Shape {
  return shape.map((dim, i) => (i === axis ? by : dim));
}

/** Outer size, length along the axis and inner size of a shape, as kernel arguments. */
function lineArgs(shape: Shape, axis: number): readonly KernelArg[] {
  return [sizeToAxis(shape, axis), shape[axis] ?? 1, sizeFromAxis(shape, axis + 1)].map((dim) => ({
    kind: 'extent',
    dim,
  }));
}

export const topK = defineOp({
  name: 'TopK',
  doc: 'the k largest values along an axis, descending, equal ones by index; their indices; their offsets in x',
  source: 'caffe2/operators/top_k.cc',
  inputs: [{ name: 'x', doc: 'f32' }],
  outputs: [
    { name: 'values', doc: 'f32, k along the axis' },
    { name: 'indices', doc: 'i64, positions along the axis' },
    { name: 'offsets', doc: 'i64 [all], positions in x as a vector', optional: true },
  ],
  attrs: { k: int('how many'), axis: int('0 to rank - 1') },
  infer: (request) => {
    const x = request.type(0);
    const { k, axis } = request.attrs;
    const dim = x.shape[axis] ?? request.fail('TopK needs an input of rank 1 or more');
    if (x.dtype !== 'f32') request.fail('TopK needs floats', { input: 0, expected: 'f32' });
    if (k < 1 || k > dimMin(dim)) {
      request.fail('k must be at least 1 and at most the size of the axis', {
        expected: `1 to ${dimToString(dim)}`,
        got: String(k),
      });
    }
    const shape = replaceAxis(x.shape, axis, k);
    return [
      tensorType('f32', shape),
      tensorType('i64', shape),
      tensorType('i64', [sizeToAxis(shape, shape.length)]),
    ].slice(0, request.outputCount);
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const { k, axis } = request.attrs;
    const dims = replaceAxis(x.dims, axis, k).map(Number);
    const values = makeTensor('f32', dims);
    const indices = makeTensor('i64', dims);
    const offsets = makeTensor('i64', [values.data.length]);
    const outer = Number(sizeToAxis(x.dims, axis));
    const inner = Number(sizeFromAxis(x.dims, axis + 1));
    const length = x.dims[axis] ?? 1;
    for (let line = 0; line < outer * inner; line++) {
      const from = Math.floor(line / inner) * length * inner + (line % inner);
      const to = Math.floor(line / inner) * k * inner + (line % inner);
      const order = Array.from({ length }, (_, i) => i);
      const valueAt = (i: number): number => getNumber(x, from + i * inner);
      order.sort((a, b) => valueAt(b) - valueAt(a) || a - b);
      for (let i = 0; i < k; i++) {
        const best = order[i] ?? 0;
        values.data[to + i * inner] = valueAt(best);
        indices.data[to + i * inner] = BigInt(best);
        offsets.data[to + i * inner] = BigInt(from + best * inner);
      }
    }
    return [values, indices, offsets].slice(0, request.outputs.length);
  },
  lower: (request, { k, axis }) => ({
    header: 'cortado/search.h',
    fn: 'top_k',
    template: [],
    args: [
      { kind: 'input', index: 0 },
      { kind: 'output', index: 0 },
      { kind: 'output', index: 1 },
      { kind: 'output', index: 2 },
      ...lineArgs(request.node.inputs[0]?.type.shape ?? [], axis),
      { kind: 'extent', dim: k },
      { kind: 'scratch' },
    ],
    scratchBytes: k * 16,
    parts: request.target.threads,
  }),
  caffe2: {
    TopK: (scope) => {
      scope.expectInputs(1);
      scope.expectOutputs(2, 3);
      const x = scope.input(0);
      const axis = readAxisOrLast(scope, 'axis', x.type.shape.length);
      const k = scope.args.int('k', -1);
      return scope.emit('TopK', [x], { k, axis }, scope.outputCount);
    },
  },
  examples: [
    { attrs: { k: 3, axis: 0 }, inputs: [{ dims: [7], values: [4, 1, 4, 0, 0, 2, 2] }] },
    { attrs: { k: 2, axis: 1 }, inputs: [{ dims: [2, 5, 3], range: [-2, 2] }] },
  ],
});

/** The search starts from this value, so that NaN never wins: position 0 where nothing does. */
const kMaxFloat = 3.4028234663852886e38;

function defineArg(
  name: 'ArgMax' | 'ArgMin',
  isBetter: (candidate: number, best: number) => boolean,
  caffe2: { readonly [type: string]: Caffe2Import },
) {
  return defineOp({
    name,
    doc: `position of the ${name === 'ArgMax' ? 'largest' : 'smallest'} value along an axis, the first of equal ones`,
    source: 'caffe2/operators/arg_ops.cc',
    inputs: [{ name: 'x', doc: 'f32' }],
    outputs: [{ name: 'y', doc: 'i64' }],
    attrs: { axis: int('0 to rank - 1'), keepDims: bool('keep the axis as a dim of 1', true) },
    infer: (request) => {
      const x = request.type(0);
      const { axis, keepDims } = request.attrs;
      const dim = x.shape[axis] ?? request.fail(`${name} needs an input of rank 1 or more`);
      if (x.dtype !== 'f32') request.fail(`${name} needs floats`, { input: 0, expected: 'f32' });
      if (dimMax(dim) === 0) request.fail(`${name} of nothing`, { input: 0 });
      return [tensorType('i64', keepDims ? replaceAxis(x.shape, axis, 1) : x.shape.filter((_, i) => i !== axis))];
    },
    reference: (request) => {
      const x = numeric(request.tensor(0));
      const { axis } = request.attrs;
      const outer = Number(sizeToAxis(x.dims, axis));
      const inner = Number(sizeFromAxis(x.dims, axis + 1));
      const length = x.dims[axis] ?? 1;
      const y = makeTensor('i64', request.outputs[0]?.shape.map(Number) ?? []);
      for (let line = 0; line < outer * inner; line++) {
        const from = Math.floor(line / inner) * length * inner + (line % inner);
        let at = 0;
        let best = name === 'ArgMax' ? -kMaxFloat : kMaxFloat;
        for (let i = 0; i < length; i++) {
          const value = getNumber(x, from + i * inner);
          if (!isBetter(value, best)) continue;
          best = value;
          at = i;
        }
        y.data[line] = BigInt(at);
      }
      return [y];
    },
    lower: (request, { axis }) => ({
      header: 'cortado/search.h',
      fn: name === 'ArgMax' ? 'arg_max' : 'arg_min',
      template: [],
      args: [
        { kind: 'input', index: 0 },
        { kind: 'output', index: 0 },
        ...lineArgs(request.node.inputs[0]?.type.shape ?? [], axis),
      ],
      parts: request.target.threads,
    }),
    caffe2,
    examples: [
      { attrs: { axis: 1 }, inputs: [{ dims: [3, 5], range: [-2, 2] }] },
      { attrs: { axis: 0, keepDims: false }, inputs: [{ dims: [3, 2], values: [1, 2, 1, 2, 1, 0] }] },
    ],
  });
}

function importArg(op: string): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    const x = scope.input(0);
    const axis = readAxisOrLast(scope, 'axis', x.type.shape.length);
    return [scope.emitOne(op, [x], { axis, keepDims: scope.args.bool('keepdims', true) })];
  };
}

export const argMax = defineArg('ArgMax', (a, b) => a > b, {
  ArgMax: importArg('ArgMax'),
  RowWiseArgMax: (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    const x = scope.input(0);
    if (x.type.shape.length !== 2) {
      scope.fail('RowWiseArgMax needs a matrix', { expected: 'rank 2', got: `rank ${x.type.shape.length}` });
    }
    const wide = scope.emitOne('ArgMax', [x], { axis: 1 });
    return [scope.emitOne('Cast', [wide], { to: 'i32' })];
  },
});

export const argMin = defineArg('ArgMin', (a, b) => a < b, { ArgMin: importArg('ArgMin') });
