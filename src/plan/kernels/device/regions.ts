// Regions of interest of images on the device. The host checks before that each names an image that is there.

import { dimMax, dimMin } from '../../../ir/dim.js';
import type { Node } from '../../../ir/graph.js';
import { floatArg, inputArg, outputArg, structArg } from '../../../ops/kernel-arguments.js';
import type { KernelArg, KernelCall, KernelRequest } from '../../../ops/kernel-call.js';
import { type Form, inputType, isStaticImage, type Kernel, numberAttr, outputType, staticDims } from '../kernel.js';
import { storedChannels, writtenFields } from './image.js';

export const kRegionKernels: readonly Kernel[] = [
  { name: 'roi_align_image', op: 'RoIAlign', form: formOfRegions, lower: ({ node }) => lowerAlign(node) },
  { name: 'roi_pool_image', op: 'RoIPool', form: formOfRegions, lower: ({ node }) => lowerPool(node) },
];

/** Index of the input that holds the regions which the host has to check; undefined: the node has none. */
export function regionsToCheck(node: Node): number | undefined {
  const isOfRegions = kRegionKernels.some(({ op }) => op === node.op);
  return isOfRegions && inputType(node, 1).shape[1] === 5 ? 1 : undefined;
}

/** Images channels first, at least one of them: a region without a number of its own is of the first. */
function formOfRegions({ node }: KernelRequest): Form | undefined {
  const x = inputType(node, 0);
  const [n = 0] = x.shape;
  const hasImages = inputType(node, 1).shape[1] === 5 || dimMin(n) > 0;
  const fits = node.attrs['nhwc'] !== true && hasImages && isStaticImage(x) && isStaticImage(outputType(node));
  return fits ? { blockedInputs: [0], blockedOutput: true, demand: false } : undefined;
}

/** RegionDims of runtime/cuda. */
function regionDims(node: Node): KernelArg {
  const x = inputType(node, 0);
  const regions = inputType(node, 1);
  const [, channels = 1, inHeight = 1, inWidth = 1] = staticDims(x);
  const [, , outHeight = 1, outWidth = 1] = staticDims(outputType(node));
  return structArg('RegionDims', [
    ['images', x.shape[0] ?? 1],
    ['in_height', inHeight],
    ['in_width', inWidth],
    ['regions', regions.shape[0] ?? 0],
    ['columns', dimMax(regions.shape[1] ?? 5)],
    ['out_height', outHeight],
    ['out_width', outWidth],
    ['channels', channels],
    ['x_stored', storedChannels(x)],
    ...writtenFields(outputType(node)),
  ]);
}

function lowerAlign(node: Node): KernelCall {
  const options = structArg('AlignOptions', [
    ['spatial_scale', { float: numberAttr(node, 'spatialScale') }],
    ['sampling', numberAttr(node, 'sampling')],
    ['aligned', node.attrs['aligned'] === true],
  ]);
  return regionCall('roi_align_image', node, options);
}

function lowerPool(node: Node): KernelCall {
  return regionCall('roi_pool_image', node, floatArg(numberAttr(node, 'spatialScale')));
}

function regionCall(fn: string, node: Node, options: KernelArg): KernelCall {
  return {
    header: 'cortado_cuda/image_rois.h',
    fn,
    template: [],
    args: [regionDims(node), options, inputArg(0), inputArg(1), outputArg()],
    parts: 1,
  };
}
