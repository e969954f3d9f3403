// SegmentReduce: rows reduced segment by segment. One operator for all of Caffe2's: the table is in segment-import.ts.

import { type Dim, dimEquals, dimMax, dimSub } from '../../ir/dim.js';
import { getNumber, makeTensor, type NumericTensor, toNumbers } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { bool, text } from '../attributes.js';
import { sizeFromAxis } from '../axes.js';
import { numeric } from '../builder.js';
import { checkDType, checkRank, checkSameDim } from '../check-input.js';
import { defineOp, type InferRequest, type ReferenceRequest } from '../define.js';
import { extentArg, inputArg, kRowParts, lowerType, outputArg, structArg } from '../kernel-arguments.js';
import { kSegmentImports } from '../segment-import.js';
import {
  boundArg,
  checkBound,
  checkRows,
  checkVectorOf,
  dtypeArg,
  inputOrNull,
  kIndexTypes,
  kSizeAttrs,
  mostOf,
  sizedByValues,
  storedDim,
} from '../value-sizes.js';

/** Values of one column of a segment, in order. An empty segment gives 0 before any of these is asked. */
const kReductions: { readonly [name: string]: (values: readonly number[]) => number } = {
  sum: (values) => sumOf(values),
  mean: (values) => sumOf(values) / values.length,
  max: (values) => values.reduce((best, value) => (best < value ? value : best)),
  rangeMax: (values) => largestOf(values),
  logSumExp: (values) => Math.log(expSum(values)) + largestOf(values),
  logMeanExp: (values) => Math.log(expSum(values) / values.length) + largestOf(values),
};

const kMinFloat = -3.4028234663852886e38;

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** From the lowest finite float on, so that NaN and -inf never win. */
function largestOf(values: readonly number[]): number {
  return values.reduce((best, value) => (best < value ? value : best), kMinFloat);
}

function expSum(values: readonly number[]): number {
  const largest = largestOf(values);
  return sumOf(values.map((value) => Math.exp(value - largest)));
}

const kAttrs = {
  reduce: text(Object.keys(kReductions).join(', ')),
  by: text('lengths; sorted: ids that start at 0 and have no gaps; unsorted: ids in any order'),
  rows: text('plain: floats; biased: bytes with scaleBias; fused: bytes, then scale and bias as 4 bytes each', 'plain'),
  exact: bool('the lengths must add up to all rows, not to fewer', false),
  positional: bool('weights count within the segment', false),
  ...kSizeAttrs,
};

interface SegmentAttrs {
  readonly reduce: string;
  readonly by: string;
  readonly rows: string;
  readonly exact: boolean;
  readonly positional: boolean;
  readonly size: number;
  readonly bound: number;
}

const [kSegments, kIndices, kWeights, kScaleBias] = [1, 2, 3, 4] as const;

function checkWeights(request: InferRequest<SegmentAttrs>, count: Dim): void {
  const size = checkVectorOf(request, kWeights, 'the weights', ['f32']);
  if (!request.attrs.positional) {
    checkSameDim(request, kWeights, 'there must be one weight for each row', size, count);
  }
}

function checkScales(request: InferRequest<SegmentAttrs>, rows: Dim): void {
  const type = checkDType(request, kScaleBias, 'scale and bias');
  if (type.shape.length !== 2 || !dimEquals(type.shape[0] ?? -1, rows) || type.shape[1] !== 2) {
    request.fail('there must be a scale and a bias for each row', { input: kScaleBias, expected: 'f32 [rows, 2]' });
  }
}

/** Rows that are reduced: as many as there are indices, else all. */
function countRows(request: InferRequest<SegmentAttrs>): Dim {
  const { rows } = checkRows(request, 0, 'the data');
  if (request.inputs[kIndices] === undefined) return rows;
  return checkVectorOf(request, kIndices, 'the indices', kIndexTypes);
}

/** Positions (among the rows that are reduced) of each segment. */
function findSegments(request: ReferenceRequest<SegmentAttrs>, count: number): readonly (readonly number[])[] {
  const { by, exact, size } = request.attrs;
  const values = toNumbers(request.tensor(kSegments));
  if (by === 'lengths') {
    let next = 0;
    const segments = values.map((length) => Array.from({ length: Math.max(0, length) }, () => next++));
    if (next > count || (exact && next !== count)) request.fault(`the lengths add up to ${next}, not ${count}`);
    return segments;
  }
  values.forEach((id, i) => {
    const step = id - (values[i - 1] ?? 0);
    if (by === 'sorted' && (i === 0 ? id !== 0 : step !== 0 && step !== 1)) {
      request.fault(`segment id ${id} at position ${i}: ids must start at 0, be sorted and have no gaps`);
    }
    if (id < 0 || (size >= 0 && id >= size)) request.fault(`segment id ${id} at position ${i} is out of range`);
  });
  const found = size >= 0 ? size : values.reduce((most, id) => Math.max(most, id + 1), 0);
  const segments = Array.from({ length: checkBound(request, found) }, (): number[] => []);
  values.forEach((id, i) => void segments[id]?.push(i));
  return segments;
}

/** Reader of element (row, column) of the data as a number. */
function readerOf(request: ReferenceRequest<SegmentAttrs>, data: NumericTensor) {
  const stride = Number(sizeFromAxis(data.dims, 1));
  const { rows } = request.attrs;
  if (rows === 'plain') return (row: number, column: number): number => getNumber(data, row * stride + column);
  if (rows === 'biased') {
    const scales = numeric(request.tensor(kScaleBias));
    return (row: number, column: number): number =>
      getNumber(data, row * stride + column) * getNumber(scales, row * 2) + getNumber(scales, row * 2 + 1);
  }
  const bytes = new DataView(data.data.buffer, data.data.byteOffset, data.data.byteLength);
  return (row: number, column: number): number => {
    const end = (row + 1) * stride;
    return getNumber(data, row * stride + column) * bytes.getFloat32(end - 8, true) + bytes.getFloat32(end - 4, true);
  };
}

const kKernelNames: { readonly [name: string]: string } = {
  lengths: 'kLengths',
  sorted: 'kSorted',
  unsorted: 'kUnsorted',
  plain: 'kPlain',
  biased: 'kBiased',
  fused: 'kFused',
  sum: 'kSum',
  mean: 'kMean',
  max: 'kMax',
  rangeMax: 'kRangeMax',
  logSumExp: 'kLogSumExp',
  logMeanExp: 'kLogMeanExp',
};

export const segmentReduce = defineOp({
  name: 'SegmentReduce',
  doc: 'y[s] = the reduction of the (weighted) rows of segment s, 0 for an empty one; rows are data[indices[i]] or data[i]; faults: an index or id out of range, lengths beyond the rows, ids that are not sorted',
  source: 'caffe2/operators/segment_reduction_op.h, lengths_reducer_ops.h, lengths_reducer_rowwise_8bit_ops.h',
  inputs: [
    { name: 'data', doc: 'f32 [rows, ...], or u8 where rows says so' },
    { name: 'segments', doc: 'i32: lengths [segments], or the id of each row' },
    { name: 'indices', doc: 'i32 or i64: the rows to take', optional: true },
    { name: 'weights', doc: 'f32: one for each row that is taken', optional: true },
    { name: 'scaleBias', doc: 'f32 [rows, 2]', optional: true },
  ],
  outputs: [{ name: 'y', doc: 'f32 [segments, ...]' }],
  attrs: kAttrs,
  infer: (request) => {
    const { by, rows } = request.attrs;
    const data = checkDType(request, 0, 'the data', rows === 'plain' ? 'f32' : 'u8');
    const count = countRows(request);
    const given = checkVectorOf(request, kSegments, by === 'lengths' ? 'the lengths' : 'the segment ids');
    if (by !== 'lengths') checkSameDim(request, kSegments, 'there must be one id for each row', given, count);
    if (request.inputs[kWeights] !== undefined) checkWeights(request, count);
    if (rows === 'biased') checkScales(request, data.shape[0] ?? 0);
    if (rows === 'fused') {
      checkRank(request, 0, 'the data', 2);
      if (dimMax(data.shape[1] ?? 0) < 8) request.fail('rows have no room for scale and bias', { input: 0 });
    }
    const segments = by === 'lengths' ? given : sizedByValues(request, 'segments');
    return [
      tensorType('f32', [segments, ...(rows === 'fused' ? [dimSub(data.shape[1] ?? 0, 8)] : data.shape.slice(1))]),
    ];
  },
  reference: (request) => {
    const data = numeric(request.tensor(0));
    const { positional, rows: form } = request.attrs;
    const indices = request.inputs[kIndices] === undefined ? undefined : toNumbers(request.tensor(kIndices));
    const weights = request.inputs[kWeights] === undefined ? undefined : toNumbers(request.tensor(kWeights));
    const [rows = 0, ...rest] = data.dims;
    const segments = findSegments(request, indices?.length ?? rows);
    const inner = form === 'fused' ? [(rest[0] ?? 8) - 8] : rest;
    const y = makeTensor('f32', [segments.length, ...inner]);
    const columns = Number(sizeFromAxis(y.dims, 1));
    const valueAt = readerOf(request, data);
    const reduce = kReductions[request.attrs.reduce] ?? request.fault(`unknown reduction ${request.attrs.reduce}`);
    segments.forEach((positions, s) => {
      const taken = positions.map((at, i) => {
        const row = indices?.[at] ?? at;
        if (row < 0 || row >= rows) request.fault(`index ${row} at position ${at} is not in 0..${rows - 1}`);
        const weight = weights === undefined ? 1 : weights[positional ? i : at];
        return { row, weight: weight ?? request.fault(`a segment has ${positions.length} rows, more than weights`) };
      });
      for (let k = 0; k < columns && taken.length > 0; k++) {
        y.data[s * columns + k] = reduce(taken.map(({ row, weight }) => weight * valueAt(row, k)));
      }
    });
    return [y];
  },
  macs: ({ inputs, outputs }) =>
    mostOf(inputs[kIndices]?.shape[0] ?? inputs[0]?.shape[0]) * mostOf(sizeFromAxis(outputs[0]?.shape ?? [], 1)),
  lower: (request, attrs) => {
    const data = lowerType(request, 0);
    const [rows = 0, ...rest] = data.shape;
    const stride = sizeFromAxis(data.shape, 1);
    const indices = request.node.inputs[kIndices];
    const byLengths = attrs.by === 'lengths';
    const segments = lowerType(request, kSegments).shape[0] ?? 0;
    const kind = (type: string, value: string) =>
      ({ kind: 'type', cpp: `cortado::${type}::${kKernelNames[value] ?? value}` }) as const;
    return {
      header: 'cortado/segment.h',
      fn: 'segment_reduce',
      template: [
        kind('SegmentBy', attrs.by),
        kind('SegmentReduction', attrs.reduce),
        kind('SegmentRows', attrs.rows),
        { kind: 'dtype', dtype: data.dtype },
        dtypeArg(request, kIndices),
      ],
      args: [
        inputArg(0),
        inputArg(kSegments),
        inputOrNull(request, kIndices),
        inputOrNull(request, kWeights),
        inputOrNull(request, kScaleBias),
        outputArg(),
        byLengths ? { kind: 'null' } : storedDim(request, [0]),
        byLengths ? extentArg(segments) : boundArg(attrs),
        structArg('SegmentSizes', [
          ['rows', rows],
          ['stride', stride],
          ['inner', attrs.rows === 'fused' ? dimSub(rest[0] ?? 8, 8) : stride],
          ['count', indices?.type.shape[0] ?? rows],
          ['segments', byLengths ? segments : attrs.size < 0 ? 0 : attrs.size],
          ['weights', request.node.inputs[kWeights]?.type.shape[0] ?? 0],
          ['known', attrs.size >= 0],
          ['exact', attrs.exact],
          ['positional', attrs.positional],
        ]),
        { kind: 'scratch' },
      ],
      scratchBytes: attrs.by === 'unsorted' ? 8 * Math.max(1, attrs.size, attrs.bound) : 0,
      parts: byLengths ? kRowParts : 1,
      fallible: true,
    };
  },
  caffe2: kSegmentImports,
  examples: [
    {
      note: 'lengths',
      attrs: { reduce: 'sum', by: 'lengths', exact: true },
      inputs: [
        { dims: [5, 3], range: [-1, 1] },
        { dtype: 'i32', dims: [3], values: [2, 0, 3] },
      ],
    },
    {
      note: 'sparse, weighted',
      attrs: { reduce: 'mean', by: 'lengths' },
      inputs: [
        { dims: [6, 3], range: [-1, 1] },
        { dtype: 'i32', dims: [3], values: [2, 0, 2] },
        { dtype: 'i64', dims: [5], values: [0, 3, 5, 1, 1] },
        { dims: [5], range: [-1, 1] },
      ],
    },
    {
      note: 'positional',
      attrs: { reduce: 'sum', by: 'lengths', positional: true },
      inputs: [
        { dims: [6, 3], range: [-1, 1] },
        { dtype: 'i32', dims: [2], values: [2, 3] },
        { dtype: 'i32', dims: [5], values: [0, 3, 5, 1, 1] },
        { dims: [3], range: [-1, 1] },
      ],
    },
    {
      note: 'bytes',
      attrs: { reduce: 'sum', by: 'lengths', rows: 'biased' },
      inputs: [
        { dtype: 'u8', dims: [4, 3], range: [0, 255] },
        { dtype: 'i32', dims: [2], values: [2, 1] },
        { dtype: 'i32', dims: [3], values: [0, 3, 2] },
        undefined,
        { dims: [4, 2], range: [0, 1] },
      ],
    },
    ...['sum', 'mean', 'rangeMax', 'logSumExp', 'logMeanExp'].map(
      (reduce) =>
        ({
          note: `sorted ${reduce}`,
          attrs: { reduce, by: 'sorted', bound: 5 },
          inputs: [
            { dims: [5, 4], range: [-2, 2] },
            { dtype: 'i32', dims: [5], values: [0, 0, 1, 2, 2] },
          ],
        }) as const,
    ),
    {
      note: 'unsorted',
      attrs: { reduce: 'mean', by: 'unsorted', size: 5 },
      inputs: [
        { dims: [5, 2], range: [-2, 2] },
        { dtype: 'i32', dims: [5], values: [2, 0, 2, 1, 0] },
      ],
    },
    {
      note: 'max',
      attrs: { reduce: 'max', by: 'lengths', exact: true },
      inputs: [
        { dims: [5, 2], range: [-2, 2] },
        { dtype: 'i32', dims: [3], values: [2, 0, 3] },
      ],
    },
  ],
});
