// GatherRanges, GatherRangesToDense, MergeIdLists: features of a batch, given as ranges or lists, gathered and merged.

import { type Dim, dimAdd, shapeSize } from '../../ir/dim.js';
import { getNumber, makeTensor, type NumericTensor, toNumbers } from '../../ir/tensor.js';
import { type TensorType, tensorType, typeToString } from '../../ir/type.js';
import { ints } from '../attributes.js';
import { numeric } from '../builder.js';
import { checkSameDim } from '../check-input.js';
import { copyRange } from '../copy-tensor.js';
import { defineOp, type InferRequest, type ReferenceRequest } from '../define.js';
import { extentArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import {
  boundArg,
  checkBound,
  checkedLengths,
  checkVectorOf,
  dtypeArg,
  inputOrNull,
  kIndexTypes,
  knownNumbers,
  kSizeAttrs,
  mostOf,
  readBound,
  sizedByValues,
  sortedDistinct,
  startsOf,
  storedDim,
  wholeNumbers,
  wholeTensor,
} from '../value-sizes.js';

/** Type of the ranges, [examples, ranges, 2] integers. */
function checkRanges<A>(request: InferRequest<A>): TensorType {
  const type = request.type(1);
  const isFit = kIndexTypes.includes(type.dtype) && type.shape.length === 3 && type.shape[2] === 2;
  if (!isFit || mostOf(type.shape[1]) === 0) {
    request.fail('ranges must be pairs of start and length', {
      input: 1,
      expected: 'i32 or i64 [examples, ranges, 2]',
      got: typeToString(type),
    });
  }
  return type;
}

interface FlatRange {
  readonly start: number;
  readonly length: number;
}

/** All ranges, in order, inside `size` elements where they are not empty. */
function readRanges<A>(request: ReferenceRequest<A>, ranges: NumericTensor, size: number): readonly FlatRange[] {
  return Array.from({ length: ranges.data.length / 2 }, (_, i) => {
    const [start, length] = [getNumber(ranges, 2 * i), getNumber(ranges, 2 * i + 1)];
    // Caffe2 passes over an empty range, wherever it starts.
    if (length === 0) return { start: 0, length };
    if (start < 0 || length < 0 || start + length > size) {
      request.fault(`range ${start}, ${length} is not inside ${size} elements`);
    }
    return { start, length };
  });
}

export const gatherRanges = defineOp({
  name: 'GatherRanges',
  doc: 'the elements of all ranges, one after another, and how many each example has; a range out of the data is a fault',
  source: 'caffe2/operators/utility_ops.h',
  inputs: [
    { name: 'data', doc: '[n], any dtype' },
    { name: 'ranges', doc: 'i32 or i64 [examples, ranges, 2]: start and length' },
  ],
  outputs: [
    { name: 'y', doc: '[sum of the lengths]' },
    { name: 'lengths', doc: 'i32 [examples]', optional: true },
  ],
  attrs: kSizeAttrs,
  infer: (request) => {
    const data = request.type(0);
    const ranges = checkRanges(request);
    const y = tensorType(data.dtype, [sizedByValues(request, 'elements')]);
    return [y, tensorType('i32', [ranges.shape[0] ?? 0])].slice(0, request.outputCount);
  },
  reference: (request) => {
    const data = numeric(request.tensor(0));
    const ranges = numeric(request.tensor(1));
    const [examples = 0, each = 1] = ranges.dims;
    const all = readRanges(request, ranges, data.data.length);
    const totalOf = (list: readonly FlatRange[]): number => list.reduce((sum, { length }) => sum + length, 0);
    const y = makeTensor(data.dtype, [checkBound(request, totalOf(all))]);
    const lengths = makeTensor('i32', [examples]);
    let at = 0;
    for (const { start, length } of all) {
      copyRange(data, start, y, at, length);
      at += length;
    }
    for (let i = 0; i < examples; i++) lengths.data[i] = totalOf(all.slice(i * each, (i + 1) * each));
    return [y, lengths].slice(0, request.outputs.length);
  },
  lower: (request, attrs) => {
    const [data, ranges] = [lowerType(request, 0), lowerType(request, 1)];
    return {
      header: 'cortado/ranges.h',
      fn: 'gather_ranges',
      template: [
        { kind: 'dtype', dtype: data.dtype },
        { kind: 'dtype', dtype: ranges.dtype },
      ],
      args: [
        inputArg(0),
        inputArg(1),
        outputArg(),
        outputArg(1),
        storedDim(request, [0]),
        boundArg(attrs),
        extentArg(shapeSize(data.shape)),
        extentArg(ranges.shape[0] ?? 0),
        extentArg(ranges.shape[1] ?? 0),
      ],
      parts: 1,
      fallible: true,
    };
  },
  caffe2: {
    GatherRanges: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(2);
      const known = knownNumbers(scope, 1)?.reduce((sum, value, i) => sum + (i % 2 === 1 ? Math.max(0, value) : 0), 0);
      const usual = 2 * mostOf(shapeSize(scope.inputType(0).shape));
      const attrs = { size: known ?? -1, bound: readBound(scope, usual) };
      return scope.emit('GatherRanges', [scope.input(0), scope.input(1)], attrs, 2);
    },
  },
  examples: [
    {
      attrs: { bound: 9 },
      inputs: [
        { dims: [6], values: [1, 2, 3, 4, 5, 6] },
        { dtype: 'i32', dims: [2, 2, 2], values: [0, 1, 2, 2, 4, 1, 5, 1] },
      ],
    },
  ],
});

export const gatherRangesToDense = defineOp({
  name: 'GatherRangesToDense',
  doc: 'for each of the ranges of an example its elements, in the order of their keys where given; an empty range gives 0; another length than the feature has is a fault',
  source: 'caffe2/operators/gather_ranges_to_dense_op.h',
  inputs: [
    { name: 'data', doc: '[n], any dtype' },
    { name: 'ranges', doc: 'i32 or i64 [examples, features, 2]: start and length' },
    { name: 'keys', doc: 'i64 [n]', optional: true },
  ],
  outputs: [{ name: 'outputs', doc: '[examples, length of the feature] for each feature', variadic: true }],
  attrs: { parts: ints('length of each feature') },
  infer: (request) => {
    const data = request.type(0);
    if (data.shape.length !== 1 || data.dtype === 'str') request.fail('the data must be a vector', { input: 0 });
    const ranges = checkRanges(request);
    const { parts } = request.attrs;
    checkSameDim(request, 1, 'there must be one length for each range', ranges.shape[1] ?? 0, parts.length);
    if (parts.some((length) => length <= 0)) request.fail('lengths must be positive', { got: parts.join(', ') });
    if (request.inputs[2] !== undefined) {
      const keys = checkVectorOf(request, 2, 'the keys', ['i64']);
      checkSameDim(request, 2, 'there must be one key for each element', keys, data.shape[0] ?? 0);
    }
    return parts.map((length) => tensorType(data.dtype, [ranges.shape[0] ?? 0, length]));
  },
  reference: (request) => {
    const data = numeric(request.tensor(0));
    const ranges = numeric(request.tensor(1));
    const keys = request.inputs[2] === undefined ? undefined : toNumbers(request.tensor(2));
    const { parts } = request.attrs;
    const examples = ranges.dims[0] ?? 0;
    const all = readRanges(request, ranges, data.data.length);
    return parts.map((wanted, feature) => {
      const y = makeTensor(data.dtype, [examples, wanted]);
      for (let i = 0; i < examples; i++) {
        const { start, length } = all[i * parts.length + feature] ?? { start: 0, length: 0 };
        if (length !== 0 && length !== wanted) request.fault(`a range has ${length} elements, its feature ${wanted}`);
        const order = Array.from({ length }, (_, k) => start + k);
        if (keys !== undefined) order.sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0) || a - b);
        order.forEach((from, k) => void copyRange(data, from, y, i * wanted + k, 1));
      }
      return y;
    });
  },
  lower: (request, { parts }) => {
    const [data, ranges] = [lowerType(request, 0), lowerType(request, 1)];
    return {
      header: 'cortado/ranges.h',
      fn: 'gather_ranges_to_dense',
      template: [{ kind: 'number', value: parts.length }, { kind: 'dtype', dtype: data.dtype }, dtypeArg(request, 1)],
      args: [
        inputArg(0),
        inputArg(1),
        inputOrNull(request, 2),
        { kind: 'list', values: parts },
        extentArg(data.shape[0] ?? 0),
        extentArg(ranges.shape[0] ?? 0),
        { kind: 'scratch' },
        ...parts.map((_, i) => outputArg(i)),
      ],
      scratchBytes: 8 * Math.max(1, ...parts),
      parts: 1,
      fallible: true,
    };
  },
  caffe2: {
    GatherRangesToDense: (scope) => {
      scope.expectInputs(2, 3);
      const parts = scope.args.ints('lengths');
      if (parts.length === 0) scope.fail('GatherRangesToDense needs the argument lengths');
      scope.expectOutputs(parts.length);
      const inputs = Array.from({ length: scope.inputCount }, (_, i) => scope.input(i));
      return scope.emit('GatherRangesToDense', inputs, { parts }, parts.length);
    },
  },
  examples: [
    {
      attrs: { parts: [4, 2] },
      inputs: [
        { dims: [8], range: [-1, 1] },
        { dtype: 'i32', dims: [2, 2, 2], values: [2, 4, 0, 2, 0, 0, 6, 2] },
        { dtype: 'i64', dims: [8], values: [0, 3, 1, 3, 0, 1, 1, 0] },
      ],
    },
  ],
});

export const mergeIdLists = defineOp({
  name: 'MergeIdLists',
  doc: 'for each example the different ids of all its lists, ascending',
  source: 'caffe2/operators/merge_id_lists_op.h',
  inputs: [{ name: 'lists', doc: 'lengths (i32 [examples]) and ids (i32 or i64 [sum]), alternating', variadic: true }],
  outputs: [
    { name: 'lengths', doc: 'i32 [examples]' },
    { name: 'ids', doc: '[sum of the new lengths]' },
  ],
  attrs: kSizeAttrs,
  infer: (request) => {
    const examples = checkVectorOf(request, 0, 'the lengths');
    checkVectorOf(request, 1, 'the ids', kIndexTypes);
    const { dtype } = request.type(1);
    for (let i = 0; i < request.inputs.length; i += 2) {
      const own = checkVectorOf(request, i, 'the lengths');
      checkSameDim(request, i, 'all lists must have one length for each example', own, examples);
      checkVectorOf(request, i + 1, 'the ids', [dtype]);
    }
    return [tensorType('i32', [examples]), tensorType(dtype, [sizedByValues(request, 'ids')])];
  },
  reference: (request) => {
    const lists = request.inputs
      .filter((_, i) => i % 2 === 0)
      .map((_, i) => {
        const ids = wholeNumbers(numeric(request.tensor(2 * i + 1)));
        const lengths = checkedLengths(request, numeric(request.tensor(2 * i)), ids.length, false);
        return { ids, lengths, starts: startsOf(lengths) };
      });
    const examples = request.tensor(0).dims[0] ?? 0;
    const merged = Array.from({ length: examples }, (_, example) => {
      const all = lists.flatMap(({ ids, lengths, starts }) =>
        ids.slice(starts[example] ?? 0, (starts[example] ?? 0) + (lengths[example] ?? 0)),
      );
      return sortedDistinct(all);
    });
    const values = merged.flat();
    const ids = wholeTensor(request.tensor(1).dtype, [checkBound(request, values.length)], values);
    return [
      makeTensor(
        'i32',
        [examples],
        Int32Array.from(merged, (list) => list.length),
      ),
      ids,
    ];
  },
  lower: (request, attrs) => {
    const { inputs } = request.node;
    const sizes = inputs.filter((_, i) => i % 2 === 1).map((value): Dim => value?.type.shape[0] ?? 0);
    return {
      header: 'cortado/ranges.h',
      fn: 'merge_id_lists',
      template: [
        { kind: 'number', value: sizes.length },
        { kind: 'dtype', dtype: lowerType(request, 1).dtype },
      ],
      args: [
        outputArg(),
        outputArg(1),
        storedDim(request, [1]),
        boundArg(attrs),
        extentArg(lowerType(request, 0).shape[0] ?? 0),
        { kind: 'dims', shape: sizes },
        { kind: 'scratch' },
        ...inputs.map((_, i) => inputArg(i)),
      ],
      scratchBytes: 8 * mostOf(sizes.reduce<Dim>(dimAdd, 0)) + 8,
      parts: 1,
      fallible: true,
    };
  },
  caffe2: {
    MergeIdLists: (scope) => {
      scope.expectInputs(2, 1 << 16);
      scope.expectOutputs(2);
      if (scope.inputCount % 2 !== 0)
        scope.fail('lengths and ids must alternate', { got: `${scope.inputCount} inputs` });
      const inputs = Array.from({ length: scope.inputCount }, (_, i) => scope.input(i));
      const bound = inputs.reduce((sum, value, i) => sum + (i % 2 === 1 ? mostOf(value.type.shape[0]) : 0), 0);
      return scope.emit('MergeIdLists', inputs, { bound: Math.max(1, bound) }, 2);
    },
  },
  examples: [
    {
      attrs: { bound: 5 },
      inputs: [
        { dtype: 'i32', dims: [2], values: [2, 0] },
        { dtype: 'i64', dims: [2], values: [3, 1] },
        { dtype: 'i32', dims: [2], values: [1, 2] },
        { dtype: 'i64', dims: [3], values: [1, 9, 4] },
      ],
    },
  ],
});
