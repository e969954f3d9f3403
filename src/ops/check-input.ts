// Checks that operators share in type inference: dtype, rank and agreement of sizes, each with a precise problem.

import { type Dim, dimEquals, dimToString } from '../ir/dim.js';
import type { DType } from '../ir/dtype.js';
import { type TensorType, typeToString } from '../ir/type.js';
import type { InferRequest } from './define.js';

/** Type of input i, which must have the dtype (float unless said). */
export function checkDType<A>(request: InferRequest<A>, i: number, name: string, dtype: DType = 'f32'): TensorType {
  const type = request.type(i);
  if (type.dtype !== dtype) {
    request.fail(`${name} has the wrong element type`, { input: i, expected: dtype, got: typeToString(type) });
  }
  return type;
}

/** Fails unless the type's rank lies in min..max. */
export function checkRank<A>(request: InferRequest<A>, i: number, name: string, min: number, max = min): void {
  const type = request.type(i);
  const { length } = type.shape;
  if (length < min || length > max) {
    const expected = min === max ? `${min} dims` : `${min} to ${max} dims`;
    request.fail(`${name} has ${length} dims`, { input: i, expected, got: typeToString(type) });
  }
}

/** Fails unless input i is a float vector of `size` elements. */
export function checkVector<A>(request: InferRequest<A>, i: number, name: string, size: Dim): void {
  const type = checkDType(request, i, name);
  const own = type.shape[0];
  if (type.shape.length !== 1 || own === undefined || !dimEquals(own, size)) {
    request.fail(`${name} does not fit`, { input: i, expected: `f32[${dimToString(size)}]`, got: typeToString(type) });
  }
}

/** Fails unless two sizes are equal; `message` says which ones. */
export function checkSameDim<A>(request: InferRequest<A>, i: number, message: string, own: Dim, wanted: Dim): void {
  if (!dimEquals(own, wanted)) {
    request.fail(message, {
      input: i,
      expected: dimToString(wanted),
      got: `${dimToString(own)} in ${typeToString(request.type(i))}`,
    });
  }
}
