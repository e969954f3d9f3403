// Glu: the gated linear unit; one half of an axis gates the other.

import { dimFloorDiv, isStatic, shapeMaxSize, shapeSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { int } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineOp } from '../define.js';
import { readAxis } from '../flatten-import.js';
import { inferRows } from '../flattened-rows.js';
import { extentArg, inputArg, kRowParts, lowerOutput, lowerType, outputArg } from '../kernel-arguments.js';
import { floatData, floatOutput, sizeOf } from '../reference-tensors.js';

export const glu = defineOp({
  name: 'Glu',
  doc: 'y = a * sigmoid(b), where a and b are the first and second half of x along axis',
  source: 'caffe2/operators/glu_op.cc',
  inputs: [{ name: 'x', doc: 'even along axis' }],
  outputs: [{ name: 'y', doc: 'half of x along axis' }],
  attrs: { axis: int('dim that is halved') },
  infer: (request) => {
    const x = inferRows(request);
    const { axis } = request.attrs;
    const dim = x.shape[axis] ?? 1;
    if (!isStatic(dim) || dim % 2 !== 0) request.fail(`dim ${axis} is not even`, { input: 0 });
    return [{ ...x, shape: x.shape.map((size, i) => (i === axis ? dimFloorDiv(size, 2) : size)) }];
  },
  reference: (request) => {
    const x = request.tensor(0);
    const y = floatOutput(request);
    const row = sizeOf(y.tensor.dims, request.attrs.axis);
    const source = floatData(x);
    for (let i = 0; i < y.data.length; i++) {
      const at = Math.floor(i / row) * 2 * row + (i % row);
      y.data[i] = (source[at] ?? 0) / (1 + Math.exp(-(source[at + row] ?? 0)));
    }
    return [y.tensor];
  },
  macs: ({ outputs }) => shapeMaxSize(outputs[0]?.shape ?? []),
  lower: (request, { axis }) => ({
    header: 'cortado/glu.h',
    fn: 'glu',
    template: [],
    args: [
      extentArg(shapeSize(lowerType(request, 0).shape.slice(0, axis))),
      extentArg(shapeSize(lowerOutput(request).shape.slice(axis))),
      inputArg(0),
      outputArg(),
    ],
    parts: kRowParts,
  }),
  caffe2: { Glu: importGlu },
  examples: [
    { attrs: { axis: 1 }, inputs: [{ dims: [3, 8], range: [-3, 3] }] },
    { attrs: { axis: 1 }, inputs: [{ dims: [2, 6, 3], range: [-3, 3] }] },
  ],
});

function importGlu(scope: ImportScope): readonly Value[] {
  scope.expectInputs(1);
  scope.expectOutputs(1);
  const x = scope.input(0);
  return [scope.emitOne('Glu', [x], { axis: readAxis(scope, 'dim', -1, x.type.shape.length) })];
}
