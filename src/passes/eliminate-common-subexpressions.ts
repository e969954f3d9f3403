// Purpose: compute equal things once. Needs: nothing. Gives: later equal nodes replaced by the first.
// Not when: the node has regions, or attributes, epilogue, inputs or number of outputs differ.
// Example: test/passes/eliminate-common-subexpressions/two-relus.ir

import { printExpr } from '../ir/expr.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { attrToString } from '../ops/attributes.js';
import { rewriteGraph } from './rewriter.js';

export function eliminateCommonSubexpressions(graph: Graph): Graph {
  const ids = new Map<Value, number>();
  const idOf = (value: Value | undefined): string => {
    if (value === undefined) return '_';
    const known = ids.get(value) ?? ids.size;
    ids.set(value, known);
    return String(known);
  };
  const seen = new Map<string, Node>();
  return rewriteGraph(graph, (node, rewriter) => {
    if (node.regions !== undefined) return 'keep';
    const attrs = Object.entries(node.attrs)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `${name}=${attrToString(value)}`);
    const tail = node.epilogue === undefined ? '' : `${printExpr(node.epilogue.expr)}/${node.epilogue.operands}`;
    const outputs = node.outputs.map((value) => (value === undefined ? '0' : '1')).join('');
    const key = [node.op, attrs.join(','), node.inputs.map(idOf).join(','), tail, outputs].join(';');
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, node);
      return 'keep';
    }
    node.outputs.forEach((value, i) => {
      const same = first.outputs[i];
      if (value !== undefined && same !== undefined) rewriter.replace(value, same);
    });
    return 'done';
  });
}
