// Purpose: apply elementwise tails (activations, residual sums, clips) to a convolution's or FC's result while it is still
// in registers.
// Needs: fold-affine before, so that only what cannot go into the weights is left. Gives: Node.epilogue; the fused node
// stands where the elementwise node stood, so all operands exist by then. Of several candidates the one made last is
// chosen: in a residual block the convolution that ends it absorbs the sum.
// Not when: somebody else reads the result, dtypes differ from float32, an operand is neither shaped like the result, nor a
// constant per channel, nor one value, a constant is shaped like the result, the result's shape differs, or the net places the two
// operators on different devices.
// Example: test/passes/fuse-epilogues/conv-sum-relu.ir

import { shapeEquals } from '../ir/dim.js';
import { arg, exprCost, substituteArgs } from '../ir/expr.js';
import { epilogueOperands, type Graph, type Node, operatorInputs, type Value } from '../ir/graph.js';
import { operandAccess } from '../ops/functor.js';
import { compose, type Formula, formulaOf, isFloatFormula } from './elementwise.js';
import { type Rewriter, rewriteGraph } from './rewriter.js';

const kHosts: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'FC']);
const kMaxOperands = 4;
const kMaxCost = 40;

export function fuseEpilogues(graph: Graph): Graph {
  return rewriteGraph(graph, (node, rewriter) => {
    const tail = formulaOf(node, rewriter);
    const [y] = node.outputs;
    if (tail === undefined || y === undefined || !isFloatFormula(tail)) return 'keep';
    const candidates = tail.operands
      .map((value, index) => ({ value, index, host: hostOf(value, node, y, rewriter) }))
      .sort((a, b) => rewriter.position(b.value) - rewriter.position(a.value));
    for (const { value, index, host } of candidates) {
      const epilogue = host === undefined ? undefined : fuse(host, value, tail, index);
      if (host === undefined || epilogue === undefined) continue;
      const operands = epilogue.operands.slice(1);
      if (!operands.every((operand) => isReadable(operand, y, rewriter))) continue;
      rewriter.remove(host);
      rewriter.emit(host.op, [...operatorInputs(host), ...operands], host.attrs, {
        results: [y],
        epilogue: { expr: epilogue.expr, operands: operands.length },
        origin: { ...host.origin, blob: node.origin.blob },
      });
      return 'done';
    }
    return 'keep';
  });
}

/** The operator that makes the value, if it can take a tail and this node alone reads it. */
function hostOf(value: Value, node: Node, result: Value, rewriter: Rewriter): Node | undefined {
  const host = rewriter.producer(value);
  const reads = node.inputs.filter((input) => input === value).length;
  const fits = shapeEquals(value.type.shape, result.type.shape) && rewriter.uses(value) === reads;
  const isTogether = host?.origin.device === node.origin.device;
  return fits && host !== undefined && kHosts.has(host.op) && isTogether ? host : undefined;
}

/** The host's whole epilogue with operand 0 = the host's own result; undefined when it would be too much. */
function fuse(host: Node, own: Value, tail: Formula, index: number): Formula | undefined {
  const before: Formula = { expr: host.epilogue?.expr ?? arg(0), operands: [own, ...epilogueOperands(host)] };
  const composed = compose(tail, index, before);
  if (composed === undefined) return undefined;
  const first = composed.operands.indexOf(own);
  // An epilogue that does not read the host's result would leave the host without a purpose.
  if (first < 0) return undefined;
  const operands = [own, ...composed.operands.filter((value) => value !== own)];
  const expr = substituteArgs(composed.expr, (i) => (i === first ? arg(0) : arg(i < first ? i + 1 : i)));
  return operands.length - 1 <= kMaxOperands && exprCost(expr) <= kMaxCost ? { expr, operands } : undefined;
}

/** A kernel can read the operand while it stores the result. */
function isReadable(value: Value, result: Value, rewriter: Rewriter): boolean {
  if (value.type.dtype !== 'f32') return false;
  const access = operandAccess(value.type.shape, result.type.shape);
  const isConstant = rewriter.constantOf(value) !== undefined;
  if (access === 'scalar') return true;
  return access === 'channel' ? isConstant : access === 'full' && !isConstant;
}
