// Unique, FindDuplicates, RemoveRows, BooleanUnmask: elements and rows chosen by their values or by masks.

import { dimEquals, shapeToString } from '../../ir/dim.js';
import { getNumber, makeTensor, toNumbers } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { sizeFromAxis } from '../axes.js';
import { numeric } from '../builder.js';
import { checkSameDim } from '../check-input.js';
import { copyRange } from '../copy-tensor.js';
import { defineOp } from '../define.js';
import { extentArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import {
  boundArg,
  checkBound,
  checkRows,
  checkVectorOf,
  kIndexTypes,
  knownNumbers,
  kSizeAttrs,
  mostOf,
  sizedByValues,
  sortedDistinct,
  storedDim,
  wholeNumbers,
  wholeTensor,
} from '../value-sizes.js';

export const unique = defineOp({
  name: 'Unique',
  doc: 'the different values of x, ascending, and where each element of x is among them',
  source: 'caffe2/operators/utility_ops.cc',
  inputs: [{ name: 'x', doc: 'i32 or i64 [n]' }],
  outputs: [
    { name: 'y', doc: 'of that type, [values]' },
    { name: 'places', doc: 'i32 [n]', optional: true },
  ],
  attrs: kSizeAttrs,
  infer: (request) => {
    const count = checkVectorOf(request, 0, 'the input', kIndexTypes);
    const { dtype } = request.type(0);
    const values = sizedByValues(request, 'values');
    return [tensorType(dtype, [values]), tensorType('i32', [count])].slice(0, request.outputCount);
  },
  reference: (request) => {
    const x = wholeNumbers(numeric(request.tensor(0)));
    const values = sortedDistinct(x);
    const y = wholeTensor(request.tensor(0).dtype, [checkBound(request, values.length)], values);
    const placeOf = new Map(values.map((value, i) => [value, i]));
    const places = makeTensor(
      'i32',
      [x.length],
      Int32Array.from(x, (value) => placeOf.get(value) ?? 0),
    );
    return [y, places].slice(0, request.outputs.length);
  },
  lower: (request, attrs) => ({
    header: 'cortado/choose_rows.h',
    fn: 'unique',
    template: [{ kind: 'dtype', dtype: lowerType(request, 0).dtype }],
    args: [
      inputArg(0),
      outputArg(),
      outputArg(1),
      storedDim(request, [0]),
      boundArg(attrs),
      extentArg(lowerType(request, 0).shape[0] ?? 0),
      { kind: 'scratch' },
    ],
    scratchBytes: 8 * mostOf(lowerType(request, 0).shape[0]) + 8,
    parts: 1,
    fallible: true,
  }),
  caffe2: {
    Unique: (scope) => {
      scope.expectInputs(1);
      scope.expectOutputs(1, 2);
      const known = scope.constantOf(scope.input(0));
      const size = known === undefined ? -1 : sortedDistinct(wholeNumbers(numeric(known))).length;
      const bound = Math.max(1, mostOf(scope.inputType(0).shape[0]));
      return scope.emit('Unique', [scope.input(0)], { size, bound }, scope.outputCount);
    },
  },
  examples: [{ attrs: { bound: 5 }, inputs: [{ dtype: 'i64', dims: [5], values: [3, -1, 3, 2, -1] }] }],
});

export const findDuplicates = defineOp({
  name: 'FindDuplicates',
  doc: 'positions of elements that equal an earlier one, ascending; NaN equals nothing',
  source: 'caffe2/operators/find_duplicate_elements_op.h',
  inputs: [{ name: 'x', doc: 'f32, f64, i32 or i64 [n]' }],
  outputs: [{ name: 'positions', doc: 'i64 [duplicates]' }],
  attrs: kSizeAttrs,
  infer: (request) => {
    checkVectorOf(request, 0, 'the input', ['f32', 'f64', 'i32', 'i64']);
    return [tensorType('i64', [sizedByValues(request, 'duplicates')])];
  },
  reference: (request) => {
    const x: readonly (number | bigint)[] = Array.from<number | bigint>(numeric(request.tensor(0)).data);
    const positions = x.flatMap((value, i) => (x.indexOf(value) >= 0 && x.indexOf(value) < i ? [BigInt(i)] : []));
    return [makeTensor('i64', [checkBound(request, positions.length)], BigInt64Array.from(positions))];
  },
  lower: (request, attrs) => ({
    header: 'cortado/choose_rows.h',
    fn: 'find_duplicates',
    template: [{ kind: 'dtype', dtype: lowerType(request, 0).dtype }],
    args: [
      inputArg(0),
      outputArg(),
      storedDim(request, [0]),
      boundArg(attrs),
      extentArg(lowerType(request, 0).shape[0] ?? 0),
    ],
    parts: 1,
    fallible: true,
  }),
  caffe2: {
    FindDuplicateElements: (scope) => {
      scope.expectInputs(1);
      scope.expectOutputs(1);
      const bound = Math.max(1, mostOf(scope.inputType(0).shape[0]) - 1);
      return [scope.emitOne('FindDuplicates', [scope.input(0)], { bound })];
    },
  },
  examples: [{ attrs: { bound: 5 }, inputs: [{ dims: [6], values: [1, 2, 1, 3, 2, 1] }] }],
});

export const removeRows = defineOp({
  name: 'RemoveRows',
  doc: 'x without the rows that are named; an index out of range is a fault',
  source: 'caffe2/operators/remove_data_blocks_op.h',
  inputs: [
    { name: 'x', doc: '[rows, ...]' },
    { name: 'indices', doc: 'i32 or i64, the same one more than once too' },
  ],
  outputs: [{ name: 'y', doc: '[rows that stay, ...]' }],
  attrs: kSizeAttrs,
  infer: (request) => {
    const x = checkRows(request, 0, 'the data');
    checkVectorOf(request, 1, 'the indices', kIndexTypes);
    return [tensorType(x.dtype, [sizedByValues(request, 'rows'), ...x.shape.slice(1)])];
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const [rows = 0, ...rest] = x.dims;
    const gone = new Set(toNumbers(request.tensor(1)));
    for (const row of gone) if (row < 0 || row >= rows) request.fault(`index ${row} is not in 0..${rows - 1}`);
    const kept = Array.from({ length: rows }, (_, row) => row).filter((row) => !gone.has(row));
    const y = makeTensor(x.dtype, [checkBound(request, kept.length), ...rest]);
    const inner = Number(sizeFromAxis(x.dims, 1));
    kept.forEach((row, i) => void copyRange(x, row * inner, y, i * inner, inner));
    return [y];
  },
  lower: (request, attrs) => {
    const { dtype, shape } = lowerType(request, 0);
    const indices = lowerType(request, 1);
    return {
      header: 'cortado/choose_rows.h',
      fn: 'remove_rows',
      template: [
        { kind: 'dtype', dtype },
        { kind: 'dtype', dtype: indices.dtype },
      ],
      args: [
        inputArg(0),
        inputArg(1),
        outputArg(),
        storedDim(request, [0]),
        boundArg(attrs),
        extentArg(shape[0] ?? 0),
        extentArg(indices.shape[0] ?? 0),
        extentArg(sizeFromAxis(shape, 1)),
        { kind: 'scratch' },
      ],
      scratchBytes: mostOf(shape[0]) + 8,
      parts: 1,
      fallible: true,
    };
  },
  caffe2: {
    RemoveDataBlocks: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1);
      const rows = scope.inputType(0).shape[0];
      const known = knownNumbers(scope, 1);
      const size = known === undefined || typeof rows !== 'number' ? -1 : Math.max(0, rows - new Set(known).size);
      const attrs = { size, bound: Math.max(1, mostOf(rows)) };
      return [scope.emitOne('RemoveRows', [scope.input(0), scope.input(1)], attrs)];
    },
  },
  examples: [
    {
      attrs: { bound: 5 },
      inputs: [
        { dims: [5, 2], range: [-1, 1] },
        { dtype: 'i64', dims: [3], values: [3, 0, 3] },
      ],
    },
  ],
});

export const booleanUnmask = defineOp({
  name: 'BooleanUnmask',
  doc: 'y[i] = the next value of the first mask that is true at i; no mask true, or values left over, is a fault',
  source: 'caffe2/operators/boolean_unmask_ops.cc',
  inputs: [{ name: 'pairs', doc: 'mask (bool [n]) and values, alternating', variadic: true }],
  outputs: [{ name: 'y', doc: 'of the type of the values, [n]' }],
  attrs: {},
  infer: (request) => {
    const size = checkVectorOf(request, 0, 'a mask', ['bool']);
    const { dtype } = request.type(1);
    let total = 0;
    for (let i = 0; i < request.inputs.length; i += 2) {
      checkSameDim(request, i, 'all masks must have one size', checkVectorOf(request, i, 'a mask', ['bool']), size);
      total += mostOf(checkVectorOf(request, i + 1, 'the values of a mask', [dtype]));
    }
    // Each element takes exactly one value.
    if (typeof size === 'number' && total < size) {
      request.fail('there are fewer values than elements', { expected: String(size), got: String(total) });
    }
    const isKnown = request.inputs.every((_, i) => request.type(i).shape.every((dim) => typeof dim === 'number'));
    if (isKnown && !dimEquals(size, total)) {
      request.fail('the masks and their values do not agree', {
        expected: `${shapeToString([size])} values in all`,
        got: String(total),
      });
    }
    return [tensorType(dtype, [size])];
  },
  reference: (request) => {
    const masks = request.inputs.filter((_, i) => i % 2 === 0).map((_, i) => numeric(request.tensor(2 * i)));
    const values = masks.map((_, i) => numeric(request.tensor(2 * i + 1)));
    const y = makeTensor(numeric(request.tensor(1)).dtype, numeric(request.tensor(0)).dims);
    const next = masks.map(() => 0);
    for (let i = 0; i < y.data.length; i++) {
      const chosen = masks.findIndex((mask) => getNumber(mask, i) !== 0);
      const from = values[chosen];
      const at = next[chosen] ?? 0;
      if (from === undefined || at >= from.data.length) return request.fault(`no value for element ${i}`);
      copyRange(from, at, y, i, 1);
      next[chosen] = at + 1;
    }
    if (values.some((tensor, j) => tensor.data.length !== next[j]))
      request.fault('a mask has more values than it takes');
    return [y];
  },
  lower: (request) => {
    const { inputs } = request.node;
    const sizes = inputs.filter((_, i) => i % 2 === 1).map((value) => value?.type.shape[0] ?? 0);
    return {
      header: 'cortado/choose_rows.h',
      fn: 'boolean_unmask',
      template: [
        { kind: 'number', value: sizes.length },
        { kind: 'dtype', dtype: lowerType(request, 1).dtype },
      ],
      args: [
        outputArg(),
        extentArg(lowerType(request, 0).shape[0] ?? 0),
        { kind: 'dims', shape: sizes },
        ...inputs.map((_, i) => inputArg(i)),
      ],
      parts: 1,
      fallible: true,
    };
  },
  caffe2: {
    BooleanUnmask: (scope) => {
      scope.expectInputs(2, 1 << 16);
      scope.expectOutputs(1);
      if (scope.inputCount % 2 !== 0)
        scope.fail('masks and values must alternate', { got: `${scope.inputCount} inputs` });
      return [
        scope.emitOne(
          'BooleanUnmask',
          Array.from({ length: scope.inputCount }, (_, i) => scope.input(i)),
        ),
      ];
    },
  },
  examples: [
    {
      inputs: [
        { dtype: 'bool', dims: [4], values: [1, 0, 1, 0] },
        { dims: [2], values: [1, 3] },
        { dtype: 'bool', dims: [4], values: [0, 1, 1, 1] },
        { dims: [2], values: [2, 4] },
      ],
    },
  ],
});
