// What the fusion passes know of elementwise nodes.

import type { ScalarExpr } from '../ir/expr.js';
import { type Node, presentInputs } from '../ir/graph.js';
import { opDef } from '../ops/define.js';

/** The expression of an elementwise node over all its inputs; undefined for other operators. */
export function elementwiseExpr(node: Node): ScalarExpr | undefined {
  const def = opDef(node.op);
  if (def.scalar === undefined || node.epilogue !== undefined) return undefined;
  return def.scalar(
    node.attrs as never,
    presentInputs(node).map((value) => value.type.dtype),
  );
}
