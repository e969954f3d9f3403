// QuantizedConvTranspose: 8-bit transposed convolution over [n, h, w, c], sums and requantization as in QuantizedConv.

import { type Dim, dimAdd, dimMul, isStatic, shapeMaxSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { ints } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineOp, type OpDef } from '../define.js';
import { readChannelsLast } from '../quantized-import.js';
import {
  checkImage,
  exampleInputs,
  exampleProduct,
  inferFilter,
  kFormula,
  kInputs,
  kProductAttrs,
  lowerProduct,
  type ProductAttrs,
  readProduct,
  referenceProduct,
} from '../quantized-product.js';
import { checkBytes, quantizedType } from '../quantized-type.js';
import { readPads, readPair } from '../window-arguments.js';

export const quantizedConvTranspose: OpDef = defineOp({
  name: 'QuantizedConvTranspose',
  doc: `8-bit transposed convolution, channels last, each input pixel spread over a window: ${kFormula}`,
  source: 'caffe2/operators/quantized/int8_conv_transpose_op.h, QNNPACK q8deconv; catalogue 2.15',
  inputs: kInputs,
  outputs: [{ name: 'y', doc: 'u8 [n, h, w, m]' }],
  attrs: {
    kernel: ints('window size per spatial axis'),
    strides: ints('step per spatial axis'),
    pads: ints('cut off the result before each axis, then after each axis'),
    adjs: ints('added to the result behind each axis'),
    ...kProductAttrs,
  },
  infer: (request) => {
    const { kernel, strides, pads, adjs } = request.attrs;
    const [n = 1, ...rest] = checkBytes(request, 0, 'the image', 4).shape;
    const m = inferFilter(request, 1, kernel);
    const isBad = kernel.length !== 2 || strides.length !== 2 || pads.length !== 4 || adjs.length !== 2;
    const isNegative =
      [...pads, ...adjs].some((value) => value < 0) || [...kernel, ...strides].some((value) => value < 1);
    if (isBad || isNegative || adjs.some((adj, axis) => adj >= (strides[axis] ?? 1))) {
      request.fail('bad window', {
        expected: 'two axes, kernel and strides at least 1, pads at least 0, adjs below the strides',
        got: `kernel [${kernel.join(',')}], strides [${strides.join(',')}], pads [${pads.join(',')}], adjs [${adjs.join(',')}]`,
      });
    }
    const spatial = [0, 1].map((axis): Dim => {
      const more = (kernel[axis] ?? 1) + (adjs[axis] ?? 0) - (pads[axis] ?? 0) - (pads[axis + 2] ?? 0);
      return dimAdd(dimMul(dimAdd(rest[axis] ?? 1, -1), strides[axis] ?? 1), more);
    });
    if (spatial.some((dim) => isStatic(dim) && dim < 1))
      request.fail('the pads leave nothing of the result', { input: 0 });
    return [quantizedType([n, ...spatial, m], request.attrs)];
  },
  reference: (request) => referenceProduct(request, transposedAttrs(request.attrs)),
  macs: ({ inputs }) => shapeMaxSize(inputs[0]?.shape ?? []) * shapeMaxSize(inputs[1]?.shape.slice(0, 3) ?? []),
  lower: (request, attrs) => lowerProduct(request, transposedAttrs(attrs)),
  tolerance: { relative: 0, absolute: 0 },
  caffe2: { Int8ConvTranspose: importConvTranspose },
  examples: [
    {
      attrs: { kernel: [3, 2], strides: [2, 3], pads: [1, 0, 0, 1], adjs: [1, 0], ...exampleProduct() },
      inputs: exampleInputs([2, 4, 5, 3], [4, 3, 2, 3]),
    },
    {
      note: 'kernel smaller than the stride: gaps hold the bias',
      attrs: { kernel: [1, 1], strides: [2, 2], pads: [0, 0, 0, 0], adjs: [1, 1], ...exampleProduct() },
      inputs: exampleInputs([1, 3, 3, 18], [5, 1, 1, 18]),
    },
  ],
});

type TransposedAttrs = Omit<ProductAttrs, 'dilations' | 'group' | 'isTransposed'>;

function transposedAttrs(attrs: TransposedAttrs): ProductAttrs {
  return { ...attrs, dilations: [1, 1], group: 1, isTransposed: true };
}

/** W is [c, kernel h, kernel w, m], as in the float operator of order NHWC. */
function importConvTranspose(scope: ImportScope): readonly Value[] {
  scope.expectInputs(3);
  scope.expectOutputs(1);
  readChannelsLast(scope);
  const { args } = scope;
  args.int('shared_buffer', 0);
  args.ignore('ws_nbytes_limit', 'exhaustive_search', 'dilation', 'dilations', 'dilation_h', 'dilation_w');
  if (args.int('legacy_pad', 0) !== 0) scope.fail('Int8ConvTranspose has no legacy_pad', { expected: '0' });
  if (args.int('group', 1) !== 1)
    scope.fail('Int8ConvTranspose has no groups', { code: 'unsupported', expected: 'group 1' });
  const orElse = (list: readonly number[], fill: readonly number[]): readonly number[] =>
    list.length === 0 ? fill : list;
  const attrs = {
    kernel: orElse(readPair(scope, 'kernels', 'kernel'), [0, 0]),
    strides: orElse(readPair(scope, 'strides', 'stride'), [1, 1]),
    pads: orElse(readPads(scope, 'none'), [0, 0, 0, 0]),
    adjs: orElse(readPair(scope, 'adjs', 'adj'), [0, 0]),
  };
  const product = readProduct(scope, false);
  checkImage(scope, scope.input(0));
  const w = scope.input(1);
  checkImage(scope, w);
  const filter = scope.emitOne('Transpose', [w], { perm: [3, 1, 2, 0] });
  return [scope.emitOne('QuantizedConvTranspose', [scope.input(0), filter, scope.input(2)], { ...attrs, ...product })];
}
