// Purpose: apply elementwise tails (activations, residual sums, clips) to a convolution's or FC's result while it is still
// in registers.
// Needs: fold-affine before, so that only what cannot go into the weights is left. Gives: Node.epilogue; the fused node
// stands where the elementwise node stood, so all operands exist by then. Of several candidates the one made last is
// chosen: in a residual block the convolution that ends it absorbs the sum.
// Not when: somebody else reads the result, dtypes differ from float32, an operand is neither shaped like the result, nor a
// constant per channel, nor one value, a constant is shaped like the result, or the result's shape differs.
// Example: test/passes/fuse-epilogues/conv-sum-relu.ir

import { shapeEquals } from '../ir/dim.js';
import { arg, exprCost, type ScalarExpr, substituteArgs } from '../ir/expr.js';
import { epilogueOperands, type Graph, type Node, operatorInputs, presentInputs, type Value } from '../ir/graph.js';
import { operandAccess } from '../ops/functor.js';
import { elementwiseExpr } from './elementwise.js';
import { isReadOnce } from './fold-affine.js';
import { type Rewriter, rewriteGraph } from './rewriter.js';

const kHosts: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'FC']);
const kMaxOperands = 4;
const kMaxCost = 40;

export function fuseEpilogues(graph: Graph): Graph {
  return rewriteGraph(graph, (node, rewriter) => {
    const expr = elementwiseExpr(node);
    const [y] = node.outputs;
    if (expr === undefined || y === undefined || y.type.dtype !== 'f32') return 'keep';
    const inputs = presentInputs(node);
    const hosts = inputs.map((value, index) => ({ value, index, host: hostOf(value, y, rewriter) }));
    const candidates = hosts
      .filter(({ host }) => host !== undefined)
      .sort((a, b) => rewriter.position(b.value) - rewriter.position(a.value));
    for (const { index, host } of candidates) {
      const fused = host === undefined ? undefined : fuse(host, node, expr, index, rewriter);
      if (host === undefined || fused === undefined) continue;
      rewriter.remove(host);
      rewriter.push(fused);
      return 'done';
    }
    return 'keep';
  });
}

function hostOf(value: Value, result: Value, rewriter: Rewriter): Node | undefined {
  const host = rewriter.producer(value);
  const fits =
    value.type.dtype === 'f32' && shapeEquals(value.type.shape, result.type.shape) && isReadOnce(value, rewriter);
  return fits && host !== undefined && kHosts.has(host.op) ? host : undefined;
}

function fuse(host: Node, tail: Node, expr: ScalarExpr, index: number, rewriter: Rewriter): Node | undefined {
  const [y] = tail.outputs;
  if (y === undefined) return undefined;
  const before = epilogueOperands(host);
  const others = presentInputs(tail).filter((_, i) => i !== index);
  if (!others.every((value) => isReadable(value, y, rewriter)) || before.length + others.length > kMaxOperands)
    return undefined;
  const own = host.epilogue?.expr ?? arg(0);
  const position = (i: number): number => before.length + (i < index ? i : i - 1) + 1;
  const composed = substituteArgs(expr, (i) => (i === index ? own : arg(position(i))));
  if (exprCost(composed) > kMaxCost) return undefined;
  return {
    ...host,
    inputs: [...operatorInputs(host), ...before, ...others],
    outputs: [y],
    epilogue: { expr: composed, operands: before.length + others.length },
  };
}

/** A kernel can read the operand while it stores the result. */
function isReadable(value: Value, result: Value, rewriter: Rewriter): boolean {
  if (value.type.dtype !== 'f32') return false;
  const access = operandAccess(value.type.shape, result.type.shape);
  const isConstant = rewriter.constantOf(value) !== undefined;
  if (access === 'scalar') return true;
  return access === 'channel' ? isConstant : access === 'full' && !isConstant;
}
