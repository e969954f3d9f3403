// Scalar expressions: the meaning of elementwise operators and of fused epilogues, written once and printed as
// TypeScript (a closure), C++ and CUDA. An expression is typed by the dtypes of its arguments; arithmetic needs equal
// dtypes on both sides, comparisons give bool. Argument 0 of an epilogue is the value the operator just computed.

import { fail, unreachable } from '../errors.js';
import { type DType, dtypeCpp, isDType, isFloat } from './dtype.js';

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

// ---- evaluation ----------------------------------------------------------------------------------------------------

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

/** Nearest integer, ties to even: 0.5 gives 0, 1.5 gives 2, -0.5 gives -0. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  if (floor === -1) return -0;
  return floor % 2 === 0 ? floor : floor + 1;
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

// ---- text ----------------------------------------------------------------------------------------------------------

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

/** Reads what printExpr writes. */
export function parseExpr(text: string): ScalarExpr {
  let at = 0;
  const bad = (what: string): never => fail('invalid-model', `expression "${text}": ${what} at column ${at + 1}`);
  const expect = (symbol: string): void => {
    if (text[at] !== symbol) bad(`expected '${symbol}'`);
    at += 1;
  };
  const parse = (depth: number): ScalarExpr => {
    if (depth > 200) return bad('nested too deeply');
    const word = /^[$A-Za-z0-9_:.+-]+/.exec(text.slice(at))?.[0] ?? bad('expected a term');
    at += word.length;
    if (word.startsWith('$')) return /^\$\d+$/.test(word) ? arg(Number(word.slice(1))) : bad(`bad argument ${word}`);
    const colon = word.indexOf(':');
    if (colon > 0) {
      const dtype = word.slice(0, colon);
      if (!isDType(dtype)) return bad(`unknown dtype ${dtype}`);
      return constant(parseNumber(word.slice(colon + 1)) ?? bad(`bad constant ${word}`), dtype);
    }
    const operands: ScalarExpr[] = [];
    expect('(');
    while (text[at] !== ')') {
      if (operands.length > 0) expect(',');
      operands.push(parse(depth + 1));
    }
    expect(')');
    return applyWord(word, operands) ?? bad(`unknown operation ${word}/${operands.length}`);
  };
  const result = parse(0);
  return at === text.length ? result : bad('trailing text');
}

function parseNumber(text: string): number | undefined {
  if (text === 'nan') return Number.NaN;
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  if (text === '-inf') return Number.NEGATIVE_INFINITY;
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

function applyWord(word: string, operands: readonly ScalarExpr[]): ScalarExpr | undefined {
  const [a, b, c] = operands;
  if (word.startsWith('cast_')) {
    const dtype = word.slice(5);
    return a !== undefined && isDType(dtype) ? cast(dtype, a) : undefined;
  }
  if (word === 'select' && a !== undefined && b !== undefined && c !== undefined) return select(a, b, c);
  const unaryOp = kUnaryOps.find((op) => op === word);
  if (unaryOp !== undefined && a !== undefined && b === undefined) return unary(unaryOp, a);
  const binaryOp = kBinaryOps.find((op) => op === word);
  if (binaryOp !== undefined && a !== undefined && b !== undefined) return binary(binaryOp, a, b);
  const compareOp = kCompareOps.find((op) => op === word);
  return compareOp !== undefined && a !== undefined && b !== undefined ? compare(compareOp, a, b) : undefined;
}

/** `vector`: one functor serves scalars and vectors through a type V; `scalar`: plain numbers of the arguments' dtypes. */
export type CppForm = 'vector' | 'scalar';

/**
 * C++ text over the names of the arguments, calling the overloads of cortado/scalar.h, simd.h, math.h and expression.h.
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

/** The shortest decimal that reads back to the same float32. */
export function shortestFloat(value: number): number {
  const target = Math.fround(value);
  for (let digits = 1; digits < 10; digits++) {
    const candidate = Number(target.toPrecision(digits));
    if (Math.fround(candidate) === target) return candidate;
  }
  return target;
}
