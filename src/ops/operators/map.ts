// Map: a fused chain of elementwise operators. The fusion pass makes it; no format spells it.

import { shapeToString } from '../../ir/dim.js';
import { exprDType } from '../../ir/expr.js';
import { tensorType } from '../../ir/type.js';
import { expression } from '../attributes.js';
import { inferBroadcast } from '../broadcast.js';
import { numeric } from '../builder.js';
import { defineOp } from '../define.js';
import { evaluateExpr } from '../evaluate-expr.js';

export const map = defineOp({
  name: 'Map',
  doc: 'y = expr(x0, x1, …) at every element; inputs broadcast numpy-style',
  source: 'Cortado: src/passes',
  inputs: [{ name: 'x', doc: 'operands of the expression', variadic: true }],
  outputs: [{ name: 'y', doc: 'the result, shaped as the broadcast of all inputs' }],
  attrs: { expr: expression('scalar expression over all inputs') },
  scalar: (attrs) => attrs.expr,
  infer: (request) => {
    const types = request.inputs.map((_, i) => request.type(i));
    const shape = inferBroadcast(types.map((type) => type.shape));
    if (typeof shape === 'string') {
      return request.fail(shape, {
        code: 'internal',
        got: types.map((type) => shapeToString(type.shape)).join(' and '),
      });
    }
    const dtypes = types.map((type) => type.dtype);
    return [tensorType(exprDType(request.attrs.expr, dtypes), shape)];
  },
  reference: (request) => {
    const operands = request.inputs.map((_, i) => numeric(request.tensor(i)));
    try {
      return [evaluateExpr(request.attrs.expr, operands)];
    } catch (error) {
      if (error instanceof RangeError) return request.fault(error.message);
      throw error;
    }
  },
  examples: [],
});
