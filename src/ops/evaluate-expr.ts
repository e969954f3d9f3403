// Evaluates a scalar expression over broadcast tensors: the reference of elementwise operators, maps and epilogues.
// float32 chains are computed in double and rounded once at the end.

import { fail } from '../errors.js';
import { compileExpr } from '../ir/compile-expr.js';
import { exprDType, type ScalarExpr } from '../ir/expr.js';
import { elementCount, halfToNumber, makeTensor, type NumericTensor, numberToHalf } from '../ir/tensor.js';
import { broadcastStrides, forEachIndex, inferBroadcast } from './broadcast.js';

/** expr over the operands broadcast to one shape. */
export function evaluateExpr(expr: ScalarExpr, operands: readonly NumericTensor[]): NumericTensor {
  const dims = inferBroadcast(operands.map((tensor) => tensor.dims));
  if (typeof dims === 'string') return fail('internal', dims);
  const target = dims.map(Number);
  const dtypes = operands.map((tensor) => tensor.dtype);
  const dtype = exprDType(expr, dtypes);
  if (dtype === 'str') return fail('internal', 'an expression cannot give strings');
  const evaluate = compileExpr(expr, dtypes);
  const result = makeTensor(dtype, target);
  const values: (number | bigint)[] = new Array<number | bigint>(operands.length).fill(0);
  if (elementCount(target) === 0) return result;
  forEachIndex(
    target,
    operands.map((tensor) => broadcastStrides(tensor.dims, target)),
    (flat, offsets) => {
      operands.forEach((tensor, k) => {
        const value = tensor.data[offsets[k] ?? 0] ?? 0;
        values[k] = tensor.dtype === 'f16' ? halfToNumber(Number(value)) : value;
      });
      const value = evaluate(values);
      result.data[flat] = (dtype === 'f16' ? numberToHalf(Number(value)) : value) as never;
    },
  );
  return result;
}
