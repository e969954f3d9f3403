// PositionEncoding: sines and cosines of positions, with Caffe2's own float32 arithmetic.

import { getNumber, makeTensor } from '../../ir/tensor.js';
import { tensorType, typeToString } from '../../ir/type.js';
import { float, int } from '../attributes.js';
import { sizeFromAxis } from '../axes.js';
import { numeric } from '../builder.js';
import { defineOp } from '../define.js';
import { extentArg, floatArg, inputArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';
import { kIndexTypes } from '../value-sizes.js';

const { fround } = Math;

interface EncodingAttrs {
  readonly size: number;
  readonly alpha: number;
  readonly amplitude: number;
}

/** sin(pos / alpha^(k / size)), half a period of a quarter later for odd k, all in float32. Position 0 gives NaN: log 0. */
function encode(position: number, { size, alpha, amplitude }: EncodingAttrs): readonly number[] {
  const logPosition = fround(Math.log(position));
  const last = fround(logPosition - fround(fround(Math.log(alpha)) * fround(fround(size - 1) / size)));
  const step = size === 1 ? 0 : fround(fround(last - logPosition) / (size - 1));
  return Array.from({ length: size }, (_, k) => {
    const exponent = size > 1 && k === size - 1 ? last : fround(logPosition + fround(k * step));
    const angle = fround(fround(Math.exp(exponent)) + (k % 2 === 1 ? fround(Math.PI / 2) : 0));
    return fround(amplitude * fround(Math.sin(angle)));
  });
}

export const positionEncoding = defineOp({
  name: 'PositionEncoding',
  doc: 'y[i, j] = amplitude * sin(positions[i, 0] / alpha^(k / size)), cosines for odd k; all columns j are alike',
  source: 'caffe2/operators/sinusoid_position_encoding_op.h',
  inputs: [{ name: 'positions', doc: 'i32 or i64 [n, m]; only the first of each row counts' }],
  outputs: [{ name: 'y', doc: 'f32 [n, m, size]' }],
  attrs: {
    size: int('values for each position', 100),
    alpha: float('largest period / 2 pi', 10000),
    amplitude: float('factor of the result', 1),
  },
  infer: (request) => {
    const { dtype, shape } = request.type(0);
    if (!kIndexTypes.includes(dtype) || shape.length !== 2) {
      request.fail('positions must be a matrix of integers', {
        input: 0,
        expected: 'i32 or i64 [n, m]',
        got: typeToString(request.type(0)),
      });
    }
    if (request.attrs.size < 1) request.fail('embedding_size must be positive', { got: String(request.attrs.size) });
    return [tensorType('f32', [...shape, request.attrs.size])];
  },
  reference: (request) => {
    const positions = numeric(request.tensor(0));
    const { size } = request.attrs;
    const y = makeTensor('f32', [...positions.dims, size]);
    const each = Number(sizeFromAxis(positions.dims, 1));
    for (let i = 0; i < positions.data.length; i++) {
      const row = encode(getNumber(positions, Math.floor(i / each) * each), request.attrs);
      row.forEach((value, k) => {
        y.data[i * size + k] = value;
      });
    }
    return [y];
  },
  lower: (request, { size, alpha, amplitude }) => {
    const { dtype, shape } = lowerType(request, 0);
    return {
      header: 'cortado/position_encoding.h',
      fn: 'position_encoding',
      template: [{ kind: 'dtype', dtype }],
      args: [
        inputArg(0),
        outputArg(),
        extentArg(shape[0] ?? 0),
        extentArg(sizeFromAxis(shape, 1)),
        extentArg(size),
        floatArg(alpha),
        floatArg(amplitude),
      ],
      parts: kRowParts,
    };
  },
  // exp and sin magnify: an angle of 1000 that is one float32 step off moves the sine by 6e-5.
  tolerance: { relative: 1e-4, absolute: 1e-4 },
  caffe2: {
    SinusoidPositionEncoding: (scope) => {
      scope.expectInputs(1);
      scope.expectOutputs(1);
      const { args } = scope;
      const attrs = {
        size: args.int('embedding_size', 100),
        alpha: args.float('alpha', 10000),
        amplitude: args.float('amplitude', 1),
      };
      return [scope.emitOne('PositionEncoding', [scope.input(0)], attrs)];
    },
  },
  examples: [
    { attrs: { size: 6, amplitude: 2 }, inputs: [{ dtype: 'i32', dims: [3, 2], values: [1, 1, 4, 9, 30, 2] }] },
  ],
});
