// Nonzero: the identity that refuses zeros. Importers put it before integer divisions, whose kernels never stop the program.

import { shapeSize } from '../../ir/dim.js';
import { getNumber } from '../../ir/tensor.js';
import { numeric } from '../builder.js';
import { defineOp } from '../define.js';
import { extentArg, inputArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';

export const nonzero = defineOp({
  name: 'Nonzero',
  doc: 'y = x; a zero is a fault',
  source: 'the divisor of an integer division in caffe2/operators/elementwise_op.h',
  inputs: [{ name: 'x', doc: 'any shape' }],
  outputs: [{ name: 'y', doc: 'like x' }],
  attrs: {},
  infer: (request) => [request.type(0)],
  reference: (request) => {
    const x = numeric(request.tensor(0));
    for (let i = 0; i < x.data.length; i++) {
      if (getNumber(x, i) === 0) request.fault(`division by zero at element ${i}`);
    }
    return [x];
  },
  lower: (request) => {
    const x = lowerType(request, 0);
    return {
      header: 'cortado/nonzero.h',
      fn: 'nonzero',
      template: [{ kind: 'dtype', dtype: x.dtype }],
      args: [extentArg(shapeSize(x.shape)), inputArg(0), outputArg()],
      parts: kRowParts,
      fallible: true,
    };
  },
  examples: [{ inputs: [{ dtype: 'i32', dims: [2, 3], values: [1, -2, 3, 4, 5, -6] }] }],
});
