// The shape of a filled tensor, as Caffe2's FillerOp reads it: the argument shape, or the dims (or the values) of an
// input, plus extra_shape.

import { type Dim, isStaticShape, type Shape, shapeMaxSize, shapeToString } from '../ir/dim.js';
import type { ImportScope } from './caffe2-import.js';
import { readConstantInts } from './read-arguments.js';

/** Half a GiB of floats; the largest layer of the published nets has 103 million. */
const kMaxComputedElements = 2 ** 27;

/** Dims of the output of a fill operator. */
export function readFillShape(scope: ImportScope): Shape {
  const { args } = scope;
  scope.expectInputs(0, 1);
  scope.expectOutputs(1);
  const shape = args.ints('shape');
  const extra = args.ints('extra_shape');
  const isShape = args.bool('input_as_shape', false);
  args.ignore('run_once');
  if (args.hasScalar('shape', 'int')) scope.fail('the shape must be a list', { remedy: 'put it into the field ints' });
  if (scope.inputCount === 0) {
    if (extra.length > 0) scope.fail('extra_shape has a meaning with an input only');
    if (isShape) scope.fail('input_as_shape needs an input');
    return checkDims(scope, shape);
  }
  if (args.has('shape')) scope.fail('the argument shape and an input cannot be given together');
  if (!isShape) return checkDims(scope, [...scope.inputType(0).shape, ...extra]);
  const type = scope.inputType(0);
  if (type.dtype !== 'i64' || type.shape.length !== 1) {
    scope.fail('a shape input must be 1-D int64', { got: `${type.dtype} of rank ${type.shape.length}` });
  }
  return checkDims(scope, [...readConstantInts(scope, 0, 'the shape'), ...extra]);
}

/** As readFillShape, where all dims must be known. */
export function readKnownFillShape(scope: ImportScope): readonly number[] {
  const shape = readFillShape(scope);
  if (isStaticShape(shape)) return shape;
  return scope.fail(`${scope.type} of a varying shape`, { code: 'unsupported', expected: 'known dims' });
}

/** As readKnownFillShape, of a tensor whose values are computed while the net is read. */
export function readComputedFillShape(scope: ImportScope): readonly number[] {
  const shape = readKnownFillShape(scope);
  checkComputable(scope, shape);
  return shape;
}

/** Fails for what would take more memory than any weight: stored tensors are bounded by their file, computed ones are not. */
export function checkComputable(scope: Pick<ImportScope, 'type' | 'fail'>, shape: Shape): void {
  // A product of huge dims may be NaN or infinite.
  if (shapeMaxSize(shape) <= kMaxComputedElements) return;
  scope.fail(`${scope.type} makes a constant that is too large`, {
    code: 'unsupported',
    expected: `at most ${kMaxComputedElements} elements`,
    got: shapeToString(shape),
  });
}

function checkDims(scope: ImportScope, shape: readonly Dim[]): Shape {
  const bad = shape.find((dim) => typeof dim === 'number' && dim < 0);
  if (bad !== undefined) scope.fail('a dim of the shape is negative', { got: String(bad) });
  return shape;
}
