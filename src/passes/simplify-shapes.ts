// Purpose: answer questions about fixed shapes now, and bring operators that only rename dims into one form.
// Needs: inferred types. Gives: Shape, Size and IsEmpty of fixed shapes as constants; Flatten, Squeeze, ExpandDims, … and
// chains of them as one Reshape; a Concat of a Concat along the same axis as one.
// Not when: more than one dim of the result varies (a Reshape could not say which), the inner Concat has other readers, or
// a shape differs from branch to branch.
// Example: test/passes/simplify-shapes/flatten-squeeze.ir

import { CompileError } from '../errors.js';
import { dimMin, isStatic, isStaticShape, type Shape, shapeMaxSize, shapeSize } from '../ir/dim.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { type Tensor, tensorFromNumbers } from '../ir/tensor.js';
import { scalarTensor } from '../ops/builder.js';
import { opDef } from '../ops/define.js';
import { type Rewriter, rewriteGraph } from './rewriter.js';

export function simplifyShapes(graph: Graph): Graph {
  return rewriteGraph(graph, (node, rewriter) => {
    const [x] = node.inputs;
    const [y] = node.outputs;
    if (x === undefined || y === undefined || node.epilogue !== undefined || x.type.variants !== undefined)
      return 'keep';
    const answer = answerOf(node.op, x.type.shape);
    if (answer !== undefined) {
      rewriter.replace(y, rewriter.constant(answer, y.name));
      return 'done';
    }
    if (node.op === 'Concat') return flattenConcat(node, rewriter);
    return opDef(node.op).view === 'reshape' ? renameDims(node, x, y, rewriter) : 'keep';
  });
}

/** What an operator that reads no values says of a shape, if that is known. */
function answerOf(op: string, shape: Shape): Tensor | undefined {
  switch (op) {
    case 'Shape':
      return isStaticShape(shape) ? tensorFromNumbers('i64', [shape.length], shape) : undefined;
    case 'Size': {
      const size = shapeSize(shape);
      return isStatic(size) ? scalarTensor('i64', size) : undefined;
    }
    case 'IsEmpty':
      if (shapeMaxSize(shape) === 0) return scalarTensor('bool', 1);
      return shape.every((dim) => dimMin(dim) > 0) ? scalarTensor('bool', 0) : undefined;
    default:
      return undefined;
  }
}

/** One Reshape from the first value of a chain of views; dims that vary become its -1. */
function renameDims(node: Node, x: Value, y: Value, rewriter: Rewriter): 'keep' | 'done' {
  const target = y.type.shape.map((dim) => (isStatic(dim) ? dim : -1));
  const varying = target.filter((dim) => dim === -1).length;
  // A 0 in the target of a Reshape means something else, and nothing can be divided by it.
  if (node.outputs.length > 1 || varying > 1 || target.includes(0)) return 'keep';
  const before = rewriter.producer(x);
  const inner = before === undefined || opDef(before.op).view !== 'reshape' || before.epilogue !== undefined;
  const source = inner ? x : (before.inputs[0] ?? x);
  if (source === x && node.op === 'Reshape') return 'keep';
  try {
    rewriter.emit('Reshape', [source], { shape: target }, { results: [y], origin: node.origin });
    return 'done';
  } catch (error) {
    // A dim such as n / 2 cannot be worked out from the number of elements.
    if (error instanceof CompileError) return 'keep';
    throw error;
  }
}

/** The pieces of inner Concats in place of their results. */
function flattenConcat(node: Node, rewriter: Rewriter): 'keep' | 'done' {
  const inner = node.inputs.map((value) => {
    const maker = value === undefined ? undefined : rewriter.producer(value);
    const isConcat = maker?.op === 'Concat' && maker.attrs.axis === node.attrs.axis;
    return isConcat && value !== undefined && rewriter.uses(value) === 1 ? maker : undefined;
  });
  if (inner.every((maker) => maker === undefined)) return 'keep';
  const inputs = node.inputs.flatMap((value, i) => inner[i]?.inputs ?? [value]);
  for (const maker of inner) if (maker !== undefined) rewriter.remove(maker);
  rewriter.push({ ...node, inputs });
  return 'done';
}
