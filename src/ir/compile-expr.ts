// Scalar expressions as closures over numbers: what the reference interpreter computes.

import { unreachable } from '../errors.js';
import { type DType, isFloat } from './dtype.js';
import { type BinaryOp, type CompareOp, exprDType, type ScalarExpr, type UnaryOp } from './expr.js';
import { roundHalfEven } from './numbers.js';

type Scalar = number | bigint;
type Evaluate = (args: readonly Scalar[]) => Scalar;

/**
 * Compiles an expression to a closure over scalars: floats as double, int64 as bigint, other integers and bool as
 * number. Integers wrap like C on every supported machine; division by zero throws a RangeError.
 */
export function compileExpr(expr: ScalarExpr, args: readonly DType[]): Evaluate {
  exprDType(expr, args);
  return build(expr, args);
}

function build(expr: ScalarExpr, args: readonly DType[]): Evaluate {
  switch (expr.kind) {
    case 'arg': {
      const { index } = expr;
      return (values) => values[index] ?? 0;
    }
    case 'const': {
      const value: Scalar =
        expr.dtype === 'i64' ? BigInt(expr.value) : expr.dtype === 'f32' ? Math.fround(expr.value) : expr.value;
      return () => value;
    }
    case 'unary': {
      const x = build(expr.x, args);
      const apply = unaryFunction(expr.op, exprDType(expr.x, args));
      return (values) => apply(x(values));
    }
    case 'binary': {
      const a = build(expr.a, args);
      const b = build(expr.b, args);
      const apply = binaryFunction(expr.op, exprDType(expr.a, args));
      return (values) => apply(a(values), b(values));
    }
    case 'compare': {
      const a = build(expr.a, args);
      const b = build(expr.b, args);
      const apply = compareFunction(expr.op);
      return (values) => (apply(a(values), b(values)) ? 1 : 0);
    }
    case 'select': {
      const test = build(expr.test, args);
      const yes = build(expr.yes, args);
      const no = build(expr.no, args);
      return (values) => (Number(test(values)) !== 0 ? yes(values) : no(values));
    }
    case 'cast': {
      const x = build(expr.x, args);
      const from = exprDType(expr.x, args);
      const { dtype } = expr;
      return (values) => castScalar(x(values), from, dtype);
    }
    default:
      return unreachable(expr);
  }
}

/** C++ static_cast between dtypes: floats truncate toward zero, integers wrap, anything non-zero is true. */
export function castScalar(value: Scalar, from: DType, to: DType): Scalar {
  if (to === 'bool') return Number(value) !== 0 ? 1 : 0;
  if (to === 'f32') return Math.fround(Number(value));
  if (isFloat(to)) return Number(value);
  if (isFloat(from)) {
    const truncated = Math.trunc(Number(value));
    // Out of range is undefined in C++; x86 answers with the smallest integer, and so do we.
    if (to === 'i64')
      return Number.isFinite(truncated) && Math.abs(truncated) < 2 ** 63 ? BigInt(truncated) : -(2n ** 63n);
    if (to === 'i32') return Math.abs(truncated) <= 2 ** 31 ? truncated | 0 : -(2 ** 31);
    return wrapInteger(Number.isFinite(truncated) ? truncated : 0, to);
  }
  return to === 'i64'
    ? BigInt(value)
    : wrapInteger(typeof value === 'bigint' ? Number(BigInt.asIntN(32, value)) : value, to);
}

function wrapInteger(value: Scalar, dtype: DType): Scalar {
  switch (dtype) {
    case 'i64':
      return BigInt.asIntN(64, BigInt(value));
    case 'i8':
      return (Number(value) << 24) >> 24;
    case 'u8':
      return Number(value) & 0xff;
    case 'i16':
      return (Number(value) << 16) >> 16;
    case 'u16':
      return Number(value) & 0xffff;
    default:
      return Number(value) | 0;
  }
}

function unaryFunction(op: UnaryOp, dtype: DType): (x: Scalar) => Scalar {
  const real = (f: (x: number) => number) => (x: Scalar) => f(Number(x));
  switch (op) {
    case 'neg':
      return dtype === 'i64'
        ? (x) => BigInt.asIntN(64, -BigInt(x))
        : isFloat(dtype)
          ? real((x) => -x)
          : (x) => wrapInteger(-Number(x), dtype);
    case 'abs':
      // The smallest integer has no positive counterpart and stays, as negation does.
      return isFloat(dtype) ? real(Math.abs) : (x) => wrapInteger(x < 0 ? -x : x, dtype);
    case 'sqrt':
      return real(Math.sqrt);
    case 'exp':
      return real(Math.exp);
    case 'log':
      return real(Math.log);
    case 'tanh':
      return real(Math.tanh);
    case 'sigmoid':
      return real((x) => 1 / (1 + Math.exp(-x)));
    case 'sin':
      return real(Math.sin);
    case 'cos':
      return real(Math.cos);
    case 'floor':
      return real(Math.floor);
    case 'ceil':
      return real(Math.ceil);
    case 'round':
      return real(roundHalfEven);
    case 'not':
      return (x) => (Number(x) === 0 ? 1 : 0);
    default:
      return unreachable(op);
  }
}

function binaryFunction(op: BinaryOp, dtype: DType): (a: Scalar, b: Scalar) => Scalar {
  if (op === 'min') return (a, b) => (b < a ? b : a);
  if (op === 'max') return (a, b) => (a < b ? b : a);
  if (op === 'and') return (a, b) => (Number(a) !== 0 && Number(b) !== 0 ? 1 : 0);
  if (op === 'or') return (a, b) => (Number(a) !== 0 || Number(b) !== 0 ? 1 : 0);
  if (op === 'xor') return (a, b) => ((Number(a) !== 0) !== (Number(b) !== 0) ? 1 : 0);
  if (op === 'pow') return (a, b) => cppPow(Number(a), Number(b));
  if (dtype === 'i64') return bigintFunction(op);
  if (isFloat(dtype)) return floatFunction(op);
  return (a, b) => wrapInteger(integerFunction(op)(Number(a), Number(b)), dtype);
}

/** C's pow: unlike JavaScript's, pow(1, NaN) = pow(±1, ±inf) = 1. */
function cppPow(a: number, b: number): number {
  if (a === 1) return 1;
  if (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) return 1;
  return a ** b;
}

type Arithmetic = Exclude<BinaryOp, 'min' | 'max' | 'and' | 'or' | 'xor' | 'pow'>;

function floatFunction(op: Arithmetic): (a: Scalar, b: Scalar) => Scalar {
  switch (op) {
    case 'add':
      return (a, b) => Number(a) + Number(b);
    case 'sub':
      return (a, b) => Number(a) - Number(b);
    case 'mul':
      return (a, b) => Number(a) * Number(b);
    case 'div':
      return (a, b) => Number(a) / Number(b);
    case 'rem':
      return (a, b) => Number(a) % Number(b);
    default:
      return unreachable(op);
  }
}

function integerFunction(op: Arithmetic): (a: number, b: number) => number {
  const nonZero = (b: number): number => {
    if (b === 0) throw new RangeError('integer division by zero');
    return b;
  };
  switch (op) {
    case 'add':
      return (a, b) => a + b;
    case 'sub':
      return (a, b) => a - b;
    case 'mul':
      return Math.imul;
    case 'div':
      return (a, b) => Math.trunc(a / nonZero(b));
    case 'rem':
      return (a, b) => a % nonZero(b);
    default:
      return unreachable(op);
  }
}

function bigintFunction(op: Arithmetic): (a: Scalar, b: Scalar) => Scalar {
  const wrap = (f: (a: bigint, b: bigint) => bigint) => (a: Scalar, b: Scalar) =>
    BigInt.asIntN(64, f(BigInt(a), BigInt(b)));
  switch (op) {
    case 'add':
      return wrap((a, b) => a + b);
    case 'sub':
      return wrap((a, b) => a - b);
    case 'mul':
      return wrap((a, b) => a * b);
    case 'div':
      return wrap((a, b) => a / b);
    case 'rem':
      return wrap((a, b) => a % b);
    default:
      return unreachable(op);
  }
}

function compareFunction(op: CompareOp): (a: Scalar, b: Scalar) => boolean {
  switch (op) {
    case 'eq':
      return (a, b) => a === b;
    case 'ne':
      return (a, b) => a !== b;
    case 'lt':
      return (a, b) => a < b;
    case 'le':
      return (a, b) => a <= b;
    case 'gt':
      return (a, b) => a > b;
    case 'ge':
      return (a, b) => a >= b;
    default:
      return unreachable(op);
  }
}
