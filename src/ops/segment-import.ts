// Caffe2's Lengths*, SparseLengths*, SortedSegment*, UnsortedSegment* and their 8-bit forms as SegmentReduce: a table of
// reductions x ways to say where a segment is.

import { isStaticShape, shapeEquals } from '../ir/dim.js';
import { elementCount } from '../ir/tensor.js';
import { typeToString } from '../ir/type.js';
import type { Caffe2Import, Caffe2Imports } from './caffe2-import.js';
import { knownNumbers, mostOf, readBound } from './value-sizes.js';

interface Form {
  readonly reduce: string;
  readonly by: 'lengths' | 'sorted' | 'unsorted';
  readonly sparse?: boolean;
  readonly weighted?: boolean;
  readonly positional?: boolean;
  readonly rows?: 'biased' | 'fused';
}

function importSegments(form: Form): Caffe2Import {
  const { reduce, by, sparse = false, weighted = false, positional = false, rows = 'plain' } = form;
  const inputCount = 2 + Number(sparse) + Number(weighted) + Number(rows === 'biased');
  return (scope) => {
    scope.expectInputs(inputCount);
    scope.expectOutputs(1);
    if (weighted) scope.args.ignore('grad_on_weights');
    let next = 1;
    const weights = weighted ? scope.input(next++) : undefined;
    const indices = sparse ? scope.input(next++) : undefined;
    const at = next++;
    const scaleBias = rows === 'biased' ? scope.input(next) : undefined;
    const inputs = [scope.input(0), scope.input(at), indices, weights, scaleBias];
    const count = mostOf((indices ?? scope.input(0)).type.shape[0]);
    const known = by === 'lengths' ? undefined : knownNumbers(scope, at)?.reduce((k, id) => Math.max(k, id + 1), 0);
    const given = by === 'unsorted' ? scope.args.int('num_segments', -1) : -1;
    const attrs = {
      ...{ reduce, by, positional, rows },
      exact: by === 'lengths' && !sparse,
      size: given !== -1 ? given : (known ?? -1),
      bound: by === 'unsorted' ? readBound(scope, count) : Math.max(1, count),
    };
    if (attrs.size < -1) scope.fail('num_segments is negative', { got: String(attrs.size) });
    return [scope.emitOne('SegmentReduce', inputs, attrs)];
  };
}

function makeForms(): { readonly [type: string]: Form } {
  const forms: { [type: string]: Form } = {
    LengthsMax: { reduce: 'max', by: 'lengths' },
    SparseLengthsPositionalWeightedSum: {
      ...{ reduce: 'sum', by: 'lengths', sparse: true, weighted: true },
      positional: true,
    },
    SparseLengthsWeightedMean8BitsRowwise: {
      ...{ reduce: 'mean', by: 'lengths', sparse: true, weighted: true },
      rows: 'biased',
    },
  };
  const sums = { Sum: {}, Mean: {}, WeightedSum: { weighted: true } };
  for (const [name, more] of Object.entries(sums)) {
    const reduce = name === 'Mean' ? 'mean' : 'sum';
    for (const sparse of [false, true]) {
      const prefix = sparse ? 'Sparse' : '';
      forms[`${prefix}Lengths${name}`] = { reduce, by: 'lengths', sparse, ...more };
      forms[`${prefix}SortedSegment${name}`] = { reduce, by: 'sorted', sparse, ...more };
      forms[`${prefix}UnsortedSegment${name}`] = { reduce, by: 'unsorted', sparse, ...more };
    }
    const table = { reduce, by: 'lengths', sparse: true, ...more } as const;
    forms[`SparseLengths${name}8BitsRowwise`] = { ...table, rows: 'biased' };
    forms[`SparseLengths${name}Fused8BitRowwise`] = { ...table, rows: 'fused' };
  }
  const ranges = { Sum: 'sum', Mean: 'mean', Max: 'rangeMax', LogSumExp: 'logSumExp', LogMeanExp: 'logMeanExp' };
  for (const [name, reduce] of Object.entries(ranges)) forms[`SortedSegmentRange${name}`] = { reduce, by: 'sorted' };
  return forms;
}

export const kSegmentImports: Caffe2Imports = {
  ...Object.fromEntries(Object.entries(makeForms()).map(([type, form]) => [type, importSegments(form)])),
  ReduceFrontWeightedSum: (scope) => {
    scope.expectInputs(2);
    scope.expectOutputs(1);
    scope.args.ignore('grad_on_weights');
    const [data, weights] = [scope.input(0), scope.input(1)];
    const count = scope.args.int('num_reduce_dim', 1);
    const [front, rest] = [data.type.shape.slice(0, count), data.type.shape.slice(count)];
    if (count < 0 || front.length !== count || !shapeEquals(weights.type.shape, front)) {
      scope.fail('there must be one weight for each block of the data', {
        blob: scope.inputBlob(1),
        expected: `the first ${count} dims of ${typeToString(data.type)}`,
        got: typeToString(weights.type),
      });
    }
    if (data.type.dtype !== 'f32' || weights.type.dtype !== 'f32') scope.fail('ReduceFrontWeightedSum needs floats');
    if (!isStaticShape(rest))
      return scope.fail('the dims behind the reduced ones must be known', { code: 'unsupported' });
    const row = scope.emitOne('Reshape', [weights], { shape: [1, -1] });
    const blocks = scope.emitOne('Reshape', [data], { shape: [-1, elementCount(rest)] });
    const sum = scope.emitOne('MatMul', [row, blocks]);
    return [scope.emitOne('Reshape', [sum], { shape: rest })];
  },
};
