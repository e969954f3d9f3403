// The passes in order, with the reason for the order. Each is pure: Graph → Graph.

import { fail } from '../errors.js';
import type { Graph } from '../ir/graph.js';
import { compareMeaning } from './check-values.js';
import { eliminateCommonSubexpressions } from './eliminate-common-subexpressions.js';
import { foldAffine } from './fold-affine.js';
import { foldBatchNorm } from './fold-batch-norm.js';
import { foldConstants } from './fold-constants.js';
import { fuseElementwise } from './fuse-elementwise.js';
import { fuseEpilogues } from './fuse-epilogues.js';
import { removeDeadCode } from './remove-dead-code.js';
import { removeIdentities } from './remove-identities.js';
import { simplifyShapes } from './simplify-shapes.js';
import { sinkTransposes } from './sink-transposes.js';

export interface Pass {
  readonly name: string;
  run(graph: Graph): Graph;
}

export interface PassOptions {
  readonly optimize: boolean;
  /** Interprets the net before and after every pass; fails at the first that changes a result. */
  readonly checkValues?: boolean;
  /** Called with the graph after each pass, and first of all with the imported one as `import`. */
  readonly onPass?: (pass: string, graph: Graph, timeMs: number) => void;
  /** Milliseconds now; passes are timed with it when given. */
  readonly now?: () => number;
}

/** What every compilation needs: dead code could not be lowered at all (an unsupported operator nobody reads). */
const kAlways: readonly Pass[] = [{ name: 'remove-dead-code', run: removeDeadCode }];

const kOptimizations: readonly Pass[] = [
  // Dead code first: nothing should take time over it or count it as a reader.
  { name: 'remove-dead-code', run: removeDeadCode },
  // What follows from shapes alone becomes constant, so that folding can go on from there.
  { name: 'simplify-shapes', run: simplifyShapes },
  // Then what costs nothing to know: later passes see weights and shapes as data.
  { name: 'fold-constants', run: foldConstants },
  // Then noise goes, so that patterns are adjacent: Conv, (Dropout), Relu.
  { name: 'remove-identities', run: removeIdentities },
  // Equal things are shared before anything is fused, since fusing needs single readers and would hide them.
  { name: 'eliminate-common-subexpressions', run: eliminateCommonSubexpressions },
  // Transposes move out from between operators that are to be fused; those that meet then cancel.
  { name: 'sink-transposes', run: sinkTransposes },
  { name: 'remove-identities', run: removeIdentities },
  // The nodes that only fed shapes and identities must not count as readers below.
  { name: 'remove-dead-code', run: removeDeadCode },
  // Batch norm becomes a multiply-add, the only form that fold-affine knows.
  { name: 'fold-batch-norm', run: foldBatchNorm },
  // Into the weights goes all that can: it is then free. What is left is fused behind the kernel.
  { name: 'fold-affine', run: foldAffine },
  // Epilogues before chains: a tail in registers saves a pass over memory, a chain without host only half of one.
  { name: 'fuse-epilogues', run: fuseEpilogues },
  { name: 'fuse-elementwise', run: fuseElementwise },
  // A chain fused into one Map may fit a host that its parts did not (x * sigmoid(x) reads the host twice).
  { name: 'fuse-epilogues', run: fuseEpilogues },
  // Constants that went into others.
  { name: 'remove-dead-code', run: removeDeadCode },
];

/** All passes by name, in order, each once. */
export const kPasses: ReadonlyMap<string, Pass> = new Map(
  [...kOptimizations, ...kAlways].map((pass) => [pass.name, pass] as const),
);

/** Names of all passes, in order, each once. */
export const kPassNames: readonly string[] = [...kPasses.keys()];

/** Runs the pipeline. */
export function runPasses(graph: Graph, options: PassOptions): Graph {
  return runPassList(options.optimize ? kOptimizations : kAlways, graph, options);
}

/** Runs any passes, one after the other. */
export function runPassList(passes: readonly Pass[], graph: Graph, options: Omit<PassOptions, 'optimize'>): Graph {
  const now = options.now ?? (() => 0);
  options.onPass?.('import', graph, 0);
  let current = graph;
  for (const pass of passes) {
    const start = now();
    const next = pass.run(current);
    if (options.checkValues === true) {
      const difference = compareMeaning(current, next);
      if (difference !== undefined) fail('internal', `pass ${pass.name} changes a result: ${difference}`);
    }
    current = next;
    options.onPass?.(pass.name, current, now() - start);
  }
  return current;
}
