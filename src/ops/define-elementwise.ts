// defineElementwise: an elementwise operator is a scalar expression; type inference, reference, kernel and fusion all
// follow from it. Inputs broadcast numpy-style; importers turn Caffe2's legacy broadcast into Reshape + broadcast.

import { shapeToString } from '../ir/dim.js';
import type { DType } from '../ir/dtype.js';
import { exprDType, type ScalarExpr } from '../ir/expr.js';
import { tensorType } from '../ir/type.js';
import type { AttrSpecs, AttrsOf } from './attributes.js';
import { inferBroadcast } from './broadcast.js';
import { numeric } from './builder.js';
import type { Caffe2Imports } from './caffe2-import.js';
import { defineOp, type Example, type InputSpec, type OpDef } from './define.js';
import { evaluateExpr } from './evaluate-expr.js';

export interface ElementwiseSpec<S extends AttrSpecs> {
  readonly name: string;
  readonly doc: string;
  readonly source: string;
  readonly inputs: readonly InputSpec[];
  readonly attrs: S;
  /** dtypes that input 0 may have. */
  readonly dtypes: readonly DType[];
  /** dtypes of further inputs; the same as input 0 when absent. */
  readonly inputDTypes?: readonly (readonly DType[] | undefined)[];
  scalar(attrs: AttrsOf<S>, dtypes: readonly DType[]): ScalarExpr;
  readonly caffe2?: Caffe2Imports;
  readonly tolerance?: { readonly relative: number; readonly absolute: number };
  readonly examples: readonly Example[];
}

export const kFloatTypes: readonly DType[] = ['f32', 'f64'];
export const kNumericTypes: readonly DType[] = ['f32', 'f64', 'i32', 'i64'];

/** Declares an elementwise operator. */
export function defineElementwise<const S extends AttrSpecs>(spec: ElementwiseSpec<S>): OpDef<S> {
  return defineOp<S>({
    name: spec.name,
    doc: spec.doc,
    source: spec.source,
    inputs: spec.inputs,
    outputs: [{ name: 'y', doc: 'the result, shaped as the broadcast of all inputs' }],
    attrs: spec.attrs,
    ...(spec.caffe2 === undefined ? {} : { caffe2: spec.caffe2 }),
    ...(spec.tolerance === undefined ? {} : { tolerance: spec.tolerance }),
    examples: spec.examples,
    scalar: (attrs, dtypes) => spec.scalar(attrs, dtypes),
    infer: (request) => {
      const types = request.inputs.map((_, i) => request.type(i));
      types.forEach((type, i) => {
        const allowed = i === 0 ? spec.dtypes : (spec.inputDTypes?.[i] ?? [types[0]?.dtype ?? 'f32']);
        if (!allowed.includes(type.dtype)) {
          request.fail(`${spec.name} cannot take ${type.dtype} as input ${i}`, {
            input: i,
            expected: allowed.join(' or '),
          });
        }
      });
      const shape = inferBroadcast(types.map((type) => type.shape));
      if (typeof shape === 'string') {
        return request.fail(`${spec.name}: ${shape}`, {
          expected: 'equal shapes, or dims of 1 where they differ',
          got: types.map((type) => shapeToString(type.shape)).join(' and '),
        });
      }
      const dtypes = types.map((type) => type.dtype);
      return [tensorType(exprDType(spec.scalar(request.attrs, dtypes), dtypes), shape)];
    },
    reference: (request) => {
      const operands = request.inputs.map((_, i) => numeric(request.tensor(i)));
      const dtypes = operands.map((tensor) => tensor.dtype);
      try {
        return [evaluateExpr(spec.scalar(request.attrs, dtypes), operands)];
      } catch (error) {
        if (error instanceof RangeError) return request.fault(error.message);
        throw error;
      }
    },
  });
}
