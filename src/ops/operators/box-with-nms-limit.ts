// BoxWithNMSLimit: suppression of overlapping boxes class by class, then a limit over all classes of an image.

import { type Dim, dimEquals, dimMax, dimMul, dimSub, type Shape, shapeToString } from '../../ir/dim.js';
import { getNumber, makeTensor, type NumericTensor } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { bool, float, int } from '../attributes.js';
import { type Box, suppress, suppressSoftly } from '../boxes.js';
import { numeric } from '../builder.js';
import type { Caffe2Import } from '../caffe2-import.js';
import { defineOp } from '../define.js';
import { storedExtent } from '../stored-extent.js';

/** Room for detections of one image whose score equals that of the last within the limit: Caffe2 keeps them all. */
const kTies = 16;

const kAttrs = {
  scoreThreshold: float('scores must be greater', 0.05),
  threshold: float('overlap above which the lower score goes', 0.3),
  limit: int('detections for each image over all classes; no limit when not positive', 100),
  soft: bool('lower the scores of overlapping boxes instead of dropping them', false),
  gaussian: bool('soft: by exp(-overlap² / sigma) instead of 1 - overlap', false),
  sigma: float('soft: width of the Gaussian', 0.5),
  minScore: float('soft: boxes below go', 0.001),
};

interface NmsAttrs {
  readonly scoreThreshold: number;
  readonly threshold: number;
  readonly limit: number;
  readonly soft: boolean;
  readonly gaussian: boolean;
  readonly sigma: number;
  readonly minScore: number;
}

interface Detection {
  readonly row: number;
  readonly score: number;
  readonly box: Box;
  readonly label: number;
}

/** Most detections that are stored. */
function detectionBound(rows: Dim, classes: Dim, images: Dim, limit: number): number {
  const all = dimMax(dimMul(dimSub(classes, 1), rows));
  return Math.max(1, limit > 0 ? Math.min(all, (limit + kTies) * dimMax(images)) : all);
}

/** The detections of rows begin..end, class by class. */
function detectOne(
  scores: NumericTensor,
  boxes: NumericTensor,
  begin: number,
  end: number,
  attrs: NmsAttrs,
): readonly Detection[] {
  const classes = scores.dims[1] ?? 1;
  const rows = Array.from({ length: end - begin }, (_, i) => begin + i);
  const found: Detection[] = [];
  for (let label = 1; label < classes; label++) {
    const own = rows.map((row) => getNumber(scores, row * classes + label));
    const places = rows.map((row): Box => {
      const at = (k: number): number => getNumber(boxes, (row * classes + label) * 4 + k);
      return [at(0), at(1), at(2), at(3)];
    });
    const candidates = own.flatMap((score, i) => (score > attrs.scoreThreshold ? [i] : []));
    const order = (): readonly number[] => [...candidates].sort((a, b) => (own[b] ?? 0) - (own[a] ?? 0) || a - b);
    const kept = attrs.soft
      ? suppressSoftly(places, own, candidates, {
          isGaussian: attrs.gaussian,
          sigma: attrs.sigma,
          threshold: attrs.threshold,
          minScore: attrs.minScore,
        })
      : suppress(places, order(), attrs.threshold);
    found.push(...kept.map((i) => ({ row: i, score: own[i] ?? 0, box: places[i] ?? [0, 0, 0, 0], label }) as const));
  }
  if (attrs.limit <= 0 || found.length <= attrs.limit) return found;
  const least = found.map(({ score }) => score).sort((a, b) => b - a)[attrs.limit - 1] ?? 0;
  return found.filter(({ score }) => score >= least);
}

/** [begin, end) of the rows of each image. */
function readSplits(
  splits: NumericTensor | undefined,
  rows: number,
  fault: (message: string) => never,
): readonly (readonly [number, number])[] {
  if (splits === undefined) return [[0, rows]];
  let begin = 0;
  const ranges = Array.from({ length: splits.data.length }, (_, i) => {
    const count = Math.trunc(getNumber(splits, i));
    if (count < 0 || begin + count > rows) return fault(`image ${i} has ${count} rows, ${rows - begin} are left`);
    begin += count;
    return [begin - count, begin] as const;
  });
  if (begin !== rows) return fault(`the images have ${begin} rows of ${rows}`);
  return ranges;
}

const importBoxes: Caffe2Import = (scope) => {
  scope.expectInputs(2, 3);
  scope.expectOutputs(3, 6);
  const { args } = scope;
  const method = args.text('soft_nms_method', 'linear');
  if (method !== 'linear' && method !== 'gaussian') {
    scope.fail('unknown soft_nms_method', { expected: 'linear or gaussian', got: method });
  }
  const attrs = {
    scoreThreshold: args.float('score_thresh', Math.fround(0.05)),
    threshold: args.float('nms', Math.fround(0.3)),
    limit: args.int('detections_per_im', 100),
    soft: args.bool('soft_nms_enabled', false),
    gaussian: method === 'gaussian',
    sigma: args.float('soft_nms_sigma', 0.5),
    minScore: args.float('soft_nms_min_score_thres', Math.fround(0.001)),
  };
  if (args.bool('rotated', false)) scope.fail('rotated boxes are not supported', { code: 'unsupported' });
  const inputs = Array.from({ length: scope.inputCount }, (_, i) => {
    const value = scope.input(i);
    const { shape } = value.type;
    const isFlat = shape.length === 4 && shape[2] === 1 && shape[3] === 1 && i < 2;
    return isFlat ? scope.emitOne('Flatten', [value], { axis: 1 }) : value;
  });
  return scope.emit('BoxWithNMSLimit', inputs, attrs, scope.outputCount);
};

export const boxWithNmsLimit = defineOp({
  name: 'BoxWithNMSLimit',
  doc: 'boxes that survive, grouped by image and class; class 0 is the background; ties at the limit stay (16 an image)',
  source: 'caffe2/operators/box_with_nms_limit_op.cc',
  inputs: [
    { name: 'scores', doc: 'f32 [m,k]' },
    { name: 'boxes', doc: 'f32 [m,4k]' },
    { name: 'splits', doc: 'f32 [n]: rows of each image', optional: true },
  ],
  outputs: [
    { name: 'scores', doc: 'f32 [detections]' },
    { name: 'boxes', doc: 'f32 [detections,4]' },
    { name: 'classes', doc: 'f32 [detections]' },
    { name: 'splits', doc: 'f32 [n]: detections of each image', optional: true },
    { name: 'keeps', doc: 'i32 [detections]: rows within the image', optional: true },
    { name: 'keep_counts', doc: 'i32 [n*k]: detections of each class', optional: true },
  ],
  attrs: kAttrs,
  infer: (request) => {
    const [scores, boxes] = [request.type(0), request.type(1)];
    const [rows = 0, classes = 0] = scores.shape;
    const isMatrix = (shape: Shape): boolean => shape.length === 2;
    if (scores.dtype !== 'f32' || !isMatrix(scores.shape))
      request.fail('scores must be a matrix', { input: 0, expected: 'f32 [m,k]' });
    const expected: Shape = [rows, dimMul(classes, 4)];
    const fits = isMatrix(boxes.shape) && expected.every((dim, i) => dimEquals(dim, boxes.shape[i] ?? -1));
    if (boxes.dtype !== 'f32' || !fits) {
      request.fail('there must be one box for each score', { input: 1, expected: `f32${shapeToString(expected)}` });
    }
    const splits = request.inputs[2];
    if (splits !== undefined && (splits.dtype !== 'f32' || splits.shape.length !== 1)) {
      request.fail('the splits must be a vector', { input: 2, expected: 'f32 [n]' });
    }
    const images = splits?.shape[0] ?? 1;
    const found = request.symbol('detections', 0, detectionBound(rows, classes, images, request.attrs.limit));
    return [
      tensorType('f32', [found]),
      tensorType('f32', [found, 4]),
      tensorType('f32', [found]),
      tensorType('f32', [images]),
      tensorType('i32', [found]),
      tensorType('i32', [dimMul(images, classes)]),
    ].slice(0, request.outputCount);
  },
  reference: (request) => {
    const scores = numeric(request.tensor(0));
    const boxes = numeric(request.tensor(1));
    const splits = request.inputs[2] === undefined ? undefined : numeric(request.tensor(2));
    const [rows = 0, classes = 1] = scores.dims;
    const ranges = readSplits(splits, rows, request.fault);
    const images = ranges.map(([begin, end]) => detectOne(scores, boxes, begin, end, request.attrs));
    const all = images.flat();
    if (all.length > detectionBound(rows, classes, ranges.length, request.attrs.limit)) {
      request.fault(`more than ${kTies} detections tie at the limit of an image`);
    }
    const counts = images.flatMap((found) =>
      Array.from({ length: classes }, (_, label) => found.filter((item) => item.label === label).length),
    );
    const vector = (values: readonly number[]): NumericTensor =>
      makeTensor('f32', [values.length], Float32Array.from(values));
    return [
      vector(all.map(({ score }) => score)),
      makeTensor('f32', [all.length, 4], Float32Array.from(all.flatMap(({ box }) => box))),
      vector(all.map(({ label }) => label)),
      vector(images.map((found) => found.length)),
      makeTensor('i32', [all.length], Int32Array.from(all.map(({ row }) => row))),
      makeTensor('i32', [counts.length], Int32Array.from(counts)),
    ].slice(0, request.outputs.length);
  },
  lower: (request, attrs) => {
    const [rows = 0, classes = 1] = request.node.inputs[0]?.type.shape ?? [];
    const images = request.node.inputs[2]?.type.shape[0] ?? 1;
    const candidates = dimMax(dimMul(rows, classes));
    return {
      header: 'cortado/detection.h',
      fn: 'box_with_nms_limit',
      template: [],
      args: [
        ...[0, 1, 2].map((index) => ({ kind: 'input', index }) as const),
        ...[0, 1, 2].map((index) => ({ kind: 'output', index }) as const),
        { kind: 'output', index: 3 },
        { kind: 'output', index: 4 },
        { kind: 'output', index: 5 },
        storedExtent(request, [0, 1, 2, 4]),
        { kind: 'extent', dim: detectionBound(rows, classes, images, attrs.limit) },
        { kind: 'dims', shape: [rows, classes, images] },
        {
          kind: 'struct',
          type: 'NmsOptions',
          fields: [
            ['score_threshold', { float: attrs.scoreThreshold }],
            ['threshold', { float: attrs.threshold }],
            ['sigma', { float: attrs.sigma }],
            ['min_score', { float: attrs.minScore }],
            ['limit', attrs.limit],
            ['soft', attrs.soft ? 1 : 0],
            ['gaussian', attrs.gaussian ? 1 : 0],
          ],
        },
        { kind: 'scratch' },
      ],
      // For each candidate its row, its class and its score, and a second list of scores to find the limit.
      scratchBytes: candidates * 16 + dimMax(rows) * 12 + 64,
      parts: 1,
      fallible: true,
    };
  },
  caffe2: { BoxWithNMSLimit: importBoxes },
  examples: [
    {
      inputs: [
        { dims: [12, 3], range: [0, 1] },
        { dims: [12, 12], range: [0, 40] },
      ],
    },
    {
      attrs: { soft: true, gaussian: true },
      inputs: [
        { dims: [6, 3], range: [0, 1] },
        { dims: [6, 12], range: [0, 40] },
      ],
    },
  ],
});
