// The two ends of style-transfer nets: camera pixels (BGRA bytes, channels last) to floats and back.

import { dimMul, shapeSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { makeTensor } from '../../ir/tensor.js';
import { tensorType, typeToString } from '../../ir/type.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank, checkVector } from '../check-input.js';
import { defineOp } from '../define.js';
import { extentArg, imageDims, inputArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';
import { floatData, floatOutput, optionalFloats, outputDims, sizeOf } from '../reference-tensors.js';

const kNoiseBlob = '__CAFFE2_STYLIZER_NOISE__';

export const stylizerPreprocess = defineOp({
  name: 'StylizerPreprocess',
  doc:
    'y[n,c,p] = x[n,p,c] - mean[c] + noise[(3 * p + c) % noise size] for the first three of four channels; ' +
    'Caffe2 draws the noise at random once, here it is an input',
  source: 'caffe2/operators/stylizer_ops.cc',
  inputs: [
    { name: 'x', doc: 'u8 [n, h, w, 4]: blue, green, red, alpha' },
    { name: 'mean', doc: '[3]' },
    { name: 'noise', doc: '[noise size], zeros when absent', optional: true },
  ],
  outputs: [{ name: 'y', doc: '[n, 3, h, w]' }],
  attrs: {},
  infer: (request) => {
    const x = checkDType(request, 0, 'the image', 'u8');
    checkRank(request, 0, 'the image', 4);
    const [n = 1, h = 1, w = 1, c = 1] = x.shape;
    if (c !== 4) request.fail('the image must have four channels', { input: 0, expected: 'u8[n,h,w,4]' });
    checkVector(request, 1, 'the mean', 3);
    if (request.inputs[2] !== undefined) {
      checkDType(request, 2, 'the noise');
      checkRank(request, 2, 'the noise', 1);
      if (request.type(2).shape[0] === 0) request.fail('the noise is empty', { input: 2 });
    }
    return [tensorType('f32', [n, 3, h, w])];
  },
  reference: (request) => {
    const x = request.tensor(0);
    const mean = floatData(request.tensor(1));
    const noise = optionalFloats(request, 2);
    const y = floatOutput(request);
    const pixels = sizeOf(y.tensor.dims, 2);
    for (let i = 0; i < y.data.length; i++) {
      const p = i % pixels;
      const c = Math.floor(i / pixels) % 3;
      const byte = Number(x.data[(Math.floor(i / (3 * pixels)) * pixels + p) * 4 + c] ?? 0);
      y.data[i] = byte - (mean[c] ?? 0) + (noise === undefined ? 0 : (noise[(3 * p + c) % noise.length] ?? 0));
    }
    return [y.tensor];
  },
  lower: (request) => {
    const [n = 1, h = 1, w = 1] = lowerType(request, 0).shape;
    const noise = request.node.inputs[2];
    return {
      header: 'cortado/stylizer.h',
      fn: 'stylizer_preprocess',
      template: [],
      args: [
        extentArg(n),
        extentArg(dimMul(h, w)),
        extentArg(noise?.type.shape[0] ?? 0),
        inputArg(0),
        inputArg(1),
        inputArg(2),
        outputArg(),
      ],
      parts: kRowParts,
    };
  },
  caffe2: { PackedInt8BGRANHWCToNCHWCStylizerPreprocess: importPreprocess },
  examples: [
    {
      inputs: [
        { dtype: 'u8', dims: [2, 3, 2, 4], range: [0, 255] },
        { dims: [3], range: [90, 130] },
      ],
    },
    {
      note: 'noise that wraps',
      inputs: [{ dtype: 'u8', dims: [1, 3, 2, 4], range: [0, 255] }, { dims: [3] }, { dims: [7], range: [-9, 9] }],
    },
  ],
});

export const stylizerDeprocess = defineOp({
  name: 'StylizerDeprocess',
  doc: 'y[n,p,c] = x[n,c,p] + mean[c] clamped to 0..255 and truncated, alpha 255; 12.9 gives 12',
  source: 'caffe2/operators/stylizer_ops.cc',
  inputs: [
    { name: 'x', doc: '[n, 3, h, w]' },
    { name: 'mean', doc: '[3]' },
  ],
  outputs: [{ name: 'y', doc: 'u8 [n, h, w, 4]' }],
  attrs: {},
  infer: (request) => {
    const x = checkDType(request, 0, 'the image');
    checkRank(request, 0, 'the image', 4);
    const [n = 1, c = 1, h = 1, w = 1] = x.shape;
    if (c !== 3) request.fail('the image must have three channels', { input: 0, expected: 'f32[n,3,h,w]' });
    checkVector(request, 1, 'the mean', 3);
    return [tensorType('u8', [n, h, w, 4])];
  },
  reference: (request) => {
    const x = request.tensor(0);
    const source = floatData(x);
    const mean = floatData(request.tensor(1));
    const y = new Uint8Array(sizeOf(outputDims(request)));
    const pixels = sizeOf(x.dims, 2);
    for (let i = 0; i < y.length; i++) {
      const c = i % 4;
      const point = Math.floor(i / 4);
      const from = (Math.floor(point / pixels) * 3 + c) * pixels + (point % pixels);
      y[i] = c === 3 ? 255 : clampByte(Math.fround((source[from] ?? 0) + (mean[c] ?? 0)));
    }
    return [makeTensor('u8', outputDims(request), y)];
  },
  lower: (request) => {
    const { n, spatial } = imageDims(lowerType(request, 0).shape);
    return {
      header: 'cortado/stylizer.h',
      fn: 'stylizer_deprocess',
      template: [],
      args: [extentArg(n), extentArg(shapeSize(spatial)), inputArg(0), inputArg(1), outputArg()],
      parts: kRowParts,
    };
  },
  caffe2: { BRGNCHWCToPackedInt8BGRAStylizerDeprocess: importDeprocess },
  examples: [
    {
      inputs: [
        { dims: [2, 3, 3, 2], range: [-200, 200] },
        { dims: [3], range: [90, 130] },
      ],
    },
  ],
});

/** The float in 0..255 without its fraction; NaN gives 0. */
function clampByte(value: number): number {
  if (value >= 255) return 255;
  return value > 0 ? Math.trunc(value) : 0;
}

function importPreprocess(scope: ImportScope): readonly Value[] {
  scope.expectInputs(2);
  scope.expectOutputs(1);
  scope.args.float('noise_std', 10);
  const size = scope.args.int('noise_size', 491);
  if (size < 1) scope.fail('noise_size must be positive', { got: String(size) });
  const noise = scope.implicitInput(kNoiseBlob, tensorType('f32', [size]));
  const available = noise.type.shape[0];
  if (
    noise.type.dtype !== 'f32' ||
    noise.type.shape.length !== 1 ||
    typeof available !== 'number' ||
    available < size
  ) {
    scope.fail('the noise is too short', {
      blob: noise.name,
      expected: `f32[${size}] or longer`,
      got: typeToString(noise.type),
    });
  }
  const used = available === size ? noise : scope.emitOne('Slice', [noise], { starts: [0], ends: [size] });
  return [scope.emitOne('StylizerPreprocess', [scope.input(0), scope.input(1), used])];
}

function importDeprocess(scope: ImportScope): readonly Value[] {
  scope.expectInputs(2);
  scope.expectOutputs(1);
  return [scope.emitOne('StylizerDeprocess', [scope.input(0), scope.input(1)])];
}
