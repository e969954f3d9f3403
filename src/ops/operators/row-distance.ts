// Products and distances of two tensors row by row, over the first dim.

import { type Dim, dimEquals, dimFloorDiv, isStatic, shapeEquals, shapeMaxSize, shapeSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { tensorType, typeToString } from '../../ir/type.js';
import { bool, float, text } from '../attributes.js';
import type { Caffe2Import, ImportScope } from '../caffe2-import.js';
import { checkDType } from '../check-input.js';
import { defineOp } from '../define.js';
import { reshapeTo } from '../flatten-import.js';
import { extentArg, floatArg, inputArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';
import { floatData, floatOutput } from '../reference-tensors.js';

const kDistances: { readonly [kind: string]: string } = {
  dot: 'DotRows',
  cosine: 'CosineRows',
  l1: 'L1Rows',
  l2: 'SquaredL2Rows',
};

/** Sum over pairs. */
function sumPairs(a: Float32Array, b: Float32Array, term: (x: number, y: number) => number): number {
  return a.reduce((sum, x, i) => sum + term(x, b[i] ?? 0), 0);
}

/** The distance of two rows. */
function distance(kind: string, a: Float32Array, b: Float32Array): number {
  const dot = (x: number, y: number): number => x * y;
  switch (kind) {
    case 'cosine': {
      const scale = Math.max(sumPairs(a, a, dot), 1e-12) * Math.max(sumPairs(b, b, dot), 1e-12);
      return sumPairs(a, b, dot) / Math.sqrt(scale);
    }
    case 'l1':
      return sumPairs(a, b, (x, y) => Math.abs(x - y));
    case 'l2':
      return sumPairs(a, b, (x, y) => (x - y) ** 2) / 2;
    default:
      return sumPairs(a, b, dot);
  }
}

export const rowDistance = defineOp({
  name: 'RowDistance',
  doc:
    'per row: dot: sum a*b; cosine: dot / sqrt(max(sum a^2, 1e-12) * max(sum b^2, 1e-12)); l1: sum |a-b|; ' +
    'l2: half of sum (a-b)^2',
  source: 'caffe2/operators/distance_op.cc',
  inputs: [
    { name: 'a', doc: '[rows, ...]' },
    { name: 'b', doc: 'shaped as a' },
  ],
  outputs: [{ name: 'y', doc: '[rows]' }],
  attrs: { kind: text('dot, cosine, l1 or l2') },
  infer: (request) => {
    const a = checkDType(request, 0, 'the left tensor');
    const b = checkDType(request, 1, 'the right tensor');
    if (kDistances[request.attrs.kind] === undefined) request.fail('unknown distance', { code: 'internal' });
    if (!shapeEquals(a.shape, b.shape)) {
      request.fail('both tensors must have the same shape', {
        input: 1,
        got: `${typeToString(a)} and ${typeToString(b)}`,
      });
    }
    return [tensorType('f32', [a.shape[0] ?? 1])];
  },
  reference: (request) => {
    const [a, b] = [floatData(request.tensor(0)), floatData(request.tensor(1))];
    const y = floatOutput(request);
    const cols = y.data.length === 0 ? 0 : a.length / y.data.length;
    for (let row = 0; row < y.data.length; row++) {
      const [from, to] = [row * cols, (row + 1) * cols];
      y.data[row] = distance(request.attrs.kind, a.subarray(from, to), b.subarray(from, to));
    }
    return [y.tensor];
  },
  macs: ({ inputs }) => shapeMaxSize(inputs[0]?.shape ?? []),
  lower: (request, { kind }) => {
    const [rows = 1, ...rest] = lowerType(request, 0).shape;
    return {
      header: 'cortado/row_distance.h',
      fn: 'row_distance',
      template: [{ kind: 'type', cpp: kDistances[kind] ?? 'DotRows' }],
      args: [extentArg(rows), extentArg(shapeSize(rest)), inputArg(0), inputArg(1), outputArg()],
      parts: kRowParts,
    };
  },
  caffe2: {
    DotProduct: importDistance('dot'),
    CosineSimilarity: importDistance('cosine'),
    L1Distance: importDistance('l1'),
    SquaredL2Distance: importDistance('l2'),
    RowMul: importRowMul,
  },
  examples: ['dot', 'cosine', 'l1', 'l2'].map((kind) => ({
    attrs: { kind },
    inputs: [
      { dims: [3, 2, 4], range: [-1, 1] as const },
      { dims: [3, 2, 4], range: [-1, 1] as const },
    ],
  })),
});

export const paddedDotProduct = defineOp({
  name: 'PaddedDotProduct',
  doc:
    'per row the dot product of rows of different length: the shorter row is continued with padValue, or repeated as often as ' +
    'it fits whole',
  source: 'caffe2/operators/distance_op.h (DotProductWithPaddingOp)',
  inputs: [
    { name: 'a', doc: '[rows, ...]' },
    { name: 'b', doc: '[rows, ...]' },
  ],
  outputs: [{ name: 'y', doc: '[rows]' }],
  attrs: { padValue: float('continues the shorter row', 0), replicate: bool('repeats the shorter row instead', false) },
  infer: (request) => {
    const a = checkDType(request, 0, 'the left tensor');
    const b = checkDType(request, 1, 'the right tensor');
    if (a.shape.length !== b.shape.length || !dimEquals(a.shape[0] ?? 1, b.shape[0] ?? 1)) {
      request.fail('both tensors must have the same rank and number of rows', {
        input: 1,
        got: `${typeToString(a)} and ${typeToString(b)}`,
      });
    }
    return [tensorType('f32', [a.shape[0] ?? 1])];
  },
  reference: (request) => {
    const { padValue, replicate } = request.attrs;
    const [a, b] = [floatData(request.tensor(0)), floatData(request.tensor(1))];
    const y = floatOutput(request);
    const [long, short] = a.length > b.length ? [a, b] : [b, a];
    const rows = Math.max(1, y.data.length);
    const [longCols, shortCols] = [long.length / rows, short.length / rows];
    const used = replicate ? Math.floor(longCols / Math.max(1, shortCols)) * shortCols : longCols;
    for (let row = 0; row < y.data.length; row++) {
      let sum = 0;
      for (let i = 0; i < used; i++) {
        const other = replicate || i < shortCols ? (short[row * shortCols + (i % shortCols)] ?? 0) : padValue;
        sum += (long[row * longCols + i] ?? 0) * other;
      }
      y.data[row] = sum;
    }
    return [y.tensor];
  },
  macs: ({ inputs }) => Math.max(...inputs.map((type) => shapeMaxSize(type?.shape ?? []))),
  lower: (request, { padValue, replicate }) => {
    const [rows = 1, ...rest] = lowerType(request, 0).shape;
    return {
      header: 'cortado/row_distance.h',
      fn: 'padded_dot_product',
      template: [{ kind: 'bool', value: replicate }],
      args: [
        extentArg(rows),
        extentArg(shapeSize(rest)),
        extentArg(shapeSize(lowerType(request, 1).shape.slice(1))),
        floatArg(padValue),
        inputArg(0),
        inputArg(1),
        outputArg(),
      ],
      parts: kRowParts,
    };
  },
  caffe2: { DotProductWithPadding: importPaddedDotProduct },
  examples: [
    { attrs: { padValue: 0.5 }, inputs: [{ dims: [3, 5] }, { dims: [3, 3] }] },
    { attrs: { replicate: true }, inputs: [{ dims: [2, 2] }, { dims: [2, 6] }] },
  ],
});

function importDistance(kind: string): Caffe2Import {
  return (scope) => {
    scope.expectInputs(2);
    scope.expectOutputs(1);
    return [scope.emitOne('RowDistance', [scope.input(0), scope.input(1)], { kind })];
  };
}

function importPaddedDotProduct(scope: ImportScope): readonly Value[] {
  scope.expectInputs(2);
  scope.expectOutputs(1);
  const attrs = { padValue: scope.args.float('pad_value', 0), replicate: scope.args.bool('replicate', false) };
  const [a, b] = [scope.input(0), scope.input(1)];
  if (attrs.replicate) checkMultiple(scope, a, b);
  return [scope.emitOne('PaddedDotProduct', [a, b], attrs)];
}

/** With `replicate`, the longer row must hold the shorter one a whole number of times. */
function checkMultiple(scope: ImportScope, a: Value, b: Value): void {
  const cols = [a, b].map((value): Dim => dimFloorDiv(shapeSize(value.type.shape), value.type.shape[0] ?? 1));
  const [left = 1, right = 1] = cols;
  if (!isStatic(left) || !isStatic(right)) return;
  const [long, short] = left > right ? [left, right] : [right, left];
  if (short === 0 || long % short !== 0) {
    scope.fail('with replicate, one row length must be a multiple of the other', { got: `${left} and ${right}` });
  }
}

/** y = mat * w, one factor per row. */
function importRowMul(scope: ImportScope): readonly Value[] {
  scope.expectInputs(2);
  scope.expectOutputs(1);
  const [x, w] = [scope.input(0), scope.input(1)];
  const rows = x.type.shape[0] ?? scope.fail('RowMul needs a matrix', { blob: x.name, got: typeToString(x.type) });
  if (!dimEquals(shapeSize(w.type.shape), rows)) {
    scope.fail('RowMul needs one factor per row', {
      blob: w.name,
      got: `${typeToString(x.type)} and ${typeToString(w.type)}`,
    });
  }
  const factors = reshapeTo(scope, w, [rows, ...x.type.shape.slice(1).map(() => 1)]);
  return [scope.emitOne('Mul', [x, factors])];
}
