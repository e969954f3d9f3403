// LengthsGather: a check that the lengths fit the items, the rows of the wanted segments, and a Gather.

import { makeTensor, toNumbers } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { defineOp } from '../define.js';
import { extentArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import {
  boundArg,
  checkBound,
  checkedLengths,
  checkVectorOf,
  impliedBound,
  kIndexTypes,
  kNoLimit,
  knownNumbers,
  kSizeAttrs,
  mostOf,
  sizedByValues,
  startsOf,
  storedDim,
} from '../value-sizes.js';

export const lengthsGather = defineOp({
  name: 'LengthsGatherIndices',
  doc: 'the rows of the segments that are asked for, one segment after another',
  source: 'caffe2/operators/utility_ops.h',
  inputs: [
    { name: 'lengths', doc: 'i32 [segments]' },
    { name: 'wanted', doc: 'i32 or i64: segments' },
  ],
  outputs: [{ name: 'rows', doc: 'i64 [sum of the lengths of the wanted segments]' }],
  attrs: { ...kSizeAttrs },
  infer: (request) => {
    checkVectorOf(request, 0, 'the lengths');
    checkVectorOf(request, 1, 'the indices', kIndexTypes);
    return [tensorType('i64', [sizedByValues(request, 'rows')])];
  },
  reference: (request) => {
    const lengths = checkedLengths(request, request.tensor(0) as never, kNoLimit, false);
    const starts = startsOf(lengths);
    const rows = toNumbers(request.tensor(1)).flatMap((segment) => {
      const start = starts[segment] ?? request.fault(`segment ${segment} is not in 0..${lengths.length - 1}`);
      return Array.from({ length: lengths[segment] ?? 0 }, (_, i) => BigInt(start + i));
    });
    return [makeTensor('i64', [checkBound(request, rows.length)], BigInt64Array.from(rows))];
  },
  lower: (request, attrs) => ({
    header: 'cortado/lengths.h',
    fn: 'lengths_gather_indices',
    template: [{ kind: 'dtype', dtype: lowerType(request, 1).dtype }],
    args: [
      inputArg(0),
      inputArg(1),
      outputArg(),
      storedDim(request, [0]),
      boundArg(attrs),
      extentArg(lowerType(request, 0).shape[0] ?? 0),
      extentArg(lowerType(request, 1).shape[0] ?? 0),
    ],
    parts: 1,
    fallible: true,
  }),
  caffe2: {
    LengthsGather: (scope) => {
      scope.expectInputs(3);
      scope.expectOutputs(1);
      const [items, lengths, wanted] = [scope.input(0), scope.input(1), scope.input(2)];
      const [rows] = items.type.shape;
      if (rows === undefined) scope.fail('the items must have rows', { blob: scope.inputBlob(0) });
      const known = [knownNumbers(scope, 1), knownNumbers(scope, 2)] as const;
      const [knownLengths, knownWanted] = known;
      const total = knownLengths?.reduce((sum, length) => sum + length, 0);
      if (total !== undefined && typeof rows === 'number' && total !== rows) {
        scope.fail(`the lengths add up to ${total}, not to the ${rows} items`, { blob: scope.inputBlob(1) });
      }
      const size =
        knownLengths === undefined || knownWanted === undefined
          ? -1
          : knownWanted.reduce((sum, segment) => sum + (knownLengths[segment] ?? 0), 0);
      const most = mostOf(rows) * mostOf(wanted.type.shape[0]);
      const bound = impliedBound(scope, most, mostOf(rows));
      // The lengths must fit the items, whichever segments are wanted.
      const checked = scope.emitOne('CheckLengths', [lengths, items]);
      const picked = scope.emitOne('LengthsGatherIndices', [checked, wanted], { size, bound });
      return [scope.emitOne('Gather', [items, picked], { axis: 0 })];
    },
  },
  examples: [
    {
      attrs: { bound: 8 },
      inputs: [
        { dtype: 'i32', dims: [3], values: [2, 0, 3] },
        { dtype: 'i64', dims: [2], values: [2, 0] },
      ],
    },
  ],
});

export const checkLengths = defineOp({
  name: 'CheckLengths',
  doc: 'the lengths, which must add up to the rows of the data: else a fault',
  source: 'caffe2/operators/utility_ops.h',
  inputs: [
    { name: 'lengths', doc: 'i32 [segments]' },
    { name: 'data', doc: 'only its rows matter' },
  ],
  outputs: [{ name: 'y', doc: 'the lengths' }],
  attrs: {},
  infer: (request) => {
    const segments = checkVectorOf(request, 0, 'the lengths');
    if (request.type(1).shape.length === 0) request.fail('the data must have rows', { input: 1 });
    return [tensorType('i32', [segments])];
  },
  reference: (request) => {
    const lengths = request.tensor(0);
    checkedLengths(request, lengths as never, request.tensor(1).dims[0] ?? 0);
    return [lengths];
  },
  lower: (request) => ({
    header: 'cortado/lengths.h',
    fn: 'check_lengths',
    template: [],
    args: [
      inputArg(0),
      outputArg(),
      extentArg(lowerType(request, 0).shape[0] ?? 0),
      extentArg(lowerType(request, 1).shape[0] ?? 0),
    ],
    parts: 1,
    fallible: true,
  }),
  examples: [
    {
      inputs: [
        { dtype: 'i32', dims: [3], values: [2, 0, 3] },
        { dims: [5, 2], range: [-1, 1] },
      ],
    },
  ],
});
