// CollectAndDistributeFpnRpnProposals: the best proposals of all pyramid levels, dealt out to levels by their size.

import { type Dim, dimAdd, dimEquals, dimMax, dimMinOf, shapeToString } from '../../ir/dim.js';
import { getNumber, makeTensor, type NumericTensor } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { int } from '../attributes.js';
import { numeric } from '../builder.js';
import { copyRange } from '../copy-tensor.js';
import { defineOp } from '../define.js';
import { storedExtent } from '../stored-extent.js';

interface LevelAttrs {
  readonly minLevel: number;
  readonly maxLevel: number;
  readonly canonicalScale: number;
  readonly canonicalLevel: number;
}

/** The pyramid level of a roi: floor(level0 + log2(√area / scale0 + 1e-6)), clipped. */
function levelOf(rois: NumericTensor, i: number, attrs: LevelAttrs): number {
  const at = (k: number): number => getNumber(rois, i * 5 + k);
  const side = Math.sqrt(Math.max(0, (at(3) - at(1) + 1) * (at(4) - at(2) + 1)));
  const level = Math.floor(attrs.canonicalLevel + Math.log2(side / attrs.canonicalScale + 1e-6));
  return Math.min(Math.max(level, attrs.minLevel), attrs.maxLevel);
}

export const collectProposals = defineOp({
  name: 'CollectProposals',
  doc: 'the `top` best rois of all levels by score; the same by level; where each roi of the first output went',
  source: 'caffe2/operators/collect_and_distribute_fpn_rpn_proposals_op.cc',
  inputs: [{ name: 'x', doc: 'rois f32 [m_i,5] of each level, then their scores f32 [m_i]', variadic: true }],
  outputs: [
    { name: 'rois', doc: 'f32 [r,5]' },
    {
      name: 'level',
      doc: 'f32 [r_i,5] for each level, then i32 [r]: row of each roi in all levels joined',
      variadic: true,
    },
  ],
  attrs: {
    minLevel: int('lowest level of the outputs', 2),
    maxLevel: int('highest level of the outputs', 5),
    canonicalScale: int('side of a roi that belongs to canonicalLevel', 224),
    canonicalLevel: int('level of such a roi', 4),
    top: int('most rois', 2000),
  },
  infer: (request) => {
    const levels = request.inputs.length / 2;
    const { minLevel, maxLevel, top } = request.attrs;
    let total: Dim = 0;
    for (let i = 0; i < levels; i++) {
      const [rois, scores] = [request.type(i), request.type(i + levels)];
      const [count = 0, columns] = rois.shape;
      if (rois.dtype !== 'f32' || rois.shape.length !== 2 || columns !== 5) {
        request.fail('expected rois', { input: i, expected: 'f32 [m,5]' });
      }
      if (scores.dtype !== 'f32' || scores.shape.length !== 1 || !dimEquals(scores.shape[0] ?? -1, count)) {
        request.fail('expected a score for each roi', { input: i + levels, expected: `f32${shapeToString([count])}` });
      }
      total = dimAdd(total, count);
    }
    const count = dimMinOf(total, top);
    const perLevel = Array.from({ length: maxLevel - minLevel + 1 }, (_, i) =>
      tensorType('f32', [request.symbol(`level${minLevel + i}`, 0, Math.max(1, dimMax(count))), 5]),
    );
    return [tensorType('f32', [count, 5]), ...perLevel, tensorType('i32', [count])];
  },
  reference: (request) => {
    const levels = request.inputs.length / 2;
    const tensors = request.inputs.map((_, i) => numeric(request.tensor(i)));
    const all = tensors.slice(0, levels).flatMap((rois, level) =>
      Array.from({ length: rois.dims[0] ?? 0 }, (_, row) => ({
        rois,
        row,
        score: getNumber(tensors[level + levels] ?? rois, row),
      })),
    );
    const best = all.sort((a, b) => b.score - a.score).slice(0, request.attrs.top);
    const rois = makeTensor('f32', [best.length, 5]);
    best.forEach((item, i) => void copyRange(item.rois, item.row * 5, rois, i * 5, 5));
    const { minLevel, maxLevel } = request.attrs;
    const restore = makeTensor('i32', [best.length]);
    let next = 0;
    const perLevel = Array.from({ length: maxLevel - minLevel + 1 }, (_, i) => {
      const rows = best.flatMap((_, row) => (levelOf(rois, row, request.attrs) === minLevel + i ? [row] : []));
      const own = makeTensor('f32', [rows.length, 5]);
      rows.forEach((row, at) => {
        copyRange(rois, row * 5, own, at * 5, 5);
        restore.data[row] = next;
        next += 1;
      });
      return own;
    });
    return [rois, ...perLevel, restore];
  },
  lower: (request, attrs) => {
    const { inputs, outputs } = request.node;
    const levels = inputs.length / 2;
    const counts = inputs.slice(0, levels).map((value) => value?.type.shape[0] ?? 0);
    const most = counts.reduce<number>((sum, count) => sum + dimMax(count), 0);
    const outLevels = attrs.maxLevel - attrs.minLevel + 1;
    return {
      header: 'cortado/detection.h',
      fn: 'collect_proposals',
      template: [
        { kind: 'number', value: levels },
        { kind: 'number', value: outLevels },
      ],
      args: [
        { kind: 'dims', shape: counts },
        { kind: 'list', values: [attrs.minLevel, attrs.canonicalScale, attrs.canonicalLevel, attrs.top] },
        { kind: 'output', index: 0 },
        { kind: 'output', index: outputs.length - 1 },
        { kind: 'scratch' },
        ...inputs.map((_, index) => ({ kind: 'input', index }) as const),
        ...Array.from({ length: outLevels }, (_, i) => ({ kind: 'output', index: i + 1 }) as const),
        ...Array.from({ length: outLevels }, (_, i) => storedExtent(request, [i + 1])),
      ],
      scratchBytes: most * 8 + 64,
      parts: 1,
    };
  },
  caffe2: {
    CollectAndDistributeFpnRpnProposals: (scope) => {
      const { args } = scope;
      const rpn = [args.int('rpn_min_level', 2), args.int('rpn_max_level', 6)] as const;
      const roi = [args.int('roi_min_level', 2), args.int('roi_max_level', 5)] as const;
      const attrs = {
        minLevel: roi[0],
        maxLevel: roi[1],
        canonicalScale: args.int('roi_canonical_scale', 224),
        canonicalLevel: args.int('roi_canonical_level', 4),
        top: args.int('post_nms_topN', 2000),
      };
      if (rpn[1] < rpn[0] || roi[1] < roi[0]) scope.fail('a highest level lies below its lowest level');
      scope.expectInputs(2 * (rpn[1] - rpn[0] + 1));
      scope.expectOutputs(roi[1] - roi[0] + 3);
      const inputs = Array.from({ length: scope.inputCount }, (_, i) => scope.input(i));
      return scope.emit('CollectProposals', inputs, attrs, scope.outputCount);
    },
  },
  examples: [
    {
      attrs: { minLevel: 2, maxLevel: 3, top: 4 },
      inputs: [
        { dims: [2, 5], values: [0, 1, 2, 20, 30, 0, 5, 5, 200, 200] },
        { dims: [3, 5], values: [0, 0, 0, 9, 9, 0, 10, 10, 500, 400, 0, 3, 3, 7, 60] },
        { dims: [2], values: [0.5, 0.9] },
        { dims: [3], values: [0.1, 0.7, 0.6] },
      ],
    },
  ],
});
