// PackSegments, UnpackSegments: rows of sequences to a padded table and back, sequence-major (Caffe2's *Segments) or
// time-major (*RNNSequence). ArrangeSequences: time-major sequences reversed, or cleared behind their ends.

import { type Dim, dimEquals } from '../../ir/dim.js';
import { makeTensor, setNumber } from '../../ir/tensor.js';
import { tensorType, typeToString } from '../../ir/type.js';
import { bool } from '../attributes.js';
import { sizeFromAxis } from '../axes.js';
import { numeric } from '../builder.js';
import type { Caffe2Import, ImportScope } from '../caffe2-import.js';
import { checkSameDim } from '../check-input.js';
import { copyRange } from '../copy-tensor.js';
import { defineOp } from '../define.js';
import { extentArg, inputArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';
import {
  boundArg,
  checkBound,
  checkedLengths,
  checkRows,
  checkVectorOf,
  impliedBound,
  kIndexTypes,
  knownNumbers,
  knownTotal,
  kSizeAttrs,
  mostOf,
  sizedByValues,
  startsOf,
  storedDim,
} from '../value-sizes.js';

/** PackRNNSequence and back: rows are vectors at least, of few types. */
function checkFeatures(scope: ImportScope, rank: number): void {
  const type = scope.inputType(0);
  if (type.shape.length >= rank && ['i32', 'i64', 'f32', 'f64'].includes(type.dtype)) return;
  const expected = `rank ${rank} or more, i32, i64, f32 or f64`;
  scope.fail(`${scope.type} cannot take these values`, { blob: scope.inputBlob(0), expected, got: typeToString(type) });
}

function importPack(timeMajor: boolean): Caffe2Import {
  return (scope) => {
    scope.expectInputs(2);
    scope.expectOutputs(1, timeMajor ? 1 : 2);
    const [lengths, data] = timeMajor ? [1, 0] : [0, 1];
    if (timeMajor) checkFeatures(scope, 2);
    const known = knownNumbers(scope, lengths);
    const isMasked = !timeMajor && scope.args.bool('return_presence_mask', false);
    if (!timeMajor && isMasked !== (scope.outputCount === 2)) {
      scope.fail('the presence mask is an output exactly when return_presence_mask is set', {
        expected: isMasked ? '2 outputs' : '1 output',
        got: String(scope.outputCount),
      });
    }
    const rows = mostOf(scope.inputType(data).shape[0]);
    const attrs = {
      timeMajor,
      minusInfinity: !timeMajor && scope.args.bool('pad_minf', false),
      exact: !timeMajor,
      size: known === undefined ? -1 : Math.max(0, ...known),
      bound: impliedBound(scope, Math.max(1, rows), rows),
    };
    return scope.emit('PackSegments', [scope.input(lengths), scope.input(data)], attrs, scope.outputCount);
  };
}

export const packSegments = defineOp({
  name: 'PackSegments',
  doc: 'y[s, i] = row i of sequence s (y[i, s] when time-major), padded behind its end',
  source: 'caffe2/operators/pack_segments.cc, pack_rnn_sequence_op.h',
  inputs: [
    { name: 'lengths', doc: 'i32 or i64 [sequences]' },
    { name: 'data', doc: '[rows, ...], one sequence after another' },
  ],
  outputs: [
    { name: 'y', doc: '[sequences, longest, ...]' },
    { name: 'mask', doc: 'bool [sequences, longest]: whether there is a row', optional: true },
  ],
  attrs: {
    timeMajor: bool('y is [longest, sequences, ...]', false),
    minusInfinity: bool('floats are padded with -infinity, not with 0', false),
    exact: bool('the lengths must add up to all rows, not to fewer', true),
    ...kSizeAttrs,
  },
  infer: (request) => {
    const sequences = checkVectorOf(request, 0, 'the lengths', kIndexTypes);
    const data = checkRows(request, 1, 'the data');
    const longest = sizedByValues(request, 'longest');
    const outer = request.attrs.timeMajor ? [longest, sequences] : [sequences, longest];
    return [tensorType(data.dtype, [...outer, ...data.shape.slice(1)]), tensorType('bool', outer)].slice(
      0,
      request.outputCount,
    );
  },
  reference: (request) => {
    const data = numeric(request.tensor(1));
    const { timeMajor, minusInfinity, exact } = request.attrs;
    const [rows = 0, ...rest] = data.dims;
    const lengths = checkedLengths(request, numeric(request.tensor(0)), rows, exact);
    const longest = checkBound(request, Math.max(0, ...lengths));
    const outer = timeMajor ? [longest, lengths.length] : [lengths.length, longest];
    const y = makeTensor(data.dtype, [...outer, ...rest]);
    const mask = makeTensor('bool', outer);
    if (minusInfinity && y.data instanceof Float32Array) y.data.fill(Number.NEGATIVE_INFINITY);
    const inner = Number(sizeFromAxis(data.dims, 1));
    const starts = startsOf(lengths);
    lengths.forEach((length, s) => {
      for (let i = 0; i < length; i++) {
        const at = timeMajor ? i * lengths.length + s : s * longest + i;
        copyRange(data, ((starts[s] ?? 0) + i) * inner, y, at * inner, inner);
        setNumber(mask, at, 1);
      }
    });
    return [y, mask].slice(0, request.outputs.length);
  },
  lower: (request, attrs) => {
    const data = lowerType(request, 1);
    return {
      header: 'cortado/pack_segments.h',
      fn: 'pack_segments',
      template: [
        { kind: 'bool', value: attrs.timeMajor },
        { kind: 'dtype', dtype: lowerType(request, 0).dtype },
        { kind: 'dtype', dtype: data.dtype },
      ],
      args: [
        inputArg(0),
        inputArg(1),
        outputArg(),
        outputArg(1),
        storedDim(request, [0, 1], attrs.timeMajor ? 0 : 1),
        boundArg(attrs),
        extentArg(lowerType(request, 0).shape[0] ?? 0),
        extentArg(data.shape[0] ?? 0),
        extentArg(sizeFromAxis(data.shape, 1)),
        {
          kind: 'literal',
          value: attrs.minusInfinity && data.dtype === 'f32' ? Number.NEGATIVE_INFINITY : 0,
          dtype: data.dtype,
        },
        { kind: 'literal', value: attrs.exact ? 1 : 0, dtype: 'bool' },
      ],
      parts: 1,
      fallible: true,
    };
  },
  caffe2: { PackSegments: importPack(false), PackRNNSequence: importPack(true) },
  examples: [
    {
      attrs: { bound: 5, minusInfinity: true },
      inputs: [
        { dtype: 'i32', dims: [3], values: [2, 0, 3] },
        { dims: [5, 2], range: [-1, 1] },
      ],
    },
    {
      attrs: { size: 3, timeMajor: true },
      inputs: [
        { dtype: 'i64', dims: [3], values: [2, 0, 3] },
        { dtype: 'i32', dims: [5, 2], range: [0, 9] },
      ],
    },
  ],
});

function importUnpack(timeMajor: boolean): Caffe2Import {
  return (scope) => {
    scope.expectInputs(2);
    scope.expectOutputs(1);
    const [lengths, data] = timeMajor ? [1, 0] : [0, 1];
    if (timeMajor) checkFeatures(scope, 3);
    const [a, b] = scope.inputType(data).shape;
    const most = mostOf(a) * mostOf(b);
    const attrs = { timeMajor, size: knownTotal(scope, lengths), bound: impliedBound(scope, most, most) };
    return [scope.emitOne('UnpackSegments', [scope.input(lengths), scope.input(data)], attrs)];
  };
}

export const unpackSegments = defineOp({
  name: 'UnpackSegments',
  doc: 'the rows of a padded table that belong to its sequences, one sequence after another',
  source: 'caffe2/operators/pack_segments.cc, pack_rnn_sequence_op.h',
  inputs: [
    { name: 'lengths', doc: 'i32 or i64 [sequences]' },
    { name: 'data', doc: '[sequences, longest, ...]' },
  ],
  outputs: [{ name: 'y', doc: '[sum of the lengths, ...]' }],
  attrs: { timeMajor: bool('data is [longest, sequences, ...]', false), ...kSizeAttrs },
  infer: (request) => {
    const sequences = checkVectorOf(request, 0, 'the lengths', kIndexTypes);
    const data = checkRows(request, 1, 'the data');
    const own = data.shape[request.attrs.timeMajor ? 1 : 0];
    if (data.shape.length < 2 || own === undefined) {
      return request.fail('the data must have rank 2 or more', { input: 1, got: typeToString(data) });
    }
    checkSameDim(request, 1, 'there must be one length for each sequence', own, sequences);
    return [tensorType(data.dtype, [sizedByValues(request, 'rows'), ...data.shape.slice(2)])];
  },
  reference: (request) => {
    const data = numeric(request.tensor(1));
    const { timeMajor } = request.attrs;
    const [a = 0, b = 0, ...rest] = data.dims;
    const lengths = checkedLengths(request, numeric(request.tensor(0)), Number.MAX_SAFE_INTEGER, false);
    const longest = timeMajor ? a : b;
    const inner = Number(sizeFromAxis(data.dims, 2));
    const rows = lengths.flatMap((length, s) => {
      if (length > longest) request.fault(`sequence ${s} has ${length} rows, the data at most ${longest}`);
      return Array.from({ length }, (_, i) => (timeMajor ? i * lengths.length + s : s * longest + i));
    });
    const y = makeTensor(data.dtype, [checkBound(request, rows.length), ...rest]);
    rows.forEach((from, i) => void copyRange(data, from * inner, y, i * inner, inner));
    return [y];
  },
  lower: (request, attrs) => {
    const data = lowerType(request, 1);
    return {
      header: 'cortado/pack_segments.h',
      fn: 'unpack_segments',
      template: [
        { kind: 'bool', value: attrs.timeMajor },
        { kind: 'dtype', dtype: lowerType(request, 0).dtype },
        { kind: 'dtype', dtype: data.dtype },
      ],
      args: [
        inputArg(0),
        inputArg(1),
        outputArg(),
        storedDim(request, [0]),
        boundArg(attrs),
        extentArg(lowerType(request, 0).shape[0] ?? 0),
        extentArg(data.shape[attrs.timeMajor ? 0 : 1] ?? 0),
        extentArg(sizeFromAxis(data.shape, 2)),
      ],
      parts: 1,
      fallible: true,
    };
  },
  caffe2: { UnpackSegments: importUnpack(false), UnpackRNNSequence: importUnpack(true) },
  examples: [
    {
      attrs: { bound: 9 },
      inputs: [
        { dtype: 'i32', dims: [3], values: [2, 0, 3] },
        { dims: [3, 3, 2], range: [-1, 1] },
      ],
    },
    {
      attrs: { size: 5, timeMajor: true },
      inputs: [
        { dtype: 'i64', dims: [3], values: [2, 0, 3] },
        { dims: [3, 3, 2], range: [-1, 1] },
      ],
    },
  ],
});

export const arrangeSequences = defineOp({
  name: 'ArrangeSequences',
  doc: 'time-major sequences: reversed within their lengths (the padding stays), or 0 behind their ends',
  source: 'caffe2/operators/reverse_packed_segs_op.h, variable_length_sequence_padding.h',
  inputs: [
    { name: 'x', doc: '[time, sequences, ...]' },
    { name: 'lengths', doc: 'i32 or i64 [sequences]' },
  ],
  outputs: [{ name: 'y', doc: 'shaped as x' }],
  attrs: { reverse: bool('reverse; else clear') },
  infer: (request) => {
    const x = request.type(0);
    const sequences: Dim | undefined = x.shape[1];
    const lengths = checkVectorOf(request, 1, 'the lengths', kIndexTypes);
    if (sequences === undefined || x.dtype === 'str')
      return request.fail('the data must have rank 2 or more', { input: 0 });
    checkSameDim(request, 1, 'there must be one length for each sequence', lengths, sequences);
    return [tensorType(x.dtype, x.shape)];
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const { reverse } = request.attrs;
    const [times = 0, sequences = 0] = x.dims;
    const lengths = checkedLengths(request, numeric(request.tensor(1)), Number.MAX_SAFE_INTEGER, false);
    const inner = Number(sizeFromAxis(x.dims, 2));
    const y = makeTensor(x.dtype, x.dims);
    lengths.forEach((length, s) => {
      if (reverse && length > times) request.fault(`sequence ${s} has length ${length}, the data ${times} times`);
      for (let t = 0; t < times; t++) {
        if (!reverse && t >= length) continue;
        const from = reverse && t < length ? length - 1 - t : t;
        copyRange(x, (from * sequences + s) * inner, y, (t * sequences + s) * inner, inner);
      }
    });
    return [y];
  },
  lower: (request, { reverse }) => {
    const { dtype, shape } = lowerType(request, 0);
    return {
      header: 'cortado/pack_segments.h',
      fn: 'arrange_sequences',
      template: [
        { kind: 'bool', value: reverse },
        { kind: 'dtype', dtype: lowerType(request, 1).dtype },
        { kind: 'dtype', dtype },
      ],
      args: [
        inputArg(0),
        inputArg(1),
        outputArg(),
        extentArg(shape[0] ?? 0),
        extentArg(shape[1] ?? 0),
        extentArg(sizeFromAxis(shape, 2)),
      ],
      parts: kRowParts,
      fallible: true,
    };
  },
  caffe2: {
    ReversePackedSegs: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1);
      const x = scope.input(0);
      if (x.type.shape.length !== 3) scope.fail('the data must have rank 3', { got: typeToString(x.type) });
      return [scope.emitOne('ArrangeSequences', [x, scope.input(1)], { reverse: true })];
    },
    VariableLengthSequencePadding: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1);
      const [x, lengths] = [scope.input(0), scope.input(1)];
      const [, sequences] = x.type.shape;
      const [count] = lengths.type.shape;
      if (x.type.dtype !== 'f32' || x.type.shape.length < 2) {
        scope.fail('the data must be floats [time, sequences, ...]', { got: typeToString(x.type) });
      }
      if (lengths.type.dtype !== 'i32' || count === undefined || !dimEquals(count, sequences ?? -1)) {
        scope.fail('there must be one int32 length for each sequence', { got: typeToString(lengths.type) });
      }
      return [scope.emitOne('ArrangeSequences', [x, lengths], { reverse: false })];
    },
  },
  examples: [
    {
      attrs: { reverse: true },
      inputs: [
        { dims: [3, 2, 2], range: [-1, 1] },
        { dtype: 'i32', dims: [2], values: [3, 1] },
      ],
    },
    {
      attrs: { reverse: false },
      inputs: [
        { dims: [3, 2, 2], range: [-1, 1] },
        { dtype: 'i32', dims: [2], values: [0, 2] },
      ],
    },
  ],
});
