// Partition, GatherByKey, KeySplit: rows dealt out by key modulo the number of parts, and put back.

import { type Dim, dimAdd, dimMul, shapeEquals } from '../../ir/dim.js';
import { dtypeSizeBytes } from '../../ir/dtype.js';
import { getNumber, makeTensor } from '../../ir/tensor.js';
import { tensorType, typeToString } from '../../ir/type.js';
import { bool, ints } from '../attributes.js';
import { sizeFromAxis, sizeToAxis } from '../axes.js';
import { numeric } from '../builder.js';
import type { Caffe2Import } from '../caffe2-import.js';
import { checkSameDim } from '../check-input.js';
import { copyRange } from '../copy-tensor.js';
import { defineOp } from '../define.js';
import { extentArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import {
  checkedLengths,
  checkRows,
  checkVectorOf,
  kIndexTypes,
  mostOf,
  storedDim,
  wholeNumbers,
  wholeTensor,
} from '../value-sizes.js';

/** Part of a key: the remainder that is not negative. -1 in 3 parts is 2. */
function partOf(key: bigint, parts: number): number {
  const rest = Number(key % BigInt(parts));
  return rest < 0 ? rest + parts : rest;
}

function countUp(count: number, each = 1): readonly number[] {
  return Array.from({ length: count * each }, (_, i) => Math.floor(i / each));
}

function importPartition(withLengths: boolean): Caffe2Import {
  const first = withLengths ? 1 : 0;
  return (scope) => {
    scope.expectInputs(1 + first, 1 << 16);
    scope.expectOutputs(1, 1 << 16);
    const { inputCount, outputCount } = scope;
    if (outputCount % inputCount !== 0) {
      scope.fail('there must be as many outputs as inputs for each part', {
        expected: `a multiple of ${inputCount} outputs`,
        got: String(outputCount),
      });
    }
    const parts = outputCount / inputCount;
    const pack = scope.args.int('pack_first_input', 0) !== 0;
    const inputs = Array.from({ length: inputCount - first }, (_, i) => scope.input(i + first));
    const [key] = inputs;
    if (withLengths && key?.type.shape.length !== 1) {
      scope.fail('the keys must be a vector', { blob: scope.inputBlob(1) });
    }
    const each = inputs.length;
    const rows = scope.emit('Partition', inputs, { parts: countUp(parts, each), pack }, parts * each);
    const lengths = withLengths
      ? scope.emit('PartitionLengths', [scope.input(0), key], { parts: countUp(parts) }, parts)
      : [];
    return countUp(parts).flatMap((p) => [...lengths.slice(p, p + 1), ...rows.slice(p * each, (p + 1) * each)]);
  };
}

export const partition = defineOp({
  name: 'Partition',
  doc: 'for each part, the rows of every input whose key modulo the parts is that part',
  source: 'caffe2/operators/partition_ops.h',
  inputs: [
    { name: 'inputs', doc: 'keys (i32 or i64), then tensors whose first dims are those of the keys', variadic: true },
  ],
  outputs: [{ name: 'outputs', doc: 'all inputs of part 0, then of part 1, …', variadic: true }],
  attrs: {
    parts: ints('part that each output belongs to'),
    pack: bool('keys become key / parts', false),
  },
  infer: (request) => {
    const key = request.type(0);
    if (!kIndexTypes.includes(key.dtype)) request.fail('keys must be integers', { input: 0, expected: 'i32 or i64' });
    const prefix = key.shape;
    request.inputs.forEach((_, i) => {
      const { shape } = request.type(i);
      if (!shapeEquals(shape.slice(0, prefix.length), prefix)) {
        request.fail('the first dims must be those of the keys', { input: i, expected: typeToString(key) });
      }
    });
    const most = Math.max(1, mostOf(sizeFromAxis(prefix, 0)));
    const counts = new Map<number, Dim>();
    const each = request.inputs.length;
    return request.attrs.parts.map((part, at) => {
      const count = counts.get(part) ?? request.symbol(`part${part}`, 0, most);
      counts.set(part, count);
      const own = request.type(at % each);
      return tensorType(own.dtype, [count, ...own.shape.slice(prefix.length)]);
    });
  },
  reference: (request) => {
    const inputs = request.inputs.map((_, i) => numeric(request.tensor(i)));
    const each = inputs.length;
    const parts = request.attrs.parts.length / each;
    const keys = wholeNumbers(numeric(request.tensor(0)));
    const rank = request.tensor(0).dims.length;
    return request.attrs.parts.map((part, at) => {
      const from = inputs[at % each] ?? request.fault('an input is missing');
      const rows = keys.flatMap((key, row) => (partOf(key, parts) === part ? [row] : []));
      const inner = Number(sizeFromAxis(from.dims, rank));
      const y = makeTensor(from.dtype, [rows.length, ...from.dims.slice(rank)]);
      rows.forEach((row, i) => {
        if (request.attrs.pack && at % each === 0) return;
        copyRange(from, row * inner, y, i * inner, inner);
      });
      if (!request.attrs.pack || at % each !== 0) return y;
      const packed = rows.map((row) => ((keys[row] ?? 0n) - BigInt(part)) / BigInt(parts));
      return wholeTensor(y.dtype, y.dims, packed);
    });
  },
  lower: (request, attrs) => {
    const { inputs, outputs } = request.node;
    const each = inputs.length;
    const parts = attrs.parts.length / each;
    const key = lowerType(request, 0);
    const rank = key.shape.length;
    const rowBytes = inputs.map((_, i) => {
      const { dtype, shape } = lowerType(request, i);
      return dimMul(sizeFromAxis(shape, rank), dtypeSizeBytes(dtype));
    });
    const stored = countUp(parts).map((p) => {
      const own = Array.from({ length: each }, (_, i) => p * each + i);
      return storedDim(request, own);
    });
    return {
      header: 'cortado/partition.h',
      fn: 'partition',
      template: [
        { kind: 'number', value: parts },
        { kind: 'number', value: each },
        { kind: 'dtype', dtype: key.dtype },
      ],
      args: [
        extentArg(sizeToAxis(key.shape, rank)),
        { kind: 'dims', shape: rowBytes },
        { kind: 'literal', value: attrs.pack ? 1 : 0, dtype: 'bool' },
        ...inputs.map((_, i) => inputArg(i)),
        ...outputs.map((_, i) => outputArg(i)),
        ...stored,
      ],
      parts: 1,
    };
  },
  caffe2: { Partition: importPartition(false), LengthsPartition: importPartition(true) },
  examples: [
    { attrs: { parts: [0, 1], pack: true }, inputs: [{ dtype: 'i32', dims: [7], values: [0, 1, 2, 3, 4, 5, -7] }] },
    {
      attrs: { parts: [0, 0, 1, 1, 2, 2] },
      inputs: [
        { dtype: 'i64', dims: [4], values: [0, 4, 2, 5] },
        { dims: [4, 3], range: [-1, 1] },
      ],
    },
  ],
});

export const partitionLengths = defineOp({
  name: 'PartitionLengths',
  doc: 'for each part, how many rows of each segment have a key of that part',
  source: 'caffe2/operators/partition_ops.h',
  inputs: [
    { name: 'lengths', doc: 'i32 [segments]' },
    { name: 'keys', doc: 'i32 or i64 [sum of the lengths]' },
  ],
  outputs: [{ name: 'outputs', doc: 'i32 [segments] for each part', variadic: true }],
  attrs: { parts: ints('0, 1, …: the part of each output') },
  infer: (request) => {
    const segments = checkVectorOf(request, 0, 'the lengths');
    checkVectorOf(request, 1, 'the keys', kIndexTypes);
    return request.attrs.parts.map(() => tensorType('i32', [segments]));
  },
  reference: (request) => {
    const keys = wholeNumbers(numeric(request.tensor(1)));
    const lengths = checkedLengths(request, numeric(request.tensor(0)), keys.length);
    const { parts } = request.attrs;
    return parts.map((part) => {
      let at = 0;
      const counts = lengths.map((length) => {
        at += length;
        return keys.slice(at - length, at).filter((key) => partOf(key, parts.length) === part).length;
      });
      return makeTensor('i32', [lengths.length], Int32Array.from(counts));
    });
  },
  lower: (request, { parts }) => ({
    header: 'cortado/partition.h',
    fn: 'partition_lengths',
    template: [
      { kind: 'number', value: parts.length },
      { kind: 'dtype', dtype: lowerType(request, 1).dtype },
    ],
    args: [
      inputArg(0),
      inputArg(1),
      extentArg(lowerType(request, 0).shape[0] ?? 0),
      extentArg(lowerType(request, 1).shape[0] ?? 0),
      ...parts.map((_, i) => outputArg(i)),
    ],
    parts: 1,
    fallible: true,
  }),
  examples: [
    {
      attrs: { parts: [0, 1] },
      inputs: [
        { dtype: 'i32', dims: [3], values: [2, 0, 3] },
        { dtype: 'i32', dims: [5], values: [1, 4, 2, 3, 6] },
      ],
    },
  ],
});

export const gatherByKey = defineOp({
  name: 'GatherByKey',
  doc: 'the next row of the part that the key belongs to: what Partition dealt out, put back',
  source: 'caffe2/operators/partition_ops.h',
  inputs: [
    { name: 'keys', doc: 'i32 or i64 [n]' },
    { name: 'parts', doc: '[rows, ...] each', variadic: true },
  ],
  outputs: [{ name: 'y', doc: '[n, ...]' }],
  attrs: {},
  infer: (request) => {
    const count = checkVectorOf(request, 0, 'the keys', kIndexTypes);
    const first = checkRows(request, 1, 'a part');
    let total: Dim = 0;
    request.inputs.slice(1).forEach((_, i) => {
      const own = checkRows(request, i + 1, 'a part');
      if (own.dtype !== first.dtype || !shapeEquals(own.shape.slice(1), first.shape.slice(1))) {
        request.fail('all parts must have rows of one type', { input: i + 1, expected: typeToString(first) });
      }
      total = dimAdd(total, own.rows);
    });
    const isKnown = typeof total === 'number' && typeof count === 'number';
    if (isKnown) checkSameDim(request, 0, 'there must be one key for each row', count, total);
    return [tensorType(first.dtype, [count, ...first.shape.slice(1)])];
  },
  reference: (request) => {
    const keys = wholeNumbers(numeric(request.tensor(0)));
    const parts = request.inputs.slice(1).map((_, i) => numeric(request.tensor(i + 1)));
    const [first = request.fault('there are no parts')] = parts;
    const y = makeTensor(first.dtype, [keys.length, ...first.dims.slice(1)]);
    const inner = Number(sizeFromAxis(first.dims, 1));
    const next = parts.map(() => 0);
    for (const [i, key] of keys.entries()) {
      const part = partOf(key, parts.length);
      const at = next[part] ?? 0;
      const from = parts[part];
      if (from === undefined || at >= (from.dims[0] ?? 0))
        return request.fault(`no row is left for key ${key} at ${i}`);
      copyRange(from, at * inner, y, i * inner, inner);
      next[part] = at + 1;
    }
    return [y];
  },
  lower: (request) => {
    const { inputs } = request.node;
    const first = lowerType(request, 1);
    return {
      header: 'cortado/partition.h',
      fn: 'gather_by_key',
      template: [
        { kind: 'number', value: inputs.length - 1 },
        { kind: 'dtype', dtype: first.dtype },
        { kind: 'dtype', dtype: lowerType(request, 0).dtype },
      ],
      args: [
        inputArg(0),
        outputArg(),
        extentArg(lowerType(request, 0).shape[0] ?? 0),
        extentArg(sizeFromAxis(first.shape, 1)),
        { kind: 'dims', shape: inputs.slice(1).map((value) => value?.type.shape[0] ?? 0) },
        ...inputs.slice(1).map((_, i) => inputArg(i + 1)),
      ],
      parts: 1,
      fallible: true,
    };
  },
  caffe2: {
    GatherByKey: (scope) => {
      scope.expectInputs(2, 1 << 16);
      scope.expectOutputs(1);
      return [
        scope.emitOne(
          'GatherByKey',
          Array.from({ length: scope.inputCount }, (_, i) => scope.input(i)),
        ),
      ];
    },
  },
  examples: [
    {
      inputs: [
        { dtype: 'i64', dims: [4], values: [5, 0, 1, 0] },
        { dims: [2, 2], range: [-1, 1] },
        { dims: [2, 2], range: [-1, 1] },
      ],
    },
  ],
});

export const keySplit = defineOp({
  name: 'KeySplit',
  doc: 'for each key, the positions where it is; a key out of range is a fault',
  source: 'caffe2/operators/key_split_ops.h',
  inputs: [{ name: 'keys', doc: 'i32 or i64 [n]' }],
  outputs: [{ name: 'outputs', doc: 'i32 [where the key is]', variadic: true }],
  attrs: { parts: ints('0, 1, …: the key of each output') },
  infer: (request) => {
    const most = Math.max(1, mostOf(checkVectorOf(request, 0, 'the keys', kIndexTypes)));
    return request.attrs.parts.map((key) => tensorType('i32', [request.symbol(`key${key}`, 0, most)]));
  },
  reference: (request) => {
    const keys = numeric(request.tensor(0));
    const { parts } = request.attrs;
    const places = parts.map((): number[] => []);
    for (let i = 0; i < keys.data.length; i++) {
      const key = getNumber(keys, i);
      (places[key] ?? request.fault(`key ${key} at position ${i} is not in 0..${parts.length - 1}`)).push(i);
    }
    return places.map((list) => makeTensor('i32', [list.length], Int32Array.from(list)));
  },
  lower: (request, { parts }) => ({
    header: 'cortado/partition.h',
    fn: 'key_split',
    template: [
      { kind: 'number', value: parts.length },
      { kind: 'dtype', dtype: lowerType(request, 0).dtype },
    ],
    args: [
      inputArg(0),
      extentArg(lowerType(request, 0).shape[0] ?? 0),
      ...parts.map((_, i) => outputArg(i)),
      ...parts.map((_, i) => storedDim(request, [i])),
    ],
    parts: 1,
    fallible: true,
  }),
  caffe2: {
    KeySplit: (scope) => {
      scope.expectInputs(1);
      scope.expectOutputs(1, 1 << 16);
      const limit = scope.args.int('categorical_limit', 0);
      if (limit !== scope.outputCount) {
        scope.fail('there must be one output for each key', {
          expected: `${limit} outputs`,
          got: String(scope.outputCount),
        });
      }
      return scope.emit('KeySplit', [scope.input(0)], { parts: countUp(limit) }, limit);
    },
  },
  examples: [{ attrs: { parts: [0, 1, 2] }, inputs: [{ dtype: 'i64', dims: [6], values: [0, 2, 1, 0, 2, 2] }] }],
});
