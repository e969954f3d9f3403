// ByteTable: any function of one byte. Relu, LeakyRelu and Sigmoid of 8-bit tensors are tables made at import.

import { shapeSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { roundHalfEven } from '../../ir/numbers.js';
import { makeTensor } from '../../ir/tensor.js';
import { typeToString } from '../../ir/type.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineOp } from '../define.js';
import { clampInt } from '../fixed-point.js';
import { extentArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import { quantizedInput, readFixedQuantization } from '../quantized-import.js';
import { byteData, byteOutput, checkBytes, kOutputRange, quantizedType } from '../quantized-type.js';
import { partsFor } from '../strided-copy.js';

const { yScale, yZero } = kOutputRange;

export const byteTable = defineOp({
  name: 'ByteTable',
  doc: 'y = table[x]',
  source: 'caffe2/operators/quantized/int8_relu_op.h, int8_leaky_relu_op.h, int8_sigmoid_op.h; catalogue 2.15',
  inputs: [
    { name: 'x', doc: 'u8' },
    { name: 'table', doc: 'u8 [256]' },
  ],
  outputs: [{ name: 'y', doc: 'u8, shaped as x' }],
  attrs: { yScale, yZero },
  infer: (request) => {
    const { shape } = checkBytes(request, 0, 'the input');
    const table = checkBytes(request, 1, 'the table', 1);
    if (table.shape[0] !== 256) request.fail('a table has 256 entries', { input: 1, got: typeToString(table) });
    return [quantizedType(shape, request.attrs)];
  },
  reference: (request) => {
    const table = byteData(request.tensor(1));
    const y = byteOutput(request);
    byteData(request.tensor(0)).forEach((value, i) => {
      y.data[i] = table[value] ?? 0;
    });
    return [y.tensor];
  },
  lower: (request) => {
    const { shape } = lowerType(request, 0);
    return {
      header: 'cortado/quantized.h',
      fn: 'look_up_bytes',
      template: [],
      args: [extentArg(shapeSize(shape)), inputArg(0), inputArg(1), outputArg()],
      parts: partsFor(shape, request),
      inPlace: [{ input: 0, output: 0 }],
    };
  },
  tolerance: { relative: 0, absolute: 0 },
  caffe2: { Int8Relu: importRelu, Int8LeakyRelu: importLeakyRelu, Int8Sigmoid: importSigmoid },
  examples: [
    {
      inputs: [
        { dtype: 'u8', dims: [2, 131], range: [0, 256] },
        { dtype: 'u8', dims: [256], range: [0, 256] },
      ],
    },
  ],
});

/** max(q, zero point). */
function importRelu(scope: ImportScope): readonly Value[] {
  const { value, scale, zeroPoint } = readUnary(scope);
  readFixedQuantization(scope, { scale, zeroPoint });
  return [emitTable(scope, value, { scale, zeroPoint }, (q) => Math.max(q, zeroPoint))];
}

/** d = q - zero; d < 0 ? d * alpha : d in float32, halves to even. alpha 0.1, zero 100, q 75: -2.5 -> -2 -> 98. */
function importLeakyRelu(scope: ImportScope): readonly Value[] {
  const alpha = scope.args.float('alpha', Math.fround(0.01));
  const { value, scale, zeroPoint } = readUnary(scope);
  readFixedQuantization(scope, { scale, zeroPoint });
  const table = (q: number): number => {
    const difference = q - zeroPoint;
    const y = difference < 0 ? Math.fround(difference * alpha) : difference;
    return roundHalfEven(clampInt(y, -zeroPoint, 255 - zeroPoint)) + zeroPoint;
  };
  return [emitTable(scope, value, { scale, zeroPoint }, table)];
}

/** round(256 / (1 + e^-x)), at most 255; x = (q - zero) * scale in float32. x = 0 gives 128. */
function importSigmoid(scope: ImportScope): readonly Value[] {
  const { value, scale, zeroPoint } = readUnary(scope);
  const quantization = { scale: 2 ** -8, zeroPoint: 0 };
  readFixedQuantization(scope, quantization);
  const table = (q: number): number => {
    const x = Math.fround(scale * (q - zeroPoint));
    const sigmoid = Math.fround(256 / Math.fround(1 + Math.fround(Math.exp(-x))));
    return roundHalfEven(Math.min(sigmoid, 255));
  };
  return [emitTable(scope, value, quantization, table)];
}

function readUnary(scope: ImportScope): ReturnType<typeof quantizedInput> {
  scope.expectInputs(1);
  scope.expectOutputs(1);
  scope.args.ignore('order');
  return quantizedInput(scope, 0);
}

function emitTable(
  scope: ImportScope,
  value: Value,
  { scale, zeroPoint }: { readonly scale: number; readonly zeroPoint: number },
  entry: (q: number) => number,
): Value {
  const table = scope.constant(
    makeTensor(
      'u8',
      [256],
      Uint8Array.from({ length: 256 }, (_, q) => entry(q)),
    ),
    'table',
  );
  return scope.emitOne('ByteTable', [value, table], { yScale: scale, yZero: zeroPoint });
}
