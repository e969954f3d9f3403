// How the targets compute an operator: its examples are planned for a target of each family, and the plans tell. Nothing here
// is written by hand, so the answer is the compiler's own.

import { kernelTarget, loadTarget } from './build/target.js';
import { CompileError } from './errors.js';
import type { Graph, Value } from './ir/graph.js';
import type { Tensor } from './ir/tensor.js';
import { exampleGraph } from './ops/example-graph.js';
import type { OpDef } from './ops/index.js';
import type { KernelTarget } from './ops/kernel-call.js';
import { runPasses } from './passes/pipeline.js';
import { buildProgram } from './plan/build-program.js';
import { kernelsThatFit, kKernels } from './plan/kernels/table.js';
import type { Layer } from './plan/program.js';

/** Targets that stand for their families. */
const kFamilies = {
  'x86-64': ['x86-64', 'x86-64-v4'],
  ARM: ['aarch64-linux', 'armv7-linux'],
  'Cortex-M': ['cortex-m4', 'cortex-m55'],
  CUDA: ['cuda-sm80'],
} as const;

export type Family = keyof typeof kFamilies;

/** In the order of their columns. */
export const kFamilyNames = Object.keys(kFamilies) as readonly Family[];

/** What the words of `waysOf` mean. */
export const kWays = {
  kernel: 'kernels of the table (blocked layouts, packed weights, tiles) for the shapes that they suit',
  expression: 'a loop generated from the scalar expression, fused with its neighbours',
  plain: "the operator's own kernel over row-major tensors",
  view: 'nothing is computed: the result is bytes that exist already',
  GPU: 'on the GPU',
  host: 'by the CPU of a machine with a GPU',
  refused: 'an error of the compiler',
} as const;

export type Way = keyof typeof kWays;

const kTargets = new Map<string, KernelTarget>();

function targetNamed(name: string): KernelTarget {
  const target = kTargets.get(name) ?? kernelTarget(loadTarget(name), 1);
  kTargets.set(name, target);
  return target;
}

/** How the family computes the operator's examples, in the order of `kWays`; control flow is the host's everywhere. */
export function waysOf(def: OpDef, family: Family): readonly Way[] {
  const found = new Set<Way>();
  for (const target of kFamilies[family].map(targetNamed)) {
    if (def.regions !== undefined) found.add(target.device === undefined ? 'plain' : 'host');
    for (const graph of graphsOf(def)) for (const way of waysOfGraph(graph, target)) found.add(way);
  }
  return (Object.keys(kWays) as Way[]).filter((way) => found.has(way));
}

/** Each example with its inputs given at run time, and with all but the first known when compiling. */
function graphsOf(def: OpDef): readonly Graph[] {
  return def.examples.flatMap((example) =>
    [false, true].flatMap((weights) => {
      try {
        return [exampleGraph({ name: def.name, op: def, example }, { weights }).graph];
      } catch (error) {
        // Some operators refuse constants of made-up content.
        if (error instanceof CompileError && weights) return [];
        throw error;
      }
    }),
  );
}

function waysOfGraph(graph: Graph, target: KernelTarget): readonly Way[] {
  try {
    // As if the net asked for the GPU: what can run there does.
    const placed = target.device === undefined ? graph : onGpu(graph);
    const passed = runPasses(placed, { optimize: true });
    const { layers } = buildProgram(passed, { target, optimize: true, opCount: graph.nodes.length });
    const own = layers.filter(({ op }) => !kTransfers.includes(op));
    const ways = own.map((layer) => wayOfLayer(layer, target));
    const kernels: readonly Way[] = target.device === undefined && hasKernel(passed, target) ? ['kernel'] : [];
    return own.length === 0 ? ['view'] : [...ways, ...kernels];
  } catch (error) {
    if (error instanceof CompileError && error.problems.every(({ code }) => code === 'unsupported')) return ['refused'];
    throw error;
  }
}

/** Steps at the borders of a plan, whatever the operator is. */
const kTransfers = ['Copy', 'ToBlocked', 'ToPlain', 'ToDevice', 'ToHost', 'CheckRegions'];

function onGpu(graph: Graph): Graph {
  const nodes = graph.nodes.map((node) => ({ ...node, origin: { ...node.origin, device: 'gpu' as const } }));
  return { ...graph, nodes };
}

function wayOfLayer({ op, kernel, isOnDevice }: Layer, target: KernelTarget): Way {
  if (target.device !== undefined) return isOnDevice ? 'GPU' : 'host';
  if (kernel === 'map') return 'expression';
  return kKernels.some((row) => row.op === op && row.name === kernel) ? 'kernel' : 'plain';
}

/** Alone an operator may not be worth a layout for which the table has a kernel. */
function hasKernel(graph: Graph, target: KernelTarget): boolean {
  const constant = (value: Value | undefined): Tensor | undefined =>
    value === undefined ? undefined : graph.constants.get(value);
  return graph.nodes.some((node) => kernelsThatFit({ node, target, constant }).length > 0);
}
