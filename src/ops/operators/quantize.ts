// Quantize and Dequantize: where floats become bytes and back; and the Int8 fills.

import { type Shape, shapeSize } from '../../ir/dim.js';
import { roundHalfEven } from '../../ir/numbers.js';
import { elementCount, getNumber, makeTensor } from '../../ir/tensor.js';
import { tensorType, typeToString } from '../../ir/type.js';
import { float, int } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType } from '../check-input.js';
import { defineOp } from '../define.js';
import { readKnownFillShape } from '../fill-shape.js';
import { clampInt } from '../fixed-point.js';
import { extentArg, floatArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import { readOutputQuantization } from '../quantized-import.js';
import { byteOutput, intArg, quantizedType } from '../quantized-type.js';
import { floatData, floatOutput } from '../reference-tensors.js';
import { partsFor } from '../strided-copy.js';

export const quantize = defineOp({
  name: 'Quantize',
  doc:
    'y = clamp(round(x / yScale) + yZero, 0, 255), halves to even, the division in float32; NaN gives 0; ' +
    'scale 0.5, zero 10: 1.25 -> 2.5 -> 12, 1.75 -> 3.5 -> 14, -9 -> 0',
  source: 'caffe2/operators/quantized/int8_quantize_op.h; catalogue 2.15',
  inputs: [{ name: 'x', doc: 'f32' }],
  outputs: [{ name: 'y', doc: 'u8' }],
  attrs: { yScale: float('what one step stands for'), yZero: int('the byte that stands for 0') },
  infer: (request) => [quantizedType(checkDType(request, 0, 'the input').shape, request.attrs)],
  reference: (request) => {
    const { yScale, yZero } = request.attrs;
    const y = byteOutput(request);
    floatData(request.tensor(0)).forEach((value, i) => {
      const scaled = Math.fround(value / Math.fround(yScale));
      y.data[i] = Number.isNaN(scaled) ? 0 : roundHalfEven(clampInt(scaled, -yZero, 255 - yZero)) + yZero;
    });
    return [y.tensor];
  },
  lower: (request, { yScale, yZero }) => {
    const { shape } = lowerType(request, 0);
    return {
      header: 'cortado/quantized.h',
      fn: 'quantize',
      template: [],
      args: [extentArg(shapeSize(shape)), inputArg(0), floatArg(yScale), intArg(yZero), outputArg()],
      parts: partsFor(shape, request),
    };
  },
  tolerance: { relative: 0, absolute: 0 },
  caffe2: {
    Int8Quantize: importQuantize,
    Int8GivenTensorFill: importFill,
    Int8GivenIntTensorFill: importIntFill,
  },
  examples: [
    { attrs: { yScale: 0.5, yZero: 10 }, inputs: [{ dims: [6], values: [1.25, 1.75, -9, 0, 1e20, -1e20] }] },
    { attrs: { yScale: 0.0173, yZero: 128 }, inputs: [{ dims: [2, 5, 67], range: [-3, 3] }] },
  ],
});

export const dequantize = defineOp({
  name: 'Dequantize',
  doc: 'y = (x - xZero) * xScale in float32',
  source: 'caffe2/operators/quantized/int8_dequantize_op.h; catalogue 2.15',
  inputs: [{ name: 'x', doc: 'u8 or i32' }],
  outputs: [{ name: 'y', doc: 'f32' }],
  attrs: { xScale: float('what one step stands for'), xZero: int('the value that stands for 0') },
  infer: (request) => {
    const x = request.type(0);
    if (x.dtype !== 'u8' && x.dtype !== 'i32')
      request.fail('the input is not quantized', { input: 0, expected: 'u8, i32' });
    return [tensorType('f32', x.shape)];
  },
  reference: (request) => {
    const { xScale, xZero } = request.attrs;
    const x = request.tensor(0);
    const y = floatOutput(request);
    for (let i = 0; i < y.data.length; i++) {
      y.data[i] = Math.fround(getNumber(x, i) - xZero) * Math.fround(xScale);
    }
    return [y.tensor];
  },
  lower: (request, { xScale, xZero }) => {
    const { shape, dtype } = lowerType(request, 0);
    return {
      header: 'cortado/quantized.h',
      fn: 'dequantize',
      template: [{ kind: 'dtype', dtype }],
      args: [extentArg(shapeSize(shape)), inputArg(0), floatArg(xScale), intArg(xZero), outputArg()],
      parts: partsFor(shape, request),
    };
  },
  tolerance: { relative: 0, absolute: 0 },
  caffe2: {
    Int8Dequantize: (scope) => {
      scope.expectInputs(1);
      scope.expectOutputs(1);
      const value = scope.input(0);
      const { quantization } = value.type;
      if (quantization === undefined) {
        return scope.fail('Int8Dequantize needs a quantized tensor', { got: typeToString(value.type) });
      }
      const { scale, zeroPoint } = quantization;
      return [scope.emitOne('Dequantize', [value], { xScale: scale, xZero: zeroPoint })];
    },
  },
  examples: [
    { attrs: { xScale: 0.1, xZero: 127 }, inputs: [{ dtype: 'u8', dims: [3, 41], range: [0, 256] }] },
    { attrs: { xScale: 0.003, xZero: 0 }, inputs: [{ dtype: 'i32', dims: [50], range: [-90000, 90000] }] },
  ],
});

function importQuantize(scope: ImportScope) {
  if (scope.inputCount > 1) {
    scope.fail('Int8Quantize with a quantization made at run time (inputs 1 and 2) is not supported', {
      code: 'unsupported',
      expected: 'one input and arguments Y_scale and Y_zero_point',
    });
  }
  scope.expectInputs(1);
  scope.expectOutputs(1);
  const { scale, zeroPoint } = readOutputQuantization(scope);
  return [scope.emitOne('Quantize', [scope.input(0)], { yScale: scale, yZero: zeroPoint })];
}

/** values is one string of bytes. */
function importFill(scope: ImportScope) {
  scope.expectInputs(0);
  scope.expectOutputs(1);
  if (!scope.args.hasScalar('values', 'text')) {
    scope.fail('Int8GivenTensorFill needs the argument values as one string of bytes (field s)');
  }
  const bytes = scope.args.bytes('values');
  const dims = readKnownFillShape(scope);
  checkCount(scope, dims, bytes.length);
  const tensor = makeTensor('u8', dims, Uint8Array.from(bytes));
  return [scope.constant(tensor, undefined, readOutputQuantization(scope))];
}

function importIntFill(scope: ImportScope) {
  scope.expectInputs(0);
  scope.expectOutputs(1);
  const values = scope.args.ints('values');
  const dims = readKnownFillShape(scope);
  checkCount(scope, dims, values.length);
  const quantization = { scale: scope.args.float('Y_scale', 1), zeroPoint: scope.args.int('Y_zero_point', 0) };
  if (!(quantization.scale > 0)) scope.fail('Y_scale must be above 0', { got: String(quantization.scale) });
  const tooLarge = values.find((value) => value !== Math.trunc(value) || Math.abs(value) > 0x7fffffff);
  if (tooLarge !== undefined) scope.fail('a value is no int32', { got: String(tooLarge) });
  return [scope.constant(makeTensor('i32', dims, Int32Array.from(values)), undefined, quantization)];
}

function checkCount(scope: ImportScope, dims: Shape, count: number): void {
  const wanted = elementCount(dims.map(Number));
  if (count !== wanted) {
    scope.fail('the number of values does not agree with the shape', {
      expected: `${wanted} for [${dims.join(',')}]`,
      got: String(count),
    });
  }
}
