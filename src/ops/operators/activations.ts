// Activations beyond Relu: one scalar expression each.

import { arg, binary, compare, constant, select, unary } from '../../ir/expr.js';
import { float } from '../attributes.js';
import { defineElementwise, kFloatTypes } from '../define-elementwise.js';
import { importUnary } from '../import-unary.js';

const kInput = [{ name: 'x', doc: 'any shape' }];
const kExamples = [{ inputs: [{ dims: [2, 3, 5], range: [-3, 3] as const }] }];
/** exp(x) is infinite in float32 from here on. */
const kExpOverflow = 88.72283935546875;
const kMaxFloat = 3.4028234663852886e38;

export const leakyRelu = defineElementwise({
  name: 'LeakyRelu',
  doc: 'y = x >= 0 ? x : alpha * x',
  source: 'caffe2/operators/leaky_relu_op.cc',
  inputs: kInput,
  attrs: { alpha: float('slope below zero', 0.01) },
  dtypes: kFloatTypes,
  scalar: ({ alpha }, [dtype]) =>
    select(compare('ge', arg(0), constant(0, dtype)), arg(0), binary('mul', constant(alpha, dtype), arg(0))),
  caffe2: { LeakyRelu: importUnary('LeakyRelu', (args) => ({ alpha: args.float('alpha', 0.01) })) },
  examples: kExamples,
});

export const elu = defineElementwise({
  name: 'Elu',
  doc: 'y = max(x, 0) + min(alpha * (exp(x) - 1), 0)',
  source: 'caffe2/operators/elu_op.cc',
  inputs: kInput,
  attrs: { alpha: float('value at minus infinity, negated', 1) },
  dtypes: kFloatTypes,
  scalar: ({ alpha }, [dtype]) => {
    const zero = constant(0, dtype);
    const below = binary('mul', constant(alpha, dtype), binary('sub', unary('exp', arg(0)), constant(1, dtype)));
    return binary('add', binary('max', arg(0), zero), binary('min', below, zero));
  },
  caffe2: { Elu: importUnary('Elu', (args) => ({ alpha: args.float('alpha', 1) })) },
  examples: kExamples,
});

export const selu = defineElementwise({
  name: 'Selu',
  doc: 'y = scale * (x > 0 ? x : alpha * exp(x) - alpha)',
  source: 'caffe2/operators/selu_op.cc',
  inputs: kInput,
  attrs: {
    alpha: float('as in the paper', 1.6732631921768188),
    scale: float('as in the paper; > 1', 1.0507010221481323),
  },
  dtypes: kFloatTypes,
  scalar: ({ alpha, scale }, [dtype]) => {
    const a = constant(alpha, dtype);
    const below = binary('sub', binary('mul', a, unary('exp', arg(0))), a);
    return binary('mul', constant(scale, dtype), select(compare('gt', arg(0), constant(0, dtype)), arg(0), below));
  },
  caffe2: {
    Selu: (scope) => {
      const alpha = scope.args.float('alpha', 1.6732631921768188);
      const scale = scope.args.float('scale', 1.0507010221481323);
      if (!(scale > 1)) scope.fail('the scale of Selu must be greater than 1', { got: String(scale) });
      return importUnary('Selu', () => ({ alpha, scale }))(scope);
    },
  },
  examples: kExamples,
});

export const sigmoid = defineElementwise({
  name: 'Sigmoid',
  doc: 'y = 1 / (1 + exp(-x))',
  source: 'caffe2/operators/sigmoid_op.cc',
  inputs: kInput,
  attrs: {},
  dtypes: kFloatTypes,
  scalar: () => unary('sigmoid', arg(0)),
  caffe2: { Sigmoid: importUnary('Sigmoid') },
  examples: kExamples,
});

export const tanh = defineElementwise({
  name: 'Tanh',
  doc: 'y = tanh(x)',
  source: 'caffe2/operators/tanh_op.cc',
  inputs: kInput,
  attrs: {},
  dtypes: kFloatTypes,
  scalar: () => unary('tanh', arg(0)),
  caffe2: { Tanh: importUnary('Tanh') },
  examples: kExamples,
});

export const softplus = defineElementwise({
  name: 'Softplus',
  doc: 'y = log(exp(x) + 1); as in Caffe2, infinite once exp(x) overflows float32',
  source: 'caffe2/operators/softplus_op.cc',
  inputs: kInput,
  attrs: {},
  dtypes: ['f32'],
  scalar: (_attrs, [dtype]) =>
    select(
      compare('gt', arg(0), constant(kExpOverflow, dtype)),
      constant(Number.POSITIVE_INFINITY, dtype),
      unary('log', binary('add', unary('exp', arg(0)), constant(1, dtype))),
    ),
  caffe2: { Softplus: importUnary('Softplus') },
  examples: kExamples,
});

export const softsign = defineElementwise({
  name: 'Softsign',
  doc: 'y = x / (1 + |x|)',
  source: 'caffe2/operators/softsign_op.cc',
  inputs: kInput,
  attrs: {},
  dtypes: kFloatTypes,
  scalar: (_attrs, [dtype]) => binary('div', arg(0), binary('add', constant(1, dtype), unary('abs', arg(0)))),
  caffe2: { Softsign: importUnary('Softsign') },
  examples: kExamples,
});

export const swish = defineElementwise({
  name: 'Swish',
  doc: 'y = x / (1 + exp(-x))',
  source: 'caffe2/operators/swish_op.cc',
  inputs: kInput,
  attrs: {},
  dtypes: kFloatTypes,
  scalar: (_attrs, [dtype]) =>
    binary('div', arg(0), binary('add', constant(1, dtype), unary('exp', unary('neg', arg(0))))),
  caffe2: { Swish: importUnary('Swish') },
  examples: kExamples,
});

export const thresholdedRelu = defineElementwise({
  name: 'ThresholdedRelu',
  doc: 'y = x > alpha ? x : 0',
  source: 'caffe2/operators/thresholded_relu_op.cc',
  inputs: kInput,
  attrs: { alpha: float('threshold', 1) },
  dtypes: kFloatTypes,
  scalar: ({ alpha }, [dtype]) => select(compare('gt', arg(0), constant(alpha, dtype)), arg(0), constant(0, dtype)),
  caffe2: { ThresholdedRelu: importUnary('ThresholdedRelu', (args) => ({ alpha: args.float('alpha', 1) })) },
  examples: kExamples,
});

export const clip = defineElementwise({
  name: 'Clip',
  doc: 'y = min(max(x, min), max); the largest finite floats are the default limits, so infinities are clipped too',
  source: 'caffe2/operators/clip_op.cc',
  inputs: kInput,
  attrs: { min: float('lower limit', -kMaxFloat), max: float('upper limit; wins over min', kMaxFloat) },
  dtypes: ['f32'],
  scalar: ({ min, max }, [dtype]) => binary('min', binary('max', arg(0), constant(min, dtype)), constant(max, dtype)),
  caffe2: {
    Clip: importUnary('Clip', (args) => ({ min: args.float('min', -kMaxFloat), max: args.float('max', kMaxFloat) })),
  },
  examples: [{ attrs: { min: -0.5, max: 1 }, inputs: [{ dims: [2, 3, 5], range: [-3, 3] }] }],
});

export const logit = defineElementwise({
  name: 'Logit',
  doc: 'y = log(c / (1 - c)) with c = x clipped to eps..1-eps',
  source: 'caffe2/operators/logit_op.cc',
  inputs: kInput,
  attrs: { eps: float('distance kept from 0 and 1', 9.999999974752427e-7) },
  dtypes: ['f32'],
  scalar: ({ eps }, [dtype]) => {
    const one = constant(1, dtype);
    const high = constant(Math.fround(1 - eps), dtype);
    const clipped = binary('max', binary('min', arg(0), high), constant(eps, dtype));
    return unary('log', binary('div', clipped, binary('sub', one, clipped)));
  },
  caffe2: { Logit: importUnary('Logit', (args) => ({ eps: args.float('eps', 9.999999974752427e-7) })) },
  examples: [{ inputs: [{ dims: [4, 5], range: [0, 1] }] }],
});

export const stumpFunc = defineElementwise({
  name: 'StumpFunc',
  doc: 'y = x <= threshold ? low : high',
  source: 'caffe2/operators/stump_func_op.cc',
  inputs: kInput,
  attrs: { threshold: float('border', 0), low: float('at and below it', 0), high: float('above it', 0) },
  dtypes: ['f32'],
  scalar: ({ threshold, low, high }, [dtype]) =>
    select(compare('le', arg(0), constant(threshold, dtype)), constant(low, dtype), constant(high, dtype)),
  caffe2: {
    StumpFunc: importUnary('StumpFunc', (args) => ({
      threshold: args.float('threshold', 0),
      low: args.float('low_value', 0),
      high: args.float('high_value', 0),
    })),
  },
  examples: [{ attrs: { threshold: 0.5, low: -1, high: 3 }, inputs: [{ dims: [2, 5], range: [-1, 2] }] }],
});
