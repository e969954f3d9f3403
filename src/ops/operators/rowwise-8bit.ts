// QuantizeRows, DequantizeRows: float rows as bytes with a scale and a bias each, apart or fused into the row; QuantDecode.

import { type Dim, dimAdd, dimEquals, dimMax, dimSub } from '../../ir/dim.js';
import { getNumber, makeTensor } from '../../ir/tensor.js';
import { tensorType, typeToString } from '../../ir/type.js';
import { sizeFromAxis } from '../axes.js';
import { numeric } from '../builder.js';
import type { Caffe2Imports } from '../caffe2-import.js';
import { checkDType } from '../check-input.js';
import { defineOp } from '../define.js';
import { extentArg, inputArg, kRowParts, lowerOutput, lowerType, outputArg } from '../kernel-arguments.js';
import { floatData } from '../reference-tensors.js';
import { checkRows, inputOrNull } from '../value-sizes.js';

/** A row whose spread is below this is all zeros with scale 1 (scale and bias apart only). */
const kFlatRow = 1e-10;
const kEpsilon = Math.fround(1e-8);

/** Round half away from zero, of a value that is not negative. */
function roundByte(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(255, Math.max(0, Math.floor(Math.fround(value) + 0.5)));
}

interface ByteRow {
  readonly scale: number;
  readonly bias: number;
  readonly inverse: number;
}

/** Scale, bias and inverse scale of a row, every step rounded to float32 as Caffe2 does. */
function scaleRow(row: Float32Array, fused: boolean): ByteRow {
  const low = row.reduce((least, value) => (value < least ? value : least), row[0] ?? 0);
  const high = row.reduce((most, value) => (most < value ? value : most), row[0] ?? 0);
  const range = Math.fround(high - low);
  if (fused) {
    const inverse = Math.fround(255 / Math.fround(range + kEpsilon));
    return { scale: Math.fround(range / 255), bias: low, inverse };
  }
  if (range < kFlatRow) return { scale: 1, bias: low, inverse: 0 };
  const scale = Math.fround(range / 255);
  return { scale, bias: low, inverse: Math.fround(1 / scale) };
}

/** Bytes with scale and bias apart, or fused into the rows. */
function defineQuantize(fused: boolean, caffe2: Caffe2Imports) {
  return defineOp({
    name: fused ? 'QuantizeRowsFused' : 'QuantizeRows',
    doc: `bytes q with x = q * scale + bias, bias the least and 255 the largest value of the row; ${fused ? 'scale and bias are the last 8 bytes of the row' : 'scale and bias apart'}`,
    source: 'caffe2/operators/fused_rowwise_8bit_conversion_ops.h, lengths_reducer_rowwise_8bit_ops.h',
    inputs: [{ name: 'x', doc: 'f32 [rows, ...], [rows, n] when fused' }],
    outputs: fused
      ? [{ name: 'q', doc: 'u8 [rows, n + 8]' }]
      : [
          { name: 'q', doc: 'u8, shaped as x' },
          { name: 'scaleBias', doc: 'f32 [rows, 2]' },
        ],
    attrs: {},
    infer: (request) => {
      checkDType(request, 0, 'the input');
      const { rows, shape } = checkRows(request, 0, 'the input');
      if (!fused) return [tensorType('u8', shape), tensorType('f32', [rows, 2])];
      const [, columns] = shape;
      if (shape.length !== 2 || columns === undefined || dimMax(columns) === 0) {
        return request.fail('the input must be a matrix with columns', { input: 0, expected: 'f32 [rows, n]' });
      }
      return [tensorType('u8', [rows, dimAdd(columns, 8)])];
    },
    reference: (request) => {
      const x = numeric(request.tensor(0));
      const [rows = 0, ...rest] = x.dims;
      const inner = Number(sizeFromAxis(x.dims, 1));
      const stride = fused ? inner + 8 : inner;
      const q = makeTensor('u8', fused ? [rows, stride] : [rows, ...rest]);
      const scales = makeTensor('f32', [rows, 2]);
      const bytes = new DataView(q.data.buffer, q.data.byteOffset, q.data.byteLength);
      for (let r = 0; r < rows; r++) {
        const row = floatData(x).subarray(r * inner, (r + 1) * inner);
        const { scale, bias, inverse } = scaleRow(row, fused);
        row.forEach((value, k) => {
          q.data[r * stride + k] = roundByte(Math.fround(Math.fround(value - bias) * inverse));
        });
        scales.data[2 * r] = scale;
        scales.data[2 * r + 1] = bias;
        if (!fused) continue;
        bytes.setFloat32(r * stride + inner, scale, true);
        bytes.setFloat32(r * stride + inner + 4, bias, true);
      }
      return fused ? [q] : [q, scales].slice(0, request.outputs.length);
    },
    lower: (request) => {
      const { shape } = lowerType(request, 0);
      return {
        header: 'cortado/rowwise_8bit.h',
        fn: 'quantize_rows',
        template: [{ kind: 'bool', value: fused }],
        args: [
          inputArg(0),
          outputArg(),
          fused ? { kind: 'null' } : outputArg(1),
          extentArg(shape[0] ?? 0),
          extentArg(sizeFromAxis(shape, 1)),
        ],
        parts: kRowParts,
      };
    },
    caffe2,
    examples: [{ inputs: [{ dims: [3, 6], range: [-2, 2] }] }],
  });
}

export const quantizeRows = defineQuantize(false, {
  FloatToRowwiseQuantized8Bits: (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(2);
    return scope.emit('QuantizeRows', [scope.input(0)], {}, 2);
  },
});

export const quantizeRowsFused = defineQuantize(true, {
  FloatToFused8BitRowwiseQuantized: (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    return [scope.emitOne('QuantizeRowsFused', [scope.input(0)])];
  },
});

export const dequantizeRows = defineOp({
  name: 'DequantizeRows',
  doc: 'x = q * scale + bias of the row; scale and bias apart, or the last 8 bytes of the row',
  source: 'caffe2/operators/fused_rowwise_8bit_conversion_ops.h, lengths_reducer_rowwise_8bit_ops.h',
  inputs: [
    { name: 'q', doc: 'u8 [rows, ...], or [rows, n + 8] without scaleBias' },
    { name: 'scaleBias', doc: 'f32 [rows, 2]', optional: true },
  ],
  outputs: [{ name: 'x', doc: 'f32, shaped as q, or [rows, n]' }],
  attrs: {},
  infer: (request) => {
    checkDType(request, 0, 'the input', 'u8');
    const { rows, shape } = checkRows(request, 0, 'the input');
    const scales = request.inputs[1];
    if (scales !== undefined) {
      checkDType(request, 1, 'scale and bias');
      const isFit = scales.shape.length === 2 && dimEquals(scales.shape[0] ?? -1, rows) && scales.shape[1] === 2;
      if (!isFit)
        request.fail('there must be a scale and a bias for each row', { input: 1, expected: 'f32 [rows, 2]' });
      return [tensorType('f32', shape)];
    }
    const columns: Dim = shape[1] ?? 0;
    if (shape.length !== 2 || dimMax(columns) <= 8) {
      request.fail('rows have no room for values, scale and bias', { input: 0, expected: 'u8 [rows, n + 8]' });
    }
    return [tensorType('f32', [rows, dimSub(columns, 8)])];
  },
  reference: (request) => {
    const q = numeric(request.tensor(0));
    const scales = request.inputs[1] === undefined ? undefined : numeric(request.tensor(1));
    const [rows = 0, ...rest] = q.dims;
    const stride = Number(sizeFromAxis(q.dims, 1));
    const x = makeTensor('f32', scales === undefined ? [rows, stride - 8] : [rows, ...rest]);
    const inner = Number(sizeFromAxis(x.dims, 1));
    const bytes = new DataView(q.data.buffer, q.data.byteOffset, q.data.byteLength);
    for (let r = 0; r < rows; r++) {
      const [scale, bias] = [0, 1].map((i) =>
        scales === undefined ? bytes.getFloat32((r + 1) * stride - 8 + 4 * i, true) : getNumber(scales, 2 * r + i),
      ) as [number, number];
      for (let k = 0; k < inner; k++) x.data[r * inner + k] = getNumber(q, r * stride + k) * scale + bias;
    }
    return [x];
  },
  lower: (request) => ({
    header: 'cortado/rowwise_8bit.h',
    fn: 'dequantize_rows',
    template: [],
    args: [
      inputArg(0),
      inputOrNull(request, 1),
      outputArg(),
      extentArg(lowerType(request, 0).shape[0] ?? 0),
      extentArg(sizeFromAxis(lowerType(request, 0).shape, 1)),
      extentArg(sizeFromAxis(lowerOutput(request).shape, 1)),
    ],
    parts: kRowParts,
  }),
  caffe2: {
    Fused8BitRowwiseQuantizedToFloat: (scope) => {
      scope.expectInputs(1);
      scope.expectOutputs(1);
      return [scope.emitOne('DequantizeRows', [scope.input(0)])];
    },
    Rowwise8BitQuantizedToFloat: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1);
      return [scope.emitOne('DequantizeRows', [scope.input(0), scope.input(1)])];
    },
    GatherFused8BitRowwise: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1);
      const indices = scope.input(1);
      if (indices.type.shape.length !== 1) {
        scope.fail('the indices must be a vector', { got: typeToString(indices.type), blob: scope.inputBlob(1) });
      }
      const rows = scope.emitOne('Gather', [scope.input(0), indices], { axis: 0 });
      return [scope.emitOne('DequantizeRows', [rows])];
    },
    // Codes are indices into a book of values; each output has its own codes.
    QuantDecode: (scope) => {
      scope.expectInputs(2, 1 << 16);
      scope.expectOutputs(scope.inputCount - 1);
      const book = scope.input(0);
      if (book.type.dtype !== 'f32') scope.fail('the code book must be floats', { got: typeToString(book.type) });
      const values = book.type.shape.length === 1 ? book : scope.emitOne('Reshape', [book], { shape: [-1] });
      return Array.from({ length: scope.inputCount - 1 }, (_, i) => {
        const codes = scope.input(i + 1);
        const { dtype } = codes.type;
        if (dtype !== 'u8' && dtype !== 'u16' && dtype !== 'i32') {
          scope.fail('codes must be uint8, uint16 or int32', { got: dtype, blob: scope.inputBlob(i + 1) });
        }
        const indices = dtype === 'i32' ? codes : scope.emitOne('Cast', [codes], { to: 'i32' });
        return scope.emitOne('Gather', [values, indices], { axis: 0 });
      });
    },
  },
  examples: [
    {
      inputs: [
        { dtype: 'u8', dims: [3, 4], range: [0, 255] },
        { dims: [3, 2], range: [0, 1] },
      ],
    },
  ],
});
