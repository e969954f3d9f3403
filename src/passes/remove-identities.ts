// Purpose: drop nodes that hand their input on unchanged, and compose neighbouring transposes.
// Needs: inferred types. Gives: fewer nodes; the same values.
// Not when: the result differs in shape or dtype (a Reshape that does reshape stays: it is free at run time), or a fused
// epilogue hangs on the node.
// Example: test/passes/remove-identities/transpose-pair.ir

import type { Graph, Node, Value } from '../ir/graph.js';
import { typeEquals } from '../ir/type.js';
import { opDef } from '../ops/define.js';
import { type Rewriter, rewriteGraph } from './rewriter.js';

export function removeIdentities(graph: Graph): Graph {
  return rewriteGraph(graph, (node, rewriter) => {
    const [x] = node.inputs;
    const [y] = node.outputs;
    if (x === undefined || y === undefined || node.epilogue !== undefined || !isAlone(node)) return 'keep';
    if (node.op === 'Transpose') return mergeTranspose(node, x, y, rewriter);
    if (!isIdentity(node) || !typeEquals(x.type, y.type)) return 'keep';
    rewriter.replace(y, x);
    return 'done';
  });
}

/** Further outputs are not wanted. */
function isAlone(node: Node): boolean {
  return node.outputs.slice(1).every((value) => value === undefined);
}

function isIdentity(node: Node): boolean {
  if (opDef(node.op).view === 'reshape' || node.op === 'Cast') return true;
  if (node.op === 'Concat' || node.op === 'Sum' || node.op === 'Max' || node.op === 'Min' || node.op === 'Mean')
    return node.inputs.length === 1;
  const isNeutral = (name: string): boolean => {
    const list = node.attrs[name];
    return Array.isArray(list) && list.every((value) => value === 0);
  };
  if (node.op === 'Slice') return node.inputs.length === 1;
  return node.op === 'Pad' && isNeutral('pads');
}

/** Transpose of Transpose is one Transpose, or nothing. */
function mergeTranspose(node: Node, x: Value, y: Value, rewriter: Rewriter): 'keep' | 'done' {
  const outer = permOf(node);
  if (outer.every((axis, i) => axis === i)) {
    rewriter.replace(y, x);
    return 'done';
  }
  const before = rewriter.producer(x);
  const source = before?.inputs[0];
  if (before?.op !== 'Transpose' || source === undefined || before.epilogue !== undefined) return 'keep';
  const inner = permOf(before);
  const perm = outer.map((axis) => inner[axis] ?? 0);
  if (perm.every((axis, i) => axis === i)) rewriter.replace(y, source);
  else rewriter.push({ ...node, inputs: [source], attrs: { ...node.attrs, perm } });
  return 'done';
}

function permOf(node: Node): readonly number[] {
  const perm = node.attrs['perm'];
  return Array.isArray(perm) ? perm.map(Number) : [];
}
