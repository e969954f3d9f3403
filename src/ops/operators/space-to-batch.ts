// SpaceToBatch and BatchToSpace: blocks of pixels become images of the batch and back.

import { type Dim, dimAdd, dimEquals, dimFloorDiv, dimMul, dimToString } from '../../ir/dim.js';
import type { Attrs } from '../../ir/graph.js';
import { makeTensor, type NumericTensor } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { int } from '../attributes.js';
import { numeric } from '../builder.js';
import type { Caffe2Import } from '../caffe2-import.js';
import { defineOp, type InferRequest } from '../define.js';
import type { KernelCall, KernelRequest } from '../kernel-call.js';

const kAttrs = {
  block: int('pixels of a block in both directions', 2),
  top: int('rows of padding, or of cropping, at the top', 0),
  left: int('columns at the left', 0),
  bottom: int('rows at the bottom', 0),
  right: int('columns at the right', 0),
};

interface BlockAttrs {
  readonly block: number;
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** n, c, h, w of an image tensor. */
function imageDims(request: InferRequest<BlockAttrs>): readonly [Dim, Dim, Dim, Dim] {
  const x = request.type(0);
  const [n, c, h, w] = x.shape;
  if (
    x.dtype !== 'f32' ||
    n === undefined ||
    c === undefined ||
    h === undefined ||
    w === undefined ||
    x.shape.length !== 4
  ) {
    return request.fail('expected images', { input: 0, expected: 'f32 [n,c,h,w]' });
  }
  return [n, c, h, w];
}

function exactDiv(request: InferRequest<BlockAttrs>, dim: Dim, by: number, what: string): Dim {
  const quotient = dimFloorDiv(dim, by);
  if (!dimEquals(dimMul(quotient, by), dim)) {
    request.fail(`${what} must be a multiple of ${by}`, { got: dimToString(dim) });
  }
  return quotient;
}

/** Calls back with matching offsets of the spread tensor (many small images) and the whole (few large ones). */
function forEachPixel(
  spread: NumericTensor,
  whole: NumericTensor,
  attrs: BlockAttrs,
  visit: (spreadAt: number, wholeAt: number | undefined) => void,
): void {
  const [blocks = 0, c = 0, sh = 0, sw = 0] = spread.dims;
  const [n = 0, , h = 0, w = 0] = whole.dims;
  for (let b = 0; b < blocks; b++) {
    const at = Math.floor(b / n);
    for (let k = 0; k < c; k++) {
      for (let y = 0; y < sh; y++) {
        for (let x = 0; x < sw; x++) {
          const row = y * attrs.block + Math.floor(at / attrs.block) - attrs.top;
          const column = x * attrs.block + (at % attrs.block) - attrs.left;
          const isInside = row >= 0 && row < h && column >= 0 && column < w;
          visit(((b * c + k) * sh + y) * sw + x, isInside ? (((b % n) * c + k) * h + row) * w + column : undefined);
        }
      }
    }
  }
}

function blockCall(request: KernelRequest, fn: string, attrs: BlockAttrs, whole: readonly Dim[]): KernelCall {
  return {
    header: 'cortado/space_to_batch.h',
    fn,
    template: [],
    args: [
      { kind: 'input', index: 0 },
      { kind: 'output', index: 0 },
      { kind: 'dims', shape: whole },
      { kind: 'list', values: [attrs.block, attrs.top, attrs.left, attrs.bottom, attrs.right] },
    ],
    parts: request.target.threads,
  };
}

function importBlocks(op: string): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    const { args } = scope;
    const pad = args.int('pad', 0);
    // Caffe2 reads pad_t; for the other three sides it reads pad again (space_batch_op.h).
    const ignored = ['pad_l', 'pad_b', 'pad_r'].filter((name) => args.has(name) && args.int(name, pad) !== pad);
    if (ignored.length > 0) scope.warn(`${ignored.join(', ')} are ignored, as Caffe2 does: it reads pad instead`);
    if (args.text('order', 'NCHW') !== 'NCHW') scope.fail(`${op} needs order NCHW`, { got: args.text('order', '') });
    const block = args.int('block_size', 2);
    if (block < 1) scope.fail('block_size must be positive', { got: String(block) });
    const attrs: Attrs = { block, top: args.int('pad_t', pad), left: pad, bottom: pad, right: pad };
    return [scope.emitOne(op, [scope.input(0)], attrs)];
  };
}

export const spaceToBatch = defineOp({
  name: 'SpaceToBatch',
  doc: 'pixel (i, j) of every block goes to image (i * block + j) * n + k of the batch, after zero padding',
  source: 'caffe2/operators/space_batch_op.h',
  inputs: [{ name: 'x', doc: 'f32 [n,c,h,w]' }],
  outputs: [{ name: 'y', doc: 'f32 [n*block²,c,h/block,w/block]' }],
  attrs: kAttrs,
  infer: (request) => {
    const [n, c, h, w] = imageDims(request);
    const { block, top, left, bottom, right } = request.attrs;
    const height = exactDiv(request, dimAdd(h, top + bottom), block, 'the padded height');
    const width = exactDiv(request, dimAdd(w, left + right), block, 'the padded width');
    return [tensorType('f32', [dimMul(n, block * block), c, height, width])];
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const y = makeTensor('f32', request.outputs[0]?.shape.map(Number) ?? []);
    forEachPixel(y, x, request.attrs, (to, from) => {
      if (from !== undefined) y.data[to] = x.data[from] ?? 0;
    });
    return [y];
  },
  lower: (request, attrs) => blockCall(request, 'space_to_batch', attrs, request.node.inputs[0]?.type.shape ?? []),
  caffe2: { SpaceToBatch: importBlocks('SpaceToBatch') },
  examples: [
    { attrs: { block: 2 }, inputs: [{ dims: [1, 2, 4, 6], range: [-1, 1] }] },
    { attrs: { block: 2, top: 1, left: 1, bottom: 1, right: 1 }, inputs: [{ dims: [2, 1, 2, 4], range: [-1, 1] }] },
  ],
});

export const batchToSpace = defineOp({
  name: 'BatchToSpace',
  doc: 'the inverse of SpaceToBatch: image (i * block + j) * n + k gives pixel (i, j) of every block, then a crop',
  source: 'caffe2/operators/space_batch_op.h',
  inputs: [{ name: 'x', doc: 'f32 [n*block²,c,h,w]' }],
  outputs: [{ name: 'y', doc: 'f32 [n,c,h*block,w*block] without the cropped border' }],
  attrs: kAttrs,
  infer: (request) => {
    const [n, c, h, w] = imageDims(request);
    const { block, top, left, bottom, right } = request.attrs;
    const images = exactDiv(request, n, block * block, 'the batch');
    return [
      tensorType('f32', [
        images,
        c,
        dimAdd(dimMul(h, block), -(top + bottom)),
        dimAdd(dimMul(w, block), -(left + right)),
      ]),
    ];
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const y = makeTensor('f32', request.outputs[0]?.shape.map(Number) ?? []);
    forEachPixel(x, y, request.attrs, (from, to) => {
      if (to !== undefined) y.data[to] = x.data[from] ?? 0;
    });
    return [y];
  },
  lower: (request, attrs) => {
    const [n = 0, c = 0, h = 0, w = 0] = request.node.inputs[0]?.type.shape ?? [];
    const height = dimAdd(dimMul(h, attrs.block), -(attrs.top + attrs.bottom));
    const width = dimAdd(dimMul(w, attrs.block), -(attrs.left + attrs.right));
    return blockCall(request, 'batch_to_space', attrs, [dimFloorDiv(n, attrs.block * attrs.block), c, height, width]);
  },
  caffe2: { BatchToSpace: importBlocks('BatchToSpace') },
  examples: [
    { attrs: { block: 2 }, inputs: [{ dims: [8, 2, 3, 2], range: [-1, 1] }] },
    { attrs: { block: 2, top: 1, right: 1 }, inputs: [{ dims: [4, 2, 3, 3], range: [-1, 1] }] },
  ],
});
