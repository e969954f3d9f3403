// Operators that look at the shape of a tensor and never at its values: Shape, Size, IsEmpty, HasElements.

import { type Dim, isStaticShape, type Shape, shapeSize } from '../../ir/dim.js';
import { elementCount, tensorFromNumbers } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { scalarTensor } from '../builder.js';
import type { Caffe2Import } from '../caffe2-import.js';
import { defineOp } from '../define.js';
import { emitExtents } from '../emit-extents.js';
import type { KernelCall } from '../kernel-call.js';

function storeCall(fn: string, args: KernelCall['args'], rank?: number): KernelCall {
  return {
    header: 'cortado/extents.h',
    fn,
    template: rank === undefined ? [] : [{ kind: 'number', value: rank }],
    args: [{ kind: 'output', index: 0 }, ...args],
    parts: 1,
  };
}

export const shape = defineOp({
  name: 'Shape',
  doc: 'the dims of x',
  source: 'caffe2/operators/shape_op.h',
  inputs: [{ name: 'x', doc: 'any dtype; its values are not read' }],
  outputs: [{ name: 'y', doc: 'i64 [rank]' }],
  attrs: {},
  infer: (request) => [tensorType('i64', [request.type(0).shape.length])],
  reference: (request) => {
    const { dims } = request.tensor(0);
    return [tensorFromNumbers('i64', [dims.length], dims)];
  },
  lower: (request) => {
    const dims = request.node.inputs[0]?.type.shape ?? [];
    return storeCall('store_extents', [{ kind: 'dims', shape: dims.length === 0 ? [0] : dims }], dims.length);
  },
  caffe2: {
    Shape: (scope) => {
      scope.expectInputs(1);
      scope.expectOutputs(1);
      const x = scope.input(0);
      const axes = scope.args.ints('axes');
      if (axes.length === 0) return [emitExtents(scope, x.type.shape, 'i64', x)];
      const dims: Shape = axes.map(
        (axis): Dim => x.type.shape[axis] ?? scope.fail('an axis of Shape is out of range', { got: String(axis) }),
      );
      if (isStaticShape(dims)) return [scope.constant(tensorFromNumbers('i64', [dims.length], dims), 'shape')];
      const whole = scope.emitOne('Shape', [x]);
      const picked = axes.map((axis) => scope.emitOne('Slice', [whole], { starts: [axis], ends: [axis + 1] }));
      return [scope.emitOne('Concat', picked, { axis: 0 })];
    },
  },
  examples: [{ inputs: [{ dims: [2, 3, 4], range: [0, 1] }] }, { inputs: [{ dims: [], values: [1] }] }],
});

export const size = defineOp({
  name: 'Size',
  doc: 'the number of elements of x',
  source: 'caffe2/operators/utility_ops.h, SizeOp',
  inputs: [{ name: 'x', doc: 'any dtype; its values are not read' }],
  outputs: [{ name: 'y', doc: 'i64 []' }],
  attrs: {},
  infer: (request) => {
    request.type(0);
    return [tensorType('i64', [])];
  },
  reference: (request) => [scalarTensor('i64', elementCount(request.tensor(0).dims))],
  lower: (request) =>
    storeCall('store_extents', [{ kind: 'dims', shape: [shapeSize(request.node.inputs[0]?.type.shape ?? [])] }], 1),
  caffe2: {
    Size: (scope) => {
      scope.expectInputs(1);
      scope.expectOutputs(1);
      const count = shapeSize(scope.input(0).type.shape);
      return [
        typeof count === 'number'
          ? scope.constant(scalarTensor('i64', count), 'size')
          : scope.emitOne('Size', [scope.input(0)]),
      ];
    },
  },
  examples: [{ inputs: [{ dims: [2, 3], range: [0, 1] }] }],
});

/** Importer of a question about the element count; answered now where the count is known. */
function importQuestion(wanted: 'empty' | 'filled'): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    const count = shapeSize(scope.input(0).type.shape);
    if (typeof count === 'number') {
      return [scope.constant(scalarTensor('bool', (count === 0) === (wanted === 'empty') ? 1 : 0), 'is_empty')];
    }
    const answer = scope.emitOne('IsEmpty', [scope.input(0)]);
    return [wanted === 'empty' ? answer : scope.emitOne('Not', [answer])];
  };
}

export const isEmpty = defineOp({
  name: 'IsEmpty',
  doc: 'true when x has no elements',
  source: 'caffe2/operators/utility_ops.h, IsEmptyOp',
  inputs: [{ name: 'x', doc: 'any dtype; its values are not read' }],
  outputs: [{ name: 'y', doc: 'bool []' }],
  attrs: {},
  infer: (request) => {
    request.type(0);
    return [tensorType('bool', [])];
  },
  reference: (request) => [scalarTensor('bool', elementCount(request.tensor(0).dims) === 0 ? 1 : 0)],
  lower: (request) =>
    storeCall('store_is_empty', [{ kind: 'extent', dim: shapeSize(request.node.inputs[0]?.type.shape ?? []) }]),
  caffe2: { IsEmpty: importQuestion('empty'), HasElements: importQuestion('filled') },
  examples: [{ inputs: [{ dims: [2, 0], values: [] }] }, { inputs: [{ dims: [1], values: [4] }] }],
});
