// NGramFromCategorical: several columns of small whole numbers as one number, the first column in the smallest place.

import { getNumber, makeTensor } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { ints } from '../attributes.js';
import { sizeFromAxis } from '../axes.js';
import { numeric } from '../builder.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineOp } from '../define.js';
import { extentArg, inputArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';

const kMaxInt = 2 ** 31 - 1;

interface NGramAttrs {
  readonly columns: readonly number[];
  readonly limits: readonly number[];
  readonly values: readonly number[];
}

/** What each value of each column stands for: its place in the column's list times the sizes of all lists before. */
function placesOf({ limits, values }: NGramAttrs): readonly ReadonlyMap<number, number>[] {
  let [base, start] = [1, 0];
  return limits.map((limit) => {
    // The last of equal values counts.
    const places = new Map(values.slice(start, start + limit).map((value, i) => [value, i * base]));
    start += limit;
    base *= limit;
    return places;
  });
}

/** Halves away from zero, as C's round; what is no int is no value of any list. 2.5 -> 3, -2.5 -> -3. */
function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value));
}

export const ngram = defineOp({
  name: 'NGram',
  doc: 'y[i] = sum over the columns of (place of round(x[i, column]) in its list, 0 where it is not there) * product of the sizes of all lists before',
  source: 'caffe2/operators/ngram_ops.h',
  inputs: [{ name: 'x', doc: 'f32 [n, ...]; the dims behind the first count as columns' }],
  outputs: [{ name: 'y', doc: 'i32 [n]' }],
  attrs: { columns: ints('columns'), limits: ints('size of the list of each'), values: ints('the lists') },
  infer: (request) => {
    const { dtype, shape } = request.type(0);
    const { columns } = request.attrs;
    const width = sizeFromAxis(shape, 1);
    if (dtype !== 'f32' || shape.length === 0) request.fail('NGram needs floats with rows', { input: 0 });
    if (typeof width !== 'number' || Math.max(...columns) >= width) {
      request.fail('a column is out of range', { input: 0, expected: `${Math.max(...columns) + 1} columns or more` });
    }
    return [tensorType('i32', [shape[0] ?? 0])];
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const { columns } = request.attrs;
    const places = placesOf(request.attrs);
    const width = Number(sizeFromAxis(x.dims, 1));
    const y = makeTensor('i32', [x.dims[0] ?? 0]);
    for (let i = 0; i < y.data.length; i++) {
      y.data[i] = columns.reduce(
        (sum, column, k) => sum + (places[k]?.get(roundHalfAway(getNumber(x, i * width + column))) ?? 0),
        0,
      );
    }
    return [y];
  },
  lower: (request, { columns, limits, values }) => {
    const { shape } = lowerType(request, 0);
    return {
      header: 'cortado/ngram.h',
      fn: 'ngram',
      template: [],
      args: [
        inputArg(0),
        outputArg(),
        { kind: 'dims', shape: columns },
        { kind: 'dims', shape: limits },
        { kind: 'dims', shape: values },
        extentArg(shape[0] ?? 0),
        extentArg(sizeFromAxis(shape, 1)),
      ],
      parts: kRowParts,
    };
  },
  caffe2: {
    NGramFromCategorical: (scope) => {
      scope.expectInputs(1);
      scope.expectOutputs(1);
      return [scope.emitOne('NGram', [scope.input(0)], readLists(scope))];
    },
  },
  examples: [
    {
      attrs: { columns: [2, 0], limits: [3, 2], values: [4, 5, 6, 1, 0] },
      inputs: [{ dims: [3, 3], values: [0.4, 9, 5, 1, 9, 6.2, 0, 9, 8] }],
    },
  ],
});

function readLists(scope: ImportScope): NGramAttrs & { readonly [name: string]: readonly number[] } {
  const { args } = scope;
  const lists = { columns: args.ints('col_ids'), limits: args.ints('categorical_limits'), values: args.ints('vals') };
  const { columns, limits, values } = lists;
  const fail = (message: string): never => scope.fail(message, { got: `[${[columns, limits, values].join('], [')}]` });
  if (columns.length === 0 || columns.length !== limits.length)
    fail('col_ids and categorical_limits must be of one size');
  if (columns.some((column) => column < 0)) fail('a column is negative');
  if (limits.some((limit) => limit <= 0)) fail('a limit is not positive');
  if (limits.reduce((sum, limit) => sum + limit, 0) !== values.length)
    fail('vals must have as many values as the limits say');
  if (limits.reduce((product, limit) => product * limit, 1) > kMaxInt) fail('the numbers do not fit into 32 bits');
  return lists;
}
