// What importers of Int8 operators share: the quantization of inputs, arguments Y_scale and Y_zero_point, the order, and
// factors between quantizations in Caffe2's float32 arithmetic.

import type { Value } from '../ir/graph.js';
import { type Quantization, quantizationEquals, quantizationToString, typeToString } from '../ir/type.js';
import type { Caffe2Import, ImportScope } from './caffe2-import.js';
import { kLeastQ31Factor, q31Factor } from './fixed-point.js';

export interface QuantizedValue extends Quantization {
  readonly value: Value;
}

/** Input i, which must be an 8-bit quantized tensor. */
export function quantizedInput(scope: ImportScope, i: number): QuantizedValue {
  const value = scope.input(i);
  const { dtype, quantization } = value.type;
  if (dtype !== 'u8' || quantization === undefined) {
    return scope.fail(`${scope.type} needs an 8-bit quantized tensor as input ${i}`, {
      blob: scope.inputBlob(i),
      expected: 'what Int8Quantize, an Int8 fill or another Int8 operator makes',
      got: typeToString(value.type),
    });
  }
  return { value, ...quantization };
}

/** Arguments Y_scale (1) and Y_zero_point (0). */
export function readOutputQuantization(scope: ImportScope): Quantization {
  const quantization = { scale: scope.args.float('Y_scale', 1), zeroPoint: scope.args.int('Y_zero_point', 0) };
  const { scale, zeroPoint } = quantization;
  if (!(scale > 0 && scale < Number.POSITIVE_INFINITY) || zeroPoint < 0 || zeroPoint > 255) {
    scope.fail('Y_scale and Y_zero_point are no 8-bit quantization', {
      expected: 'a finite scale above 0 and a zero point in 0..255',
      got: `scale ${scale}, zero point ${zeroPoint}`,
    });
  }
  return quantization;
}

/** Y_scale and Y_zero_point of an operator that cannot rescale: they must be the given ones. */
export function readFixedQuantization(scope: ImportScope, wanted: Quantization): void {
  const own = readOutputQuantization(scope);
  if (quantizationEquals(own, { scale: wanted.scale, zeroPoint: wanted.zeroPoint })) return;
  scope.fail(`${scope.type} does not rescale: Y_scale and Y_zero_point must be as given`, {
    expected: quantizationToString(wanted),
    got: quantizationToString(own),
    remedy: `set Y_scale ${wanted.scale} and Y_zero_point ${wanted.zeroPoint}`,
  });
}

/** The Int8 form of an operator that only moves elements: input 0 and the output are quantized alike. */
export function keepingQuantization(importer: Caffe2Import): Caffe2Import {
  return (scope) => {
    readFixedQuantization(scope, quantizedInput(scope, 0));
    return importer(scope);
  };
}

/** Argument order, which must say NHWC: the mobile Int8 operators know nothing else. */
export function readChannelsLast(scope: ImportScope, fallback: 'NCHW' | 'NHWC' = 'NCHW'): void {
  const order = scope.args.text('order', fallback);
  if (order.toUpperCase() !== 'NHWC') {
    scope.fail(`${scope.type} needs order NHWC`, { expected: 'the argument order = "NHWC"', got: order });
  }
}

/** The q31 factor inputScale / outputScale as QNNPACK takes it: below 1. */
export function readQ31Factor(scope: ImportScope, factor: number): ReturnType<typeof q31Factor> {
  if (!(factor >= kLeastQ31Factor && factor < 1)) {
    scope.fail('the scales do not fit together', {
      expected: 'input scale * weight scale / Y_scale in [2^-32, 1)',
      got: String(factor),
      remedy: 'choose a larger Y_scale',
    });
  }
  return q31Factor(factor);
}

/** Attributes of operators that end in u8 values of a range. */
export interface OutputRange {
  readonly yScale: number;
  readonly yZero: number;
  readonly low: number;
  readonly high: number;
}

/** Y_scale and Y_zero_point as attributes; a fused Relu cuts at the zero point. */
export function outputRange(quantization: Quantization, hasRelu: boolean): OutputRange {
  const { scale, zeroPoint } = quantization;
  return { yScale: scale, yZero: zeroPoint, low: hasRelu ? zeroPoint : 0, high: 255 };
}
