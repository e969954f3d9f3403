// The textual form of scalar expressions, read back.

import { fail } from '../errors.js';
import { isDType } from './dtype.js';
import {
  arg,
  binary,
  cast,
  compare,
  constant,
  kBinaryOps,
  kCompareOps,
  kUnaryOps,
  type ScalarExpr,
  select,
  unary,
} from './expr.js';

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
