// What lengths say of rows and of segments: ExpandLengths (ids, positions or weights of all rows), LengthsToRanges,
// LengthsToShape; LengthsTile through Gather.

import { dimEquals } from '../../ir/dim.js';
import { makeTensor, setNumber, toNumbers } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { float, text } from '../attributes.js';
import type { Caffe2Import, ImportScope } from '../caffe2-import.js';
import { defineOp } from '../define.js';
import { extentArg, floatArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import {
  boundArg,
  checkBound,
  checkedLengths,
  checkVectorOf,
  kIndexTypes,
  kNoLimit,
  knownTotal,
  kSizeAttrs,
  mostOf,
  readBound,
  sizedByValues,
  startsOf,
  storedDim,
} from '../value-sizes.js';

/** A net usually has few rows per segment. */
const kUsualLength = 32;

const kMembers = { ids: 'kIds', positions: 'kPositions', weights: 'kWeights' } as const;

function emitExpanded(scope: ImportScope, at: number, give: keyof typeof kMembers, power = 0) {
  const usual = kUsualLength * mostOf(scope.inputType(at).shape[0]);
  const attrs = { give, power, size: knownTotal(scope, at), bound: readBound(scope, usual) };
  return scope.emitOne('ExpandLengths', [scope.input(at)], attrs);
}

function importExpanded(give: keyof typeof kMembers): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    return [emitExpanded(scope, 0, give, give === 'weights' ? scope.args.float('power', 0.5) : 0)];
  };
}

export const expandLengths = defineOp({
  name: 'ExpandLengths',
  doc: 'for each row of each segment: the segment (ids), its position there (positions) or 1 / length^power (weights)',
  source: 'caffe2/operators/utility_ops.h, filler_op.h',
  inputs: [{ name: 'lengths', doc: 'i32 [segments]' }],
  outputs: [{ name: 'y', doc: 'i32 (f32 for weights) [sum of the lengths]' }],
  attrs: { give: text(Object.keys(kMembers).join(', ')), power: float('of the length', 0.5), ...kSizeAttrs },
  infer: (request) => {
    checkVectorOf(request, 0, 'the lengths', request.attrs.give === 'weights' ? kIndexTypes : ['i32']);
    return [tensorType(request.attrs.give === 'weights' ? 'f32' : 'i32', [sizedByValues(request, 'rows')])];
  },
  reference: (request) => {
    const { give, power } = request.attrs;
    const lengths = checkedLengths(request, request.tensor(0) as never, kNoLimit, false);
    checkBound(
      request,
      lengths.reduce((sum, length) => sum + length, 0),
    );
    const values = lengths.flatMap((length, segment) =>
      Array.from({ length }, (_, i) => (give === 'ids' ? segment : give === 'positions' ? i : 1 / length ** power)),
    );
    const y = makeTensor(give === 'weights' ? 'f32' : 'i32', [values.length]);
    values.forEach((value, i) => void setNumber(y, i, value));
    return [y];
  },
  lower: (request, attrs) => ({
    header: 'cortado/lengths.h',
    fn: 'expand_lengths',
    template: [
      { kind: 'type', cpp: `cortado::RowMember::${kMembers[attrs.give as keyof typeof kMembers]}` },
      { kind: 'dtype', dtype: lowerType(request, 0).dtype },
      { kind: 'dtype', dtype: attrs.give === 'weights' ? 'f32' : 'i32' },
    ],
    args: [
      inputArg(0),
      outputArg(),
      storedDim(request, [0]),
      boundArg(attrs),
      extentArg(lowerType(request, 0).shape[0] ?? 0),
      floatArg(attrs.power),
    ],
    parts: 1,
    fallible: true,
  }),
  caffe2: {
    LengthsToSegmentIds: importExpanded('ids'),
    LengthsRangeFill: importExpanded('positions'),
    LengthsToWeights: importExpanded('weights'),
    LengthsTile: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1);
      const [rows] = scope.inputType(0).shape;
      const [lengths] = scope.inputType(1).shape;
      if (rows === undefined || lengths === undefined || !dimEquals(rows, lengths)) {
        scope.fail('there must be one length for each row', { blob: scope.inputBlob(1) });
      }
      return [scope.emitOne('Gather', [scope.input(0), emitExpanded(scope, 1, 'ids')], { axis: 0 })];
    },
  },
  examples: [
    { attrs: { give: 'ids', bound: 8 }, inputs: [{ dtype: 'i32', dims: [3], values: [2, 0, 3] }] },
    { attrs: { give: 'positions', bound: 8 }, inputs: [{ dtype: 'i32', dims: [3], values: [2, 0, 3] }] },
    { attrs: { give: 'weights', size: 5 }, inputs: [{ dtype: 'i32', dims: [3], values: [2, 0, 3] }] },
  ],
});

export const lengthsToRanges = defineOp({
  name: 'LengthsToRanges',
  doc: 'y[s] = (start, length) of segment s',
  source: 'caffe2/operators/utility_ops.h',
  inputs: [{ name: 'lengths', doc: 'i32 [segments]' }],
  outputs: [{ name: 'y', doc: 'i32 [segments, 2]' }],
  attrs: {},
  infer: (request) => [tensorType('i32', [checkVectorOf(request, 0, 'the lengths'), 2])],
  reference: (request) => {
    const lengths = toNumbers(request.tensor(0));
    const starts = startsOf(lengths);
    const y = makeTensor('i32', [lengths.length, 2]);
    lengths.forEach((length, s) => {
      y.data[2 * s] = starts[s] ?? 0;
      y.data[2 * s + 1] = length;
    });
    return [y];
  },
  lower: (request) => ({
    header: 'cortado/lengths.h',
    fn: 'lengths_to_ranges',
    template: [],
    args: [inputArg(0), outputArg(), extentArg(lowerType(request, 0).shape[0] ?? 0)],
    parts: 1,
  }),
  caffe2: {
    LengthsToRanges: (scope) => {
      scope.expectInputs(1);
      scope.expectOutputs(1);
      return [scope.emitOne('LengthsToRanges', [scope.input(0)])];
    },
  },
  examples: [{ inputs: [{ dtype: 'i32', dims: [3], values: [2, 0, 3] }] }],
});

export const lengthsToShape = defineOp({
  name: 'LengthsToShape',
  doc: '(number of segments, their length); lengths that differ are a fault',
  source: 'caffe2/operators/utility_ops.h',
  inputs: [{ name: 'lengths', doc: 'i32 [segments]' }],
  outputs: [{ name: 'y', doc: 'i32 [2]' }],
  attrs: {},
  infer: (request) => {
    checkVectorOf(request, 0, 'the lengths');
    return [tensorType('i32', [2])];
  },
  reference: (request) => {
    const lengths = toNumbers(request.tensor(0));
    const [first = 0] = lengths;
    if (lengths.some((length) => length !== first)) request.fault('the lengths are not all equal');
    return [makeTensor('i32', [2], Int32Array.of(lengths.length, first))];
  },
  lower: (request) => ({
    header: 'cortado/lengths.h',
    fn: 'lengths_to_shape',
    template: [],
    args: [inputArg(0), outputArg(), extentArg(lowerType(request, 0).shape[0] ?? 0)],
    parts: 1,
    fallible: true,
  }),
  caffe2: {
    LengthsToShape: (scope) => {
      scope.expectInputs(1);
      scope.expectOutputs(1);
      return [scope.emitOne('LengthsToShape', [scope.input(0)])];
    },
  },
  examples: [{ inputs: [{ dtype: 'i32', dims: [3], values: [4, 4, 4] }] }],
});
