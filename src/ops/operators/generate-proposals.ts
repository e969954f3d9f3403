// GenerateProposals: region proposals of a region proposal network. The number of proposals depends on the values.

import { dimEquals, dimMax, dimMul, shapeSize, shapeToString } from '../../ir/dim.js';
import { getNumber, makeTensor, type NumericTensor } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { bool, float, int } from '../attributes.js';
import { type Box, boxAt, clipBox, decodeBox, suppress } from '../boxes.js';
import { numeric } from '../builder.js';
import type { Caffe2Import } from '../caffe2-import.js';
import { defineOp, type InferRequest } from '../define.js';
import { storedExtent } from '../stored-extent.js';

const kAttrs = {
  spatialScale: float('size of the feature map divided by the size of the image', 0.0625),
  preTop: int('candidates before suppression for each image; all when not positive', 6000),
  postTop: int('proposals for each image; all when not positive', 300),
  threshold: float('overlap above which the lower score goes', 0.7),
  minSize: float('least width and height, times the scale of the image', 16),
  inclusive: bool('decoded boxes have inclusive corners (correct_transform_coords)', false),
};

interface ProposalAttrs {
  readonly spatialScale: number;
  readonly preTop: number;
  readonly postTop: number;
  readonly threshold: number;
  readonly minSize: number;
  readonly inclusive: boolean;
}

const kUnitWeights: Box = [1, 1, 1, 1];

function checkShapes(request: InferRequest<ProposalAttrs>): void {
  const [n = 0, a = 0, h = 0, w = 0] = request.type(0).shape;
  if (request.type(0).shape.length !== 4) {
    request.fail('scores must be images', { input: 0, expected: 'f32 [n,a,h,w]' });
  }
  const expected = [
    [n, a, h, w],
    [n, dimMul(a, 4), h, w],
    [n, 3],
    [a, 4],
  ] as const;
  expected.forEach((shape, i) => {
    const type = request.type(i);
    const isEqual = shape.length === type.shape.length && shape.every((dim, k) => dimEquals(dim, type.shape[k] ?? -1));
    if (!isEqual || type.dtype !== 'f32') {
      request.fail('an input does not agree with the scores', { input: i, expected: `f32${shapeToString(shape)}` });
    }
  });
}

/** Largest number of proposals of one image. */
function maxPerImage(candidates: number, { preTop, postTop }: ProposalAttrs): number {
  return [preTop, postTop].reduce((least, limit) => (limit > 0 ? Math.min(least, limit) : least), candidates);
}

interface Proposal {
  readonly box: Box;
  readonly score: number;
}

/** The proposals of image `image`, best first. */
function proposeOne(image: number, inputs: readonly NumericTensor[], attrs: ProposalAttrs): readonly Proposal[] {
  const [scores, deltas, info, anchors] = inputs as readonly [
    NumericTensor,
    NumericTensor,
    NumericTensor,
    NumericTensor,
  ];
  const [, a = 0, h = 0, w = 0] = scores.dims;
  const plane = h * w;
  const scoreAt = (i: number): number => getNumber(scores, (image * a + (i % a)) * plane + Math.floor(i / a));
  const order = Array.from({ length: plane * a }, (_, i) => i).sort((i, j) => scoreAt(j) - scoreAt(i) || i - j);
  const top = attrs.preTop > 0 ? order.slice(0, attrs.preTop) : order;
  const [height, width, scale] = [0, 1, 2].map((i) => getNumber(info, image * 3 + i)) as [number, number, number];
  const boxes = top.map((i): Box => {
    const cell = Math.floor(i / a);
    const shiftX = (cell % w) / attrs.spatialScale;
    const shiftY = Math.floor(cell / w) / attrs.spatialScale;
    const anchor = [0, 1, 2, 3].map((k) => getNumber(anchors, (i % a) * 4 + k) + (k % 2 === 0 ? shiftX : shiftY));
    const delta = [0, 1, 2, 3].map((k) => getNumber(deltas, (image * 4 * a + (i % a) * 4 + k) * plane + cell));
    const decoded = decodeBox(anchor as unknown as Box, delta as unknown as Box, kUnitWeights, attrs.inclusive);
    return clipBox(decoded.map(Math.fround) as unknown as Box, height, width);
  });
  const least = attrs.minSize * scale;
  const big = boxes.flatMap((box, i) => {
    const sizeX = box[2] - box[0] + 1;
    const sizeY = box[3] - box[1] + 1;
    const isInside = box[0] + sizeX / 2 < width && box[1] + sizeY / 2 < height;
    return sizeX >= least && sizeY >= least && isInside ? [i] : [];
  });
  return suppress(boxes, big, attrs.threshold, Math.max(0, attrs.postTop)).map((i) => ({
    box: boxAt(boxes, i),
    score: scoreAt(top[i] ?? 0),
  }));
}

const importProposals: Caffe2Import = (scope) => {
  scope.expectInputs(4);
  scope.expectOutputs(2);
  const { args } = scope;
  const attrs = {
    spatialScale: args.float('spatial_scale', 0.0625),
    preTop: args.int('pre_nms_topN', 6000),
    postTop: args.int('post_nms_topN', 300),
    threshold: args.float('nms_thresh', Math.fround(0.7)),
    minSize: args.float('min_size', 16),
    inclusive: args.bool('correct_transform_coords', false),
  };
  args.ignore('angle_bound_on', 'angle_bound_lo', 'angle_bound_hi', 'clip_angle_thresh');
  const inputs = [0, 1, 2, 3].map((i) => scope.input(i));
  return scope.emit('GenerateProposals', inputs, attrs, 2);
};

export const generateProposals = defineOp({
  name: 'GenerateProposals',
  doc: 'decodes anchors with their deltas, clips, drops small boxes, suppresses overlaps; rows (image, x1, y1, x2, y2)',
  source: 'caffe2/operators/generate_proposals_op.cc',
  inputs: [
    { name: 'scores', doc: 'f32 [n,a,h,w]' },
    { name: 'deltas', doc: 'f32 [n,4a,h,w]' },
    { name: 'info', doc: 'f32 [n,3]: height, width, scale of each image' },
    { name: 'anchors', doc: 'f32 [a,4]' },
  ],
  outputs: [
    { name: 'rois', doc: 'f32 [rois,5]' },
    { name: 'probabilities', doc: 'f32 [rois]' },
  ],
  attrs: kAttrs,
  infer: (request) => {
    checkShapes(request);
    if (!(request.attrs.spatialScale > 0)) request.fail('spatial_scale must be positive');
    const [n = 0, ...rest] = request.type(0).shape;
    const most = dimMax(n) * maxPerImage(dimMax(shapeSize(rest)), request.attrs);
    const rois = request.symbol('rois', 0, Math.max(1, most));
    return [tensorType('f32', [rois, 5]), tensorType('f32', [rois])];
  },
  reference: (request) => {
    const inputs = [0, 1, 2, 3].map((i) => numeric(request.tensor(i)));
    const images = inputs[0]?.dims[0] ?? 0;
    const rows = Array.from({ length: images }, (_, image) =>
      proposeOne(image, inputs, request.attrs).map((proposal) => ({ ...proposal, image })),
    ).flat();
    const rois = makeTensor('f32', [rows.length, 5]);
    const probabilities = makeTensor('f32', [rows.length]);
    rows.forEach(({ image, box, score }, i) => {
      [image, ...box].forEach((value, k) => {
        rois.data[i * 5 + k] = value;
      });
      probabilities.data[i] = score;
    });
    return [rois, probabilities];
  },
  lower: (request, attrs) => {
    const [n = 1, a = 1, h = 1, w = 1] = request.node.inputs[0]?.type.shape ?? [];
    const candidates = dimMax(a) * dimMax(h) * dimMax(w);
    const kept = attrs.preTop > 0 ? Math.min(attrs.preTop, candidates) : candidates;
    return {
      header: 'cortado/detection.h',
      fn: 'generate_proposals',
      template: [],
      args: [
        ...[0, 1, 2, 3].map((index) => ({ kind: 'input', index }) as const),
        { kind: 'output', index: 0 },
        { kind: 'output', index: 1 },
        storedExtent(request, [0, 1]),
        { kind: 'dims', shape: [n, a, h, w] },
        {
          kind: 'struct',
          type: 'ProposalOptions',
          fields: [
            ['spatial_scale', { float: attrs.spatialScale }],
            ['threshold', { float: attrs.threshold }],
            ['min_size', { float: attrs.minSize }],
            ['pre_top', attrs.preTop],
            ['post_top', attrs.postTop],
            ['inclusive', attrs.inclusive ? 1 : 0],
          ],
        },
        { kind: 'scratch' },
      ],
      // Scores' order (4 bytes each), then a box (16) and a mark (4) for each candidate that is kept.
      scratchBytes: candidates * 4 + kept * 20 + 64,
      parts: 1,
      fallible: true,
    };
  },
  caffe2: { GenerateProposals: importProposals, GenerateProposalsCPP: importProposals },
  examples: [
    {
      attrs: { threshold: 0.5, minSize: 4, preTop: 30, postTop: 8, inclusive: true },
      inputs: [
        { dims: [1, 3, 4, 5], range: [0, 1] },
        { dims: [1, 12, 4, 5], range: [-0.5, 0.5] },
        { dims: [1, 3], values: [64, 80, 1] },
        { dims: [3, 4], values: [-8, -8, 7, 7, -16, -8, 15, 7, -4, -8, 4, 8] },
      ],
    },
  ],
});
