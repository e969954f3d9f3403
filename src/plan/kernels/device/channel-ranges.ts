// Ranges of the channels of images: Concat, Split and Slice along axis 1. They are views where each range is a whole number of packs
// (image-ranges.ts); else a kernel moves single channels.

import { dimEquals, dimMul, isStatic, shapeSize } from '../../../ir/dim.js';
import { type Node, presentInputs, presentOutputs, type Value } from '../../../ir/graph.js';
import { extentArg, inputArg, outputArg } from '../../../ops/kernel-arguments.js';
import type { KernelArg, KernelCall, KernelRequest } from '../../../ops/kernel-call.js';
import { channelsOf, imageRanges } from '../../image-ranges.js';
import { type Form, inputType, isStaticImage, type Kernel, outputType } from '../kernel.js';
import { imageRows, storedChannels, writtenChannels } from './image.js';

const kHeader = 'cortado_cuda/image_channels.h';

export const kChannelRanges: readonly Kernel[] = [
  { name: 'concat_image', op: 'Concat', form: concatForm, lower: ({ node }) => lowerConcat(node) },
  { name: 'split_image', op: 'Split', form: splitForm, lower: ({ node }) => lowerSplit(node) },
  { name: 'slice_image', op: 'Slice', form: sliceForm, lower: ({ node }) => lowerSlice(node) },
];

function concatForm({ node }: KernelRequest): Form | undefined {
  const pieces = presentInputs(node);
  const isAlone = node.outputs.slice(1).every((value) => value === undefined);
  if (node.attrs['axis'] !== 1 || node.epilogue !== undefined || !isAlone || pieces.length < 2) return undefined;
  if (!isStaticImage(outputType(node)) || !pieces.every(hasChannels)) return undefined;
  return { blockedInputs: pieces.map((_, i) => i), blockedOutput: true, demand: false };
}

function splitForm({ node }: KernelRequest): Form | undefined {
  const parts = presentOutputs(node);
  const isWhole = parts.length === node.outputs.length && parts.length > 1;
  if (node.attrs['axis'] !== 1 || !isWhole || !isStaticImage(inputType(node, 0)) || !parts.every(hasChannels))
    return undefined;
  return { blockedInputs: [0], blockedOutput: true, allOutputs: true, demand: false };
}

function sliceForm({ node }: KernelRequest): Form | undefined {
  const [x, y] = [inputType(node, 0), outputType(node)];
  if (node.inputs.length > 1 || !isStaticImage(x) || !isStaticImage(y) || channelsOf(y) === 0) return undefined;
  const cutsChannels = x.shape.every((dim, axis) => dimEquals(dim, y.shape[axis] ?? 0) === (axis !== 1));
  return cutsChannels ? { blockedInputs: [0], blockedOutput: true, demand: false } : undefined;
}

function hasChannels({ type }: Value): boolean {
  return isStaticImage(type) && isStatic(type.shape[1] ?? 0) && channelsOf(type) > 0;
}

function lowerConcat(node: Node): KernelCall {
  const pieces = presentInputs(node).map(({ type }) => type);
  return rangeCall('concat_image', [
    imageRows(node, pixelsOf(node)),
    { kind: 'list', values: pieces.map(channelsOf) },
    { kind: 'list', values: pieces.map(storedChannels) },
    outputArg(),
    ...pieces.map((_, i) => inputArg(i)),
  ]);
}

function lowerSplit(node: Node): KernelCall {
  const parts = presentOutputs(node).map(({ type }) => type);
  return rangeCall('split_image', [
    extentArg(pixelsOf(node)),
    { kind: 'list', values: parts.map(channelsOf) },
    { kind: 'list', values: parts.map(writtenChannels) },
    { kind: 'list', values: parts.map(storedChannels) },
    extentArg(storedChannels(inputType(node, 0))),
    inputArg(0),
    ...parts.map((_, i) => outputArg(i)),
  ]);
}

function lowerSlice(node: Node): KernelCall {
  const [range] = imageRanges(node);
  return rangeCall('slice_image', [
    imageRows(node, pixelsOf(node)),
    extentArg(range?.first ?? 0),
    inputArg(0),
    outputArg(),
  ]);
}

function pixelsOf(node: Node) {
  const [n = 1, , ...spatial] = outputType(node).shape;
  return dimMul(n, shapeSize(spatial));
}

function rangeCall(fn: string, args: readonly KernelArg[]): KernelCall {
  return { header: kHeader, fn, template: [], args, parts: 1 };
}
