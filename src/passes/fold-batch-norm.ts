// Purpose: turn SpatialBN with known statistics into one multiply-add per channel, which fold-affine can move into weights.
// Needs: constant scale, bias, mean and variance. Gives: Map{ x*f + g } with f = scale/sqrt(var + epsilon) and
// g = bias - mean*f, both rounded once from float64.
// Not when: a statistic is computed at run time.
// Example: test/passes/fold-batch-norm/after-conv.ir

import { arg, binary } from '../ir/expr.js';
import type { Graph, Node } from '../ir/graph.js';
import { floatTensor, getNumber, type NumericTensor } from '../ir/tensor.js';
import { type Rewriter, rewriteGraph } from './rewriter.js';

export function foldBatchNorm(graph: Graph): Graph {
  return rewriteGraph(graph, (node, rewriter) => {
    const [x] = node.inputs;
    const [y] = node.outputs;
    if (node.op !== 'SpatialBN' || x === undefined || y === undefined || x.type.dtype !== 'f32') return 'keep';
    const factors = factorsOf(node, rewriter);
    if (factors === undefined) return 'keep';
    const spatial = x.type.shape.slice(2).map(() => 1);
    const [f, g] = [factors.f, factors.g].map((tensor, k) =>
      rewriter.constant({ ...tensor, dims: [...tensor.dims, ...spatial] }, `${y.name}.${k === 0 ? 'factor' : 'shift'}`),
    );
    const expr = binary('add', binary('mul', arg(0), arg(1)), arg(2));
    rewriter.push({ ...node, op: 'Map', inputs: [x, f, g], attrs: { expr } });
    return 'done';
  });
}

function factorsOf(
  node: Node,
  rewriter: Rewriter,
): { readonly f: NumericTensor; readonly g: NumericTensor } | undefined {
  const [scale, bias, mean, variance] = node.inputs.slice(1).map((value) => rewriter.constantOf(value));
  if (scale === undefined || bias === undefined || mean === undefined || variance === undefined) return undefined;
  const epsilon = Number(node.attrs.epsilon);
  const channels = scale.dims[0] ?? 0;
  const f = Array.from(
    { length: channels },
    (_, c) => getNumber(scale, c) / Math.sqrt(getNumber(variance, c) + epsilon),
  );
  const g = f.map((factor, c) => getNumber(bias, c) - getNumber(mean, c) * factor);
  return { f: floatTensor([channels], f), g: floatTensor([channels], g) };
}
