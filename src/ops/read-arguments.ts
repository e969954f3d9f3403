// Arguments and constant inputs that several importers read the same way.

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

/** The axis argument of a Caffe2 operator, checked. */
export function readAxis(scope: ImportScope, name: string, fallback: number, rank: number): number {
  const axis = scope.args.int(name, fallback);
  return (
    canonicalAxis(axis, rank) ??
    scope.fail(`the argument ${name} is out of range`, { expected: `${-rank} to ${rank - 1}`, got: String(axis) })
  );
}
