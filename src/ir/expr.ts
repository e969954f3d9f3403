// Scalar expressions: the meaning of elementwise operators and of fused epilogues, written once and printed as
// TypeScript (compile-expr.ts), C++ and CUDA (expr-to-cpp.ts). An expression is typed by the dtypes of its arguments; arithmetic
// needs equal dtypes on both sides, comparisons give bool. Argument 0 of an epilogue is the value the operator just computed.

import { fail, unreachable } from '../errors.js';
import type { DType } from './dtype.js';

export const kUnaryOps = [
  'neg',
  'abs',
  'sqrt',
  'exp',
  'log',
  'tanh',
  'sigmoid',
  'sin',
  'cos',
  'floor',
  'ceil',
  'round',
  'not',
] as const;
/** `max`/`min` follow C++ std::max/min: max(a,b) = a < b ? b : a, so a NaN in a stays and a NaN in b is dropped. */
export const kBinaryOps = ['add', 'sub', 'mul', 'div', 'min', 'max', 'pow', 'rem', 'and', 'or', 'xor'] as const;
export const kCompareOps = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const;

export type UnaryOp = (typeof kUnaryOps)[number];
export type BinaryOp = (typeof kBinaryOps)[number];
export type CompareOp = (typeof kCompareOps)[number];

export type ScalarExpr =
  | { readonly kind: 'arg'; readonly index: number }
  | { readonly kind: 'const'; readonly value: number; readonly dtype: DType }
  | { readonly kind: 'unary'; readonly op: UnaryOp; readonly x: ScalarExpr }
  | { readonly kind: 'binary'; readonly op: BinaryOp; readonly a: ScalarExpr; readonly b: ScalarExpr }
  | { readonly kind: 'compare'; readonly op: CompareOp; readonly a: ScalarExpr; readonly b: ScalarExpr }
  | { readonly kind: 'select'; readonly test: ScalarExpr; readonly yes: ScalarExpr; readonly no: ScalarExpr }
  | { readonly kind: 'cast'; readonly dtype: DType; readonly x: ScalarExpr };

export function arg(index: number): ScalarExpr {
  return { kind: 'arg', index };
}

export function constant(value: number, dtype: DType = 'f32'): ScalarExpr {
  return { kind: 'const', value, dtype };
}

export function unary(op: UnaryOp, x: ScalarExpr): ScalarExpr {
  return { kind: 'unary', op, x };
}

export function binary(op: BinaryOp, a: ScalarExpr, b: ScalarExpr): ScalarExpr {
  return { kind: 'binary', op, a, b };
}

export function compare(op: CompareOp, a: ScalarExpr, b: ScalarExpr): ScalarExpr {
  return { kind: 'compare', op, a, b };
}

export function select(test: ScalarExpr, yes: ScalarExpr, no: ScalarExpr): ScalarExpr {
  return { kind: 'select', test, yes, no };
}

export function cast(dtype: DType, x: ScalarExpr): ScalarExpr {
  return { kind: 'cast', dtype, x };
}

/** Direct subexpressions, left to right. */
export function exprChildren(expr: ScalarExpr): readonly ScalarExpr[] {
  switch (expr.kind) {
    case 'arg':
    case 'const':
      return [];
    case 'unary':
    case 'cast':
      return [expr.x];
    case 'binary':
    case 'compare':
      return [expr.a, expr.b];
    case 'select':
      return [expr.test, expr.yes, expr.no];
    default:
      return unreachable(expr);
  }
}

/** Replaces each argument by another expression (composition, renumbering). */
export function substituteArgs(expr: ScalarExpr, replace: (index: number) => ScalarExpr): ScalarExpr {
  const go = (e: ScalarExpr): ScalarExpr => {
    switch (e.kind) {
      case 'arg':
        return replace(e.index);
      case 'const':
        return e;
      case 'unary':
        return unary(e.op, go(e.x));
      case 'cast':
        return cast(e.dtype, go(e.x));
      case 'binary':
        return binary(e.op, go(e.a), go(e.b));
      case 'compare':
        return compare(e.op, go(e.a), go(e.b));
      case 'select':
        return select(go(e.test), go(e.yes), go(e.no));
      default:
        return unreachable(e);
    }
  };
  return go(expr);
}

/** How often argument `index` is read. */
export function countArg(expr: ScalarExpr, index: number): number {
  if (expr.kind === 'arg') return expr.index === index ? 1 : 0;
  return exprChildren(expr).reduce((sum, child) => sum + countArg(child, index), 0);
}

/** Operations in the expression: leaves are free. */
export function exprCost(expr: ScalarExpr): number {
  const children = exprChildren(expr);
  return children.length === 0 ? 0 : 1 + children.reduce((sum, child) => sum + exprCost(child), 0);
}

/** Result dtype, checking that both sides of arithmetic and comparisons agree. */
export function exprDType(expr: ScalarExpr, args: readonly DType[]): DType {
  const same = (a: ScalarExpr, b: ScalarExpr): DType => {
    const left = exprDType(a, args);
    const right = exprDType(b, args);
    if (left !== right) fail('internal', `${printExpr(expr)} mixes ${left} and ${right}`);
    return left;
  };
  switch (expr.kind) {
    case 'arg':
      return args[expr.index] ?? fail('internal', `expression reads argument ${expr.index} of ${args.length}`);
    case 'const':
    case 'cast':
      return expr.dtype;
    case 'unary':
      return exprDType(expr.x, args);
    case 'binary':
      return same(expr.a, expr.b);
    case 'compare':
      same(expr.a, expr.b);
      return 'bool';
    case 'select':
      return same(expr.yes, expr.no);
    default:
      return unreachable(expr);
  }
}

/** `max(add($0,$1),f32:0)`: the textual form of the IR; `parseExpr` reads it back. */
export function printExpr(expr: ScalarExpr): string {
  switch (expr.kind) {
    case 'arg':
      return `$${expr.index}`;
    case 'const':
      return `${expr.dtype}:${printNumber(expr.value)}`;
    case 'cast':
      return `cast_${expr.dtype}(${printExpr(expr.x)})`;
    case 'select':
      return `select(${exprChildren(expr).map(printExpr).join(',')})`;
    default:
      return `${expr.op}(${exprChildren(expr).map(printExpr).join(',')})`;
  }
}

function printNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}
