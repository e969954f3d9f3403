// RMACRegions: overlapping square regions of an image at several scales, as boxes for RoIPool. Only sizes count.

import { type Dim, dimMul, isStatic } from '../../ir/dim.js';
import { floatTensor } from '../../ir/tensor.js';
import { tensorType, typeToString } from '../../ir/type.js';
import { float, int } from '../attributes.js';
import { checkRank } from '../check-input.js';
import { defineOp } from '../define.js';
import { importUnary } from '../import-unary.js';
import { extentArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';

interface RegionAttrs {
  readonly scales: number;
  readonly overlap: number;
}

/** Steps along the longer side whose regions overlap closest to the wanted share; 0 for a square. */
function stepsAlong(height: number, width: number, overlap: number): number {
  const short = Math.min(height, width);
  if (height === width) return 0;
  const missed = [1, 2, 3, 4, 5, 6].map((steps) => {
    const gap = Math.fround((Math.max(height, width) - short) / steps);
    return Math.fround(Math.abs(Math.fround((short * short - short * gap) / (short * short)) - overlap));
  });
  return 1 + missed.indexOf(Math.min(...missed));
}

/** [x1, y1, x2, y2] of all regions of one image. */
function regionsOf(height: number, width: number, attrs: RegionAttrs): readonly (readonly number[])[] {
  const steps = stepsAlong(height, width, Math.fround(attrs.overlap));
  const [across, down] = [width > height ? steps : 0, height > width ? steps : 0];
  const boxes: (readonly number[])[] = [];
  for (let scale = 1; scale <= attrs.scales; scale++) {
    const size = Math.trunc((2 * Math.min(height, width)) / (scale + 1));
    if (size === 0) continue;
    const gap = (total: number, count: number): number => (count > 0 ? Math.fround((total - size) / count) : 0);
    const [dx, dy] = [gap(width, scale + across - 1), gap(height, scale + down - 1)];
    for (let i = 0; i < scale + across; i++) {
      for (let j = 0; j < scale + down; j++) {
        const x = Math.min(Math.trunc(Math.fround(dx * i)), width - size);
        const y = Math.min(Math.trunc(Math.fround(dy * j)), height - size);
        boxes.push([x, y, x + size - 1, y + size - 1]);
      }
    }
  }
  return boxes;
}

function sizesOf(shape: readonly Dim[]): readonly [number, number] | undefined {
  const [, , height = 0, width = 0] = shape;
  return isStatic(height) && isStatic(width) ? [height, width] : undefined;
}

export const rmacRegions = defineOp({
  name: 'RMACRegions',
  doc: 'boxes [image, x1, y1, x2, y2] of square regions, scale by scale, column by column, image by image',
  source: 'caffe2/operators/rmac_regions_op.cc',
  inputs: [{ name: 'x', doc: '[n, c, h, w], only its shape counts' }],
  outputs: [{ name: 'y', doc: '[n * regions, 5]' }],
  attrs: { scales: int('number of scales', 3), overlap: float('wanted overlap of neighbours', 0.4) },
  infer: (request) => {
    checkRank(request, 0, 'the image', 4);
    const { shape } = request.type(0);
    const sizes =
      sizesOf(shape) ??
      request.fail('RMACRegions needs an image of fixed size', {
        code: 'unsupported',
        got: typeToString(request.type(0)),
      });
    if (sizes.some((size) => size < 1)) request.fail('the image is empty', { input: 0 });
    return [tensorType('f32', [dimMul(shape[0] ?? 1, regionsOf(...sizes, request.attrs).length), 5])];
  },
  reference: (request) => {
    const [n = 0, , height = 1, width = 1] = request.tensor(0).dims;
    const boxes = regionsOf(height, width, request.attrs);
    const rows = Array.from({ length: n }, (_, image) => boxes.flatMap((box) => [image, ...box])).flat();
    return [floatTensor([n * boxes.length, 5], rows)];
  },
  lower: (request, attrs) => {
    const { shape } = lowerType(request, 0);
    const boxes = regionsOf(...(sizesOf(shape) ?? [1, 1]), attrs);
    return {
      header: 'cortado/repeat_boxes.h',
      fn: 'repeat_boxes',
      template: [],
      args: [extentArg(shape[0] ?? 1), extentArg(boxes.length), { kind: 'packed', index: 0 }, outputArg()],
      packs: [floatTensor([boxes.length, 4], boxes.flat())],
      parts: kRowParts,
    };
  },
  caffe2: {
    RMACRegions: importUnary('RMACRegions', (args) => ({
      scales: args.int('scales', 3),
      overlap: args.float('overlap', 0.4),
    })),
  },
  examples: [
    { inputs: [{ dims: [2, 1, 9, 14] }] },
    { note: 'square', attrs: { scales: 2 }, inputs: [{ dims: [1, 1, 7, 7] }] },
  ],
});
