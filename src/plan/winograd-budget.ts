// Which convolutions become Winograd ones when their packed weights, up to four times the raw ones, have to stay within a
// budget: those that save the most multiply-adds per byte, images large and filters few.

import type { Graph, Value } from '../ir/graph.js';
import type { KernelTarget } from '../ops/kernel-call.js';
import { winogradOf } from './kernels/conv.js';

interface Candidate {
  readonly weights: Value;
  readonly extraBytes: number;
  readonly savedMacs: number;
}

/** Weights of the convolutions that fit into `budgetBytes` more than their direct form takes. */
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
  return b.savedMacs / b.extraBytes - a.savedMacs / a.extraBytes;
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
    const { shape, outputs } = choice;
    const positions = (outputs + 2) ** 2;
    const filters = shape.inChannels * Math.ceil(shape.outChannels / shape.block) * shape.block;
    found.push({
      weights,
      extraBytes: 4 * (positions - 9) * filters,
      savedMacs: shape.outHeight * shape.outWidth * filters * (9 - positions / outputs ** 2),
    });
  }
  return found;
}
