// Transpose: permutes dims. NCHW2NHWC and NHWC2NCHW are two of its permutations.

import { withShape } from '../../ir/type.js';
import { ints } from '../attributes.js';
import { stridesOf } from '../broadcast.js';
import type { Caffe2Import } from '../caffe2-import.js';
import { copyStrided } from '../copy-tensor.js';
import { defineOp } from '../define.js';
import { keepingQuantization } from '../quantized-import.js';
import { denseStrides, stridedCopyCall } from '../strided-copy.js';

/** Importer of a fixed permutation of four dims. */
function importFixed(perm: readonly number[]): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    scope.args.ignore('order');
    const x = scope.input(0);
    if (x.type.shape.length !== 4) {
      scope.fail(`${scope.type} needs an input of rank 4`, { expected: 'rank 4', got: `rank ${x.type.shape.length}` });
    }
    if (x.type.dtype !== 'f32') scope.fail(`${scope.type} needs floats`, { expected: 'f32', got: x.type.dtype });
    return [scope.emitOne('Transpose', [x], { perm })];
  };
}

const importTranspose: Caffe2Import = (scope) => {
  scope.expectInputs(1);
  scope.expectOutputs(1);
  const x = scope.input(0);
  const rank = x.type.shape.length;
  const axes = scope.args.ints('axes');
  const perm = axes.length === 0 ? Array.from({ length: rank }, (_, i) => rank - 1 - i) : axes;
  if (!['f32', 'f64', 'i32', 'i64'].includes(x.type.dtype) && x.type.quantization === undefined) {
    scope.fail(`Transpose cannot take ${x.type.dtype}`, { expected: 'f32, f64, i32 or i64' });
  }
  return [scope.emitOne('Transpose', [x], { perm })];
};

export const transpose = defineOp({
  name: 'Transpose',
  doc: 'y[i_perm] = x[i]: dim k of y is dim perm[k] of x',
  source: 'caffe2/operators/transpose_op.h, order_switch_ops.cc',
  inputs: [{ name: 'x', doc: 'any dtype' }],
  outputs: [{ name: 'y', doc: 'x with permuted dims' }],
  attrs: { perm: ints('a permutation of 0..rank-1') },
  infer: (request) => {
    const x = request.type(0);
    const { perm } = request.attrs;
    if (perm.length !== x.shape.length || [...perm].sort((a, b) => a - b).some((axis, i) => axis !== i)) {
      request.fail('the axes are not a permutation of the dims', {
        expected: `a permutation of 0..${x.shape.length - 1}`,
        got: `[${perm.join(',')}]`,
      });
    }
    return [
      withShape(
        x,
        perm.map((axis) => x.shape[axis] ?? 1),
      ),
    ];
  },
  reference: (request) => {
    const x = request.tensor(0);
    const strides = stridesOf(x.dims);
    const { perm } = request.attrs;
    return [
      copyStrided(
        x,
        perm.map((axis) => x.dims[axis] ?? 1),
        perm.map((axis) => strides[axis] ?? 0),
      ),
    ];
  },
  lower: (request, { perm }) => {
    const shape = request.node.inputs[0]?.type.shape ?? [];
    const strides = denseStrides(shape);
    return stridedCopyCall(
      request,
      perm.map((axis) => shape[axis] ?? 1),
      perm.map((axis) => strides[axis] ?? 0),
      0,
    );
  },
  caffe2: {
    Transpose: importTranspose,
    Int8Transpose: keepingQuantization(importTranspose),
    NCHW2NHWC: importFixed([0, 2, 3, 1]),
    NHWC2NCHW: importFixed([0, 3, 1, 2]),
  },
  examples: [
    { attrs: { perm: [0, 2, 3, 1] }, inputs: [{ dims: [2, 3, 4, 5], range: [-1, 1] }] },
    { attrs: { perm: [2, 0, 1] }, inputs: [{ dtype: 'i64', dims: [2, 3, 4], range: [0, 9] }] },
    { attrs: { perm: [] }, inputs: [{ dims: [], values: [3] }] },
  ],
});
