// Purpose: compute equal things once. Needs: nothing. Gives: later equal nodes replaced by the first; small constants of
// equal content count as one.
// Not when: the node has regions or no inputs, makes sizes of its own, or operator, attributes, epilogue, inputs or
// outputs differ.
// Example: test/passes/eliminate-common-subexpressions/two-relus.ir

import { printExpr } from '../ir/expr.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { type Tensor, toNumbers } from '../ir/tensor.js';
import { typeToString } from '../ir/type.js';
import { attrToString } from '../ops/attributes.js';
import { rewriteGraph } from './rewriter.js';

/** Constants of up to so many elements are compared by content. */
const kSmall = 4096;

export function eliminateCommonSubexpressions(graph: Graph): Graph {
  const ids = new Map<Value | string, number>();
  const idOf = (key: Value | string): number => {
    const known = ids.get(key) ?? ids.size;
    ids.set(key, known);
    return known;
  };
  const seen = new Map<string, Node>();
  return rewriteGraph(graph, (node, rewriter) => {
    if (node.regions !== undefined || node.inputs.length === 0) return 'keep';
    const inputs = node.inputs.map((value) => {
      if (value === undefined) return '_';
      return idOf(contentKey(rewriter.constantOf(value)) ?? value);
    });
    const key = `${nodeKey(node)};${inputs.join(',')}`;
    const first = seen.get(key);
    // A constant of the same content in another region does not make its reader ours.
    if (first === undefined || first.outputs.some((value) => value !== undefined && rewriter.position(value) < 0)) {
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

/** Everything about a node but its inputs. */
function nodeKey(node: Node): string {
  const attrs = Object.entries(node.attrs)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${attrToString(value)}`);
  const tail = node.epilogue === undefined ? '' : `${printExpr(node.epilogue.expr)}/${node.epilogue.operands}`;
  const outputs = node.outputs.map((value) => (value === undefined ? '_' : typeToString(value.type)));
  return [node.op, attrs.join(','), tail, outputs.join(',')].join(';');
}

function contentKey(tensor: Tensor | undefined): string | undefined {
  if (tensor === undefined || tensor.dtype === 'str' || tensor.data.length > kSmall) return undefined;
  const values = tensor.data instanceof BigInt64Array ? [...tensor.data].join() : toNumbers(tensor).map(signed).join();
  return `${tensor.dtype}[${tensor.dims.join()}]${values}`;
}

/** -0 and 0 are different values. */
function signed(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
