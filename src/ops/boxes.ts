// Boxes (x1, y1, x2, y2) with inclusive corners: decoding, clipping, overlap and suppression, as in Caffe2's
// operators/generate_proposals_op_util_boxes.h and _nms.h. Sizes are x2 - x1 + 1.

export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** Larger logarithmic size changes are clipped: log(1000 / 16). */
export const kMaxLogScale = Math.log(1000 / 16);

/** The box that the deltas (dx, dy, dw, dh) make of `box`. */
export function decodeBox(box: Box, deltas: Box, weights: Box, isInclusive: boolean): Box {
  const width = box[2] - box[0] + 1;
  const height = box[3] - box[1] + 1;
  const centreX = (deltas[0] / weights[0]) * width + box[0] + 0.5 * width;
  const centreY = (deltas[1] / weights[1]) * height + box[1] + 0.5 * height;
  const newWidth = Math.exp(Math.min(deltas[2] / weights[2], kMaxLogScale)) * width;
  const newHeight = Math.exp(Math.min(deltas[3] / weights[3], kMaxLogScale)) * height;
  const offset = isInclusive ? 1 : 0;
  return [
    centreX - 0.5 * newWidth,
    centreY - 0.5 * newHeight,
    centreX + 0.5 * newWidth - offset,
    centreY + 0.5 * newHeight - offset,
  ];
}

export function clipBox(box: Box, height: number, width: number): Box {
  const clip = (value: number, limit: number): number => Math.max(Math.min(value, limit - 1), 0);
  return [clip(box[0], width), clip(box[1], height), clip(box[2], width), clip(box[3], height)];
}

/** Intersection over union. */
export function overlap(a: Box, b: Box): number {
  const area = (box: Box): number => (box[2] - box[0] + 1) * (box[3] - box[1] + 1);
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]) + 1);
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]) + 1);
  const shared = width * height;
  return shared / (area(a) + area(b) - shared);
}

/** Greedy suppression of `order` (best first): indices that stay, at most `limit` when it is positive. */
export function suppress(
  boxes: readonly Box[],
  order: readonly number[],
  threshold: number,
  limit = 0,
): readonly number[] {
  const kept: number[] = [];
  let rest = order;
  while (rest.length > 0 && !(limit > 0 && kept.length >= limit)) {
    const [best = 0, ...others] = rest;
    kept.push(best);
    rest = others.filter((i) => overlap(boxAt(boxes, best), boxAt(boxes, i)) <= threshold);
  }
  return kept;
}

export interface SoftSuppression {
  readonly isGaussian: boolean;
  readonly sigma: number;
  readonly threshold: number;
  readonly minScore: number;
}

/** Soft suppression: lowers `scores` of overlapping boxes in place; gives indices in order of their final scores. */
export function suppressSoftly(
  boxes: readonly Box[],
  scores: number[],
  candidates: readonly number[],
  { isGaussian, sigma, threshold, minScore }: SoftSuppression,
): readonly number[] {
  const kept: number[] = [];
  let pending = [...candidates];
  while (pending.length > 0) {
    let at = 0;
    pending.forEach((i, k) => {
      if ((scores[i] ?? 0) > (scores[pending[at] ?? 0] ?? 0)) at = k;
    });
    const best = pending[at] ?? 0;
    kept.push(best);
    pending[at] = pending[0] ?? 0;
    const rest = pending.slice(1);
    for (const i of rest) {
      const shared = overlap(boxAt(boxes, best), boxAt(boxes, i));
      const linear = shared > threshold ? 1 - shared : 1;
      scores[i] = Math.fround((scores[i] ?? 0) * (isGaussian ? Math.exp((-shared * shared) / sigma) : linear));
    }
    pending = rest.filter((i) => (scores[i] ?? 0) >= minScore);
  }
  return kept;
}

export function boxAt(boxes: readonly Box[], i: number): Box {
  return boxes[i] ?? [0, 0, 0, 0];
}
