// BBoxTransform: applies the deltas of a box head to regions of interest.

import { dimEquals, dimFloorDiv, dimMul, type Shape, shapeToString } from '../../ir/dim.js';
import { getNumber, makeTensor } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { bool, floats } from '../attributes.js';
import { type Box, clipBox, decodeBox } from '../boxes.js';
import { numeric } from '../builder.js';
import { defineOp } from '../define.js';

export const boxTransform = defineOp({
  name: 'BBoxTransform',
  doc: 'decodes every class of every roi, clips to the image, scales; rois of one image lie in a row',
  source: 'caffe2/operators/bbox_transform_op.cc',
  inputs: [
    { name: 'rois', doc: 'f32 [m,4], or [m,5] with the image first' },
    { name: 'deltas', doc: 'f32 [m,4k]' },
    { name: 'info', doc: 'f32 [n,3]: height, width, scale of each image' },
  ],
  outputs: [
    { name: 'boxes', doc: 'f32 [m,4k]' },
    { name: 'counts', doc: 'f32 [n]: rois of each image', optional: true },
  ],
  attrs: {
    weights: floats('divisors of dx, dy, dw, dh', [1, 1, 1, 1]),
    applyScale: bool('give boxes in the scaled image', true),
    inclusive: bool('decoded boxes have inclusive corners (correct_transform_coords)', false),
  },
  infer: (request) => {
    const [rois, deltas, info] = [request.type(0), request.type(1), request.type(2)];
    const [m = 0, columns] = rois.shape;
    const [deltaRows = 0, width = 0] = deltas.shape;
    const [images = 0] = info.shape;
    const check = (input: number, isRight: boolean, expected: string): void => {
      const type = request.type(input);
      if (!isRight || type.dtype !== 'f32')
        request.fail('an input does not fit', { input, expected: `f32 ${expected}` });
    };
    check(0, rois.shape.length === 2 && (columns === 4 || columns === 5), '[m,4] or [m,5]');
    const isWhole = dimEquals(dimMul(dimFloorDiv(width, 4), 4), width);
    check(1, deltas.shape.length === 2 && dimEquals(m, deltaRows) && isWhole, `${shapeToString([m])} rows of 4k`);
    check(2, info.shape.length === 2 && info.shape[1] === 3, '[n,3]');
    if (columns === 4) check(2, images === 1, '[1,3], since the rois name no image');
    if (request.attrs.weights.length !== 4) request.fail('there must be four weights');
    return [tensorType('f32', deltas.shape), tensorType('f32', [images])].slice(0, request.outputCount);
  },
  reference: (request) => {
    const [rois, deltas, info] = [0, 1, 2].map((i) => numeric(request.tensor(i)));
    if (rois === undefined || deltas === undefined || info === undefined) return request.fault('an input is missing');
    const [m = 0, columns = 4] = rois.dims;
    const [images = 1] = info.dims;
    const classes = (deltas.dims[1] ?? 0) / 4;
    const counts = new Array<number>(images).fill(0);
    for (let i = 0; i < m; i++) {
      const image = columns === 5 ? Math.trunc(getNumber(rois, i * 5)) : 0;
      if (image < 0 || image >= images) request.fault(`roi ${i} names image ${image} of ${images}`);
      counts[image] = (counts[image] ?? 0) + 1;
    }
    const boxes = makeTensor('f32', deltas.dims);
    const imageOf = counts.flatMap((count, image) => new Array<number>(count).fill(image));
    const weights = request.attrs.weights as unknown as Box;
    const four = (at: (k: number) => number): Box => [at(0), at(1), at(2), at(3)];
    for (let i = 0; i < m; i++) {
      const image = imageOf[i] ?? 0;
      const scale = getNumber(info, image * 3 + 2);
      const height = Math.trunc(getNumber(info, image * 3) / scale + 0.5);
      const width = Math.trunc(getNumber(info, image * 3 + 1) / scale + 0.5);
      const roi = four((k) => getNumber(rois, i * columns + columns - 4 + k) / scale);
      for (let c = 0; c < classes; c++) {
        const delta = four((k) => getNumber(deltas, (i * classes + c) * 4 + k));
        const box = clipBox(decodeBox(roi, delta, weights, request.attrs.inclusive), height, width);
        box.forEach((value, k) => {
          boxes.data[(i * classes + c) * 4 + k] = value * (request.attrs.applyScale ? scale : 1);
        });
      }
    }
    const split = makeTensor('f32', [images], Float32Array.from(counts));
    return [boxes, split].slice(0, request.outputs.length);
  },
  lower: (request, { weights, applyScale, inclusive }) => {
    const shapeOf = (i: number): Shape => request.node.inputs[i]?.type.shape ?? [];
    const [m = 0, columns = 4] = shapeOf(0);
    const [images = 1] = shapeOf(2);
    return {
      header: 'cortado/detection.h',
      fn: 'box_transform',
      template: [],
      args: [
        ...[0, 1, 2].map((index) => ({ kind: 'input', index }) as const),
        { kind: 'output', index: 0 },
        { kind: 'output', index: 1 },
        { kind: 'dims', shape: [m, columns, dimFloorDiv(shapeOf(1)[1] ?? 0, 4), images] },
        {
          kind: 'struct',
          type: 'BoxTransformOptions',
          fields: [
            ['weights', weights.map((weight) => ({ float: weight }))],
            ['apply_scale', applyScale ? 1 : 0],
            ['inclusive', inclusive ? 1 : 0],
          ],
        },
      ],
      parts: 1,
      fallible: true,
    };
  },
  caffe2: {
    BBoxTransform: (scope) => {
      scope.expectInputs(3);
      scope.expectOutputs(1, 2);
      const { args } = scope;
      const given = [...args.floats('weights')];
      const attrs = {
        weights: given.length === 0 ? [1, 1, 1, 1] : given,
        applyScale: args.bool('apply_scale', true),
        inclusive: args.bool('correct_transform_coords', false),
      };
      if (args.bool('rotated', false)) scope.fail('rotated boxes are not supported', { code: 'unsupported' });
      args.ignore('angle_bound_on', 'angle_bound_lo', 'angle_bound_hi', 'clip_angle_thresh');
      return scope.emit(
        'BBoxTransform',
        [0, 1, 2].map((i) => scope.input(i)),
        attrs,
        scope.outputCount,
      );
    },
  },
  examples: [
    {
      attrs: { inclusive: true },
      inputs: [
        { dims: [3, 5], values: [0, 4, 5, 20, 30, 0, 1, 1, 9, 9, 1, 3, 3, 20, 12] },
        { dims: [3, 8], range: [-1, 1] },
        { dims: [2, 3], values: [60, 72, 2, 50, 50, 1] },
      ],
    },
  ],
});
