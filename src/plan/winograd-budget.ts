// Which Winograd convolutions get filters that the compiler has transformed, up to four times the raw ones, when the weights
// have to stay within a budget: those that save the most time per byte, images large and filters few.

import type { Graph, Value } from '../ir/graph.js';
import type { KernelTarget } from '../ops/kernel-call.js';
import { winogradOf } from './kernels/conv-winograd.js';
import { chooseWinograd, winogradCost, winogradFilterBytes } from './pack-winograd.js';

interface Candidate {
  readonly weights: Value;
  readonly extraBytes: number;
  readonly savedCost: number;
}

/** Weights whose transformed filters together take at most `budgetBytes` more than the raw ones. */
export function fitWinograd(graph: Graph, target: KernelTarget, budgetBytes: number): ReadonlySet<Value> {
  const chosen = new Set<Value>();
  let leftBytes = budgetBytes;
  for (const { weights, extraBytes } of candidatesOf(graph, target).sort(bySaving)) {
    if (chosen.has(weights) || extraBytes > leftBytes) continue;
    chosen.add(weights);
    leftBytes -= extraBytes;
  }
  return chosen;
}

function bySaving(a: Candidate, b: Candidate): number {
  return b.savedCost / b.extraBytes - a.savedCost / a.extraBytes;
}

function candidatesOf(graph: Graph, target: KernelTarget): Candidate[] {
  const found: Candidate[] = [];
  for (const node of graph.nodes) {
    for (const region of node.regions ?? []) found.push(...candidatesOf(region.graph, target));
    const choice = winogradOf({
      node,
      target: { ...target, winograd: true },
      constant: (value) => (value === undefined ? undefined : graph.constants.get(value)),
    });
    const weights = node.inputs[1];
    if (choice === undefined || weights === undefined) continue;
    const { shape, form } = choice;
    const otherwise = chooseWinograd(shape, false, target);
    if (form.rawFilters || otherwise === undefined) continue;
    const filters = shape.inChannels * Math.ceil(shape.outChannels / shape.block) * shape.block;
    const extraBytes = (winogradFilterBytes(form, target) - winogradFilterBytes(otherwise, target)) * filters;
    if (extraBytes <= 0) continue;
    found.push({
      weights,
      extraBytes,
      savedCost: winogradCost(shape, otherwise, target) - winogradCost(shape, form, target),
    });
  }
  return found;
}
