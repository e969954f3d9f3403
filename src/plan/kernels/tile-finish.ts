// Which fused epilogues a convolution applies to its sums in registers: bias, then residual, then a clamp; or bias, then a
// slope for negative values (PRelu, LeakyRelu). Anything else takes a second pass over the finished tile. Infinite clamp
// bounds stand for none. NaN passes through all of them, as it does through Caffe2's Relu and Clip.

import { arithmeticDType } from '../../ir/dtype.js';
import type { ScalarExpr } from '../../ir/expr.js';
import type { FunctorSpec } from '../../ops/kernel-call.js';

/** Numbers are indices into the functor's operands. */
export type TileFinish =
  | {
      readonly kind: 'clamp';
      readonly bias?: number;
      readonly residual?: number;
      readonly floor: number;
      readonly ceiling: number;
    }
  /** x < 0 ? x·slope : x, with one slope per channel or one for all. */
  | { readonly kind: 'slope'; readonly bias?: number; readonly slope: number | { readonly value: number } };

/** What the functor does, if a register tile can do it. */
export function tileFinish(spec: FunctorSpec): TileFinish | undefined {
  if (spec.kind !== 'epilogue' || !spec.argTypes.every((dtype) => arithmeticDType(dtype) === 'f32')) return undefined;
  const { inner, floor, ceiling } = peelClamp(spec.expr);
  const sum = sumOf(inner, spec);
  if (sum !== undefined) return { kind: 'clamp', ...sum, floor, ceiling };
  const sloped = peelSlope(spec.expr);
  if (sloped === undefined) return undefined;
  const biased = sumOf(sloped.inner, spec);
  if (biased === undefined || biased.residual !== undefined) return undefined;
  const { slope } = sloped;
  if (typeof slope === 'number' && spec.operands[slope]?.access !== 'channel') return undefined;
  return { kind: 'slope', ...biased, slope };
}

/** min(max(inner, floor), ceiling) = expr; max(min(max(x, f), g), c) is min(max(x, max(f, c)), max(g, c)). */
function peelClamp(expr: ScalarExpr): { readonly inner: ScalarExpr; readonly floor: number; readonly ceiling: number } {
  const isBound = expr.kind === 'binary' && (expr.op === 'max' || expr.op === 'min') && expr.b.kind === 'const';
  if (!isBound || expr.b.kind !== 'const' || Number.isNaN(expr.b.value)) {
    return { inner: expr, floor: Number.NEGATIVE_INFINITY, ceiling: Number.POSITIVE_INFINITY };
  }
  const bound = expr.b.value;
  const { inner, floor, ceiling } = peelClamp(expr.a);
  return expr.op === 'max'
    ? { inner, floor: Math.max(floor, bound), ceiling: Math.max(ceiling, bound) }
    : { inner, floor, ceiling: Math.min(ceiling, bound) };
}

/** PRelu as max(x, 0) + min(x, 0)·slope, LeakyRelu as x ≥ 0 ? x : alpha·x. */
function peelSlope(
  expr: ScalarExpr,
): { readonly inner: ScalarExpr; readonly slope: number | { readonly value: number } } | undefined {
  if (expr.kind === 'binary' && expr.op === 'add' && expr.b.kind === 'binary' && expr.b.op === 'mul') {
    const above = boundedByZero(expr.a, 'max');
    const below = boundedByZero(expr.b.a, 'min');
    const slope = expr.b.b;
    if (above === undefined || below === undefined || !sameExpr(above, below) || slope.kind !== 'arg') return undefined;
    return slope.index > 0 ? { inner: above, slope: slope.index - 1 } : undefined;
  }
  if (expr.kind !== 'select' || expr.test.kind !== 'compare' || expr.test.op !== 'ge') return undefined;
  const { test, yes, no } = expr;
  if (!isZero(test.b) || !sameExpr(test.a, yes) || no.kind !== 'binary' || no.op !== 'mul') return undefined;
  if (no.a.kind !== 'const' || !Number.isFinite(no.a.value) || !sameExpr(no.b, yes)) return undefined;
  return { inner: yes, slope: { value: no.a.value } };
}

function boundedByZero(expr: ScalarExpr, op: 'max' | 'min'): ScalarExpr | undefined {
  return expr.kind === 'binary' && expr.op === op && isZero(expr.b) ? expr.a : undefined;
}

function isZero(expr: ScalarExpr): boolean {
  return expr.kind === 'const' && expr.value === 0;
}

/** Both are sums of the same arguments in the same order: all that a finish can have inside. */
function sameExpr(a: ScalarExpr, b: ScalarExpr): boolean {
  if (a.kind === 'arg') return b.kind === 'arg' && a.index === b.index;
  if (a.kind !== 'binary' || b.kind !== 'binary' || a.op !== 'add' || b.op !== 'add') return false;
  return sameExpr(a.a, b.a) && sameExpr(a.b, b.b);
}

/** The kernel's value plus at most one operand per channel and one of the result's shape, in any order. */
function sumOf(
  expr: ScalarExpr,
  spec: FunctorSpec,
): { readonly bias?: number; readonly residual?: number } | undefined {
  const terms = termsOf(expr);
  if (terms?.filter((index) => index === 0).length !== 1) return undefined;
  const operands = terms.filter((index) => index > 0).map((index) => index - 1);
  const [bias, ...moreBiases] = operands.filter((k) => spec.operands[k]?.access === 'channel');
  const [residual, ...moreResiduals] = operands.filter((k) => spec.operands[k]?.access === 'full');
  const known = (bias === undefined ? 0 : 1) + (residual === undefined ? 0 : 1);
  if (moreBiases.length > 0 || moreResiduals.length > 0 || operands.length !== known) return undefined;
  return { ...(bias === undefined ? {} : { bias }), ...(residual === undefined ? {} : { residual }) };
}

/** Arguments of a tree of additions. */
function termsOf(expr: ScalarExpr): readonly number[] | undefined {
  if (expr.kind === 'arg') return [expr.index];
  if (expr.kind !== 'binary' || expr.op !== 'add') return undefined;
  const a = termsOf(expr.a);
  const b = termsOf(expr.b);
  return a === undefined || b === undefined ? undefined : [...a, ...b];
}
