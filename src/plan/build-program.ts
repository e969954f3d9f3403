// plan: a typed, laid-out Graph becomes a Program. Read top to bottom: layouts, order, kernels, lifetimes, arena, steps.

import type { Graph } from '../ir/graph.js';
import type { KernelTarget } from '../ops/kernel-call.js';
import { assignDevices } from './assign-devices.js';
import { assignLayouts } from './assign-layouts.js';
import { linearize } from './linearize.js';
import { Planner, type PlanOptions } from './planner.js';
import type { Program } from './program.js';
import { lowerAll } from './select-kernels.js';
import { fitWinograd } from './winograd-budget.js';

/** Packed weights may be this many times the raw ones, or exceed them by as many bytes, whichever is more. */
const kMostPadding = 1.5;
const kFreePaddingBytes = 8192;
/** Vectors are not halved below this. */
export const kNarrowestVector = 4;

/**
 * Plans memory, kernels and weights. Fails with every operator that has no kernel. Where whole vectors of output channels
 * would pad the weights too much, vectors are halved for the whole net: 20 channels are 32 lanes of 16, 24 lanes of 8.
 * Transformed Winograd filters then get what the limit on packed weights leaves, unless they are asked for everywhere.
 */
export function buildProgram(source: Graph, options: PlanOptions): Program {
  const { target } = options;
  // A device's kernels have their own weights; what is left on the host is row-major.
  if (target.winograd === true || !options.optimize || target.device !== undefined) return planWith(source, options);
  const { program, target: chosen } = planBudgeted(source, options);
  return program ?? planWith(source, { ...options, target: chosen });
}

/** The plan without transformed filters, or a target that asks for some: the weights of both plans would be too much. */
function planBudgeted(
  source: Graph,
  options: PlanOptions,
): { readonly program?: Program; readonly target: KernelTarget } {
  const { target } = options;
  const lean: KernelTarget = { ...target, winograd: target.winograd === false ? false : new Set() };
  const widest = planWith(source, { ...options, target: lean });
  let program = widest;
  let vectorFloats = target.vectorFloats;
  while (isPadded(program) && vectorFloats / 2 >= kNarrowestVector) {
    vectorFloats /= 2;
    program = planWith(source, { ...options, target: { ...lean, vectorFloats } });
  }
  if (isPadded(program)) {
    program = widest;
    vectorFloats = target.vectorFloats;
  }
  // Cores without vectors have little memory: only where it is asked for.
  if (target.winograd === false || target.vectorFloats === 1) return { program, target };
  const leftBytes = mostPackedBytes(program) - program.weightBytes;
  const winograd = fitWinograd(source, { ...target, vectorFloats }, leftBytes);
  return winograd.size === 0 ? { program, target } : { target: { ...target, vectorFloats, winograd } };
}

function mostPackedBytes({ rawWeightBytes }: Program): number {
  return Math.max(kMostPadding * rawWeightBytes, rawWeightBytes + kFreePaddingBytes);
}

function isPadded(program: Program): boolean {
  return program.weightBytes > mostPackedBytes(program);
}

function planWith(source: Graph, options: PlanOptions): Program {
  const graph = assign(source, options);
  const linear = linearize(graph, options.optimize);
  const calls = lowerAll(linear, options.target);
  return new Planner(graph, linear, calls, options).run();
}

/** Memories and layouts. */
function assign(source: Graph, { target, optimize }: PlanOptions): Graph {
  if (target.device !== undefined) return assignDevices(source, target, optimize);
  return optimize ? assignLayouts(source, target) : source;
}
