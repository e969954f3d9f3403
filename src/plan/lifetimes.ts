// Lifetimes of storages: first write and last read of every root over the numbered items, and in-place merging: a result
// may take over the bytes of an input that dies in the same step.

import type { Value } from '../ir/graph.js';
import { presentInputs, presentOutputs } from '../ir/graph.js';
import { layoutEquals, maxSizeBytes } from '../ir/type.js';
import type { KernelCall } from '../ops/kernel-call.js';
import { flatten, type Item, type LoopItem } from './items.js';
import type { SelectedKernel } from './kernels/table.js';
import type { Linear } from './linearize.js';

export interface Lifetime {
  readonly first: number;
  readonly last: number;
}

export type Calls = ReadonlyMap<Item, SelectedKernel>;

/** Lifetimes of all roots; graph outputs live to the end, what a loop reads from outside to the end of the loop. */
export function computeLifetimes(linear: Linear, calls: Calls): ReadonlyMap<Value, Lifetime> {
  const lifetimes = new Map<Value, Lifetime>();
  const touch = (value: Value, at: number): void => {
    const root = linear.storage.rootOf(value);
    const known = lifetimes.get(root);
    lifetimes.set(root, { first: Math.min(known?.first ?? at, at), last: Math.max(known?.last ?? at, at) });
  };
  const loops: LoopItem[] = [];
  for (const item of flatten(linear.items)) {
    if (item.kind === 'loop') {
      loops.push(item);
      const [limit] = item.node.inputs;
      if (limit !== undefined) touch(limit, item.at);
      for (const variable of presentOutputs(item.node)) for (const at of [item.at, item.end]) touch(variable, at);
    } else if (item.kind === 'copy') {
      touch(item.from, item.at);
      touch(item.to, item.at);
    } else if (item.kind === 'if') {
      const [condition] = item.node.inputs;
      if (condition !== undefined) touch(condition, item.at);
    } else {
      for (const value of readsOf(item.node, calls.get(item))) touch(value, item.at);
      for (const value of presentOutputs(item.node)) touch(value, item.at);
    }
  }
  for (const value of linear.inputs) if (lifetimes.has(linear.storage.rootOf(value))) touch(value, 0);
  for (const value of linear.entries.values()) touch(value, 0);
  for (const value of [...linear.outputRoots, ...linear.exits.values()]) touch(value, linear.count);
  for (const loop of loops) {
    for (const [root, { first, last }] of lifetimes) {
      if (first < loop.at && last >= loop.at && last < loop.end) lifetimes.set(root, { first, last: loop.end });
    }
  }
  return lifetimes;
}

/** The inputs that the node's kernel really reads: a packed weight is not read in its first form. */
export function readsOf(
  node: { readonly inputs: readonly (Value | undefined)[] },
  call: KernelCall | undefined,
): readonly Value[] {
  if (call === undefined) return node.inputs.filter((value): value is Value => value !== undefined);
  const operands = call.functor?.operands.map((operand) => operand.arg) ?? [];
  const args = [...call.args, ...operands].map((arg) => (arg.kind === 'image' ? arg.at : arg));
  const read = new Set(args.flatMap((arg) => (arg.kind === 'input' ? [arg.index] : [])));
  return node.inputs.filter((value, i): value is Value => value !== undefined && read.has(i));
}

/** For each item in a branch the number of the innermost If around it. */
function startsOfBranches(
  items: readonly Item[],
  start?: number,
  starts = new Map<Item, number>(),
): ReadonlyMap<Item, number> {
  for (const item of items) {
    if (start !== undefined) starts.set(item, start);
    if (item.kind === 'if') startsOfBranches([...item.yes, ...item.no], item.at, starts);
    else if (item.kind === 'loop') startsOfBranches(item.body, start, starts);
  }
  return starts;
}

/** Merges storages in place where the kernel allows it and the input dies; returns the lifetimes afterwards. */
export function mergeInPlace(
  linear: Linear,
  calls: Calls,
  isFixed: (root: Value) => boolean,
): ReadonlyMap<Value, Lifetime> {
  const lifetimes = new Map(computeLifetimes(linear, calls));
  const outputRoots = new Set(linear.outputRoots);
  const branchStarts = startsOfBranches(linear.items);
  for (const item of flatten(linear.items)) {
    if (item.kind !== 'node') continue;
    for (const { input, output } of calls.get(item)?.inPlace ?? []) {
      const from = item.node.inputs[input];
      const to = item.node.outputs[output];
      if (from === undefined || to === undefined || presentInputs(item.node).filter((v) => v === from).length > 1)
        continue;
      const source = linear.storage.rootOf(from);
      const target = linear.storage.rootOf(to);
      const sourceLife = lifetimes.get(source);
      const targetLife = lifetimes.get(target);
      if (sourceLife === undefined || targetLife === undefined || source === target) continue;
      // A loop variable is read by the next iteration before the result is made: nothing else may use its bytes.
      if (linear.loopVariables.some((variable) => linear.storage.rootOf(variable) === target)) continue;
      const dies = sourceLife.last === item.at && !isFixed(source) && !outputRoots.has(source);
      // Bytes in use before the source: another piece's, or those that the other branch of an If gave the same result. The
      // latter may have come from outside of the If, where only a source made inside the branch does not meet them.
      const isInside = sourceLife.first > (branchStarts.get(item) ?? -1);
      const startsHere = targetLife.first === item.at || (targetLife.first <= sourceLife.first && isInside);
      const sameSize = maxSizeBytes(from.type) === maxSizeBytes(to.type) && linear.storage.fills(from);
      const isAlike = layoutEquals(from.type.layout, to.type.layout);
      if (!dies || !startsHere || !sameSize || !isAlike) continue;
      linear.storage.embed(source, to, 0);
      lifetimes.delete(source);
      lifetimes.set(target, {
        first: Math.min(sourceLife.first, targetLife.first),
        last: Math.max(sourceLife.last, targetLife.last),
      });
      break;
    }
  }
  return computeLifetimes(linear, calls);
}
