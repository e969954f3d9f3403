// Operators that flatten x at an axis and work on rows: sizes before and from the axis on.

import { type Dim, shapeSize } from '../ir/dim.js';
import type { TensorType } from '../ir/type.js';
import { checkDType } from './check-input.js';
import type { InferRequest } from './define.js';

/** Input 0, float, with `axis` inside its rank. */
export function inferRows<A extends { readonly axis: number }>(request: InferRequest<A>): TensorType {
  const x = checkDType(request, 0, 'the input');
  const { axis } = request.attrs;
  if (axis < 0 || axis >= x.shape.length) {
    request.fail('the axis is out of range', {
      input: 0,
      expected: `0 to ${x.shape.length - 1}`,
      got: `axis ${axis}`,
    });
  }
  return x;
}

/** Rows and columns of x flattened at `axis`. */
export function rowsAndColumns(type: TensorType, axis: number): { readonly rows: Dim; readonly cols: Dim } {
  return { rows: shapeSize(type.shape.slice(0, axis)), cols: shapeSize(type.shape.slice(axis)) };
}
