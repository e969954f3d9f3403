// Memory of a plan: every storage and every scratch buffer gets an offset in the arena of the host or of the device.

import { dtypeSizeBytes } from '../ir/dtype.js';
import { type Graph, presentInputs, presentOutputs, type Value } from '../ir/graph.js';
import { maxSizeBytes } from '../ir/type.js';
import type { KernelCall } from '../ops/kernel-call.js';
import { checkArena } from './arena.js';
import { type ArenaRegion, checkRegions, planRegions, type RegionRequest } from './arena-regions.js';
import { flatten, type Item } from './items.js';
import type { Calls, Lifetime } from './lifetimes.js';
import type { Linear } from './linearize.js';
import type { Arena } from './program.js';
import { macsOf } from './work.js';

export interface MemoryPlan {
  readonly host: Arena;
  /** Absent where nothing runs on a device. */
  readonly device?: Arena;
  /** Offsets of storages, by their roots, and of scratch buffers. */
  readonly offsets: ReadonlyMap<Value | Item, number>;
}

interface Owned extends RegionRequest {
  readonly owner: Value | Item;
  readonly isOnDevice: boolean;
}

export interface MemoryOptions {
  /** Memory that the host's arena may use, fastest first; none: one piece without limit. */
  readonly regions: readonly ArenaRegion[];
  /** In how many parts an item runs, each with a scratch buffer. */
  partsOf(item: Item, call: KernelCall): number;
}

/** Plans both arenas. */
export function planMemory(
  graph: Graph,
  linear: Linear,
  calls: Calls,
  lifetimes: ReadonlyMap<Value, Lifetime>,
  options: MemoryOptions,
): MemoryPlan {
  const { partsOf, regions } = options;
  const all = [...storageRequests(graph, linear, calls, lifetimes), ...scratchRequests(linear, calls, partsOf)];
  const offsets = new Map<Value | Item, number>();
  const host = planOne(
    all.filter(({ isOnDevice }) => !isOnDevice),
    regions,
    offsets,
  );
  if (!usesDevice(linear, calls)) return { host, offsets };
  const device = planOne(
    all.filter(({ isOnDevice }) => isOnDevice),
    [],
    offsets,
  );
  return { host, device, offsets };
}

/** Views may leave nothing to do but the copies at the borders. */
function usesDevice(linear: Linear, calls: Calls): boolean {
  return linear.entries.size > 0 || [...calls.values()].some((call) => call.device === true);
}

function planOne(
  requests: readonly Owned[],
  regions: readonly ArenaRegion[],
  offsets: Map<Value | Item, number>,
): Arena {
  const plan = planRegions(requests, regions);
  checkArena(requests, plan.offsetsBytes, plan.sizeBytes);
  checkRegions(requests, plan, regions);
  const entries = requests.map(({ name, sizeBytes, first, last, owner }, i) => {
    const offsetBytes = plan.offsetsBytes[i] ?? 0;
    offsets.set(owner, offsetBytes);
    return { name, sizeBytes, first, last, offsetBytes };
  });
  return {
    entries,
    sizeBytes: plan.sizeBytes,
    boundBytes: plan.boundBytes,
    strategy: plan.strategy,
    parts: plan.parts,
  };
}

/**
 * Steps read inputs where the caller has them, optional ones apart, which may be absent, and those of a net with a device,
 * whose caller may have them there.
 */
function storageRequests(
  graph: Graph,
  linear: Linear,
  calls: Calls,
  lifetimes: ReadonlyMap<Value, Lifetime>,
): readonly Owned[] {
  const inputs = new Map(graph.inputs.map((input) => [input.value, input]));
  const copiesInputs = usesDevice(linear, calls);
  const accesses = accessesByRoot(linear);
  return [...lifetimes].flatMap(([root, life]): readonly Owned[] => {
    if (linear.constants.has(root)) return [];
    const input = inputs.get(root);
    if (input !== undefined && !input.optional && !copiesInputs) return [];
    return [
      {
        name: root.name,
        sizeBytes: Math.max(1, maxSizeBytes(root.type)),
        ...life,
        owner: root,
        accesses: accesses.get(root) ?? 0,
        isOnDevice: root.type.memory === 'device',
      },
    ];
  });
}

/** Output channels that kernels compute from one read of their input. */
const kChannelsPerRead = 4;

/**
 * Numbers that all steps together read from and write to a storage: results are written once, inputs are read once, or
 * again for every few output channels.
 */
function accessesByRoot(linear: Linear): ReadonlyMap<Value, number> {
  const accesses = new Map<Value, number>();
  const add = (value: Value, count: number): void => {
    const root = linear.storage.rootOf(value);
    accesses.set(root, (accesses.get(root) ?? 0) + count);
  };
  for (const item of flatten(linear.items)) {
    if (item.kind !== 'node') continue;
    const products = macsOf(item.node) / kChannelsPerRead;
    for (const value of new Set(presentInputs(item.node))) add(value, Math.max(elementsOf(value), products));
    for (const value of presentOutputs(item.node)) add(value, elementsOf(value));
  }
  return accesses;
}

function elementsOf({ type }: Value): number {
  return maxSizeBytes(type) / dtypeSizeBytes(type.dtype);
}

/** Scratch of one part, in whole cache lines, so that parts share none. */
export function scratchBytesOfPart(call: KernelCall): number {
  return Math.ceil((call.scratchBytes ?? 0) / 64) * 64;
}

function scratchRequests(linear: Linear, calls: Calls, partsOf: MemoryOptions['partsOf']): readonly Owned[] {
  return flatten(linear.items).flatMap((item): readonly Owned[] => {
    const call = calls.get(item);
    const bytes = call === undefined ? 0 : scratchBytesOfPart(call);
    if (call === undefined || bytes === 0) return [];
    return [
      {
        name: `scratch of step ${item.at}`,
        sizeBytes: bytes * partsOf(item, call),
        first: item.at,
        last: item.at,
        owner: item,
        accesses: bytes / 2,
        isOnDevice: call.device === true,
      },
    ];
  });
}
