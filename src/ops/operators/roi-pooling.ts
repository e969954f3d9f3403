// RoIAlign and RoIPool: a fixed grid of pixels for every region of interest.

import { type Dim, dimEquals, type Shape } from '../../ir/dim.js';
import { getNumber, makeTensor, type NumericTensor } from '../../ir/tensor.js';
import { type TensorType, tensorType } from '../../ir/type.js';
import { bool, float, int } from '../attributes.js';
import { numeric } from '../builder.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineOp, type InferRequest } from '../define.js';
import { partsFor } from '../strided-copy.js';

const kGrid = {
  spatialScale: float('size of the feature map divided by the size of the image', 1),
  height: int('rows of the grid', 1),
  width: int('columns of the grid', 1),
};

interface GridAttrs {
  readonly spatialScale: number;
  readonly height: number;
  readonly width: number;
}

function inferGrid(request: InferRequest<GridAttrs>, columns: readonly number[], isNhwc: boolean): TensorType {
  const x = request.type(0);
  const rois = request.type(1);
  if (x.dtype !== 'f32' || x.shape.length !== 4) request.fail('expected images', { input: 0, expected: 'f32, rank 4' });
  const isRight = rois.shape.length === 2 && columns.some((count) => dimEquals(count, rois.shape[1] ?? -1));
  if (rois.dtype !== 'f32' || !isRight) {
    request.fail('expected regions of interest', { input: 1, expected: `f32 [r,${columns.join(' or ')}]` });
  }
  const { spatialScale, height, width } = request.attrs;
  if (!(spatialScale > 0)) request.fail('spatial_scale must be positive', { got: String(spatialScale) });
  if (height < 1 || width < 1) request.fail('the grid must not be empty', { got: `${height} x ${width}` });
  const count = rois.shape[0] ?? 0;
  const channels = x.shape[isNhwc ? 3 : 1] ?? 0;
  return tensorType('f32', isNhwc ? [count, height, width, channels] : [count, channels, height, width]);
}

function readGrid(scope: ImportScope): { readonly [name: string]: number } {
  const { args } = scope;
  return {
    spatialScale: args.float('spatial_scale', 1),
    height: args.int('pooled_h', 1),
    width: args.int('pooled_w', 1),
  };
}

/** Strides of n, c, h, w in either order, and the extents. */
interface Plane {
  readonly n: number;
  readonly c: number;
  readonly h: number;
  readonly w: number;
  at(n: number, c: number, h: number, w: number): number;
}

function planeOf(dims: readonly number[], isNhwc: boolean): Plane {
  const [n = 0, second = 0, third = 0, fourth = 0] = dims;
  if (!isNhwc) {
    return { n, c: second, h: third, w: fourth, at: (i, k, y, x) => ((i * second + k) * third + y) * fourth + x };
  }
  return { n, c: fourth, h: second, w: third, at: (i, k, y, x) => ((i * second + y) * third + x) * fourth + k };
}

/** Image index and corners of roi i. */
function roiAt(rois: NumericTensor, i: number, images: number, fault: (message: string) => never): readonly number[] {
  const columns = rois.dims[1] ?? 5;
  const image = columns === 5 ? Math.trunc(getNumber(rois, i * 5)) : 0;
  if (!(image >= 0 && image < images)) return fault(`roi ${i} names image ${image} of ${images}`);
  return [image, ...[0, 1, 2, 3].map((k) => getNumber(rois, i * columns + columns - 4 + k))];
}

/** Bilinear value at (y, x); 0 outside the image. */
function sample(value: (y: number, x: number) => number, height: number, width: number, y: number, x: number): number {
  if (y < -1 || y > height || x < -1 || x > width) return 0;
  const clamp = (v: number, size: number): readonly [number, number, number] => {
    const low = Math.floor(Math.max(v, 0));
    return low >= size - 1 ? [size - 1, size - 1, 0] : [low, low + 1, Math.max(v, 0) - low];
  };
  const [y0, y1, fy] = clamp(y, height);
  const [x0, x1, fx] = clamp(x, width);
  const top = value(y0, x0) * (1 - fx) + value(y0, x1) * fx;
  const bottom = value(y1, x0) * (1 - fx) + value(y1, x1) * fx;
  return top * (1 - fy) + bottom * fy;
}

export const roiAlign = defineOp({
  name: 'RoIAlign',
  doc: 'mean of bilinear samples in each cell of the grid; sampling <= 0: as many samples as the cell has pixels',
  source: 'caffe2/operators/roi_align_op.cc',
  inputs: [
    { name: 'x', doc: 'f32 [n,c,h,w], or [n,h,w,c]' },
    { name: 'rois', doc: 'f32 [r,4], or [r,5] with the image first: x1, y1, x2, y2 in the image' },
  ],
  outputs: [{ name: 'y', doc: 'f32 [r,c,height,width], or [r,height,width,c]' }],
  attrs: {
    ...kGrid,
    sampling: int('samples in each direction', -1),
    nhwc: bool('channels come last', false),
    aligned: bool('shift by half a pixel, and no least size of 1', false),
  },
  infer: (request) => [inferGrid(request, [4, 5], request.attrs.nhwc)],
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const rois = numeric(request.tensor(1));
    const { spatialScale, height, width, sampling, nhwc, aligned } = request.attrs;
    const plane = planeOf(x.dims, nhwc);
    const [count = 0] = rois.dims;
    const y = makeTensor('f32', request.outputs[0]?.shape.map((dim, i) => (i === 0 ? count : Number(dim))) ?? []);
    const out = planeOf(y.dims, nhwc);
    for (let r = 0; r < count; r++) {
      const [image = 0, ...corners] = roiAt(rois, r, plane.n, request.fault);
      const shift = aligned ? 0.5 : 0;
      const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = corners.map((value) =>
        Math.fround(Math.fround(value * spatialScale) - shift),
      );
      const least = aligned ? Number.NEGATIVE_INFINITY : 1;
      const binHeight = Math.fround(Math.max(Math.fround(y2 - y1), least) / height);
      const binWidth = Math.fround(Math.max(Math.fround(x2 - x1), least) / width);
      const rows = sampling > 0 ? sampling : Math.ceil(Math.fround(Math.max(Math.fround(y2 - y1), least) / height));
      const columns = sampling > 0 ? sampling : Math.ceil(Math.fround(Math.max(Math.fround(x2 - x1), least) / width));
      for (let c = 0; c < plane.c; c++) {
        const value = (h: number, w: number): number => getNumber(x, plane.at(image, c, h, w));
        for (let ph = 0; ph < height; ph++) {
          for (let pw = 0; pw < width; pw++) {
            let sum = 0;
            for (let iy = 0; iy < rows; iy++) {
              const atY = y1 + ph * binHeight + ((iy + 0.5) * binHeight) / rows;
              for (let ix = 0; ix < columns; ix++) {
                const atX = x1 + pw * binWidth + ((ix + 0.5) * binWidth) / columns;
                sum += sample(value, plane.h, plane.w, Math.fround(atY), Math.fround(atX));
              }
            }
            y.data[out.at(r, c, ph, pw)] = sum / (rows * columns);
          }
        }
      }
    }
    return [y];
  },
  lower: (request, attrs) => {
    const shape = request.node.inputs[0]?.type.shape ?? [];
    const rois = request.node.inputs[1]?.type.shape ?? [];
    const [n = 1, a = 1, b = 1, c = 1] = shape;
    const plane: Shape = attrs.nhwc ? [n, c, a, b] : [n, a, b, c];
    return {
      header: 'cortado/roi.h',
      fn: 'roi_align',
      template: [],
      args: [
        { kind: 'input', index: 0 },
        { kind: 'input', index: 1 },
        { kind: 'output', index: 0 },
        { kind: 'dims', shape: [...plane, ...(rois as readonly Dim[])] },
        {
          kind: 'struct',
          type: 'RoiAlignOptions',
          fields: [
            ['spatial_scale', { float: attrs.spatialScale }],
            ['height', attrs.height],
            ['width', attrs.width],
            ['sampling', attrs.sampling],
            ['nhwc', attrs.nhwc ? 1 : 0],
            ['aligned', attrs.aligned ? 1 : 0],
          ],
        },
      ],
      parts: partsFor(request.node.outputs[0]?.type.shape ?? [], request),
      fallible: true,
    };
  },
  caffe2: {
    RoIAlign: (scope) => {
      scope.expectInputs(2);
      scope.expectOutputs(1);
      const attrs = {
        ...readGrid(scope),
        sampling: scope.args.int('sampling_ratio', -1),
        nhwc: scope.args.text('order', 'NCHW').toUpperCase() === 'NHWC',
        aligned: scope.args.bool('aligned', false),
      };
      return [scope.emitOne('RoIAlign', [scope.input(0), scope.input(1)], attrs)];
    },
  },
  examples: [
    {
      attrs: { spatialScale: 0.25, height: 2, width: 3, sampling: 2 },
      inputs: [
        { dims: [2, 3, 8, 9], range: [-1, 1] },
        { dims: [3, 5], values: [0, 1, 2, 20, 24, 1, 5, 5, 30, 12, 0, 0, 0, 35, 31] },
      ],
    },
    {
      attrs: { spatialScale: 0.5, height: 2, width: 2, nhwc: true },
      inputs: [
        { dims: [1, 6, 7, 4], range: [-1, 1] },
        { dims: [2, 4], values: [1, 2, 9, 10, 3, 3, 12, 11] },
      ],
    },
  ],
});

export const roiPool = defineOp({
  name: 'RoIPool',
  doc: 'maximum over each cell of the grid, whose borders are rounded to pixels; 0 for an empty cell',
  source: 'caffe2/operators/roi_pool_op.cc',
  inputs: [
    { name: 'x', doc: 'f32 [n,c,h,w]' },
    { name: 'rois', doc: 'f32 [r,5]: image, x1, y1, x2, y2 in the image' },
  ],
  outputs: [{ name: 'y', doc: 'f32 [r,c,height,width]' }],
  attrs: kGrid,
  infer: (request) => [inferGrid(request, [5], false)],
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const rois = numeric(request.tensor(1));
    const { spatialScale, height, width } = request.attrs;
    const plane = planeOf(x.dims, false);
    const [count = 0] = rois.dims;
    const y = makeTensor('f32', [count, plane.c, height, width]);
    // C's round: halves away from zero.
    const round = (value: number): number => Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
    const border = (at: number, bin: number, start: number, size: number, up: boolean): number => {
      const edge = Math.fround(at * bin);
      return Math.min(Math.max((up ? Math.ceil(edge) : Math.floor(edge)) + start, 0), size);
    };
    for (let r = 0; r < count; r++) {
      const [image = 0, ...corners] = roiAt(rois, r, plane.n, request.fault);
      const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = corners.map((value) => round(Math.fround(value * spatialScale)));
      const binHeight = Math.fround(Math.max(y2 - y1 + 1, 1) / height);
      const binWidth = Math.fround(Math.max(x2 - x1 + 1, 1) / width);
      for (let at = 0; at < plane.c * height * width; at++) {
        const [c, ph, pw] = [Math.floor(at / (height * width)), Math.floor(at / width) % height, at % width];
        let best = Number.NEGATIVE_INFINITY;
        let isEmpty = true;
        for (let h = border(ph, binHeight, y1, plane.h, false); h < border(ph + 1, binHeight, y1, plane.h, true); h++) {
          for (let w = border(pw, binWidth, x1, plane.w, false); w < border(pw + 1, binWidth, x1, plane.w, true); w++) {
            const value = getNumber(x, plane.at(image, c, h, w));
            if (isEmpty || value > best) best = value;
            isEmpty = false;
          }
        }
        y.data[r * plane.c * height * width + at] = isEmpty ? 0 : best;
      }
    }
    return [y];
  },
  lower: (request, attrs) => ({
    header: 'cortado/roi.h',
    fn: 'roi_pool',
    template: [],
    args: [
      { kind: 'input', index: 0 },
      { kind: 'input', index: 1 },
      { kind: 'output', index: 0 },
      {
        kind: 'dims',
        shape: [...(request.node.inputs[0]?.type.shape ?? []), request.node.inputs[1]?.type.shape[0] ?? 0],
      },
      {
        kind: 'struct',
        type: 'RoiPoolOptions',
        fields: [
          ['spatial_scale', { float: attrs.spatialScale }],
          ['height', attrs.height],
          ['width', attrs.width],
        ],
      },
    ],
    parts: partsFor(request.node.outputs[0]?.type.shape ?? [], request),
    fallible: true,
  }),
  caffe2: {
    RoIPool: (scope) => {
      scope.expectInputs(2);
      const isTest = scope.args.bool('is_test', false);
      scope.expectOutputs(isTest ? 1 : 2);
      if (scope.args.text('order', 'NCHW').toUpperCase() !== 'NCHW') scope.fail('RoIPool needs order NCHW');
      const attrs = readGrid(scope);
      if (!isTest) {
        scope.warn('RoIPool for training: the second output, the positions of the maxima, is left unset');
      }
      return [scope.emitOne('RoIPool', [scope.input(0), scope.input(1)], attrs), undefined].slice(0, scope.outputCount);
    },
  },
  examples: [
    {
      attrs: { spatialScale: 0.25, height: 3, width: 2 },
      inputs: [
        { dims: [1, 3, 8, 9], range: [-1, 1] },
        { dims: [3, 5], values: [0, 4.25, 14, 20.5, 37.25, 0, 22.75, 19.25, 24.75, 50.25, 0, 9.25, 24, 27, 27.75] },
      ],
    },
  ],
});
