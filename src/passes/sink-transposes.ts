// Purpose: move transposes behind elementwise operators and concats, so that a pair around them meets and cancels: nets in
// NHWC order come with one before and one behind every convolution.
// Needs: remove-identities afterwards, which cancels what meets. Gives: the same number of transposes or fewer.
// Not when: a transposed operand has other readers (there would be one transpose more), operands are transposed in
// different ways, or another operand is neither one value nor a constant.
// Example: test/passes/sink-transposes/relu-between.ir

import type { Attrs, Graph, Node, Value } from '../ir/graph.js';
import { reshapeTensor, type Tensor } from '../ir/tensor.js';
import { tensorType } from '../ir/type.js';
import { numeric } from '../ops/builder.js';
import { runNode } from '../ops/interpret.js';
import { elementwiseExpr } from './elementwise.js';
import { permOf } from './remove-identities.js';
import { type Rewriter, rewriteGraph } from './rewriter.js';

export function sinkTransposes(graph: Graph): Graph {
  return rewriteGraph(graph, (node, rewriter) => {
    const [y] = node.outputs;
    if (y === undefined || node.outputs.length > 1 || node.epilogue !== undefined) return 'keep';
    const isConcat = node.op === 'Concat';
    if (!isConcat && elementwiseExpr(node) === undefined) return 'keep';
    const perm = commonPerm(node, rewriter);
    if (perm === undefined || perm.length !== y.type.shape.length) return 'keep';
    const inputs = node.inputs.map((value) => (value === undefined ? undefined : untransposed(value, perm, rewriter)));
    if (inputs.includes(undefined)) return 'keep';
    for (const maker of new Set(node.inputs.map((value) => transposeOf(value, rewriter)))) {
      if (maker !== undefined) rewriter.remove(maker);
    }
    const attrs: Attrs = isConcat ? { axis: perm[Number(node.attrs.axis)] ?? 0 } : node.attrs;
    const made = inputs.map((input) => (typeof input === 'function' ? input() : input));
    const shape = perm.map((_, axis) => y.type.shape[perm.indexOf(axis)] ?? 1);
    const inner: Value = { name: rewriter.uniqueName(`${y.name}.sunk`), type: tensorType(y.type.dtype, shape) };
    rewriter.emit(node.op, made, attrs, { results: [inner], origin: node.origin });
    rewriter.emit('Transpose', [inner], { perm }, { results: [y], origin: node.origin });
    return 'done';
  });
}

/** The Transpose that makes the value, if nobody but this node reads it. */
function transposeOf(value: Value | undefined, rewriter: Rewriter): Node | undefined {
  const maker = value === undefined ? undefined : rewriter.producer(value);
  return maker?.op === 'Transpose' && maker.epilogue === undefined ? maker : undefined;
}

/** The permutation of all transposed operands, each read by this node only. */
function commonPerm(node: Node, rewriter: Rewriter): readonly number[] | undefined {
  let common: readonly number[] | undefined;
  for (const value of new Set(node.inputs)) {
    const maker = transposeOf(value, rewriter);
    if (maker === undefined || value === undefined) continue;
    const own = permOf(maker);
    const isShared = rewriter.uses(value) > node.inputs.filter((input) => input === value).length;
    if (isShared || (common !== undefined && common.join() !== own.join())) return undefined;
    common = own;
  }
  return common;
}

/** What the node reads instead; constants are made only once all operands are known to fit. */
function untransposed(value: Value, perm: readonly number[], rewriter: Rewriter): Value | (() => Value) | undefined {
  const maker = transposeOf(value, rewriter);
  if (maker !== undefined) return maker.inputs[0];
  const { shape } = value.type;
  if (shape.every((dim) => dim === 1)) return value;
  const tensor = rewriter.constantOf(value);
  if (tensor === undefined || tensor.dtype === 'str' || shape.length > perm.length) return undefined;
  return () => rewriter.constant(permuted(tensor, perm), value.name);
}

/** The constant with its leading dims of 1 spelled out, its dims in the order before the transpose. */
function permuted(tensor: Tensor, perm: readonly number[]): Tensor {
  const dims = [...new Array<number>(perm.length - tensor.dims.length).fill(1), ...tensor.dims];
  const wide = reshapeTensor(numeric(tensor), dims);
  const inverse = perm.map((_, axis) => perm.indexOf(axis));
  const value: Value = { name: 'constant', type: tensorType(tensor.dtype, dims) };
  const origin = { opIndex: '', opType: '', opName: '', blob: '' };
  const node: Node = { op: 'Transpose', inputs: [value], attrs: { perm: inverse }, outputs: [value], origin };
  return runNode(node, () => wide)[0] ?? wide;
}
