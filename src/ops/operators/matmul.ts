// MatMul and BatchMatMul: products of two matrices, and of two stacks of matrices.

import { type Dim, dimEquals, dimMax, type Shape, shapeMaxSize, shapeSize, shapeToString } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { type TensorType, typeToString } from '../../ir/type.js';
import { bool } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank } from '../check-input.js';
import { defineOp, type InferRequest } from '../define.js';
import { flattenAt, readAxis, reshapeTo } from '../flatten-import.js';
import { lowerType } from '../kernel-arguments.js';
import { lowerProduct, multiply, type ProductSizes } from '../matrix-product.js';
import { floatData, floatOutput, sizeOf } from '../reference-tensors.js';

interface ProductAttrs {
  readonly transA: boolean;
  readonly transB: boolean;
}

const kProductAttrs = {
  transA: bool('a is given as [k, m]', false),
  transB: bool('b is given as [n, k]', false),
};

/** m, n, k from the last two dims of both operands; k as a has it. */
function productSizes<D>(a: readonly D[], b: readonly D[], attrs: ProductAttrs, one: D): ProductSizes<D> {
  const [a0 = one, a1 = one] = a.slice(-2);
  const [b0 = one, b1 = one] = b.slice(-2);
  return { ...attrs, m: attrs.transA ? a1 : a0, k: attrs.transA ? a0 : a1, n: attrs.transB ? b0 : b1 };
}

/** Checks that the inner sizes agree; gives [m, n]. */
function inferProduct(request: InferRequest<ProductAttrs>, a: TensorType, b: TensorType): readonly [Dim, Dim] {
  const { attrs } = request;
  const sizes = productSizes<Dim>(a.shape, b.shape, attrs, 1);
  const [b0 = 1, b1 = 1] = b.shape.slice(-2);
  if (!dimEquals(sizes.k, attrs.transB ? b1 : b0)) {
    request.fail('the inner sizes of the product differ', {
      input: 1,
      got: `${typeToString(a)}${attrs.transA ? ' transposed' : ''} and ${typeToString(b)}${attrs.transB ? ' transposed' : ''}`,
    });
  }
  return [sizes.m, sizes.n];
}

export const matmul = defineOp({
  name: 'MatMul',
  doc: 'y = a · b',
  source: 'caffe2/operators/matmul_op.h',
  inputs: [
    { name: 'a', doc: '[m, k], or [k, m] if transA' },
    { name: 'b', doc: '[k, n], or [n, k] if transB' },
  ],
  outputs: [{ name: 'y', doc: '[m, n]' }],
  attrs: kProductAttrs,
  infer: (request) => {
    const a = checkDType(request, 0, 'the left matrix');
    const b = checkDType(request, 1, 'the right matrix');
    checkRank(request, 0, 'the left matrix', 2);
    checkRank(request, 1, 'the right matrix', 2);
    return [{ ...a, shape: inferProduct(request, a, b) }];
  },
  reference: (request) => {
    const a = request.tensor(0);
    const b = request.tensor(1);
    const y = floatOutput(request);
    y.data.set(multiply(floatData(a), 0, floatData(b), 0, productSizes(a.dims, b.dims, request.attrs, 1)));
    return [y.tensor];
  },
  macs: ({ inputs, attrs }) => productMacs(inputs[0], inputs[1], attrs),
  lower: (request, attrs) =>
    lowerProduct(request, productSizes<Dim>(lowerType(request, 0).shape, lowerType(request, 1).shape, attrs, 1), 2),
  caffe2: { MatMul: importMatMul },
  examples: [
    { inputs: [{ dims: [3, 5] }, { dims: [5, 4] }] },
    { attrs: { transA: true, transB: true }, inputs: [{ dims: [5, 3] }, { dims: [4, 5] }] },
  ],
});

export const batchMatMul = defineOp({
  name: 'BatchMatMul',
  doc: 'y[i] = a[i] · b[i]; the batch dims of one operand may lack leading ones of the other, and then repeat',
  source: 'caffe2/operators/batch_matmul_op.h',
  inputs: [
    { name: 'a', doc: '[batch..., m, k], or [batch..., k, m] if transA' },
    { name: 'b', doc: '[batch..., k, n], or [batch..., n, k] if transB' },
  ],
  outputs: [{ name: 'y', doc: '[batch..., m, n]' }],
  attrs: kProductAttrs,
  infer: (request) => {
    const a = checkDType(request, 0, 'the left stack');
    const b = checkDType(request, 1, 'the right stack');
    checkRank(request, 0, 'the left stack', 2, 8);
    checkRank(request, 1, 'the right stack', 2, 8);
    const batch = inferBatch(request, a.shape.slice(0, -2), b.shape.slice(0, -2));
    return [{ ...a, shape: [...batch, ...inferProduct(request, a, b)] }];
  },
  reference: (request) => {
    const a = request.tensor(0);
    const b = request.tensor(1);
    const y = floatOutput(request);
    const sizes = productSizes(a.dims, b.dims, request.attrs, 1);
    const aBatch = sizeOf(a.dims, 0, a.dims.length - 2);
    const bBatch = sizeOf(b.dims, 0, b.dims.length - 2);
    for (let i = 0; i < sizeOf(y.tensor.dims, 0, y.tensor.dims.length - 2); i++) {
      const aFrom = (i % aBatch) * sizes.m * sizes.k;
      const bFrom = (i % bBatch) * sizes.k * sizes.n;
      y.data.set(multiply(floatData(a), aFrom, floatData(b), bFrom, sizes), i * sizes.m * sizes.n);
    }
    return [y.tensor];
  },
  macs: ({ inputs, outputs, attrs }) =>
    productMacs(inputs[0], inputs[1], attrs) * shapeMaxSize(outputs[0]?.shape.slice(0, -2) ?? []),
  lower: (request, attrs) => {
    const a = lowerType(request, 0).shape;
    const b = lowerType(request, 1).shape;
    const aBatch = shapeSize(a.slice(0, -2));
    const bBatch = shapeSize(b.slice(0, -2));
    const batch = a.length >= b.length ? aBatch : bBatch;
    return lowerProduct(request, productSizes<Dim>(a, b, attrs, 1), 2, { batch, aBatch, bBatch });
  },
  caffe2: { BatchMatMul: importBatchMatMul },
  examples: [
    { inputs: [{ dims: [2, 3, 5] }, { dims: [2, 5, 4] }] },
    { note: 'b repeats', attrs: { transB: true }, inputs: [{ dims: [2, 2, 3, 5] }, { dims: [2, 4, 5] }] },
  ],
});

/** The longer of two batch shapes, of which the other must be a suffix. */
function inferBatch(request: InferRequest<ProductAttrs>, a: Shape, b: Shape): Shape {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  const skip = long.length - short.length;
  if (!short.every((dim, i) => dimEquals(dim, long[i + skip] ?? 0))) {
    request.fail('the batch dims differ', {
      input: 1,
      expected: 'equal batch dims, or those of one a suffix of the other',
      got: `${shapeToString(a)} and ${shapeToString(b)}`,
    });
  }
  return long;
}

function productMacs(a: TensorType | undefined, b: TensorType | undefined, attrs: ProductAttrs): number {
  const sizes = productSizes<Dim>(a?.shape ?? [], b?.shape ?? [], attrs, 1);
  return dimMax(sizes.m) * dimMax(sizes.n) * dimMax(sizes.k);
}

function readTransposes(scope: ImportScope): ProductAttrs {
  return { transA: scope.args.int('trans_a', 0) !== 0, transB: scope.args.int('trans_b', 0) !== 0 };
}

function importMatMul(scope: ImportScope): readonly Value[] {
  scope.expectInputs(2, 3);
  scope.expectOutputs(1);
  const attrs = readTransposes(scope);
  const operands = [0, 1].map((i) => {
    const value = scope.input(i);
    return flattenAt(scope, value, readAxis(scope, i === 0 ? 'axis_a' : 'axis_b', 1, value.type.shape.length));
  });
  return [scope.emitOne('MatMul', operands, { ...attrs })];
}

function importBatchMatMul(scope: ImportScope): readonly Value[] {
  scope.expectInputs(2);
  scope.expectOutputs(1);
  scope.args.int('use_scratch', 0);
  const attrs = readTransposes(scope);
  const isBroadcast = scope.args.int('broadcast', 0) !== 0;
  const a = scope.input(0);
  const b = scope.input(1);
  const ranks = [a.type.shape.length, b.type.shape.length];
  if (!isBroadcast && (ranks[0] !== ranks[1] || ranks.some((rank) => rank < 2))) {
    scope.fail('BatchMatMul without broadcast needs operands of equal rank, 2 or more', {
      got: `${typeToString(a.type)} and ${typeToString(b.type)}`,
      remedy: 'set the argument broadcast',
    });
  }
  if (ranks.some((rank) => rank < 1)) scope.fail('BatchMatMul needs operands of rank 1 or more');
  // A vector becomes a row of a or a column of b, whatever the transposes say, and its dim of 1 is dropped again.
  const left = ranks[0] === 1 ? reshapeTo(scope, a, [1, ...a.type.shape]) : a;
  const right = ranks[1] === 1 ? reshapeTo(scope, b, [...b.type.shape, 1]) : b;
  const y = scope.emitOne('BatchMatMul', [left, right], {
    transA: attrs.transA && ranks[0] !== 1,
    transB: attrs.transB && ranks[1] !== 1,
  });
  const rank = y.type.shape.length;
  const kept = y.type.shape.filter(
    (_, i) => !(i === rank - 2 && ranks[0] === 1) && !(i === rank - 1 && ranks[1] === 1),
  );
  return [kept.length === rank ? y : reshapeTo(scope, y, kept)];
}
