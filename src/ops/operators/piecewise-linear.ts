// PiecewiseLinear: a calibration curve for each column, or one for the last column of a two-class prediction.

import { dimEquals } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { floatTensor, getNumber, makeTensor, toNumbers } from '../../ir/tensor.js';
import { tensorType, typeToString } from '../../ir/type.js';
import { bool } from '../attributes.js';
import { numeric } from '../builder.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType } from '../check-input.js';
import { defineOp } from '../define.js';
import { extentArg, inputArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';
import { mostOf } from '../value-sizes.js';

/** Bounds, slopes and intercepts: arguments, or inputs 1 to 3 where there are no arguments. */
function readCurves(scope: ImportScope): readonly Value[] {
  const names = ['bounds', 'slopes', 'intercepts'] as const;
  const lists = names.map((name) => scope.args.floats(name));
  if (lists.every((list) => list.length === 0)) {
    if (scope.inputCount !== 4) {
      scope.fail('PiecewiseLinearTransform needs its curve', {
        expected: `arguments ${names.join(', ')}, or 4 inputs`,
      });
    }
    return [1, 2, 3].map((i) => scope.input(i));
  }
  if (scope.inputCount !== 1) scope.fail('a curve is given both by arguments and by inputs', { expected: '1 input' });
  return lists.map((list, i) => scope.constant(floatTensor([list.length], list), names[i] ?? 'curve'));
}

export const piecewiseLinear = defineOp({
  name: 'PiecewiseLinear',
  doc: 'y = slope * x + intercept of the piece of the column that holds x, x kept inside the outer bounds; binary: one curve for the last column, the other of two columns is 1 - y',
  source: 'caffe2/operators/piecewise_linear_transform_op.h',
  inputs: [
    { name: 'x', doc: 'f32 [n, columns]; binary: [n], [n, 1] or [n, 2]' },
    { name: 'bounds', doc: 'f32: pieces + 1 for each curve, ascending' },
    { name: 'slopes', doc: 'f32: one for each piece' },
    { name: 'intercepts', doc: 'f32: one for each piece' },
  ],
  outputs: [{ name: 'y', doc: 'shaped as x' }],
  attrs: { binary: bool('one curve', false) },
  infer: (request) => {
    const x = checkDType(request, 0, 'the input');
    const [bounds, slopes, intercepts] = [1, 2, 3].map((i) => {
      const type = checkDType(request, i, 'the curve');
      return type.shape.reduce<number>((product, dim) => product * mostOf(dim), 1);
    }) as [number, number, number];
    const curves = bounds - slopes;
    if (slopes !== intercepts || curves < 1 || slopes < 1 || slopes % curves !== 0) {
      request.fail('bounds, slopes and intercepts do not agree', {
        expected: 'pieces + 1 bounds, pieces slopes and intercepts for each curve',
        got: `${bounds}, ${slopes} and ${intercepts}`,
      });
    }
    const columns = x.shape[1] ?? 1;
    const isBinaryFit = x.shape.length <= 2 && x.shape.length > 0 && curves === 1 && (columns === 1 || columns === 2);
    const isFit = x.shape.length === 2 && dimEquals(columns, curves);
    if (request.attrs.binary ? !isBinaryFit : !isFit) {
      request.fail('there must be one curve for each column', {
        input: 0,
        got: `${typeToString(x)}, ${curves} curves`,
      });
    }
    return [tensorType('f32', x.shape)];
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const [bounds, slopes, intercepts] = [1, 2, 3].map((i) => toNumbers(request.tensor(i))) as [
      readonly number[],
      readonly number[],
      readonly number[],
    ];
    const columns = x.dims[1] ?? 1;
    const curves = bounds.length - slopes.length;
    const pieces = slopes.length / curves;
    const { binary } = request.attrs;
    const y = makeTensor('f32', x.dims);
    const valueAt = (value: number, curve: number): number => {
      const own = bounds.slice(curve * (pieces + 1), (curve + 1) * (pieces + 1));
      const [low = 0, high = 0] = [own[0], own[pieces]];
      const kept = value <= low ? low : value >= high ? high : value;
      const below = own.filter((bound) => bound < kept).length;
      const piece = curve * pieces + Math.min(pieces - 1, Math.max(0, below - 1));
      return (slopes[piece] ?? 0) * kept + (intercepts[piece] ?? 0);
    };
    for (let i = 0; i < y.data.length; i++) {
      if (!binary) y.data[i] = valueAt(getNumber(x, i), i % columns);
      else if (i % columns === columns - 1) y.data[i] = valueAt(getNumber(x, i), 0);
      else y.data[i] = 1 - Math.fround(valueAt(getNumber(x, i + 1), 0));
    }
    return [y];
  },
  lower: (request, { binary }) => {
    const { shape } = lowerType(request, 0);
    const sizeOf = (i: number): number =>
      lowerType(request, i).shape.reduce<number>((size, dim) => size * mostOf(dim), 1);
    const curves = sizeOf(1) - sizeOf(2);
    return {
      header: 'cortado/piecewise_linear.h',
      fn: 'piecewise_linear',
      template: [{ kind: 'bool', value: binary }],
      args: [
        ...[0, 1, 2, 3].map(inputArg),
        outputArg(),
        extentArg(shape[0] ?? 0),
        extentArg(shape[1] ?? 1),
        extentArg(sizeOf(2) / curves),
      ],
      parts: kRowParts,
    };
  },
  caffe2: {
    PiecewiseLinearTransform: (scope) => {
      scope.expectInputs(1, 4);
      scope.expectOutputs(1);
      const binary = scope.args.bool('binary', false);
      return [scope.emitOne('PiecewiseLinear', [scope.input(0), ...readCurves(scope)], { binary })];
    },
  },
  examples: [
    {
      inputs: [
        { dims: [3, 2], values: [0.5, -1, 3, 0.25, -2, 5] },
        { dims: [6], values: [-1, 1, 2, -2, 0, 4] },
        { dims: [4], values: [0.5, 2, 1, 0.25] },
        { dims: [4], values: [0, -1.5, 2, 2] },
      ],
    },
    {
      attrs: { binary: true },
      inputs: [
        { dims: [2, 2], values: [0.25, 0.75, 0.9, 0.1] },
        { dims: [3], values: [0, 0.5, 1] },
        { dims: [2], values: [0.5, 1.5] },
        { dims: [2], values: [0, -0.5] },
      ],
    },
  ],
});
