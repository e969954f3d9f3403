// Memory of a plan: every storage and every scratch buffer gets an offset in the arena of the host or of the device.

import type { Graph, Value } from '../ir/graph.js';
import { maxSizeBytes } from '../ir/type.js';
import type { KernelCall } from '../ops/kernel-call.js';
import { type BufferRequest, checkArena, planArena } from './arena.js';
import { flatten, type Item } from './items.js';
import type { Calls, Lifetime } from './lifetimes.js';
import type { Linear } from './linearize.js';
import type { Arena } from './program.js';

export interface MemoryPlan {
  readonly host: Arena;
  /** Absent where nothing runs on a device. */
  readonly device?: Arena;
  /** Offsets of storages, by their roots, and of scratch buffers. */
  readonly offsets: ReadonlyMap<Value | Item, number>;
}

interface Owned extends BufferRequest {
  readonly owner: Value | Item;
  readonly isOnDevice: boolean;
}

/** Plans both arenas; `partsOf` says in how many parts an item runs, each with a scratch buffer. */
export function planMemory(
  graph: Graph,
  linear: Linear,
  calls: Calls,
  lifetimes: ReadonlyMap<Value, Lifetime>,
  partsOf: (item: Item, call: KernelCall) => number,
): MemoryPlan {
  const all = [...storageRequests(graph, linear, calls, lifetimes), ...scratchRequests(linear, calls, partsOf)];
  const offsets = new Map<Value | Item, number>();
  const host = planOne(
    all.filter(({ isOnDevice }) => !isOnDevice),
    offsets,
  );
  if (!usesDevice(calls)) return { host, offsets };
  const device = planOne(
    all.filter(({ isOnDevice }) => isOnDevice),
    offsets,
  );
  return { host, device, offsets };
}

export function usesDevice(calls: Calls): boolean {
  return [...calls.values()].some((call) => call.device === true);
}

function planOne(requests: readonly Owned[], offsets: Map<Value | Item, number>): Arena {
  const plan = planArena(requests);
  checkArena(requests, plan.offsetsBytes, plan.sizeBytes);
  const entries = requests.map(({ name, sizeBytes, first, last, owner }, i) => {
    const offsetBytes = plan.offsetsBytes[i] ?? 0;
    offsets.set(owner, offsetBytes);
    return { name, sizeBytes, first, last, offsetBytes };
  });
  return { entries, sizeBytes: plan.sizeBytes, boundBytes: plan.boundBytes, strategy: plan.strategy };
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
  const copiesInputs = usesDevice(calls);
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
        isOnDevice: root.type.memory === 'device',
      },
    ];
  });
}

function scratchRequests(
  linear: Linear,
  calls: Calls,
  partsOf: (item: Item, call: KernelCall) => number,
): readonly Owned[] {
  return flatten(linear.items).flatMap((item): readonly Owned[] => {
    const call = calls.get(item);
    const bytes = call?.scratchBytes ?? 0;
    if (call === undefined || bytes === 0) return [];
    return [
      {
        name: `scratch of step ${item.at}`,
        sizeBytes: Math.ceil(bytes / 64) * 64 * partsOf(item, call),
        first: item.at,
        last: item.at,
        owner: item,
        isOnDevice: call.device === true,
      },
    ];
  });
}
