// Purpose: drop nodes that hand their input on unchanged, and compose neighbouring transposes.
// Needs: inferred types. Gives: fewer nodes; the same values. A Transpose that only moves dims of 1 becomes a Reshape.
// Not when: the result differs in shape or dtype (a Reshape that does reshape stays: it is free at run time), pads cancel in
// the size only, or a fused epilogue hangs on the node.
// Example: test/passes/remove-identities/transpose-pair.ir

import { isStatic } from '../ir/dim.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { typeEquals } from '../ir/type.js';
import { opDef } from '../ops/define.js';
import { elementwiseExpr } from './elementwise.js';
import { type Rewriter, rewriteGraph } from './rewriter.js';

/** Operators that, with one input and all else the same, cannot but hand it on. */
const kNeutralByType: ReadonlySet<string> = new Set(['Slice', 'Tile', 'Cast', 'Concat', 'Split']);

export function removeIdentities(graph: Graph): Graph {
  return rewriteGraph(graph, (node, rewriter) => {
    const [y] = node.outputs;
    if (y === undefined || node.epilogue !== undefined || !isAlone(node)) return 'keep';
    const [first] = node.inputs;
    if (node.op === 'Transpose' && first !== undefined) return mergeTranspose(node, first, y, rewriter);
    const x = handedOn(node);
    if (x === undefined || !typeEquals(x.type, y.type)) return 'keep';
    rewriter.replace(y, x);
    return 'done';
  });
}

/** Further outputs are not wanted. */
function isAlone(node: Node): boolean {
  return node.outputs.slice(1).every((value) => value === undefined);
}

/** The input that the node hands on if the types agree. */
function handedOn(node: Node): Value | undefined {
  const [x] = node.inputs;
  if (opDef(node.op).view === 'reshape') return x;
  if (node.op === 'Pad') {
    const pads = node.attrs.pads;
    return Array.isArray(pads) && pads.every((size) => size === 0) ? x : undefined;
  }
  if (kNeutralByType.has(node.op)) return node.inputs.length === 1 ? x : undefined;
  const expr = elementwiseExpr(node);
  return expr?.kind === 'arg' ? node.inputs[expr.index] : undefined;
}

/** Transpose of Transpose is one Transpose, or nothing. */
function mergeTranspose(node: Node, x: Value, y: Value, rewriter: Rewriter): 'keep' | 'done' {
  const outer = permOf(node);
  const before = rewriter.producer(x);
  const isPair = before?.op === 'Transpose' && before.epilogue === undefined;
  const source = isPair ? (before.inputs[0] ?? x) : x;
  const inner = isPair ? permOf(before) : outer.map((_, axis) => axis);
  const perm = outer.map((axis) => inner[axis] ?? 0);
  if (perm.every((axis, i) => axis === i)) {
    rewriter.replace(y, source);
    return 'done';
  }
  const moved = perm.filter((axis) => source.type.shape[axis] !== 1);
  const target = y.type.shape.map((dim) => (isStatic(dim) ? dim : -1));
  if (moved.every((axis, i) => i === 0 || axis > (moved[i - 1] ?? 0)) && isReshapeTarget(target)) {
    rewriter.emit('Reshape', [source], { shape: target }, { results: [y], origin: node.origin });
    return 'done';
  }
  if (source === x) return 'keep';
  rewriter.push({ ...node, inputs: [source], attrs: { ...node.attrs, perm } });
  return 'done';
}

/** At most one dim is left to be worked out, and no dim is 0, which would mean something else. */
function isReshapeTarget(target: readonly number[]): boolean {
  return target.filter((dim) => dim === -1).length <= 1 && !target.includes(0);
}

/** The permutation of a Transpose. */
export function permOf(node: Node): readonly number[] {
  const perm = node.attrs.perm;
  return Array.isArray(perm) ? perm.map(Number) : [];
}
