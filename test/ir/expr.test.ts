import assert from 'node:assert/strict';
import { CompileError } from '../../src/errors.js';
import { castScalar, compileExpr } from '../../src/ir/compile-expr.js';
import type { DType } from '../../src/ir/dtype.js';
import { arg, binary, constant, countArg, exprCost, exprDType, printExpr, substituteArgs } from '../../src/ir/expr.js';
import { roundHalfEven, shortestFloat } from '../../src/ir/numbers.js';
import { parseExpr } from '../../src/ir/parse-expr.js';

function evaluate(text: string, dtypes: readonly DType[], values: readonly (number | bigint)[]): number | bigint {
  return compileExpr(parseExpr(text), dtypes)(values);
}

describe('scalar expressions', () => {
  for (const text of [
    'max(add($0,$1),f32:0)',
    'select(ge($0,f32:-0),$0,mul(f32:0.01,$0))',
    'cast_i32(round($0))',
    'min(f32:inf,max(f32:-inf,f32:nan))',
    'and(not($0),xor($1,bool:1))',
    'mul(f32:1e-7,f32:-1.5e+30)',
  ]) {
    it(`reads back ${text}`, () => assert.equal(printExpr(parseExpr(text)), text));
  }

  for (const text of [
    '',
    'add($0)',
    'add($0,$1',
    'foo($0)',
    'f33:1',
    'add($0,$1)x',
    'select($0,$1)',
    '$',
    'f32:',
    'f32:abc',
    '$x',
  ]) {
    it(`refuses '${text}'`, () => assert.throws(() => parseExpr(text), CompileError));
  }

  it('mixing dtypes is an error', () => {
    assert.throws(() => exprDType(parseExpr('add($0,$1)'), ['f32', 'i32']), CompileError);
    assert.throws(() => exprDType(arg(2), ['f32', 'i32']), CompileError);
    assert.equal(exprDType(parseExpr('lt($0,$1)'), ['i32', 'i32']), 'bool');
  });

  it('float32 constants are rounded to float32', () => {
    assert.equal(evaluate('f32:0.1', [], []), Math.fround(0.1));
    assert.equal(evaluate('f64:0.1', [], []), 0.1);
  });

  it('max and min follow std::max and std::min with NaN', () => {
    assert.ok(Number.isNaN(Number(evaluate('max($0,$1)', ['f32', 'f32'], [Number.NaN, 1]))));
    assert.equal(evaluate('max($0,$1)', ['f32', 'f32'], [1, Number.NaN]), 1);
    assert.ok(Number.isNaN(Number(evaluate('min($0,$1)', ['f32', 'f32'], [Number.NaN, 1]))));
    assert.equal(evaluate('min($0,$1)', ['f32', 'f32'], [1, Number.NaN]), 1);
  });

  it('integers wrap as in C', () => {
    assert.equal(evaluate('add($0,$1)', ['i32', 'i32'], [2 ** 31 - 1, 1]), -(2 ** 31));
    assert.equal(evaluate('mul($0,$1)', ['i32', 'i32'], [65537, 65537]), 131073);
    assert.equal(evaluate('add($0,$1)', ['u8', 'u8'], [250, 10]), 4);
    assert.equal(evaluate('neg($0)', ['i8'], [-128]), -128);
    assert.equal(evaluate('abs($0)', ['i32'], [-(2 ** 31)]), -(2 ** 31));
    assert.equal(evaluate('add($0,$1)', ['i64', 'i64'], [2n ** 63n - 1n, 1n]), -(2n ** 63n));
    assert.equal(evaluate('abs($0)', ['i64'], [-(2n ** 63n)]), -(2n ** 63n));
  });

  it('integer division truncates and refuses zero', () => {
    assert.equal(evaluate('div($0,$1)', ['i32', 'i32'], [-7, 2]), -3);
    assert.equal(evaluate('rem($0,$1)', ['i32', 'i32'], [-7, 2]), -1);
    assert.equal(evaluate('div($0,$1)', ['i64', 'i64'], [-7n, 2n]), -3n);
    assert.throws(() => evaluate('div($0,$1)', ['i32', 'i32'], [1, 0]), RangeError);
    assert.throws(() => evaluate('rem($0,$1)', ['i64', 'i64'], [1n, 0n]), RangeError);
    assert.equal(evaluate('div($0,$1)', ['f32', 'f32'], [1, 0]), Number.POSITIVE_INFINITY);
  });

  it('pow follows C at 1 and -1', () => {
    assert.equal(evaluate('pow($0,$1)', ['f32', 'f32'], [1, Number.NaN]), 1);
    assert.equal(evaluate('pow($0,$1)', ['f32', 'f32'], [-1, Number.POSITIVE_INFINITY]), 1);
  });

  it('casts truncate, wrap, and call everything but zero true', () => {
    assert.equal(castScalar(-2.75, 'f32', 'i32'), -2);
    assert.equal(castScalar(3e9, 'f32', 'i32'), -(2 ** 31));
    assert.equal(castScalar(Number.NaN, 'f32', 'i32'), -(2 ** 31));
    assert.equal(castScalar(1e30, 'f32', 'i64'), -(2n ** 63n));
    assert.equal(castScalar(300, 'i32', 'u8'), 44);
    assert.equal(castScalar(2n ** 32n + 5n, 'i64', 'i32'), 5);
    assert.equal(castScalar(0.5, 'f32', 'bool'), 1);
    assert.equal(castScalar(-0, 'f32', 'bool'), 0);
    assert.equal(castScalar(16777217, 'i32', 'f32'), 16777216);
  });

  it('halves round to even', () => {
    assert.deepEqual([0.5, 1.5, 2.5, -0.5, -1.5, 0.4, 2.6, -2.6].map(roundHalfEven), [0, 2, 2, -0, -2, 0, 3, -3]);
  });

  it('the shortest decimal of a float32 reads back', () => {
    for (const value of [0.1, 1 / 3, 16777216, 1e-45, 3.4028234663852886e38, -2.5]) {
      assert.equal(Math.fround(shortestFloat(value)), Math.fround(value));
    }
    assert.equal(shortestFloat(0.1), 0.1);
  });

  it('substitution, counting and cost', () => {
    const square = binary('mul', arg(0), arg(0));
    const composed = substituteArgs(square, () => binary('add', arg(1), constant(1)));
    assert.equal(printExpr(composed), 'mul(add($1,f32:1),add($1,f32:1))');
    assert.equal(countArg(composed, 1), 2);
    assert.equal(exprCost(composed), 3);
  });
});
