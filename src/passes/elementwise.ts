// What the fusion passes know of elementwise nodes: an expression over distinct operands, and how such expressions compose.

import { unreachable } from '../errors.js';
import { shapeEquals } from '../ir/dim.js';
import { arg, constant, countArg, exprCost, type ScalarExpr, substituteArgs } from '../ir/expr.js';
import { type Node, presentInputs, type Value } from '../ir/graph.js';
import { getNumber } from '../ir/tensor.js';
import { inferBroadcast } from '../ops/broadcast.js';
import { opDef } from '../ops/define.js';
import type { Rewriter } from './rewriter.js';

/** expr over `operands`, each of which occurs once in the list and at least once in the expression. */
export interface Formula {
  readonly expr: ScalarExpr;
  readonly operands: readonly Value[];
}

/** An inner expression that costs more is not repeated where the outer one reads it more than once. */
const kRepeatedCost = 4;

/** The expression of an elementwise node over all its inputs; undefined for other operators. */
export function elementwiseExpr(node: Node): ScalarExpr | undefined {
  const def = opDef(node.op);
  if (def.scalar === undefined || node.epilogue !== undefined) return undefined;
  return def.scalar(
    node.attrs as never,
    presentInputs(node).map((value) => value.type.dtype),
  );
}

/** The formula of an elementwise node. Float constants of one element become part of the expression. */
export function formulaOf(node: Node, rewriter: Rewriter): Formula | undefined {
  const expr = elementwiseExpr(node);
  if (expr === undefined) return undefined;
  const formula = bind(expr, presentInputs(node), (value) => {
    const tensor = rewriter.constantOf(value);
    return tensor?.dtype === 'f32' && tensor.data.length === 1 ? constant(getNumber(tensor, 0)) : undefined;
  });
  // What became a literal or is not read at all may have given the result its shape.
  const shape = inferBroadcast(formula.operands.map((value) => value.type.shape));
  const result = node.outputs[0]?.type.shape;
  return result !== undefined && typeof shape !== 'string' && shapeEquals(shape, result) ? formula : undefined;
}

/** Numbers the operands that remain; equal values become one operand. */
function bind(expr: ScalarExpr, inputs: readonly Value[], literal: (value: Value) => ScalarExpr | undefined): Formula {
  const operands: Value[] = [];
  const slots = inputs.map((value, i) => {
    if (countArg(expr, i) === 0) return arg(i);
    return literal(value) ?? slotOf(operands, value);
  });
  return { expr: substituteArgs(expr, (i) => slots[i] ?? arg(i)), operands };
}

function slotOf(operands: Value[], value: Value): ScalarExpr {
  const known = operands.indexOf(value);
  if (known >= 0) return arg(known);
  operands.push(value);
  return arg(operands.length - 1);
}

/** `outer` with operand `index` computed by `inner`; undefined when that would repeat costly work. */
export function compose(outer: Formula, index: number, inner: Formula): Formula | undefined {
  if (countArg(outer.expr, index) > 1 && exprCost(inner.expr) > kRepeatedCost) return undefined;
  const operands: Value[] = [];
  const kept = outer.operands.map((value, i) => (i === index ? undefined : slotOf(operands, value)));
  const own = inner.operands.map((value) => slotOf(operands, value));
  const body = substituteArgs(inner.expr, (i) => own[i] ?? arg(i));
  return { expr: substituteArgs(outer.expr, (i) => kept[i] ?? body), operands };
}

/** All values are float32 and conditions occur inside selects only, so that kernels can compute it on vectors. */
export function isFloatFormula({ expr, operands }: Formula): boolean {
  const isFloat = (e: ScalarExpr): boolean => {
    switch (e.kind) {
      case 'arg':
        return operands[e.index]?.type.dtype === 'f32';
      case 'const':
        return e.dtype === 'f32';
      case 'unary':
        return isFloat(e.x);
      case 'cast':
      case 'compare':
        return false;
      case 'binary':
        return isFloat(e.a) && isFloat(e.b);
      case 'select':
        return e.test.kind === 'compare' && isFloat(e.test.a) && isFloat(e.test.b) && isFloat(e.yes) && isFloat(e.no);
      default:
        return unreachable(e);
    }
  };
  return isFloat(expr);
}
