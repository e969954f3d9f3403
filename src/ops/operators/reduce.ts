// Reductions over axes: ReduceSum, ReduceMean, ReduceMax, and the Caffe2 operators that are one of them after a reshape.

import { type Dim, dimToString, type Shape, shapeSize, shapeToString } from '../../ir/dim.js';
import type { DType } from '../../ir/dtype.js';
import type { Value } from '../../ir/graph.js';
import { elementCount, getNumber, makeTensor, type NumericTensor, setNumber } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { bool, ints } from '../attributes.js';
import { forEachIndex, stridesOf } from '../broadcast.js';
import { numeric } from '../builder.js';
import type { Caffe2Import, Caffe2Imports, ImportScope } from '../caffe2-import.js';
import { defineOp } from '../define.js';
import { denseStrides, partsFor } from '../strided-copy.js';

type Kind = 'Sum' | 'Mean' | 'Max';

const kReduceTypes: readonly DType[] = ['f32', 'f64', 'i32', 'i64'];

/** The reduced values of one output element, in row-major order; `count` of them are wanted. */
function reduceValues(kind: Kind, values: readonly number[], count: number, isInteger: boolean): number {
  const [first = kind === 'Max' ? Number.NEGATIVE_INFINITY : 0, ...rest] = values;
  // The first value counts even when the length is 0: Caffe2 starts from it.
  const used = rest.slice(0, Math.max(0, count - 1));
  if (kind === 'Max') return used.reduce((best, value) => (best < value ? value : best), first);
  const sum = used.reduce((total, value) => total + value, first);
  if (kind === 'Sum') return sum;
  return isInteger ? Math.trunc(sum / count) : sum / count;
}

function keptShape(shape: Shape, axes: readonly number[], keepDims: boolean): Shape {
  return keepDims ? shape.map((dim, i) => (axes.includes(i) ? 1 : dim)) : shape.filter((_, i) => !axes.includes(i));
}

function reduceTensor(kind: Kind, x: NumericTensor, axes: readonly number[], counts?: NumericTensor): NumericTensor {
  const strides = stridesOf(x.dims);
  const pick = (list: readonly number[], wanted: boolean): readonly number[] =>
    list.filter((_, i) => axes.includes(i) === wanted);
  const inner = pick(x.dims, true);
  const total = elementCount(inner);
  const y = makeTensor(x.dtype, pick(x.dims, false));
  const isInteger = x.dtype === 'i32' || x.dtype === 'i64';
  forEachIndex(y.dims, [pick(strides, false)], (at, [base = 0]) => {
    const values: number[] = [];
    forEachIndex(inner, [pick(strides, true)], (_, [offset = 0]) => void values.push(getNumber(x, base + offset)));
    setNumber(y, at, reduceValues(kind, values, counts === undefined ? total : getNumber(counts, at), isInteger));
  });
  return y;
}

const kInteger64 = (x: NumericTensor): boolean => x.dtype === 'i64';

function defineReduce(kind: Kind, doc: string, caffe2: Caffe2Imports) {
  const name = `Reduce${kind}`;
  return defineOp({
    name,
    doc: `${doc} of x over axes; lengths, where given, says how many values of each row count (the first always does)`,
    source: 'caffe2/operators/reduce_ops.cc, reduce_front_back_{sum,mean,max}_ops.h, reduction_ops.h, minmax_ops.cc',
    inputs: [
      { name: 'x', doc: 'numbers' },
      { name: 'lengths', doc: 'i32, one for each value of y', optional: true },
    ],
    outputs: [{ name: 'y', doc: 'x without the axes, or with dims of 1 in their place' }],
    attrs: { axes: ints('axes to reduce, ascending'), keepDims: bool('keep the reduced dims as 1', false) },
    infer: (request) => {
      const x = request.type(0);
      const { axes, keepDims } = request.attrs;
      if (!kReduceTypes.includes(x.dtype)) {
        request.fail(`${name} cannot take ${x.dtype}`, { input: 0, expected: kReduceTypes.join(' or ') });
      }
      if (axes.some((axis, i) => axis < 0 || axis >= x.shape.length || axes.indexOf(axis) !== i)) {
        request.fail('the axes must be different and within the rank', {
          expected: `0 to ${x.shape.length - 1}`,
          got: `[${axes.join(',')}]`,
        });
      }
      const shape = keptShape(x.shape, axes, keepDims);
      const lengths = request.inputs[1];
      if (
        lengths !== undefined &&
        (lengths.dtype !== 'i32' || dimToString(shapeSize(lengths.shape)) !== dimToString(shapeSize(shape)))
      ) {
        request.fail('there must be one length for each result', {
          input: 1,
          expected: `i32 with ${dimToString(shapeSize(shape))} elements`,
        });
      }
      return [tensorType(x.dtype, shape)];
    },
    reference: (request) => {
      const x = numeric(request.tensor(0));
      const { axes, keepDims } = request.attrs;
      const counts = request.inputs[1] === undefined ? undefined : numeric(request.tensor(1));
      const limit = axes.reduce((product, axis) => product * (x.dims[axis] ?? 1), 1);
      for (let i = 0; counts !== undefined && i < counts.data.length; i++) {
        const count = getNumber(counts, i);
        if (count < 0 || count > limit) request.fault(`length ${count} is not in 0..${limit}`);
        if (count === 0 && kind === 'Mean' && x.dtype === 'i32') request.fault('the integer mean of nothing');
      }
      const y = kInteger64(x) ? reduceBigInts(kind, x, axes) : reduceTensor(kind, x, axes, counts);
      return [makeTensor(y.dtype, keptShape(x.dims, axes, keepDims).map(Number), y.data)];
    },
    lower: (request, { axes }) => {
      const x = request.node.inputs[0];
      const shape = x?.type.shape ?? [];
      const strides = denseStrides(shape);
      const pick = (list: readonly Dim[], wanted: boolean, neutral: Dim): readonly Dim[] => {
        const picked = list.filter((_, i) => axes.includes(i) === wanted);
        return picked.length === 0 ? [neutral] : picked;
      };
      const kept = pick(shape, false, 1);
      const reduced = pick(shape, true, 1);
      return {
        header: 'cortado/reduce.h',
        fn: 'reduce',
        template: [
          { kind: 'type', cpp: `cortado::Reduce${kind}` },
          { kind: 'dtype', dtype: x?.type.dtype ?? 'f32' },
          { kind: 'number', value: kept.length },
          { kind: 'number', value: reduced.length },
        ],
        args: [
          { kind: 'input', index: 0 },
          { kind: 'input', index: 1 },
          { kind: 'output', index: 0 },
          { kind: 'dims', shape: kept },
          { kind: 'dims', shape: pick(strides, false, 0) },
          { kind: 'dims', shape: reduced },
          { kind: 'dims', shape: pick(strides, true, 0) },
        ],
        parts: partsFor(shape, request),
        fallible: true,
      };
    },
    caffe2,
    examples: [
      { attrs: { axes: [1] }, inputs: [{ dims: [3, 17], range: [-2, 2] }] },
      { attrs: { axes: [0, 2], keepDims: true }, inputs: [{ dims: [2, 3, 5], range: [-2, 2] }] },
      { attrs: { axes: [0] }, inputs: [{ dtype: 'i32', dims: [3, 4], range: [-9, 9] }] },
      {
        attrs: { axes: [1] },
        inputs: [
          { dims: [3, 4], range: [-2, 2] },
          { dtype: 'i32', dims: [3], values: [4, 1, 2] },
        ],
      },
    ],
  });
}

/** int64 sums keep all 64 bits. */
function reduceBigInts(kind: Kind, x: NumericTensor, axes: readonly number[]): NumericTensor {
  const strides = stridesOf(x.dims);
  const inner = x.dims.filter((_, i) => axes.includes(i));
  const y = makeTensor(
    'i64',
    x.dims.filter((_, i) => !axes.includes(i)),
  );
  const count = BigInt(elementCount(inner));
  forEachIndex(y.dims, [strides.filter((_, i) => !axes.includes(i))], (at, [base = 0]) => {
    const values: bigint[] = [];
    forEachIndex(inner, [strides.filter((_, i) => axes.includes(i))], (_, [offset = 0]) => {
      values.push(BigInt(x.data[base + offset] ?? 0));
    });
    const sum = values.reduce((total, value) => total + value, 0n);
    const best = values.reduce((a, b) => (a < b ? b : a), values[0] ?? 0n);
    y.data[at] = kind === 'Max' ? best : BigInt.asIntN(64, kind === 'Sum' || count === 0n ? sum : sum / count);
  });
  return y;
}

/** ReduceSum, ReduceMean: axes (all by default), keepdims. */
function importAxes(op: string): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    const x = scope.input(0);
    const rank = x.type.shape.length;
    const given = [...scope.args.ints('axes')].sort((a, b) => a - b);
    const axes = given.length === 0 ? Array.from({ length: rank }, (_, i) => i) : given;
    const keepDims = scope.args.int('keepdims', 1) !== 0;
    if (x.type.dtype !== 'f32') scope.fail(`${scope.type} needs floats`, { expected: 'f32', got: x.type.dtype });
    return [scope.emitOne(op, [x], { axes, keepDims })];
  };
}

/** ReduceFront… and ReduceBack…: the first or last num_reduce_dim dims, with optional lengths. */
function importEdge(op: string, side: 'front' | 'back', dtypes: readonly DType[]): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1, 2);
    scope.expectOutputs(1);
    const x = scope.input(0);
    const rank = x.type.shape.length;
    const count = scope.args.int('num_reduce_dim', 1);
    if (count < 0 || count > rank) {
      scope.fail('num_reduce_dim is out of range', { expected: `0 to ${rank}`, got: String(count) });
    }
    if (!dtypes.includes(x.type.dtype)) {
      scope.fail(`${scope.type} cannot take ${x.type.dtype}`, { expected: dtypes.join(' or ') });
    }
    const first = side === 'front' ? 0 : rank - count;
    const axes = Array.from({ length: count }, (_, i) => first + i);
    const inputs = scope.inputCount === 2 ? [x, scope.input(1)] : [x];
    return [scope.emitOne(op, inputs, { axes })];
  };
}

/** SumElements and the like: everything to one number after `prepare`. */
function importWhole(
  readScale: (scope: ImportScope) => boolean,
  prepare: (scope: ImportScope, x: Value) => Value,
  dtype: DType,
): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    const isMean = readScale(scope);
    const x = scope.input(0);
    if (x.type.dtype !== dtype) scope.fail(`${scope.type} cannot take ${x.type.dtype}`, { expected: dtype });
    const flat = scope.emitOne('Reshape', [prepare(scope, x)], { shape: [-1] });
    return [scope.emitOne(isMean ? 'ReduceMean' : 'ReduceSum', [flat], { axes: [0] })];
  };
}

const readAverage = ({ args }: ImportScope): boolean => args.bool('average', false);
const square = (scope: ImportScope, x: Value): Value => scope.emitOne('Sqr', [x]);

const importLpNorm: Caffe2Import = (scope) => {
  const p = scope.args.int('p', 2);
  if (p !== 1 && p !== 2) scope.fail('p of LpNorm must be 1 or 2', { got: String(p) });
  const powers = (_scope: ImportScope, x: Value): Value => scope.emitOne(p === 1 ? 'Abs' : 'Sqr', [x]);
  const [norm] = importWhole(readAverage, powers, 'f32')(scope);
  return [scope.emitOne('Reshape', [norm], { shape: [1] })];
};

/** RowwiseMax and ColwiseMax of [b, m, n]. */
function importPlaneMax(axis: 1 | 2): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    const x = scope.input(0);
    if (x.type.dtype !== 'f32' || x.type.shape.length !== 3) {
      scope.fail(`${scope.type} needs a batch of matrices`, {
        expected: 'f32 [b,m,n]',
        got: `${x.type.dtype}${shapeToString(x.type.shape)}`,
      });
    }
    return [scope.emitOne('ReduceMax', [x], { axes: [axis] })];
  };
}

export const reduceSum = defineReduce('Sum', 'the sum', {
  ReduceSum: importAxes('ReduceSum'),
  ReduceFrontSum: importEdge('ReduceSum', 'front', kReduceTypes),
  ReduceBackSum: importEdge('ReduceSum', 'back', kReduceTypes),
  ReduceTailSum: importTailSum,
  SumElements: importWhole(readAverage, (_scope, x) => x, 'f32'),
  SumElementsInt: importWhole(
    () => false,
    (_scope, x) => x,
    'i32',
  ),
  SumSqrElements: importWhole(readAverage, square, 'f32'),
  LpNorm: importLpNorm,
});

/** ReduceTailSum: all dims but the first. */
function importTailSum(scope: ImportScope): readonly (Value | undefined)[] {
  scope.expectInputs(1);
  scope.expectOutputs(1);
  const x = scope.input(0);
  const rank = x.type.shape.length;
  if (x.type.dtype !== 'f32' || rank === 0) scope.fail('ReduceTailSum needs floats of rank 1 or more');
  return [scope.emitOne('ReduceSum', [x], { axes: Array.from({ length: rank - 1 }, (_, i) => i + 1) })];
}

export const reduceMean = defineReduce('Mean', 'the mean (integers truncate)', {
  ReduceMean: importAxes('ReduceMean'),
  ReduceFrontMean: importEdge('ReduceMean', 'front', kReduceTypes),
  ReduceBackMean: importEdge('ReduceMean', 'back', kReduceTypes),
});

export const reduceMax = defineReduce('Max', 'the largest value', {
  ReduceFrontMax: importEdge('ReduceMax', 'front', ['f32']),
  ReduceBackMax: importEdge('ReduceMax', 'back', ['f32']),
  RowwiseMax: importPlaneMax(2),
  ColwiseMax: importPlaneMax(1),
});
