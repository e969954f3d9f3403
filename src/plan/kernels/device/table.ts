// The kernel table of the device: rows first, then twins of the host's kernels. What neither has stays on the host.

import { fail } from '../../../errors.js';
import { opDef } from '../../../ops/define.js';
import type { KernelRequest } from '../../../ops/kernel-call.js';
import { type Form, type Kernel, outputType } from '../kernel.js';
import { matchesForm, type SelectedKernel } from '../table.js';
import { layerSignature } from '../tuned.js';
import { kChannelRanges } from './channel-ranges.js';
import { kConvDeviceKernels } from './conv.js';
import { kImageKernels } from './image.js';
import { kImageOpKernels } from './image-ops.js';
import { imageMapForm, lowerImageMap } from './map.js';
import { kReduceKernels } from './reduce.js';
import { kRegionKernels } from './regions.js';
import { kStylizerKernels } from './stylizer.js';
import { kFollowPlain, twinCall } from './twins.js';

/** All rows; within one operator the first that fits wins. */
export const kDeviceKernels: readonly Kernel[] = [
  ...kImageKernels,
  ...kImageOpKernels,
  ...kConvDeviceKernels,
  ...kRegionKernels,
  ...kStylizerKernels,
  ...kReduceKernels,
  ...kChannelRanges,
];

/** The forms in which the device can compute the node, best first. */
export function deviceFormsOf(request: KernelRequest): readonly Form[] {
  const forms = rowsOf(request).flatMap((row) => row.form(request) ?? []);
  const image = imageMapForm(request);
  if (image !== undefined) forms.push(image);
  return twinCall(request) === undefined ? forms : [...forms, kFollowPlain];
}

/** The kernel that the device uses for the node, if its tile can be tuned; looks at shapes, attributes and constants only. */
export function tunableDeviceKernels(request: KernelRequest): readonly Kernel[] {
  const row = rowsOf(request).find((kernel) => kernel.form(request) !== undefined);
  return row?.tiles === undefined ? [] : [row];
}

/** The device's kernel for a node whose memory and layouts are assigned. */
export function selectDeviceKernel(request: KernelRequest): SelectedKernel {
  const { node } = request;
  if (node.op === 'ToDevice' || node.op === 'ToHost') {
    const call = opDef(node.op).lower?.(request, node.attrs as never) ?? fail('internal', `${node.op} has no kernel`);
    return { ...call, kernel: call.fn };
  }
  for (const row of rowsOf(request)) {
    const form = row.form(request);
    if (form === undefined || !matchesForm(request, form)) continue;
    const signature = row.tiles === undefined ? {} : { signature: layerSignature(request) };
    return { ...row.lower(request), kernel: row.name, device: true, parts: 1, ...signature };
  }
  if (outputType(node).layout.kind === 'blocked') return { ...lowerImageMap(request), kernel: 'map' };
  const call = twinCall(request) ?? fail('internal', `${node.op} was put on the device, which has no kernel for it`);
  return { ...call, kernel: call.fn };
}

function rowsOf({ node }: KernelRequest): readonly Kernel[] {
  return kDeviceKernels.filter((row) => row.op === node.op);
}
