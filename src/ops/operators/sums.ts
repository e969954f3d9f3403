// Elementwise operators over any number of equally shaped tensors: Sum, Mean, Max, Min, WeightedSum.

import { dimEquals, isStaticShape, shapeEquals, shapeSize, shapeToString } from '../../ir/dim.js';
import type { DType } from '../../ir/dtype.js';
import { arg, type BinaryOp, binary, constant, type ScalarExpr } from '../../ir/expr.js';
import type { Value } from '../../ir/graph.js';
import type { Caffe2Import, ImportScope } from '../caffe2-import.js';
import { defineElementwise, kFloatTypes, kNumericTypes } from '../define-elementwise.js';

/** Expressions are walked recursively, so their depth has an end. */
const kMany = 1024;
const kInputs = [{ name: 'x', doc: 'tensors of one shape', variadic: true }];
const kExamples = [
  { inputs: [{ dims: [2, 9], range: [-2, 2] as const }] },
  { inputs: [0, 1, 2, 3].map(() => ({ dims: [2, 3, 5], range: [-2, 2] as const })) },
];

function chain(op: BinaryOp, count: number): ScalarExpr {
  let expr = arg(0);
  for (let i = 1; i < count; i++) expr = binary(op, expr, arg(i));
  return expr;
}

/** Fails unless input i has the shape of input 0. */
function expectSameShape(scope: ImportScope, i: number): void {
  const first = scope.inputType(0).shape;
  const own = scope.inputType(i).shape;
  if (!shapeEquals(first, own)) {
    scope.fail(`the inputs of ${scope.type} must have one shape`, {
      expected: shapeToString(first),
      got: shapeToString(own),
      blob: scope.inputBlob(i),
    });
  }
}

function importMany(op: string, dtypes?: readonly DType[]): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1, kMany);
    scope.expectOutputs(1);
    const inputs = Array.from({ length: scope.inputCount }, (_, i) => scope.input(i));
    inputs.forEach((_, i) => void expectSameShape(scope, i));
    const dtype = scope.inputType(0).dtype;
    if (dtypes !== undefined && !dtypes.includes(dtype)) {
      scope.fail(`${scope.type} cannot take ${dtype}`, { expected: dtypes.join(' or ') });
    }
    return [scope.emitOne(op, inputs)];
  };
}

export const sum = defineElementwise({
  name: 'Sum',
  doc: 'y = x0 + x1 + …',
  source: 'caffe2/operators/elementwise_sum_op.cc, utility_ops.h SumOp',
  inputs: kInputs,
  attrs: {},
  dtypes: ['f32', 'f64', 'i32', 'i64'],
  scalar: (_attrs, dtypes) => chain('add', dtypes.length),
  caffe2: { Sum: importMany('Sum', ['f32', 'i32']), SumInt: importMany('Sum', ['i32']) },
  examples: kExamples,
});

export const mean = defineElementwise({
  name: 'Mean',
  doc: 'y = (x0 + x1 + …) / n',
  source: 'caffe2/operators/mean_op.cc',
  inputs: kInputs,
  attrs: {},
  dtypes: kFloatTypes,
  scalar: (_attrs, dtypes) =>
    binary('mul', chain('add', dtypes.length), constant(1 / dtypes.length, dtypes[0] ?? 'f32')),
  caffe2: { Mean: importMany('Mean') },
  examples: kExamples,
});

export const max = defineElementwise({
  name: 'Max',
  doc: 'y = max(x0, x1, …); a NaN in x0 stays, others are dropped',
  source: 'caffe2/operators/minmax_ops.cc',
  inputs: kInputs,
  attrs: {},
  dtypes: kNumericTypes,
  scalar: (_attrs, dtypes) => chain('max', dtypes.length),
  caffe2: { Max: importMany('Max') },
  examples: kExamples,
});

export const min = defineElementwise({
  name: 'Min',
  doc: 'y = min(x0, x1, …); a NaN in x0 stays, others are dropped',
  source: 'caffe2/operators/minmax_ops.cc',
  inputs: kInputs,
  attrs: {},
  dtypes: kNumericTypes,
  scalar: (_attrs, dtypes) => chain('min', dtypes.length),
  caffe2: { Min: importMany('Min') },
  examples: kExamples,
});

/** Tensor i of a WeightedSum: Caffe2 looks at the number of its elements only, and at least one it must have. */
function inShapeOfFirst(scope: ImportScope, i: number): Value {
  const value = scope.input(i);
  const [own, first] = [value.type.shape, scope.inputType(0).shape];
  if (shapeSize(own) === 0) scope.fail('WeightedSum needs elements', { blob: scope.inputBlob(i) });
  if (shapeEquals(own, first)) return value;
  if (isStaticShape(first) && dimEquals(shapeSize(own), shapeSize(first))) {
    return scope.emitOne('Reshape', [value], { shape: first });
  }
  expectSameShape(scope, i);
  return value;
}

export const weightedSum = defineElementwise({
  name: 'WeightedSum',
  doc: 'y = x0 * w0 + x1 * w1 + …',
  source: 'caffe2/operators/utility_ops.h, WeightedSumOp',
  inputs: [{ name: 'x', doc: 'tensor, scalar weight, tensor, scalar weight, …', variadic: true }],
  attrs: {},
  dtypes: ['f32'],
  scalar: (_attrs, dtypes) => {
    const terms = Array.from({ length: dtypes.length / 2 }, (_, i) => binary('mul', arg(2 * i), arg(2 * i + 1)));
    return terms.reduce((total, term) => binary('add', total, term));
  },
  caffe2: {
    WeightedSum: (scope) => {
      scope.expectInputs(2, kMany);
      scope.expectOutputs(1);
      if (scope.inputCount % 2 !== 0) scope.fail('WeightedSum needs a weight behind every tensor');
      const inputs = Array.from({ length: scope.inputCount }, (_, i) => {
        const value = scope.input(i);
        if (i % 2 === 0) return inShapeOfFirst(scope, i);
        if (shapeSize(value.type.shape) !== 1) {
          scope.fail('a weight of WeightedSum must be one value', {
            got: shapeToString(value.type.shape),
            blob: scope.inputBlob(i),
          });
        }
        return value.type.shape.length === 0 ? value : scope.emitOne('Reshape', [value], { shape: [] });
      });
      return [scope.emitOne('WeightedSum', inputs)];
    },
  },
  examples: [
    {
      inputs: [
        { dims: [3, 4], range: [-2, 2] },
        { dims: [], values: [0.5] },
        { dims: [3, 4], range: [-2, 2] },
        { dims: [], values: [-2] },
      ],
    },
  ],
});
