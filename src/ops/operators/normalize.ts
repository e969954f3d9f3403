// Normalize: vectors along one axis are divided by their norm.

import { shapeMaxSize, shapeSize } from '../../ir/dim.js';
import { float, int } from '../attributes.js';
import type { Caffe2Import } from '../caffe2-import.js';
import { defineOp } from '../define.js';
import { readAxis } from '../flatten-import.js';
import { inferRows } from '../flattened-rows.js';
import { extentArg, floatArg, inputArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';
import { floatData, floatOutput, sizeOf } from '../reference-tensors.js';

export const normalize = defineOp({
  name: 'Normalize',
  doc: 'y = x / max(norm, floor) along axis, with the norm sum |x| (power 1) or sqrt(sum x^2) (power 2); zeros stay zeros',
  source: 'caffe2/operators/normalize_op.h, normalize_l1_op.h',
  inputs: [{ name: 'x', doc: 'any rank' }],
  outputs: [{ name: 'y', doc: 'shaped as x' }],
  attrs: { axis: int('dim along which the norm is taken'), power: int('1 or 2', 2), floor: float('smallest norm', 0) },
  infer: (request) => {
    const { power } = request.attrs;
    if (power !== 1 && power !== 2) request.fail('the norm must be 1 or 2', { got: String(power) });
    return [inferRows(request)];
  },
  reference: (request) => {
    const { axis, power, floor } = request.attrs;
    const x = request.tensor(0);
    const source = floatData(x);
    const y = floatOutput(request);
    const count = x.dims[axis] ?? 1;
    const inner = sizeOf(x.dims, axis + 1);
    for (let vector = 0; vector < sizeOf(x.dims, 0, axis) * inner; vector++) {
      const begin = Math.floor(vector / inner) * count * inner + (vector % inner);
      const offsets = Array.from({ length: count }, (_, i) => begin + i * inner);
      const sum = offsets.reduce((total, at) => total + Math.abs(source[at] ?? 0) ** power, 0);
      const norm = power === 2 ? Math.sqrt(sum) : sum;
      const divisor = norm < floor ? floor : norm;
      for (const at of offsets) y.data[at] = (source[at] ?? 0) / (divisor === 0 ? 1 : divisor);
    }
    return [y.tensor];
  },
  macs: ({ inputs }) => 2 * shapeMaxSize(inputs[0]?.shape ?? []),
  lower: (request, attrs) => {
    const { shape } = lowerType(request, 0);
    return {
      header: 'cortado/normalize.h',
      fn: 'normalize',
      template: [{ kind: 'number', value: attrs.power }],
      args: [
        extentArg(shapeSize(shape.slice(0, attrs.axis))),
        extentArg(shape[attrs.axis] ?? 1),
        extentArg(shapeSize(shape.slice(attrs.axis + 1))),
        floatArg(attrs.floor),
        inputArg(0),
        outputArg(),
      ],
      parts: kRowParts,
    };
  },
  caffe2: {
    Normalize: importNormalize({ power: 2, floor: 1e-12 }),
    NormalizeL1: importNormalize({ power: 1, floor: 0 }),
  },
  examples: [
    { attrs: { axis: 1 }, inputs: [{ dims: [3, 5], range: [-1, 1] }] },
    { attrs: { axis: 0, power: 1 }, inputs: [{ dims: [4, 2, 3], range: [-1, 1] }] },
    { note: 'a zero vector', attrs: { axis: 1 }, inputs: [{ dims: [2, 2], values: [0, 0, 3, -4] }] },
  ],
});

function importNormalize(norm: { readonly power: number; readonly floor: number }): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    const x = scope.input(0);
    return [scope.emitOne('Normalize', [x], { ...norm, axis: readAxis(scope, 'axis', -1, x.type.shape.length) })];
  };
}
