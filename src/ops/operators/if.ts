// If: one of two regions runs. Both take the captured values in order and give the node's outputs in order.

import {
  type Dim,
  dimEquals,
  dimMax,
  dimMin,
  dimSymbols,
  dimToString,
  type Shape,
  shapeEquals,
  shapeSize,
} from '../../ir/dim.js';
import { getNumber } from '../../ir/tensor.js';
import { type Quantization, quantizationEquals, type TensorType, typeToString, withShape } from '../../ir/type.js';
import { defineOp, type InferRequest } from '../define.js';

type Attrs = { readonly [name: string]: never };

/** Merges what the regions give for one output. Sizes made inside a region get a fresh symbol outside. */
class TypeMerger {
  private readonly request: InferRequest<Attrs>;
  private readonly output: number;
  private readonly outer: ReadonlySet<string>;
  private symbols = 0;

  constructor(request: InferRequest<Attrs>, output: number) {
    this.request = request;
    this.output = output;
    const shapes = request.inputs.flatMap((type) => type?.variants ?? (type === undefined ? [] : [type.shape]));
    this.outer = new Set(shapes.flatMap((shape) => shape.flatMap((dim) => dimSymbols(dim).map(({ name }) => name))));
  }

  merge(types: readonly TensorType[]): TensorType {
    const [first, ...rest] = types;
    if (first === undefined) return this.request.fail('a region has no outputs', { code: 'internal' });
    for (const type of rest) {
      if (type.dtype !== first.dtype || !agree(type.quantization, first.quantization)) {
        this.request.fail(`both branches must give output ${this.output} one type`, {
          expected: typeToString(first),
          got: typeToString(type),
        });
      }
    }
    const shapes = this.distinctRanks(types.flatMap((type) => type.variants ?? [type.shape]));
    const merged = withShape(types.find((type) => type.quantization !== undefined) ?? first, shapes[0] ?? []);
    return shapes.length === 1 ? merged : { ...merged, variants: shapes };
  }

  /** One shape for each rank. */
  private distinctRanks(shapes: readonly Shape[]): readonly Shape[] {
    const byRank = new Map<number, Shape>();
    for (const shape of shapes) {
      const known = byRank.get(shape.length);
      if (known === undefined)
        byRank.set(
          shape.length,
          shape.map((dim) => this.lift(dim)),
        );
      else if (!shapeEquals(known, shape))
        byRank.set(
          shape.length,
          known.map((dim, i) => this.join(dim, shape[i] ?? 0)),
        );
    }
    return [...byRank.values()];
  }

  private lift(dim: Dim): Dim {
    return dimSymbols(dim).every(({ name }) => this.outer.has(name)) ? dim : this.fresh(dimMin(dim), dimMax(dim));
  }

  private join(a: Dim, b: Dim): Dim {
    if (dimEquals(a, b)) return a;
    return this.fresh(Math.min(dimMin(a), dimMin(b)), Math.max(dimMax(a), dimMax(b)));
  }

  private fresh(min: number, max: number): Dim {
    this.symbols += 1;
    return this.request.symbol(`dim${this.output}_${this.symbols}`, min, max);
  }
}

/** A pass may have lost the quantization of one branch. */
function agree(a: Quantization | undefined, b: Quantization | undefined): boolean {
  return a === undefined || b === undefined || quantizationEquals(a, b);
}

export const ifOp = defineOp({
  name: 'If',
  doc: 'runs region 0 when the condition is true, else region 1; region inputs are the captured values in order',
  source: 'caffe2/operators/if_op.h',
  inputs: [
    { name: 'condition', doc: 'bool, one element' },
    { name: 'captured', doc: 'values that the regions read', variadic: true },
  ],
  outputs: [{ name: 'y', doc: 'what the region that ran gives', variadic: true }],
  attrs: {},
  regions: ['then', 'else'],
  infer: (request) => {
    const condition = request.type(0);
    if (condition.dtype !== 'bool' || shapeSize(condition.shape) !== 1) {
      request.fail('the condition must be one bool', {
        input: 0,
        expected: 'bool with one element',
        got: `${condition.dtype} with ${dimToString(shapeSize(condition.shape))} elements`,
      });
    }
    const [then = [], other = []] = request.regionOutputs;
    if (then.length !== other.length)
      request.fail('the regions give different numbers of outputs', { code: 'internal' });
    return then.map((type, i) => new TypeMerger(request, i).merge([type, other[i] ?? type]));
  },
  reference: (request) => {
    const taken = getNumber(request.tensor(0), 0) !== 0 ? 0 : 1;
    return request.runRegion(
      taken,
      request.inputs.slice(1).map((_, i) => request.tensor(i + 1)),
    );
  },
  examples: [],
});
