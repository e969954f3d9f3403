// Caffe2's legacy broadcast of a second operand: broadcast=1 with axis or axis_str aligns B's dims inside A's. It becomes
// a Reshape that appends 1s, after which numpy's rule gives the same result. Without broadcast: numpy's rule as it is
// (a superset of 2018's "equal shapes", and what later versions do).

import { dimEquals, type Shape, shapeSize, shapeToString } from '../ir/dim.js';
import { isInteger } from '../ir/dtype.js';
import type { Value } from '../ir/graph.js';
import type { Caffe2Import, ImportScope } from './caffe2-import.js';

/** Importer of `y = Op(a, b)` with Caffe2's broadcast arguments. */
export function importBinary(op: string): Caffe2Import {
  return (scope) => {
    scope.expectInputs(2);
    scope.expectOutputs(1);
    const a = scope.input(0);
    const b = alignSecond(scope, a, scope.input(1));
    const isIntegerDivision = op === 'Div' && isInteger(b.type.dtype);
    return [scope.emitOne(op, [a, isIntegerDivision ? scope.emitOne('Nonzero', [b]) : b])];
  };
}

/** b, reshaped so that numpy broadcasting aligns it with a as the arguments say. */
export function alignSecond(scope: ImportScope, a: Value, b: Value): Value {
  const { args } = scope;
  const broadcast = args.bool('broadcast', false);
  const axis = args.int('axis', -1);
  const axisName = args.text('axis_str', '');
  const order = args.text('order', 'NCHW');
  if (!broadcast) {
    if (axis !== -1 || axisName !== '') {
      scope.fail('axis and axis_str have a meaning with broadcast=1 only', {
        remedy: 'add broadcast=1 or remove them',
      });
    }
    return b;
  }
  const start = readAxis(scope, axis, axisName, order);
  const target = a.type.shape;
  const shape = b.type.shape;
  if (shapeSize(shape) === 1) return shape.length === 0 ? b : scope.emitOne('Reshape', [b], { shape: [] });
  if (shape.length > target.length) return refuse(scope, target, shape);
  const first = start ?? target.length - shape.length;
  if (first < 0 || first > target.length - shape.length) {
    return scope.fail('the broadcast axis is out of range', {
      expected: `0 to ${target.length - shape.length}`,
      got: String(first),
    });
  }
  checkMatch(scope, target, shape, first);
  const behind = target.length - first - shape.length;
  if (behind === 0) return b;
  const ones = new Array<number>(behind).fill(1);
  return scope.emitOne('Reshape', [b], { shape: [...shape.map(() => 0), ...ones] });
}

function readAxis(scope: ImportScope, axis: number, axisName: string, order: string): number | undefined {
  if (axis !== -1) {
    if (axisName !== '') scope.fail('axis and axis_str cannot be used together');
    return axis;
  }
  if (axisName === '') return undefined;
  const found = order.indexOf(axisName);
  if (axisName.length !== 1 || found < 0) {
    scope.fail('axis_str must be one letter of order', { expected: `one of ${order}`, got: axisName });
  }
  return found;
}

/** Leading and trailing 1s of b stretch; every dim between must be the dim of a that it lies on. */
function checkMatch(scope: ImportScope, target: Shape, shape: Shape, first: number): void {
  const isOne = (i: number): boolean => shape[i] === 1;
  let from = 0;
  while (from < shape.length && isOne(from)) from++;
  let to = shape.length;
  while (to > from && isOne(to - 1)) to--;
  for (let i = from; i < to; i++) {
    if (!dimEquals(shape[i] ?? 1, target[i + first] ?? 1)) refuse(scope, target, shape);
  }
}

function refuse(scope: ImportScope, target: Shape, shape: Shape): never {
  return scope.fail('the second input does not broadcast over the first', {
    expected: `dims that occur in a row in ${shapeToString(target)}`,
    got: shapeToString(shape),
    blob: scope.inputBlob(1),
  });
}
