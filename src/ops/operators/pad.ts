// Pad: widens or crops the spatial axes of an image; outside it reads a constant, its mirror image or its edge.

import { type Dim, dimAdd, dimMax, dimMin, dimMul, dimToString } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { typeToString } from '../../ir/type.js';
import { float, ints, text } from '../attributes.js';
import type { ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank } from '../check-input.js';
import { defineOp, type InferRequest } from '../define.js';
import { channelsFirst, readOrder, restoreOrder } from '../image-order.js';
import {
  extentArg,
  imageDims,
  inputArg,
  kRowParts,
  lowerOutput,
  lowerType,
  outputArg,
  structArg,
} from '../kernel-arguments.js';
import type { KernelCall, KernelRequest } from '../kernel-call.js';
import { floatData, floatOutput, sizeOf } from '../reference-tensors.js';
import { denseStrides, stridedCopyCall } from '../strided-copy.js';
import { readWindowArguments } from '../window-arguments.js';

const kModes: { readonly [mode: string]: string } = { constant: 'kConstant', reflect: 'kReflect', edge: 'kEdge' };

interface PadAttrs {
  readonly pads: readonly number[];
  readonly mode: string;
  readonly value: number;
}

export const pad = defineOp({
  name: 'Pad',
  doc: 'y[.., i, ..] = x[.., i - head, ..]; outside x: value, the mirror image without repeating the edge, or the edge',
  source: 'caffe2/operators/pad_op.cc',
  inputs: [{ name: 'x', doc: '[n, c, spatial...]; three spatial axes can only be cropped' }],
  outputs: [{ name: 'y', doc: '[n, c, spatial...]' }],
  attrs: {
    pads: ints('elements added before each spatial axis, then after each; negative: removed'),
    mode: text('constant, reflect or edge', 'constant'),
    value: float('what constant padding holds', 0),
  },
  infer: (request) => {
    const x = checkDType(request, 0, 'the image');
    checkRank(request, 0, 'the image', 3, 5);
    const [n = 1, c = 1, ...spatial] = x.shape;
    checkPads(request, spatial.length);
    return [{ ...x, shape: [n, c, ...spatial.map((size, axis) => paddedSize(request, size, axis, spatial.length))] }];
  },
  reference: (request) => {
    const { pads, mode, value } = request.attrs;
    const x = request.tensor(0);
    const y = floatOutput(request);
    const input = x.dims.slice(2);
    const output = y.tensor.dims.slice(2);
    const pixels = sizeOf(input);
    const count = sizeOf(output);
    /** Offset in the input plane that output pixel `at` reads; -1 outside. */
    const sourceOf = (at: number): number => {
      let rest = at;
      let stride = 1;
      let offset = 0;
      for (let axis = output.length - 1; axis >= 0; axis--) {
        const size = output[axis] ?? 1;
        const from = sourceIndex((rest % size) - (pads[axis] ?? 0), input[axis] ?? 1, mode);
        if (from < 0) return -1;
        offset += from * stride;
        stride *= input[axis] ?? 1;
        rest = Math.floor(rest / size);
      }
      return offset;
    };
    const sources = Array.from({ length: count }, (_, at) => sourceOf(at));
    const data = floatData(x);
    for (let i = 0; i < y.data.length; i++) {
      const source = sources[i % count] ?? -1;
      y.data[i] = source < 0 ? value : (data[Math.floor(i / count) * pixels + source] ?? 0);
    }
    return [y.tensor];
  },
  lower: (request, attrs) => lowerPad(request, attrs),
  caffe2: { PadImage: importPadImage },
  examples: [
    { attrs: { pads: [1, 2, 0, 3], value: 0.5 }, inputs: [{ dims: [2, 3, 4, 5] }] },
    { attrs: { pads: [2, 1, 1, 3], mode: 'reflect' }, inputs: [{ dims: [1, 2, 4, 5] }] },
    { attrs: { pads: [2, -1, 0, 7], mode: 'edge' }, inputs: [{ dims: [1, 2, 4, 5] }] },
    { note: 'crop', attrs: { pads: [-1, 0, -1, 0, -2, 0] }, inputs: [{ dims: [1, 2, 4, 5, 3] }] },
  ],
});

/** Index along one axis that position i reads; -1: the constant. Reflect: -1 reads 1, size reads size - 2. */
function sourceIndex(i: number, size: number, mode: string): number {
  if (i >= 0 && i < size) return i;
  if (mode === 'edge') return Math.min(Math.max(i, 0), size - 1);
  if (mode === 'constant') return -1;
  const mirrored = Math.max(i, -i);
  return Math.min(mirrored, 2 * size - mirrored - 2);
}

function checkPads(request: InferRequest<PadAttrs>, axes: number): void {
  const { pads, mode } = request.attrs;
  if (kModes[mode] === undefined) {
    request.fail('unknown padding mode', { expected: 'constant, reflect or edge', got: mode });
  }
  if (pads.length !== 2 * axes) {
    request.fail('pads and image do not agree', { expected: `${2 * axes} pads`, got: `[${pads.join(',')}]` });
  }
  if (axes > 2 && pads.some((size) => size > 0)) {
    request.fail('images of three spatial axes can only be cropped', {
      code: 'unsupported',
      got: `[${pads.join(',')}]`,
    });
  }
}

function paddedSize(request: InferRequest<PadAttrs>, size: Dim, axis: number, axes: number): Dim {
  const { pads, mode } = request.attrs;
  const head = pads[axis] ?? 0;
  const tail = pads[axis + axes] ?? 0;
  const where = { input: 0, got: `${dimToString(size)} with pads ${head} and ${tail}` };
  if (dimMin(size) + head + tail < 1 || dimMin(size) + Math.min(head, tail) < 1) {
    request.fail(`the crop leaves nothing of spatial axis ${axis}`, where);
  }
  if (mode !== 'constant' && dimMin(size) < 1) request.fail('an empty image has no edge', where);
  if (mode === 'reflect' && Math.max(head, tail) >= dimMin(size)) {
    request.fail(`spatial axis ${axis} is too small to be mirrored`, {
      ...where,
      expected: 'pads smaller than the image',
    });
  }
  return dimAdd(size, head + tail);
}

function lowerPad(request: KernelRequest, attrs: PadAttrs): KernelCall {
  const x = imageDims(lowerType(request, 0).shape);
  const y = imageDims(lowerOutput(request).shape);
  if (attrs.pads.every((size) => size <= 0)) return lowerCrop(request, attrs);
  const [inHeight = 1, inWidth = 1] = x.spatial.length === 1 ? [1, ...x.spatial] : x.spatial;
  const [outHeight = 1, outWidth = 1] = y.spatial.length === 1 ? [1, ...y.spatial] : y.spatial;
  const [top = 0, left = 0] = x.spatial.length === 1 ? [0, ...attrs.pads] : attrs.pads;
  return {
    header: 'cortado/pad.h',
    fn: 'pad2d_plain',
    template: [{ kind: 'type', cpp: `PadMode::${kModes[attrs.mode]}` }],
    args: [
      extentArg(x.n),
      structArg('Pad2dDims', [
        ['channels', x.c],
        ['in_height', inHeight],
        ['in_width', inWidth],
        ['out_height', outHeight],
        ['out_width', outWidth],
        ['pad_top', top],
        ['pad_left', left],
        ['value', { float: attrs.value }],
      ]),
      inputArg(0),
      outputArg(),
    ],
    parts: kRowParts,
  };
}

/** Without anything to add, a strided copy. */
function lowerCrop(request: KernelRequest, attrs: PadAttrs): KernelCall {
  const { shape } = lowerType(request, 0);
  const strides = denseStrides(shape);
  const offset = shape
    .slice(2)
    .reduce<Dim>((sum, _, axis) => dimAdd(sum, dimMul(strides[axis + 2] ?? 1, -(attrs.pads[axis] ?? 0))), 0);
  return stridedCopyCall(request, lowerOutput(request).shape, strides, offset);
}

function importPadImage(scope: ImportScope): readonly Value[] {
  scope.expectInputs(1);
  scope.expectOutputs(1);
  const { args } = scope;
  const order = readOrder(scope);
  const window = readWindowArguments(scope);
  const mode = args.text('mode', 'constant');
  const value = args.float('value', 0);
  if (window.legacyPad !== 'none') scope.fail('PadImage takes explicit pads only', { got: 'legacy_pad' });
  if (window.strides.some((stride) => stride !== 1) || window.dilations.some((dilation) => dilation !== 1)) {
    scope.fail('PadImage has no stride and no dilation', { expected: 'stride 1 and dilation 1' });
  }
  const x = scope.input(0);
  if (x.type.shape.length !== 4 || x.type.shape.some((dim) => dimMax(dim) === 0)) {
    scope.fail('PadImage needs a non-empty image of 4 dims', { blob: x.name, got: typeToString(x.type) });
  }
  const image = channelsFirst(scope, x, order);
  return [restoreOrder(scope, scope.emitOne('Pad', [image], { pads: window.pads, mode, value }), order)];
}
