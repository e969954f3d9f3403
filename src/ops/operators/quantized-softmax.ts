// QuantizedSoftmax: softmax of rows of bytes from a table of exponentials.

import { type Dim, isStatic } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { roundHalfEven } from '../../ir/numbers.js';
import { makeTensor } from '../../ir/tensor.js';
import { typeToString } from '../../ir/type.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineOp } from '../define.js';
import { flattenAt, readAxis, reshapeTo } from '../flatten-import.js';
import { extentArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import { quantizedInput, readFixedQuantization } from '../quantized-import.js';
import { byteData, byteOutput, checkBytes, int32Data, quantizedType } from '../quantized-type.js';
import { partsFor } from '../strided-copy.js';

const kOutput = { yScale: 2 ** -8, yZero: 0 };

export const quantizedSoftmax = defineOp({
  name: 'QuantizedSoftmax',
  doc:
    'y = min(floor((256 * t + floor(sum / 2)) / sum), 255) with t = table[x + 255 - max], max and sum over the row. Four equal ' +
    'bytes give 64 each; a single column gives 255; y stands for y / 256',
  source: 'caffe2/operators/quantized/int8_softmax_op.h, QNNPACK u8lut32norm; catalogue 2.15',
  inputs: [
    { name: 'x', doc: 'u8 [rows, columns]' },
    { name: 'table', doc: 'i32 [256]: e^((i - 255) * scale of x), scaled; none negative, the last above 0' },
  ],
  outputs: [{ name: 'y', doc: 'u8 [rows, columns]' }],
  attrs: {},
  infer: (request) => {
    const { shape } = checkBytes(request, 0, 'the input', 2);
    const table = request.type(1);
    if (table.dtype !== 'i32' || table.shape.length !== 1 || table.shape[0] !== 256) {
      request.fail('a table has 256 entries', { input: 1, expected: 'i32[256]', got: typeToString(table) });
    }
    return [quantizedType(shape, kOutput)];
  },
  reference: (request) => {
    const x = byteData(request.tensor(0));
    const table = int32Data(request.tensor(1));
    const y = byteOutput(request);
    const [rows = 0, columns = 0] = y.tensor.dims;
    for (let row = 0; row < rows; row++) {
      const bytes = x.subarray(row * columns, (row + 1) * columns);
      const max = bytes.reduce((largest, byte) => Math.max(largest, byte), 0);
      const terms = Array.from(bytes, (byte) => table[byte + 255 - max] ?? 0);
      const sum = terms.reduce((total, term) => total + term, 0);
      terms.forEach((term, column) => {
        y.data[row * columns + column] = Math.min(Math.floor((256 * term + Math.floor(sum / 2)) / sum), 255);
      });
    }
    return [y.tensor];
  },
  lower: (request) => {
    const { shape } = lowerType(request, 0);
    const [rows = 1, columns = 1] = shape;
    return {
      header: 'cortado/quantized_softmax.h',
      fn: 'quantized_softmax',
      template: [],
      args: [extentArg(rows), extentArg(columns), inputArg(0), inputArg(1), outputArg()],
      parts: partsFor(shape, request),
    };
  },
  tolerance: { relative: 0, absolute: 0 },
  caffe2: { Int8Softmax: importSoftmax },
  examples: [
    {
      inputs: [
        { dtype: 'u8', dims: [2, 4], values: [7, 7, 7, 7, 255, 250, 0, 255] },
        { dtype: 'i32', dims: [256], range: [1, 8388607] },
      ],
    },
    {
      inputs: [
        { dtype: 'u8', dims: [3, 81], range: [0, 256] },
        { dtype: 'i32', dims: [256], range: [1, 8388607] },
      ],
    },
  ],
});

function importSoftmax(scope: ImportScope): readonly Value[] {
  scope.expectInputs(1);
  scope.expectOutputs(1);
  scope.args.ignore('order');
  const x = quantizedInput(scope, 0);
  readFixedQuantization(scope, { scale: kOutput.yScale, zeroPoint: kOutput.yZero });
  const { shape } = x.value.type;
  const axis = readAxis(scope, 'axis', 1, shape.length);
  const rows = flattenAt(scope, x.value, axis);
  const table = scope.constant(makeTensor('i32', [256], exponentials(x.scale, columnsOf(scope, rows))), 'exponentials');
  const y = scope.emitOne('QuantizedSoftmax', [rows, table]);
  return [shape.length === 2 && axis === 1 ? y : reshapeTo(scope, y, shape)];
}

function columnsOf(scope: ImportScope, rows: Value): number {
  const columns: Dim = rows.type.shape[1] ?? 1;
  return isStatic(columns)
    ? Math.max(columns, 1)
    : scope.fail('the size of a row varies at run time', { code: 'unsupported', blob: rows.name });
}

/** round(q * e^((i - 255) * scale)) in double, halves to even; q keeps the sum of a row below 2^32. */
function exponentials(scale: number, columns: number): Int32Array {
  const q = Math.min(0xffffffff / columns, 8388607);
  return Int32Array.from({ length: 256 }, (_, i) => roundHalfEven(q * Math.exp((i - 255) * scale)));
}
