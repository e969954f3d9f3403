// Relu: max(x, 0).

import { arg, binary, constant } from '../../ir/expr.js';
import { defineElementwise, kFloatTypes } from '../define-elementwise.js';
import { importUnary } from '../import-unary.js';

export const relu = defineElementwise({
  name: 'Relu',
  doc: 'y = max(x, 0)',
  source: 'caffe2/operators/relu_op.cc',
  inputs: [{ name: 'x', doc: 'any shape' }],
  attrs: {},
  dtypes: kFloatTypes,
  scalar: (_attrs, [dtype]) => binary('max', arg(0), constant(0, dtype)),
  caffe2: { Relu: importUnary('Relu') },
  examples: [{ inputs: [{ dims: [2, 3, 5], range: [-1, 1] }] }],
});
