// Arguments and constant inputs that several importers read the same way.

import { shapeToString } from '../ir/dim.js';
import { toNumbers } from '../ir/tensor.js';
import { canonicalAxis } from './axes.js';
import type { ImportScope } from './caffe2-import.js';

/** Integers of an input that must be known at compile time. */
export function readConstantInts(scope: ImportScope, i: number, what: string): readonly number[] {
  const value = scope.input(i);
  if (value.type.dtype !== 'i32' && value.type.dtype !== 'i64') {
    scope.fail(`${what} must be int32 or int64`, { got: value.type.dtype, blob: scope.inputBlob(i) });
  }
  const tensor = scope.constantOf(value);
  if (tensor === undefined) {
    return scope.fail(`${what} must be known at compile time`, {
      code: 'unsupported',
      blob: scope.inputBlob(i),
      remedy: 'fill the blob in the init net',
    });
  }
  return toNumbers(tensor);
}

/** Integers of an input that must be a vector, of `size` where given, known at compile time. */
export function readConstantVector(scope: ImportScope, i: number, what: string, size?: number): readonly number[] {
  const { shape } = scope.inputType(i);
  if (shape.length !== 1 || (size !== undefined && shape[0] !== size)) {
    const expected = size === undefined ? 'one dim' : `one dim of ${size}`;
    scope.fail(`${what} must be a vector`, { blob: scope.inputBlob(i), expected, got: shapeToString(shape) });
  }
  return readConstantInts(scope, i, what);
}

/** The axis argument of a Caffe2 operator, checked. */
export function readAxis(scope: ImportScope, name: string, fallback: number, rank: number): number {
  const axis = scope.args.int(name, fallback);
  return (
    canonicalAxis(axis, rank) ??
    scope.fail(`the argument ${name} is out of range`, { expected: `${-rank} to ${rank - 1}`, got: String(axis) })
  );
}

/** An axis that counts from the end only as -1, the last: search operators know no other negative one. */
export function readAxisOrLast(scope: ImportScope, name: string, rank: number): number {
  const axis = scope.args.int(name, -1);
  if (axis >= -1 && axis < rank && rank > 0) return axis < 0 ? rank - 1 : axis;
  return scope.fail(`the argument ${name} is out of range`, { expected: `-1 to ${rank - 1}`, got: String(axis) });
}

/** Fails unless the first output is the first input, where Caffe2 demands it. */
export function expectInPlace(scope: ImportScope): void {
  if (scope.inputBlob(0) !== scope.outputBlob(0)) {
    scope.fail(`${scope.type} works in place`, { expected: `output ${scope.inputBlob(0)}`, got: scope.outputBlob(0) });
  }
}

/** Fails where the input is a scalar. */
export function expectDims(scope: ImportScope): void {
  if (scope.inputType(0).shape.length > 0) return;
  scope.fail(`${scope.type} needs a vector at least`, { blob: scope.inputBlob(0), expected: 'one dim or more' });
}
