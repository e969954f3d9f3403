// Arithmetic, comparison and logic of two tensors.

import { dimEquals, dimToString } from '../../ir/dim.js';
import type { DType } from '../../ir/dtype.js';
import {
  arg,
  type BinaryOp,
  binary,
  type CompareOp,
  compare,
  constant,
  type ScalarExpr,
  select,
  unary,
} from '../../ir/expr.js';
import { float } from '../attributes.js';
import { defineElementwise, kFloatTypes, kNumericTypes } from '../define-elementwise.js';
import { alignSecond, importBinary } from '../import-broadcast.js';

const kInputs = [
  { name: 'a', doc: 'any shape' },
  { name: 'b', doc: 'broadcasts with a' },
];

interface BinarySpec {
  readonly doc: string;
  readonly dtypes: readonly DType[];
  readonly scalar: ScalarExpr;
}

const arithmetic = (op: BinaryOp, doc: string): BinarySpec => ({
  doc,
  dtypes: kNumericTypes,
  scalar: binary(op, arg(0), arg(1)),
});
const comparison = (op: CompareOp, doc: string, dtypes: readonly DType[] = kNumericTypes): BinarySpec => ({
  doc,
  dtypes,
  scalar: compare(op, arg(0), arg(1)),
});
const logic = (op: BinaryOp, doc: string): BinarySpec => ({
  doc,
  dtypes: ['bool'],
  scalar: binary(op, arg(0), arg(1)),
});

const kOperators: { readonly [name: string]: BinarySpec } = {
  Add: arithmetic('add', 'y = a + b'),
  Sub: arithmetic('sub', 'y = a - b'),
  Mul: arithmetic('mul', 'y = a * b'),
  Div: arithmetic('div', 'y = a / b; integers truncate, and a division by zero is a fault'),
  EQ: comparison('eq', 'y = a == b', ['i32', 'i64', 'bool']),
  LT: comparison('lt', 'y = a < b'),
  LE: comparison('le', 'y = a <= b'),
  GT: comparison('gt', 'y = a > b'),
  GE: comparison('ge', 'y = a >= b'),
  And: logic('and', 'y = a && b'),
  Or: logic('or', 'y = a || b'),
  Xor: logic('xor', 'y = a != b'),
};

export const binaryMath = Object.entries(kOperators).map(([name, spec]) =>
  defineElementwise({
    name,
    doc: spec.doc,
    source: 'caffe2/operators/elementwise_ops_schema.cc',
    inputs: kInputs,
    attrs: {},
    dtypes: spec.dtypes,
    scalar: () => spec.scalar,
    caffe2: { [name]: importBinary(name) },
    examples: examplesFor(spec.dtypes),
  }),
);

function examplesFor(dtypes: readonly DType[]) {
  const [first = 'f32'] = dtypes;
  if (first === 'bool') {
    const values = [0, 1, 0, 1];
    return [
      {
        inputs: [
          { dtype: first, dims: [4], values },
          { dtype: first, dims: [4], values: [0, 0, 1, 1] },
        ],
      },
    ];
  }
  const positive = [1, 6] as const;
  return [
    {
      inputs: [
        { dtype: first, dims: [2, 3, 5], range: positive },
        { dtype: first, dims: [2, 3, 5], range: positive },
      ],
    },
    {
      inputs: [
        { dtype: first, dims: [2, 3, 5], range: positive },
        { dtype: first, dims: [3, 1], range: positive },
      ],
    },
    {
      inputs: [
        { dtype: first, dims: [4, 1], range: positive },
        { dtype: first, dims: [], range: positive },
      ],
    },
  ];
}

export const pow = defineElementwise({
  name: 'Pow',
  doc: 'y = a ^ b',
  source: 'caffe2/operators/pow_op.cc',
  inputs: kInputs,
  attrs: {},
  dtypes: kFloatTypes,
  scalar: () => binary('pow', arg(0), arg(1)),
  caffe2: {
    Pow: (scope) => {
      scope.expectInputs(1, 2);
      scope.expectOutputs(1);
      const x = scope.input(0);
      if (scope.inputCount === 2) return [scope.emitOne('Pow', [x, alignSecond(scope, x, scope.input(1))])];
      if (!scope.args.has('exponent')) scope.fail('Pow needs the argument exponent or a second input');
      return [scope.emitOne('PowConst', [x], { exponent: scope.args.float('exponent', 0) })];
    },
  },
  examples: [
    {
      inputs: [
        { dims: [2, 3], range: [0.1, 2] },
        { dims: [3], range: [-2, 2] },
      ],
    },
  ],
});

export const powConst = defineElementwise({
  name: 'PowConst',
  doc: 'y = x ^ exponent; -1, 0.5, -0.5 and 2 as the reciprocal, root and square that they are',
  source: 'caffe2/operators/pow_op.h, EigenPowFunctor',
  inputs: [{ name: 'x', doc: 'any shape' }],
  attrs: { exponent: float('exponent') },
  dtypes: kFloatTypes,
  scalar: ({ exponent }, [dtype]) => {
    const one = constant(1, dtype);
    switch (exponent) {
      case -1:
        return binary('div', one, arg(0));
      case 0.5:
        return unary('sqrt', arg(0));
      case -0.5:
        return binary('div', one, unary('sqrt', arg(0)));
      case 2:
        return binary('mul', arg(0), arg(0));
      default:
        return binary('pow', arg(0), constant(exponent, dtype));
    }
  },
  examples: [-1, 0.5, -0.5, 2, 3, 1.7].map((exponent) => ({
    attrs: { exponent },
    inputs: [{ dims: [2, 5], range: [0.1, 2] as const }],
  })),
});

export const squareRootDivide = defineElementwise({
  name: 'SquareRootDivide',
  doc: 'y = s > 0 ? x / √s : x',
  source: 'caffe2/operators/square_root_divide_op.cc',
  inputs: [
    { name: 'x', doc: 'any shape' },
    { name: 's', doc: 'broadcasts with x' },
  ],
  attrs: {},
  dtypes: ['f32'],
  scalar: (_attrs, [dtype]) =>
    select(compare('gt', arg(1), constant(0, dtype)), binary('div', arg(0), unary('sqrt', arg(1))), arg(0)),
  caffe2: {
    SquareRootDivide: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1);
      const x = scope.input(0);
      const s = scope.input(1);
      if (x.type.shape.length === 0 || s.type.shape.length !== 1) {
        scope.fail('SquareRootDivide needs data of rank 1 or more and a scale of rank 1');
      }
      if (!dimEquals(x.type.shape[0] ?? 0, s.type.shape[0] ?? 0)) {
        scope.fail('SquareRootDivide needs one scale for each row', { expected: dimToString(x.type.shape[0] ?? 0) });
      }
      const rows = x.type.shape.map((_, i) => (i === 0 ? 0 : 1));
      const scale = s.type.dtype === 'i32' || s.type.dtype === 'i64' ? scope.emitOne('Cast', [s], { to: 'f32' }) : s;
      const column = scope.emitOne('Reshape', [scale], { shape: rows });
      return [scope.emitOne('SquareRootDivide', [x, column])];
    },
  },
  examples: [
    {
      inputs: [
        { dims: [3, 4], range: [-2, 2] },
        { dims: [3, 1], values: [4, 0, 2] },
      ],
    },
  ],
});
