// Segments counted: SegmentIdsToLengths and its ranges, BooleanMaskLengths, SegmentOneHot.

import { makeTensor, setNumber, toNumbers } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { bool } from '../attributes.js';
import type { Caffe2Import } from '../caffe2-import.js';
import { checkDType, checkSameDim } from '../check-input.js';
import { defineOp } from '../define.js';
import { extentArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import {
  boundArg,
  checkBound,
  checkedLengths,
  checkVectorOf,
  kIndexTypes,
  knownNumbers,
  kSizeAttrs,
  mostOf,
  readBound,
  sizedByValues,
  startsOf,
  storedDim,
} from '../value-sizes.js';

function importSegmentIds(ranges: boolean): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1, 2);
    scope.expectOutputs(1);
    const known = knownNumbers(scope, 0)?.at(-1);
    const rows = scope.inputCount === 2 ? scope.inputType(1).shape[0] : undefined;
    if (scope.inputCount === 2 && typeof rows !== 'number') {
      scope.fail('the number of segments must be known at compile time', { code: 'unsupported' });
    }
    const size = typeof rows === 'number' ? rows : knownNumbers(scope, 0) === undefined ? -1 : (known ?? -1) + 1;
    const bound = readBound(scope, mostOf(scope.inputType(0).shape[0]));
    return [scope.emitOne('SegmentIdsToLengths', [scope.input(0)], { ranges, size, bound })];
  };
}

export const segmentIdsToLengths = defineOp({
  name: 'SegmentIdsToLengths',
  doc: 'rows of each segment, or (start, rows), (0, 0) behind the last id; ids that are not sorted are a fault',
  source: 'caffe2/operators/utility_ops.h',
  inputs: [{ name: 'ids', doc: 'i32 or i64 [rows], sorted' }],
  outputs: [{ name: 'y', doc: 'i32 [segments], or [segments, 2]' }],
  attrs: { ranges: bool('starts too', false), ...kSizeAttrs },
  infer: (request) => {
    checkVectorOf(request, 0, 'the segment ids', kIndexTypes);
    const segments = sizedByValues(request, 'segments');
    return [tensorType('i32', request.attrs.ranges ? [segments, 2] : [segments])];
  },
  reference: (request) => {
    const ids = toNumbers(request.tensor(0));
    const { ranges, size } = request.attrs;
    const segments = size >= 0 ? size : checkBound(request, (ids.at(-1) ?? -1) + 1);
    ids.forEach((id, i) => {
      if (id < (ids[i - 1] ?? 0))
        request.fault(`segment id ${id} at position ${i}: ids must be sorted and not negative`);
      if (id >= segments) request.fault(`segment id ${id} at position ${i} is not below ${segments}`);
    });
    const counts = Array.from({ length: segments }, (_, s) => ids.filter((id) => id === s).length);
    const y = makeTensor('i32', ranges ? [segments, 2] : [segments]);
    const last = ids.at(-1) ?? -1;
    counts.forEach((count, s) => {
      y.data[ranges ? 2 * s + 1 : s] = count;
      if (ranges && s <= last) y.data[2 * s] = ids.findIndex((id) => id >= s);
    });
    return [y];
  },
  lower: (request, attrs) => ({
    header: 'cortado/lengths.h',
    fn: 'segment_ids_to_lengths',
    template: [
      { kind: 'bool', value: attrs.ranges },
      { kind: 'dtype', dtype: lowerType(request, 0).dtype },
    ],
    args: [
      inputArg(0),
      outputArg(),
      storedDim(request, [0]),
      boundArg(attrs),
      extentArg(lowerType(request, 0).shape[0] ?? 0),
      { kind: 'literal', value: attrs.size, dtype: 'i64' },
    ],
    parts: 1,
    fallible: true,
  }),
  caffe2: { SegmentIdsToLengths: importSegmentIds(false), SegmentIdsToRanges: importSegmentIds(true) },
  examples: [
    { attrs: { bound: 6 }, inputs: [{ dtype: 'i64', dims: [4], values: [0, 2, 2, 3] }] },
    { attrs: { ranges: true, size: 6 }, inputs: [{ dtype: 'i32', dims: [4], values: [0, 2, 2, 3] }] },
  ],
});

export const booleanMaskLengths = defineOp({
  name: 'BooleanMaskLengths',
  doc: 'rows of each segment where the mask is true',
  source: 'caffe2/operators/boolean_mask_ops.cc',
  inputs: [
    { name: 'lengths', doc: 'i32 or i64 [segments]' },
    { name: 'mask', doc: 'bool [sum of the lengths]' },
  ],
  outputs: [{ name: 'y', doc: 'of the type of the lengths, [segments]' }],
  attrs: {},
  infer: (request) => {
    const segments = checkVectorOf(request, 0, 'the lengths', kIndexTypes);
    checkVectorOf(request, 1, 'the mask', ['bool']);
    return [tensorType(request.type(0).dtype, [segments])];
  },
  reference: (request) => {
    const mask = toNumbers(request.tensor(1));
    const lengths = checkedLengths(request, request.tensor(0) as never, mask.length);
    const starts = startsOf(lengths);
    const y = makeTensor(request.tensor(0).dtype as 'i32' | 'i64', [lengths.length]);
    lengths.forEach((length, s) => {
      const start = starts[s] ?? 0;
      setNumber(y, s, mask.slice(start, start + length).filter((value) => value !== 0).length);
    });
    return [y];
  },
  lower: (request) => ({
    header: 'cortado/lengths.h',
    fn: 'boolean_mask_lengths',
    template: [{ kind: 'dtype', dtype: lowerType(request, 0).dtype }],
    args: [
      inputArg(0),
      inputArg(1),
      outputArg(),
      extentArg(lowerType(request, 0).shape[0] ?? 0),
      extentArg(lowerType(request, 1).shape[0] ?? 0),
    ],
    parts: 1,
    fallible: true,
  }),
  caffe2: {
    BooleanMaskLengths: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1);
      return [scope.emitOne('BooleanMaskLengths', [scope.input(0), scope.input(1)])];
    },
  },
  examples: [
    {
      inputs: [
        { dtype: 'i32', dims: [3], values: [2, 0, 3] },
        { dtype: 'bool', dims: [5], values: [1, 0, 1, 1, 0] },
      ],
    },
  ],
});

export const segmentOneHot = defineOp({
  name: 'SegmentOneHot',
  doc: 'y[s, i] = 1 where segment s of the indices has i, else 0; an index out of range is a fault',
  source: 'caffe2/operators/one_hot_ops.cc',
  inputs: [
    { name: 'lengths', doc: 'i32 [segments]' },
    { name: 'indices', doc: 'i64 [sum of the lengths]' },
    { name: 'size', doc: 'i64 [1]: columns, known or within the bound' },
  ],
  outputs: [{ name: 'y', doc: 'f32 [segments, size]' }],
  attrs: kSizeAttrs,
  infer: (request) => {
    const segments = checkVectorOf(request, 0, 'the lengths');
    checkVectorOf(request, 1, 'the indices', ['i64']);
    const size = checkDType(request, 2, 'the size', 'i64');
    if (size.shape.length > 1) request.fail('the size must be one value', { input: 2, expected: 'i64 [1]' });
    if (size.shape.length === 1) checkSameDim(request, 2, 'the size must be one value', size.shape[0] ?? 0, 1);
    return [tensorType('f32', [segments, sizedByValues(request, 'columns')])];
  },
  reference: (request) => {
    const indices = toNumbers(request.tensor(1));
    const lengths = checkedLengths(request, request.tensor(0) as never, indices.length, false);
    const [size = 0] = toNumbers(request.tensor(2));
    if (size <= 0) request.fault('the size must be positive');
    const y = makeTensor('f32', [lengths.length, checkBound(request, size)]);
    const starts = startsOf(lengths);
    lengths.forEach((length, s) => {
      for (let k = 0; k < length; k++) {
        const index = indices[(starts[s] ?? 0) + k] ?? -1;
        if (index < 0 || index >= size) request.fault(`index ${index} is not in 0..${size - 1}`);
        y.data[s * size + index] = 1;
      }
    });
    return [y];
  },
  lower: (request, attrs) => ({
    header: 'cortado/lengths.h',
    fn: 'segment_one_hot',
    template: [],
    args: [
      inputArg(0),
      inputArg(1),
      inputArg(2),
      outputArg(),
      storedDim(request, [0], 1),
      boundArg(attrs),
      extentArg(lowerType(request, 0).shape[0] ?? 0),
      extentArg(lowerType(request, 1).shape[0] ?? 0),
    ],
    parts: 1,
    fallible: true,
  }),
  caffe2: {
    SegmentOneHot: (scope) => {
      scope.expectInputs(3);
      scope.expectOutputs(1);
      const inputs = [scope.input(0), scope.input(1), scope.input(2)];
      const size = knownNumbers(scope, 2)?.[0];
      if (size !== undefined && size <= 0) {
        scope.fail('the size must be positive', { blob: scope.inputBlob(2), got: String(size) });
      }
      const attrs = { size: size ?? -1, bound: readBound(scope) };
      return [scope.emitOne('SegmentOneHot', inputs, attrs)];
    },
  },
  examples: [
    {
      attrs: { bound: 6 },
      inputs: [
        { dtype: 'i32', dims: [3], values: [2, 0, 1] },
        { dtype: 'i64', dims: [3], values: [0, 3, 1] },
        { dtype: 'i64', dims: [1], values: [4] },
      ],
    },
  ],
});
