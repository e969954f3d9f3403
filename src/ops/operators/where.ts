// Where: elementwise choice between two tensors; Conditional is the same row by row.

import { dimEquals, shapeEquals, shapeToString } from '../../ir/dim.js';
import type { DType } from '../../ir/dtype.js';
import { arg, select } from '../../ir/expr.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineElementwise } from '../define-elementwise.js';

const kDataTypes: readonly DType[] = ['f32', 'f64', 'i8', 'u8', 'i16', 'u16', 'i32', 'i64', 'bool'];

/** Where with one condition for each row of the data. */
function emitRows(scope: ImportScope) {
  const [test, yes, no] = [scope.input(0), scope.input(1), scope.input(2)];
  const shape = yes.type.shape;
  const rows = shape[0];
  if (test.type.shape.length !== 1 || rows === undefined || !dimEquals(test.type.shape[0] ?? 0, rows)) {
    scope.fail('there must be one condition for each row', {
      expected: `bool [${rows === undefined ? 'rows' : shapeToString([rows]).slice(1, -1)}]`,
      got: shapeToString(test.type.shape),
    });
  }
  expectEqualData(scope);
  const column =
    shape.length === 1 ? test : scope.emitOne('Reshape', [test], { shape: shape.map((_, i) => (i === 0 ? 0 : 1)) });
  return [scope.emitOne('Where', [column, yes, no])];
}

function expectEqualData(scope: ImportScope): void {
  const [yes, no] = [scope.inputType(1), scope.inputType(2)];
  if (!shapeEquals(yes.shape, no.shape)) {
    scope.fail('both tensors to choose from must have one shape', {
      expected: shapeToString(yes.shape),
      got: shapeToString(no.shape),
    });
  }
}

export const where = defineElementwise({
  name: 'Where',
  doc: 'y = test ? yes : no',
  source: 'caffe2/operators/elementwise_logical_ops.cc, conditional_op.cc',
  inputs: [
    { name: 'test', doc: 'bool' },
    { name: 'yes', doc: 'taken where test is true' },
    { name: 'no', doc: 'taken where test is false' },
  ],
  attrs: {},
  dtypes: ['bool'],
  inputDTypes: [undefined, kDataTypes, kDataTypes],
  scalar: () => select(arg(0), arg(1), arg(2)),
  caffe2: {
    Where: (scope) => {
      scope.expectInputs(3);
      scope.expectOutputs(1);
      const [test, yes, no] = [scope.input(0), scope.input(1), scope.input(2)];
      if (yes.type.dtype !== no.type.dtype) scope.fail('both tensors to choose from must have one type');
      if (scope.args.bool('broadcast_on_rows', false)) return emitRows(scope);
      expectEqualData(scope);
      if (!shapeEquals(test.type.shape, yes.type.shape)) {
        scope.fail('the condition must have the shape of the data', {
          expected: shapeToString(yes.type.shape),
          got: shapeToString(test.type.shape),
          remedy: 'broadcast_on_rows=1 takes one condition for each row',
        });
      }
      return [scope.emitOne('Where', [test, yes, no])];
    },
    Conditional: (scope) => {
      scope.expectInputs(3);
      scope.expectOutputs(1);
      const [yes, no] = [scope.input(1), scope.input(2)];
      if (yes.type.dtype !== no.type.dtype) scope.fail('both tensors to choose from must have one type');
      return emitRows(scope);
    },
  },
  examples: [
    {
      inputs: [
        { dtype: 'bool', dims: [4], values: [1, 0, 1, 0] },
        { dims: [4], range: [-1, 1] },
        { dims: [4], range: [-1, 1] },
      ],
    },
  ],
});
