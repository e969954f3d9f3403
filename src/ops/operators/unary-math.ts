// Mathematical functions of one tensor: one scalar expression each.

import type { DType } from '../../ir/dtype.js';
import { arg, binary, compare, constant, type ScalarExpr, select, type UnaryOp, unary } from '../../ir/expr.js';
import { bool, float, int } from '../attributes.js';
import { defineElementwise, kFloatTypes, kNumericTypes } from '../define-elementwise.js';
import { importUnary } from '../import-unary.js';

const kInput = [{ name: 'x', doc: 'any shape' }];
const kSigned = [{ inputs: [{ dims: [2, 3, 5], range: [-3, 3] as const }] }];
const kPositive = [{ inputs: [{ dims: [2, 3, 5], range: [0.01, 3] as const }] }];

interface FunctionSpec {
  readonly doc: string;
  readonly file: string;
  readonly dtypes: readonly DType[];
  readonly scalar: (dtype: DType | undefined) => ScalarExpr;
  readonly positive?: true;
}

const of = (op: UnaryOp) => (): ScalarExpr => unary(op, arg(0));

/** Operators without attributes, by name. */
const kFunctions: { readonly [name: string]: FunctionSpec } = {
  Sqr: { doc: 'y = x * x', file: 'sqr_op.cc', dtypes: kFloatTypes, scalar: () => binary('mul', arg(0), arg(0)) },
  Sqrt: { doc: 'y = √x', file: 'sqrt_op.cc', dtypes: kFloatTypes, scalar: of('sqrt'), positive: true },
  Exp: { doc: 'y = exp(x)', file: 'exp_op.cc', dtypes: kFloatTypes, scalar: of('exp') },
  Log: { doc: 'y = ln(x)', file: 'log_op.cc', dtypes: kFloatTypes, scalar: of('log'), positive: true },
  Abs: { doc: 'y = |x|', file: 'abs_op.cc', dtypes: kFloatTypes, scalar: of('abs') },
  Negative: { doc: 'y = -x', file: 'negative_op.cc', dtypes: kNumericTypes, scalar: of('neg') },
  Sin: { doc: 'y = sin(x)', file: 'sin_op.cc', dtypes: kFloatTypes, scalar: of('sin') },
  Cos: { doc: 'y = cos(x)', file: 'cos_op.cc', dtypes: kFloatTypes, scalar: of('cos') },
  Ceil: { doc: 'y = the next integer up', file: 'ceil_op.cc', dtypes: kFloatTypes, scalar: of('ceil') },
  Floor: { doc: 'y = the next integer down', file: 'floor_op.cc', dtypes: kFloatTypes, scalar: of('floor') },
  Sign: {
    doc: 'y = 1, 0 or -1; 0 for NaN',
    file: 'elementwise_ops_schema.cc',
    dtypes: kFloatTypes,
    scalar: (dtype) => {
      const zero = constant(0, dtype);
      const below = select(compare('lt', arg(0), zero), constant(-1, dtype), zero);
      return select(compare('gt', arg(0), zero), constant(1, dtype), below);
    },
  },
  Not: { doc: 'y = !x', file: 'elementwise_ops_schema.cc', dtypes: ['bool'], scalar: of('not') },
};

export const unaryMath = Object.entries(kFunctions).map(([name, spec]) =>
  defineElementwise({
    name,
    doc: spec.doc,
    source: `caffe2/operators/${spec.file}`,
    inputs: kInput,
    attrs: {},
    dtypes: spec.dtypes,
    scalar: (_attrs, [dtype]) => spec.scalar(dtype),
    caffe2: { [name]: importUnary(name) },
    examples:
      name === 'Not'
        ? [{ inputs: [{ dtype: 'bool', dims: [3], values: [0, 1, 1] }] }]
        : spec.positive === true
          ? kPositive
          : kSigned,
  }),
);

export const scale = defineElementwise({
  name: 'Scale',
  doc: 'y = scale * x',
  source: 'caffe2/operators/scale_op.cc',
  inputs: kInput,
  attrs: { scale: float('factor', 1) },
  dtypes: kFloatTypes,
  scalar: (attrs, [dtype]) => binary('mul', arg(0), constant(attrs.scale, dtype)),
  caffe2: { Scale: importUnary('Scale', (args) => ({ scale: args.float('scale', 1) })) },
  examples: [{ attrs: { scale: -1.5 }, inputs: [{ dims: [2, 3, 5], range: [-3, 3] }] }],
});

export const mod = defineElementwise({
  name: 'Mod',
  doc: "y = x % divisor with the sign of x (C's remainder), or with the sign of the divisor",
  source: 'caffe2/operators/mod_op.cc',
  inputs: kInput,
  attrs: { divisor: int('not 0'), signFollowDivisor: bool('take the sign of the divisor', false) },
  dtypes: ['i32', 'i64'],
  scalar: ({ divisor, signFollowDivisor }, [dtype]) => {
    const rest = binary('rem', arg(0), constant(divisor, dtype));
    if (!signFollowDivisor) return rest;
    const differs = compare(divisor > 0 ? 'lt' : 'gt', rest, constant(0, dtype));
    return select(differs, binary('add', rest, constant(divisor, dtype)), rest);
  },
  caffe2: {
    Mod: (scope) => {
      const divisor = scope.args.int('divisor', 0);
      if (divisor === 0) scope.fail('the divisor of Mod must not be 0', { remedy: 'give the argument divisor' });
      const signFollowDivisor = scope.args.bool('sign_follow_divisor', false);
      return importUnary('Mod', () => ({ divisor, signFollowDivisor }))(scope);
    },
  },
  examples: [
    { attrs: { divisor: 3 }, inputs: [{ dtype: 'i32', dims: [5], values: [7, -7, 5, -5, 0] }] },
    { attrs: { divisor: -3, signFollowDivisor: true }, inputs: [{ dtype: 'i64', dims: [4], values: [7, -7, 0, 3] }] },
  ],
});

export const replaceNaN = defineElementwise({
  name: 'ReplaceNaN',
  doc: 'y = x, or value where x is NaN',
  source: 'caffe2/operators/replace_nan_op.cc',
  inputs: kInput,
  attrs: { value: float('stands in for NaN', 0) },
  dtypes: kFloatTypes,
  scalar: ({ value }, [dtype]) => select(compare('ne', arg(0), arg(0)), constant(value, dtype), arg(0)),
  caffe2: { ReplaceNaN: importUnary('ReplaceNaN', (args) => ({ value: args.float('value', 0) })) },
  examples: [{ attrs: { value: 2 }, inputs: [{ dims: [3], values: [1, Number.NaN, -2] }] }],
});
