// Concat and Split along one axis.

import {
  type Dim,
  dimAdd,
  dimEquals,
  dimFloorDiv,
  dimMul,
  dimSub,
  dimToString,
  isStaticShape,
  type Shape,
  shapeToString,
} from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { makeTensor, tensorFromNumbers } from '../../ir/tensor.js';
import { tensorType, withShape } from '../../ir/type.js';
import { int, ints } from '../attributes.js';
import { canonicalAxis, sizeFromAxis, sizeToAxis } from '../axes.js';
import { numeric } from '../builder.js';
import type { Caffe2Import, ImportScope } from '../caffe2-import.js';
import { copyRange } from '../copy-tensor.js';
import { defineOp } from '../define.js';
import type { KernelCall, KernelRequest } from '../kernel-call.js';
import { quantizedInput, readFixedQuantization } from '../quantized-import.js';
import { readConstantInts } from '../read-arguments.js';
import { partsFor } from '../strided-copy.js';

const kMany = Number.POSITIVE_INFINITY;
const kAxis = { axis: int('0 to rank - 1') };

/** Axis of Concat and Split: `axis` or `order`, not both; channels of NCHW when neither is given. */
function readChannelAxis(scope: ImportScope, rank: number): number {
  const { args } = scope;
  const order = args.text('order', 'NCHW').toUpperCase();
  const given = args.int('axis', order === 'NHWC' ? 3 : 1);
  if (args.has('axis') && args.has('order')) {
    scope.fail('axis and order cannot be used together', { remedy: 'remove one of them' });
  }
  return (
    canonicalAxis(given, rank) ??
    scope.fail('the axis is out of range', { expected: `${-rank} to ${rank - 1}`, got: String(given) })
  );
}

/** Sizes of the pieces along the axis as an int32 tensor. */
function emitSplitInfo(scope: ImportScope, pieces: readonly Value[], axis: number): Value {
  const sizes = pieces.map((piece) => piece.type.shape[axis] ?? 1);
  if (isStaticShape(sizes)) return scope.constant(tensorFromNumbers('i32', [sizes.length], sizes), 'split_info');
  const parts = pieces.map((piece) => {
    const extents = scope.emitOne('Shape', [piece]);
    return scope.emitOne('Slice', [extents], { starts: [axis], ends: [axis + 1] });
  });
  return scope.emitOne('Cast', [scope.emitOne('Concat', parts, { axis: 0 })], { to: 'i32' });
}

const importConcat: Caffe2Import = (scope) => {
  scope.expectInputs(1, kMany);
  scope.expectOutputs(scope.type === 'Concat' ? 1 : 2, 2);
  const inputs = Array.from({ length: scope.inputCount }, (_, i) => scope.input(i));
  const addAxis = scope.args.int('add_axis', 0) !== 0;
  const rank = (inputs[0]?.type.shape.length ?? 0) + (addAxis ? 1 : 0);
  const axis = readChannelAxis(scope, rank);
  const pieces = addAxis ? inputs.map((value) => scope.emitOne('ExpandDims', [value], { dims: [axis] })) : inputs;
  const y = scope.emitOne('Concat', pieces, { axis });
  return scope.outputCount === 1 ? [y] : [y, emitSplitInfo(scope, pieces, axis)];
};

/** All inputs and the output are quantized alike; the second output, split_info, stays unset. */
const importQuantizedConcat: Caffe2Import = (scope) => {
  scope.expectInputs(1, kMany);
  scope.expectOutputs(1, 2);
  const inputs = Array.from({ length: scope.inputCount }, (_, i) => quantizedInput(scope, i));
  for (const input of inputs) readFixedQuantization(scope, input);
  if (scope.args.int('add_axis', 0) !== 0) scope.fail('Int8Concat has no add_axis', { expected: '0' });
  const fallback = { NHWC: 3, NCHW: 1 }[scope.args.text('order', '')] ?? 0;
  const rank = inputs[0]?.value.type.shape.length ?? 0;
  const given = scope.args.int('axis', fallback);
  if (given < 0 || given >= rank) {
    scope.fail('the axis is out of range', { expected: `0 to ${rank - 1}`, got: String(given) });
  }
  const pieces = inputs.map((input) => input.value);
  return [scope.emitOne('Concat', pieces, { axis: given }), undefined].slice(0, scope.outputCount);
};

export const concat = defineOp({
  name: 'Concat',
  doc: 'the inputs one after another along `axis`',
  source: 'caffe2/operators/concat_split_op.h',
  inputs: [{ name: 'x', doc: 'equal dims except along the axis', variadic: true }],
  outputs: [{ name: 'y', doc: 'all pieces' }],
  attrs: kAxis,
  infer: (request) => {
    const first = request.type(0);
    const { axis } = request.attrs;
    let total: Dim = 0;
    request.inputs.forEach((_, i) => {
      const type = request.type(i);
      if (type.dtype !== first.dtype)
        request.fail('the pieces must have one type', { input: i, expected: first.dtype });
      if (type.shape.length !== first.shape.length || axis >= first.shape.length) {
        request.fail('the pieces must have one rank', { input: i, expected: `rank ${first.shape.length}` });
      }
      type.shape.forEach((dim, at) => {
        if (at !== axis && !dimEquals(dim, first.shape[at] ?? -1)) {
          request.fail(`the pieces may differ along axis ${axis} only`, {
            input: i,
            expected: shapeToString(first.shape),
          });
        }
      });
      total = dimAdd(total, type.shape[axis] ?? 0);
    });
    return [
      withShape(
        first,
        first.shape.map((dim, i) => (i === axis ? total : dim)),
      ),
    ];
  },
  reference: (request) => {
    const pieces = request.inputs.map((_, i) => numeric(request.tensor(i)));
    const { axis } = request.attrs;
    const first = pieces[0] ?? request.fault('Concat of nothing');
    const total = pieces.reduce((sum, piece) => sum + (piece.dims[axis] ?? 0), 0);
    const y = makeTensor(
      first.dtype,
      first.dims.map((dim, i) => (i === axis ? total : dim)),
    );
    const outer = Number(sizeToAxis(first.dims, axis));
    const row = Number(sizeFromAxis(y.dims, axis));
    let at = 0;
    for (const piece of pieces) {
      const inner = Number(sizeFromAxis(piece.dims, axis));
      for (let o = 0; o < outer; o++) copyRange(piece, o * inner, y, o * row + at, inner);
      at += inner;
    }
    return [y];
  },
  lower: (request, { axis }) => {
    const { inputs } = request.node;
    const pieces = inputs.map((value) => sizeFromAxis(value?.type.shape ?? [], axis));
    return piecesCall(request, 'concat', inputs[0], axis, pieces, [
      { kind: 'output', index: 0 },
      ...inputs.map((_, index) => ({ kind: 'input', index }) as const),
    ]);
  },
  caffe2: { Concat: importConcat, DepthConcat: importConcat, Int8Concat: importQuantizedConcat },
  examples: [
    { attrs: { axis: 1 }, inputs: [2, 1, 4].map((c) => ({ dims: [2, c, 3], range: [-1, 1] as const })) },
    {
      attrs: { axis: 0 },
      inputs: [3, 0].map((n) => ({ dtype: 'i32' as const, dims: [n, 2], range: [0, 9] as const })),
    },
  ],
});

/** A call of concat or split: the whole tensor, outer size, inner sizes, then the pieces. */
function piecesCall(
  request: KernelRequest,
  fn: 'concat' | 'split',
  first: Value | undefined,
  axis: number,
  pieces: readonly Dim[],
  [whole, ...parts]: KernelCall['args'],
): KernelCall {
  return {
    header: 'cortado/concat.h',
    fn,
    template: [{ kind: 'dtype', dtype: first?.type.dtype ?? 'f32' }],
    args: [
      ...(whole === undefined ? [] : [whole]),
      { kind: 'extent', dim: sizeToAxis(first?.type.shape ?? [], axis) },
      { kind: 'dims', shape: pieces },
      ...parts,
    ],
    parts: partsFor(first?.type.shape ?? [], request),
  };
}

/** Sizes of the pieces of Split from the argument, the second input or the number of outputs. */
function readPieces(scope: ImportScope, dim: Dim): Shape {
  const given = scope.args.ints('split');
  const sizes = scope.inputCount === 2 ? readConstantInts(scope, 1, 'the split') : given;
  const count = scope.outputCount;
  if (sizes.length === 0) {
    const part = dimFloorDiv(dim, count);
    if (!dimEquals(dimMul(part, count), dim)) {
      scope.fail('the input does not split into equal parts', {
        expected: `a multiple of ${count}`,
        got: dimToString(dim),
      });
    }
    return new Array<Dim>(count).fill(part);
  }
  if (sizes.length !== count) {
    scope.fail('there must be one split size for each output', { expected: String(count), got: String(sizes.length) });
  }
  if (sizes.some((size) => size < 0)) scope.fail('a split size is negative', { got: `[${sizes.join(',')}]` });
  return sizes;
}

/** The sizes that `parts` means for a dim. */
function partSizes(dim: Dim, parts: readonly number[]): Shape {
  const known = parts.reduce((sum, part) => sum + Math.max(0, part), 0);
  const shares = parts.filter((part) => part < 0).length;
  const share = shares === 0 ? 0 : dimFloorDiv(dimSub(dim, known), shares);
  return parts.map((part) => (part < 0 ? share : part));
}

const importSplit: Caffe2Import = (scope) => {
  scope.expectInputs(1, 2);
  scope.expectOutputs(1, kMany);
  const x = scope.input(0);
  const axis = readChannelAxis(scope, x.type.shape.length);
  const addAxis = scope.args.int('add_axis', 0) !== 0;
  const dim = x.type.shape[axis] ?? 0;
  const sizes = addAxis ? new Array<Dim>(scope.outputCount).fill(1) : readPieces(scope, dim);
  if (scope.inputCount === 2 && scope.inputType(1).dtype !== 'i32') scope.fail('the split must be int32');
  const total = sizes.reduce<Dim>(dimAdd, 0);
  if (!dimEquals(total, dim)) {
    scope.fail('the split sizes do not add up to the dim', { expected: dimToString(dim), got: dimToString(total) });
  }
  const parts = sizes.map((size) => (typeof size === 'number' ? size : -1));
  const pieces = scope.emit('Split', [x], { axis, parts }, scope.outputCount);
  return addAxis ? pieces.map((piece) => scope.emitOne('Squeeze', [piece], { dims: [axis] })) : pieces;
};

export const split = defineOp({
  name: 'Split',
  doc: 'cuts x along `axis` into parts of the given sizes; -1 stands for an equal share of what is left',
  source: 'caffe2/operators/concat_split_op.h',
  inputs: [{ name: 'x', doc: 'any dtype' }],
  outputs: [{ name: 'y', doc: 'the parts', variadic: true }],
  attrs: { ...kAxis, parts: ints('sizes along the axis') },
  infer: (request) => {
    const x = request.type(0);
    const { axis, parts } = request.attrs;
    const sizes = partSizes(x.shape[axis] ?? 0, parts);
    const total = sizes.reduce<Dim>(dimAdd, 0);
    if (!dimEquals(total, x.shape[axis] ?? 0)) {
      request.fail('the parts do not add up to the dim', {
        expected: dimToString(x.shape[axis] ?? 0),
        got: dimToString(total),
      });
    }
    return sizes.map((size) =>
      tensorType(
        x.dtype,
        x.shape.map((dim, i) => (i === axis ? size : dim)),
      ),
    );
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const { axis } = request.attrs;
    const row = Number(sizeFromAxis(x.dims, axis));
    const outer = Number(sizeToAxis(x.dims, axis));
    let at = 0;
    return request.outputs.map((type) => {
      const y = makeTensor(x.dtype, type.shape.map(Number));
      const inner = Number(sizeFromAxis(y.dims, axis));
      for (let o = 0; o < outer; o++) copyRange(x, o * row + at, y, o * inner, inner);
      at += inner;
      return y;
    });
  },
  lower: (request, { axis, parts }) => {
    const x = request.node.inputs[0];
    const { outputs } = request.node;
    const shape = x?.type.shape ?? [];
    const inner = sizeFromAxis(shape, axis + 1);
    const pieces = partSizes(shape[axis] ?? 0, parts);
    return piecesCall(
      request,
      'split',
      x,
      axis,
      pieces.map((size) => dimMul(size, inner)),
      [{ kind: 'input', index: 0 }, ...outputs.map((_, index) => ({ kind: 'output', index }) as const)],
    );
  },
  caffe2: { Split: importSplit, DepthSplit: importSplit },
  examples: [
    { attrs: { axis: 1, parts: [2, 0, 3] }, inputs: [{ dims: [2, 5, 3], range: [-1, 1] }] },
    { attrs: { axis: 0, parts: [-1, -1] }, inputs: [{ dtype: 'i32', dims: [4], range: [0, 9] }] },
  ],
});
