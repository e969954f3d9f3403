// defineView: operators whose output is the first input's data under another shape. They cost nothing at run time.

import { type Shape, shapeEquals, shapeSize, shapeToString } from '../ir/dim.js';
import { withShape } from '../ir/type.js';
import type { AttrSpecs, AttrsOf } from './attributes.js';
import type { Caffe2Imports } from './caffe2-import.js';
import { withDims } from './copy-tensor.js';
import { defineOp, type Example, type InferRequest, type InputSpec, type OpDef } from './define.js';

export interface ViewSpec<S extends AttrSpecs> {
  readonly name: string;
  readonly doc: string;
  readonly source: string;
  readonly attrs: S;
  /** Further inputs, whose values are not read. */
  readonly inputs?: readonly InputSpec[];
  shape(request: InferRequest<AttrsOf<S>>): Shape;
  readonly caffe2?: Caffe2Imports;
  readonly examples: readonly Example[];
}

/** Declares a view operator; checks that the element count stays. */
export function defineView<const S extends AttrSpecs>(spec: ViewSpec<S>): OpDef<S> {
  return defineOp<S>({
    name: spec.name,
    doc: spec.doc,
    source: spec.source,
    inputs: [{ name: 'x', doc: 'any dtype' }, ...(spec.inputs ?? [])],
    outputs: [{ name: 'y', doc: 'the data of x under another shape' }],
    attrs: spec.attrs,
    view: 'reshape',
    ...(spec.caffe2 === undefined ? {} : { caffe2: spec.caffe2 }),
    examples: spec.examples,
    infer: (request) => {
      const x = request.type(0);
      const shape = spec.shape(request);
      if (!shapeEquals([shapeSize(x.shape)], [shapeSize(shape)])) {
        request.fail(`the shape does not agree with the number of elements`, {
          expected: `${shapeToString([shapeSize(x.shape)]).slice(1, -1)} elements, as in ${shapeToString(x.shape)}`,
          got: `${shapeToString([shapeSize(shape)]).slice(1, -1)} elements in ${shapeToString(shape)}`,
        });
      }
      return [withShape(x, shape)];
    },
    reference: (request) => [withDims(request.tensor(0), request.outputs[0]?.shape.map(Number) ?? [])],
  });
}
