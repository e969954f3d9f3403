// Scalar expressions and constants as C++ and CUDA text.

import { fail, unreachable } from '../errors.js';
import { type DType, dtypeCpp, isFloat } from './dtype.js';
import { type BinaryOp, exprDType, type ScalarExpr, type UnaryOp } from './expr.js';
import { shortestFloat } from './numbers.js';

/** `vector`: one functor serves scalars and vectors through a type V; `scalar`: plain numbers of the arguments' dtypes. */
export type CppForm = 'vector' | 'scalar';

/**
 * C++ text over the names of the arguments, calling the overloads of cortado/number.h, scalar.h, simd.h and math.h.
 * In vector form constants become `splat<V>(…)`. Integer arithmetic goes through functions that wrap without undefined
 * behaviour.
 */
export function exprToCpp(
  expr: ScalarExpr,
  names: readonly string[],
  args: readonly DType[],
  form: CppForm = 'vector',
): string {
  const print = (e: ScalarExpr): string => exprToCpp(e, names, args, form);
  switch (expr.kind) {
    case 'arg':
      return names[expr.index] ?? fail('internal', `expression reads argument ${expr.index} of ${names.length}`);
    case 'const': {
      const literal = cppLiteral(expr.value, expr.dtype);
      return form === 'vector' ? `splat<V>(${literal})` : literal;
    }
    case 'unary': {
      const isFloating = isFloat(exprDType(expr.x, args));
      if (expr.op === 'neg') return isFloating ? `-${wrapIfInfix(expr.x, args, print)}` : `wrap_neg(${print(expr.x)})`;
      return `${cppName(expr.op)}(${print(expr.x)})`;
    }
    case 'binary': {
      const infix = isFloat(exprDType(expr.a, args)) ? kInfix[expr.op] : undefined;
      if (infix !== undefined)
        return `${wrapIfInfix(expr.a, args, print)} ${infix} ${wrapIfInfix(expr.b, args, print)}`;
      return `${kInfix[expr.op] === undefined ? cppName(expr.op) : `wrap_${expr.op}`}(${print(expr.a)}, ${print(expr.b)})`;
    }
    case 'compare':
      return `${expr.op}(${print(expr.a)}, ${print(expr.b)})`;
    case 'select':
      return `select(${print(expr.test)}, ${print(expr.yes)}, ${print(expr.no)})`;
    case 'cast':
      return `cast<${dtypeCpp(expr.dtype)}>(${print(expr.x)})`;
    default:
      return unreachable(expr);
  }
}

const kInfix: { readonly [O in BinaryOp]?: string } = { add: '+', sub: '-', mul: '*' };

function wrapIfInfix(expr: ScalarExpr, args: readonly DType[], print: (e: ScalarExpr) => string): string {
  const isFloating = (e: ScalarExpr): boolean => isFloat(exprDType(e, args));
  const infix =
    (expr.kind === 'binary' && kInfix[expr.op] !== undefined && isFloating(expr.a)) ||
    (expr.kind === 'unary' && expr.op === 'neg' && isFloating(expr.x));
  return infix ? `(${print(expr)})` : print(expr);
}

/** C++ names that would clash with keywords or the C library get a suffix. */
function cppName(op: UnaryOp | BinaryOp): string {
  switch (op) {
    case 'and':
    case 'or':
    case 'xor':
    case 'not':
      return `logical_${op}`;
    case 'div':
      return 'divide';
    case 'rem':
      return 'remainder';
    case 'round':
      return 'round_half_even';
    default:
      return op;
  }
}

/** A C++ literal that reads back to the same value: 0.1f, -0.0f, 3, true, INFINITY. */
export function cppLiteral(value: number, dtype: DType): string {
  if (dtype === 'bool') return value !== 0 ? 'true' : 'false';
  if (!isFloat(dtype)) {
    if (dtype === 'i64') return value === -(2 ** 63) ? 'INT64_MIN' : `INT64_C(${value})`;
    return dtype === 'i32' && value === -(2 ** 31) ? 'INT32_MIN' : `${dtypeCpp(dtype)}{${value}}`;
  }
  if (Number.isNaN(value)) return dtype === 'f32' ? 'kNanF' : 'kNan';
  if (!Number.isFinite(value)) return `${value < 0 ? '-' : ''}${dtype === 'f32' ? 'kInfinityF' : 'kInfinity'}`;
  const text = Object.is(value, -0) ? '-0' : String(dtype === 'f32' ? shortestFloat(value) : value);
  const decimal = /[.e]/.test(text) ? text : `${text}.0`;
  return dtype === 'f32' ? `${decimal}f` : decimal;
}
