// QuantizedAdd: the sum of two 8-bit tensors of one shape, as TensorFlow Lite computes it.

import { type Shape, shapeEquals, shapeSize, shapeToString } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { int } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineOp } from '../define.js';
import { clampInt, type FixedFactor, roundedFactor, roundedScale } from '../fixed-point.js';
import { extentArg, inputArg, lowerType, outputArg, structArg } from '../kernel-arguments.js';
import { outputRange, quantizedInput, readOutputQuantization } from '../quantized-import.js';
import { byteData, byteOutput, checkBytes, kFixedFactor, kOutputRange, quantizedType } from '../quantized-type.js';
import { partsFor } from '../strided-copy.js';

/** Inputs are taken in steps of 2^-20 of twice the larger scale, so that their sum fits 32 bits. */
const kLeftShift = 20;

export const quantizedAdd = defineOp({
  name: 'QuantizedAdd',
  doc:
    'y = clamp(scale(A + B) + yZero, low, high); A = scale((a - aZero) * 2^20) by its own factor, B likewise; each scale is ' +
    'multiplier * 2^-31 rounded half up, then * 2^-shift rounded half away from zero. a = b = 10, factors 0.5, y factor 2^-20: A + B = 10 * 2^20, y = 10 + yZero',
  source: 'caffe2/operators/quantized/int8_add_op.h; catalogue 2.15',
  inputs: [
    { name: 'a', doc: 'u8' },
    { name: 'b', doc: 'u8, shaped as a' },
  ],
  outputs: [{ name: 'y', doc: 'u8' }],
  attrs: {
    aZero: int('the a that stands for 0'),
    aMultiplier: int('of the factor of a'),
    aShift: int('of the factor of a'),
    bZero: int('the b that stands for 0'),
    bMultiplier: int('of the factor of b'),
    bShift: int('of the factor of b'),
    ...kFixedFactor,
    ...kOutputRange,
  },
  infer: (request) => {
    const { shape } = checkBytes(request, 0, 'the first summand');
    const other = checkBytes(request, 1, 'the second summand').shape;
    if (!shapeEquals(shape, other)) {
      request.fail('the summands must have one shape', {
        input: 1,
        expected: shapeToString(shape),
        got: shapeToString(other),
      });
    }
    return [quantizedType(shape, request.attrs)];
  },
  reference: (request) => {
    const { attrs } = request;
    const b = byteData(request.tensor(1));
    const y = byteOutput(request);
    const ofA = { multiplier: attrs.aMultiplier, shift: attrs.aShift };
    const ofB = { multiplier: attrs.bMultiplier, shift: attrs.bShift };
    byteData(request.tensor(0)).forEach((value, i) => {
      const left = roundedScale((value - attrs.aZero) * 2 ** kLeftShift, ofA);
      const right = roundedScale(((b[i] ?? 0) - attrs.bZero) * 2 ** kLeftShift, ofB);
      y.data[i] = clampInt(roundedScale(left + right, attrs) + attrs.yZero, attrs.low, attrs.high);
    });
    return [y.tensor];
  },
  lower: (request, attrs) => {
    const shape: Shape = lowerType(request, 0).shape;
    const y = [attrs.multiplier, attrs.shift, attrs.yZero, attrs.low, attrs.high];
    return {
      header: 'cortado/quantized.h',
      fn: 'quantized_add',
      template: [],
      args: [
        extentArg(shapeSize(shape)),
        structArg('QuantizedAddTerms', [
          ['a_zero', attrs.aZero],
          ['a_multiplier', attrs.aMultiplier],
          ['a_shift', attrs.aShift],
          ['b_zero', attrs.bZero],
          ['b_multiplier', attrs.bMultiplier],
          ['b_shift', attrs.bShift],
          ['y', y],
        ]),
        inputArg(0),
        inputArg(1),
        outputArg(),
      ],
      parts: partsFor(shape, request),
      inPlace: [
        { input: 0, output: 0 },
        { input: 1, output: 0 },
      ],
    };
  },
  tolerance: { relative: 0, absolute: 0 },
  caffe2: { Int8Add: importAdd, Int8AddRelu: importAdd, Int8Sum: importAdd, Int8SumRelu: importAdd },
  examples: [
    {
      attrs: {
        aZero: 0,
        aMultiplier: 2 ** 30,
        aShift: 0,
        bZero: 0,
        bMultiplier: 2 ** 30,
        bShift: 0,
        multiplier: 2 ** 30,
        shift: 19,
        yZero: 3,
      },
      inputs: [
        { dtype: 'u8', dims: [2], values: [10, 0] },
        { dtype: 'u8', dims: [2], values: [10, 255] },
      ],
    },
    {
      note: 'with Relu',
      attrs: {
        aZero: 100,
        aMultiplier: 1288490189,
        aShift: 0,
        bZero: 140,
        bMultiplier: 2047483011,
        bShift: 3,
        multiplier: 1717986918,
        shift: 19,
        yZero: 121,
        low: 121,
      },
      inputs: [
        { dtype: 'u8', dims: [3, 5, 77], range: [0, 256] },
        { dtype: 'u8', dims: [3, 5, 77], range: [0, 256] },
      ],
    },
  ],
});

function importAdd(scope: ImportScope): readonly Value[] {
  scope.expectInputs(2);
  scope.expectOutputs(1);
  scope.args.ignore('order');
  const a = quantizedInput(scope, 0);
  const b = quantizedInput(scope, 1);
  const y = readOutputQuantization(scope);
  const twice = 2 * Math.max(a.scale, b.scale);
  const ofA = readFactor(scope, a.scale / twice);
  const ofB = readFactor(scope, b.scale / twice);
  const attrs = {
    aZero: a.zeroPoint,
    aMultiplier: ofA.multiplier,
    aShift: ofA.shift,
    bZero: b.zeroPoint,
    bMultiplier: ofB.multiplier,
    bShift: ofB.shift,
    ...readFactor(scope, twice / (2 ** kLeftShift * y.scale)),
    ...outputRange(y, scope.type.endsWith('Relu')),
  };
  return [scope.emitOne('QuantizedAdd', [a.value, b.value], attrs)];
}

/** A factor in (0, 1) whose shift is at most 31. */
function readFactor(scope: ImportScope, factor: number): FixedFactor {
  const fits = factor < 1 && factor >= 2 ** -31;
  return fits
    ? roundedFactor(factor)
    : scope.fail('the scales do not fit together', {
        code: 'unsupported',
        expected: 'input scales and Y_scale within a factor of 2^19',
        got: `the factor ${factor}`,
      });
}
