// Purpose: compute chains and small nets of elementwise operators in one pass over memory.
// Needs: fuse-epilogues before, which has first claim. Gives: Map nodes.
// Not when: somebody else reads the inner result, its shape differs from the outer one (it would be computed again for every
// repeat), the expression would have too many operands or operations or repeat a costly part, or one of the two can run on
// vectors of floats and the other cannot.
// Example: test/passes/fuse-elementwise/chain.ir

import { shapeEquals } from '../ir/dim.js';
import { exprCost } from '../ir/expr.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { compose, type Formula, formulaOf, isFloatFormula } from './elementwise.js';
import { type Rewriter, rewriteGraph } from './rewriter.js';

const kMaxOperands = 8;
const kMaxCost = 64;

export function fuseElementwise(graph: Graph): Graph {
  return rewriteGraph(graph, (node, rewriter) => {
    const own = formulaOf(node, rewriter);
    const [y] = node.outputs;
    if (own === undefined || y === undefined) return 'keep';
    const { formula, absorbed } = absorb(node, own, y, rewriter);
    if (absorbed.length === 0) return 'keep';
    for (const inner of absorbed) rewriter.remove(inner);
    rewriter.emit('Map', formula.operands, { expr: formula.expr }, { results: [y], origin: node.origin });
    return 'done';
  });
}

interface Fused {
  readonly formula: Formula;
  readonly absorbed: readonly Node[];
}

/** Takes in the makers of operands as long as one fits. */
function absorb(node: Node, own: Formula, y: Value, rewriter: Rewriter): Fused {
  let formula = own;
  const absorbed: Node[] = [];
  for (let i = 0; i < formula.operands.length; ) {
    const inner = innerOf(formula.operands[i], y, [node, ...absorbed], rewriter);
    const innerFormula = inner === undefined ? undefined : formulaOf(inner, rewriter);
    const next = innerFormula === undefined ? undefined : composeWithin(formula, i, innerFormula);
    if (inner === undefined || next === undefined) {
      i += 1;
      continue;
    }
    absorbed.push(inner);
    formula = next;
    i = 0;
  }
  return { formula, absorbed };
}

/** The elementwise maker of a value that only the given nodes read, each element once. */
function innerOf(
  value: Value | undefined,
  result: Value,
  readers: readonly Node[],
  rewriter: Rewriter,
): Node | undefined {
  const inner = value === undefined ? undefined : rewriter.producer(value);
  if (value === undefined || inner === undefined || !shapeEquals(value.type.shape, result.type.shape)) return undefined;
  const reads = readers.reduce((sum, node) => sum + node.inputs.filter((input) => input === value).length, 0);
  const isTogether = readers.every((node) => node.origin.device === inner.origin.device);
  return isTogether && reads === rewriter.uses(value) ? inner : undefined;
}

function composeWithin(outer: Formula, index: number, inner: Formula): Formula | undefined {
  if (isFloatFormula(outer) !== isFloatFormula(inner)) return undefined;
  const next = compose(outer, index, inner);
  const fits = next !== undefined && next.operands.length <= kMaxOperands && exprCost(next.expr) <= kMaxCost;
  return fits ? next : undefined;
}
