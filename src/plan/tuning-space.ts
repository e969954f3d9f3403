// What there is to tune in a net, and whether measured choices can still be made: by the kernel table as it is now.

import type { Graph, Value } from '../ir/graph.js';
import type { KernelRequest, KernelTarget, TileFields } from '../ops/kernel-call.js';
import { tunableDeviceKernels } from './kernels/device/table.js';
import type { TileSpace } from './kernels/kernel.js';
import { tunableKernels } from './kernels/table.js';
import { layerSignature } from './kernels/tuned.js';

/** A kernel that may be tried for a layer; without a tile space it has one form only. */
export interface KernelSpace {
  readonly kernel: string;
  readonly tiles?: TileSpace;
}

/** Layers with a choice by signature, those of branches and loops included, in order of first use. */
export function tunableLayers(graph: Graph, target: KernelTarget): ReadonlyMap<string, readonly KernelSpace[]> {
  const found = new Map<string, readonly KernelSpace[]>();
  collect(graph, target, found);
  return found;
}

function collect(graph: Graph, target: KernelTarget, found: Map<string, readonly KernelSpace[]>): void {
  for (const node of graph.nodes) {
    for (const region of node.regions ?? []) collect(region.graph, target, found);
    const constant = (value: Value | undefined) => (value === undefined ? undefined : graph.constants.get(value));
    const request: KernelRequest = { node, target, constant };
    const kernels = target.device === undefined ? tunableKernels(request) : tunableDeviceKernels(request);
    if (kernels.length === 0) continue;
    const signature = layerSignature(request);
    if (found.has(signature)) continue;
    found.set(
      signature,
      kernels.map(({ name, tiles }) => ({ kernel: name, ...(tiles === undefined ? {} : { tiles: tiles(request) }) })),
    );
  }
}

/** True if the kernel can be cut so: every field is the chosen one or that of an axis. */
export function isInSpace({ tiles }: KernelSpace, tile: TileFields): boolean {
  const fields = Object.keys(tile);
  if (tiles === undefined) return fields.length === 0;
  const isKnown = (field: string): boolean =>
    tiles.chosen[field] === tile[field] || tiles.axes.some((axis) => axis.some((one) => one[field] === tile[field]));
  const names = Object.keys(tiles.chosen);
  return names.length === fields.length && names.every((name) => fields.includes(name)) && fields.every(isKnown);
}
