// Reshape and the other operators that only rename dims.

import { type Dim, dimEquals, dimFloorDiv, dimMul, dimToString, type Shape, shapeSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { int, ints } from '../attributes.js';
import { sizeFromAxis, sizeToAxis } from '../axes.js';
import type { Caffe2Import, ImportScope } from '../caffe2-import.js';
import type { InferRequest } from '../define.js';
import { defineView } from '../define-view.js';
import { emitExtents } from '../emit-extents.js';
import { keepingQuantization } from '../quantized-import.js';
import { expectDims, readConstantVector } from '../read-arguments.js';

const kSource = 'caffe2/operators/reshape_op.h, expand_squeeze_dims_op.h, utility_ops.h';

function reshapeTarget(request: InferRequest<{ readonly shape: readonly number[] }>): Shape {
  const x = request.type(0).shape;
  const total = shapeSize(x);
  let rest: Dim = 1;
  let unknown = -1;
  const dims = request.attrs.shape.map((dim, i): Dim => {
    if (dim === -1) {
      if (unknown >= 0) request.fail('the shape has more than one -1', { got: `[${request.attrs.shape.join(',')}]` });
      unknown = i;
      return 1;
    }
    if (dim < -1) request.fail('a dim of the shape is negative', { got: `[${request.attrs.shape.join(',')}]` });
    const own = dim !== 0 ? dim : (x[i] ?? request.fail('a 0 in the shape copies a dim that the input lacks'));
    rest = dimMul(rest, own);
    return own;
  });
  if (unknown < 0) return dims;
  const inferred = rest === 0 ? 0 : dimFloorDiv(total, rest);
  if (!dimEquals(dimMul(inferred, rest), total)) {
    request.fail('the -1 of the shape is not a whole number', {
      expected: `${dimToString(total)} elements to be a multiple of ${dimToString(rest)}`,
    });
  }
  return dims.map((dim, i) => (i === unknown ? inferred : dim));
}

const importReshape: Caffe2Import = (scope) => {
  scope.expectInputs(1, 2);
  scope.expectOutputs(1, 2);
  const x = scope.input(0);
  if (scope.inputCount === 1 && !scope.args.has('shape')) {
    scope.fail('Reshape needs the argument shape or a second input');
  }
  const given = scope.args.ints('shape');
  const shape = scope.inputCount === 2 ? readConstantVector(scope, 1, 'the new shape') : given;
  const y = scope.emitOne('Reshape', [x], { shape });
  if (scope.outputCount === 1) return [y];
  const isNarrow = scope.inputCount === 2 && scope.inputType(1).dtype === 'i32';
  return [y, emitExtents(scope, x.type.shape, isNarrow ? 'i32' : 'i64', x)];
};

export const reshape = defineView({
  name: 'Reshape',
  doc: 'the elements of x in row-major order under `shape`: 0 copies the input dim of that index, one -1 is inferred',
  source: kSource,
  attrs: { shape: ints('target dims') },
  shape: reshapeTarget,
  caffe2: { Reshape: importReshape, Int8Reshape: keepingQuantization(importReshape) },
  examples: [
    { attrs: { shape: [0, -1] }, inputs: [{ dims: [2, 3, 4], range: [-1, 1] }] },
    { attrs: { shape: [] }, inputs: [{ dims: [1, 1], range: [-1, 1] }] },
  ],
});

/** Importer of a view with one input and output. */
function importView(
  op: string,
  readAttrs: (scope: ImportScope) => { readonly [name: string]: number | readonly number[] },
): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    return [scope.emitOne(op, [scope.input(0)], readAttrs(scope))];
  };
}

export const flatten = defineView({
  name: 'Flatten',
  doc: 'y: [product of the dims before axis, product of the dims from axis on]',
  source: 'caffe2/operators/flatten_op.h',
  attrs: { axis: int('0 to rank', 1) },
  shape: (request) => {
    const { shape } = request.type(0);
    const { axis } = request.attrs;
    if (axis < 0 || axis > shape.length) {
      request.fail('the axis of Flatten is out of range', { expected: `0 to ${shape.length}`, got: String(axis) });
    }
    return [sizeToAxis(shape, axis), sizeFromAxis(shape, axis)];
  },
  caffe2: {
    Flatten: importView('Flatten', ({ args }) => {
      args.ignore('order');
      return { axis: args.int('axis', 1) };
    }),
    Int8Flatten: keepingQuantization(importView('Flatten', ({ args }) => ({ axis: args.int('axis', 1) }))),
    FlattenToVec: importView('Reshape', (scope) => {
      expectDims(scope);
      return { shape: [-1] };
    }),
  },
  examples: [{ attrs: { axis: 2 }, inputs: [{ dims: [2, 3, 4, 5], range: [-1, 1] }] }],
});

/** Sorted and each once, as Caffe2 reads the dims of Squeeze and ExpandDims. */
function readSortedDims(scope: ImportScope): readonly number[] {
  const dims = [...new Set(scope.args.ints('dims'))].sort((a, b) => a - b);
  if (dims.length === 0) scope.fail(`${scope.type} needs the argument dims, a list of one dim at least`);
  if ((dims[0] ?? 0) < 0) scope.fail(`the dims of ${scope.type} must not be negative`, { got: `[${dims.join(',')}]` });
  return dims;
}

export const squeeze = defineView({
  name: 'Squeeze',
  doc: 'removes the given dims, each of which must be 1',
  source: kSource,
  attrs: { dims: ints('dims to remove, ascending') },
  shape: (request) => {
    const { shape } = request.type(0);
    for (const at of request.attrs.dims) {
      if (shape[at] !== 1) {
        const got = shape[at];
        request.fail(`Squeeze removes dims of 1 only`, {
          expected: `dim ${at} to be 1`,
          ...(got === undefined ? { got: `rank ${shape.length}` } : { got: dimToString(got) }),
        });
      }
    }
    return shape.filter((_, i) => !request.attrs.dims.includes(i));
  },
  caffe2: { Squeeze: importView('Squeeze', (scope) => ({ dims: readSortedDims(scope) })) },
  examples: [{ attrs: { dims: [0, 2] }, inputs: [{ dims: [1, 3, 1, 2], range: [-1, 1] }] }],
});

export const expandDims = defineView({
  name: 'ExpandDims',
  doc: 'inserts dims of 1 at the given positions, one after another',
  source: kSource,
  attrs: { dims: ints('positions in the result, ascending') },
  shape: (request) => {
    const shape: Dim[] = [...request.type(0).shape];
    for (const at of request.attrs.dims) {
      if (at < 0 || at > shape.length) {
        request.fail('ExpandDims inserts beyond the end', { expected: `0 to ${shape.length}`, got: String(at) });
      }
      shape.splice(at, 0, 1);
    }
    return shape;
  },
  caffe2: { ExpandDims: importView('ExpandDims', (scope) => ({ dims: readSortedDims(scope) })) },
  examples: [{ attrs: { dims: [0, 2] }, inputs: [{ dims: [3, 2], range: [-1, 1] }] }],
});

export const prependDim = defineView({
  name: 'PrependDim',
  doc: 'splits the first dim d into [size, d / size]',
  source: kSource,
  attrs: { size: int('new first dim') },
  shape: (request) => {
    const { shape } = request.type(0);
    const { size } = request.attrs;
    const first = shape[0] ?? request.fail('PrependDim needs an input of rank 1 or more');
    if (size <= 0) request.fail('dim_size must be positive', { got: String(size) });
    const rest = dimFloorDiv(first, size);
    if (!dimEquals(dimMul(rest, size), first)) {
      request.fail('the first dim must be a multiple of dim_size', { expected: `a multiple of ${size}` });
    }
    return [size, rest, ...shape.slice(1)];
  },
  caffe2: { PrependDim: importView('PrependDim', ({ args }) => ({ size: args.int('dim_size', 0) })) },
  examples: [{ attrs: { size: 2 }, inputs: [{ dims: [4, 3], range: [-1, 1] }] }],
});

export const mergeDim = defineView({
  name: 'MergeDim',
  doc: 'joins the first two dims',
  source: kSource,
  attrs: {},
  shape: (request) => {
    const [first, second, ...rest] = request.type(0).shape;
    if (first === undefined || second === undefined) return request.fail('MergeDim needs an input of rank 2 or more');
    return [dimMul(first, second), ...rest];
  },
  caffe2: { MergeDim: importView('MergeDim', () => ({})) },
  examples: [{ inputs: [{ dims: [2, 3, 2], range: [-1, 1] }] }],
});

const importResizeLike: Caffe2Import = (scope) => {
  scope.expectInputs(2);
  scope.expectOutputs(1);
  const like: Value = scope.input(1);
  return [scope.emitOne('ResizeLike', [scope.input(0), like])];
};

export const resizeLike = defineView({
  name: 'ResizeLike',
  doc: 'the elements of x under the shape of `like`',
  source: kSource,
  attrs: {},
  inputs: [{ name: 'like', doc: 'gives its shape' }],
  shape: (request) => request.type(1).shape,
  caffe2: { ResizeLike: importResizeLike },
  examples: [
    {
      inputs: [
        { dims: [2, 6], range: [-1, 1] },
        { dims: [3, 4], range: [-1, 1] },
      ],
    },
  ],
});
