// Purpose: compute chains of elementwise operators in one pass over memory.
// Needs: fuse-epilogues before, which has first claim. Gives: Map nodes.
// Not when: somebody else reads the inner result, its shape differs from the outer one (it would be computed again for every
// repeat), or the expression would have too many operands or operations.
// Example: test/passes/fuse-elementwise/chain.ir

import { shapeEquals } from '../ir/dim.js';
import { arg, countArg, exprCost, type ScalarExpr, substituteArgs } from '../ir/expr.js';
import { type Graph, type Node, presentInputs, type Value } from '../ir/graph.js';
import { elementwiseExpr } from './elementwise.js';
import { isReadOnce } from './fold-affine.js';
import { type Rewriter, rewriteGraph } from './rewriter.js';

const kMaxOperands = 8;
const kMaxCost = 64;

export function fuseElementwise(graph: Graph): Graph {
  return rewriteGraph(graph, (node, rewriter) => {
    const expr = elementwiseExpr(node);
    const [y] = node.outputs;
    if (expr === undefined || y === undefined) return 'keep';
    const merged = absorb({ expr, inputs: presentInputs(node) }, y, rewriter);
    if (merged.absorbed.length === 0) return 'keep';
    for (const inner of merged.absorbed) rewriter.remove(inner);
    rewriter.push({ ...node, op: 'Map', inputs: merged.inputs, attrs: { expr: merged.expr } });
    return 'done';
  });
}

interface Chain {
  readonly expr: ScalarExpr;
  readonly inputs: readonly Value[];
}

/** Substitutes elementwise producers into the expression as long as one fits. */
function absorb(chain: Chain, result: Value, rewriter: Rewriter): Chain & { readonly absorbed: readonly Node[] } {
  let current = chain;
  const absorbed: Node[] = [];
  for (let i = 0; i < current.inputs.length; ) {
    const value = current.inputs[i];
    const inner = value === undefined ? undefined : innerOf(value, result, rewriter);
    const next = inner === undefined ? undefined : substitute(current, i, inner);
    if (inner === undefined || next === undefined) {
      i += 1;
      continue;
    }
    absorbed.push(inner);
    current = next;
  }
  return { ...current, absorbed };
}

function innerOf(value: Value, result: Value, rewriter: Rewriter): Node | undefined {
  const inner = rewriter.producer(value);
  if (inner === undefined || !isReadOnce(value, rewriter) || elementwiseExpr(inner) === undefined) return undefined;
  return shapeEquals(value.type.shape, result.type.shape) ? inner : undefined;
}

/** Argument `index` replaced by the inner node's expression; its inputs join the end, each value once. */
function substitute(chain: Chain, index: number, inner: Node): Chain | undefined {
  const innerExpr = elementwiseExpr(inner);
  if (innerExpr === undefined) return undefined;
  const inputs: Value[] = [];
  const slot = (value: Value): ScalarExpr => {
    const known = inputs.indexOf(value);
    if (known >= 0) return arg(known);
    inputs.push(value);
    return arg(inputs.length - 1);
  };
  const outer = chain.inputs.map((value, i) => (i === index ? undefined : slot(value)));
  const own = presentInputs(inner).map(slot);
  const body = substituteArgs(innerExpr, (i) => own[i] ?? arg(i));
  const expr = substituteArgs(chain.expr, (i) => (i === index ? body : (outer[i] ?? arg(i))));
  const repeats = countArg(chain.expr, index) > 1 && exprCost(innerExpr) > 4;
  return repeats || inputs.length > kMaxOperands || exprCost(expr) > kMaxCost ? undefined : { expr, inputs };
}
