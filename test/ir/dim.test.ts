import assert from 'node:assert/strict';
import { CompileError } from '../../src/errors.js';
import {
  type Dim,
  dimAdd,
  dimCeilDiv,
  dimEquals,
  dimEvaluate,
  dimFloorDiv,
  dimMax,
  dimMaxOf,
  dimMin,
  dimMinOf,
  dimMul,
  dimSub,
  dimSubstitute,
  dimSymbol,
  dimSymbols,
  dimToString,
} from '../../src/ir/dim.js';
import { parseDim, parseType } from '../../src/ir/parse-dim.js';
import { typeToString } from '../../src/ir/type.js';
import { uniformNumbers } from '../../src/ops/constant-spelling.js';

const n = dimSymbol('n', 1, 8);
const m = dimSymbol('m', 0, 5);

/** All values of n and m. */
function* bindings(): Generator<ReadonlyMap<string, number>> {
  for (let i = 1; i <= 8; i++)
    for (let j = 0; j <= 5; j++)
      yield new Map([
        ['n', i],
        ['m', j],
      ]);
}

describe('dims', () => {
  it('a symbol of one value is that number', () => {
    assert.equal(dimSymbol('n', 3, 3), 3);
  });

  it('sums and products have one normal form', () => {
    assert.equal(dimToString(dimAdd(dimMul(n, 2), dimAdd(m, n))), 'm(0..5)+3*n(1..8)');
    assert.ok(dimEquals(dimMul(dimAdd(n, 1), m), dimAdd(m, dimMul(m, n))));
    assert.equal(dimSub(dimAdd(n, 4), n), 4);
    assert.equal(dimMul(n, 0), 0);
  });

  it('a division is exact where every term divides', () => {
    assert.ok(dimEquals(dimFloorDiv(dimMul(n, 8), 4), dimMul(n, 2)));
    assert.ok(dimEquals(dimFloorDiv(dimMul(n, m), m), n));
    assert.equal(dimToString(dimFloorDiv(dimAdd(n, 1), 2)), 'div(n(1..8)+1,2)');
    assert.deepEqual([dimMin(dimCeilDiv(n, 3)), dimMax(dimCeilDiv(n, 3))], [1, 3]);
  });

  it('min and max do not care about the order of their operands, nor repeat one', () => {
    assert.ok(dimEquals(dimMinOf(n, m), dimMinOf(m, n)));
    assert.ok(dimEquals(dimMaxOf(n, n), n));
    assert.equal(dimMinOf(n, 9), n);
    assert.equal(dimMaxOf(n, 9), 9);
  });

  it('max(n - 5, 0) is not n - 5', () => {
    const dim = dimMaxOf(dimSub(n, 5), 0);
    assert.equal(dimEvaluate(dim, new Map([['n', 1]])), 0);
    assert.deepEqual([dimMin(dim), dimMax(dim)], [0, 3]);
  });

  it('substitution narrows', () => {
    const narrow = (dim: Dim): Dim =>
      dimSubstitute(dim, ({ name, min, max }) => (name === 'n' ? 4 : dimSymbol(name, min, max)));
    assert.equal(narrow(dimFloorDiv(dimAdd(n, 1), 2)), 2);
    assert.ok(dimEquals(narrow(dimMul(n, m)), dimMul(m, 4)));
  });

  it('symbols are listed once, from inside quotients as well', () => {
    const names = dimSymbols(dimAdd(dimFloorDiv(n, 3), dimMul(n, m))).map(({ name }) => name);
    assert.deepEqual(names.sort(), ['m', 'n']);
  });

  it('names that could be read as something else are quoted', () => {
    assert.equal(dimToString(dimSymbol('a b*2', 1, 2)), '"a b*2"(1..2)');
    assert.equal(dimToString(dimSymbol('min', 1, 2)), '"min"(1..2)');
  });

  it('500 random expressions: values agree with arithmetic, lie within the bounds, and read back', () => {
    const uniform = uniformNumbers(5);
    for (let i = 0; i < 500; i++) {
      const { dim, value } = randomDim(uniform, 3);
      for (const binding of bindings()) {
        const expected = value(binding);
        assert.ok(dimEvaluate(dim, binding) === expected, dimToString(dim));
        assert.ok(expected <= dimMax(dim), `${dimToString(dim)} is ${expected}, above ${dimMax(dim)}`);
        assert.ok(expected >= dimMin(dim) || expected < 0, `${dimToString(dim)} is ${expected}, below ${dimMin(dim)}`);
      }
      assert.ok(dimEquals(parseDim(dimToString(dim)), dim), dimToString(dim));
    }
  });
});

interface Random {
  readonly dim: Dim;
  value(binding: ReadonlyMap<string, number>): number;
}

function randomDim(uniform: () => number, depth: number): Random {
  const pick = Math.floor(uniform() * (depth === 0 ? 3 : 9));
  if (pick === 0) return { dim: n, value: (binding) => binding.get('n') ?? 0 };
  if (pick === 1) return { dim: m, value: (binding) => binding.get('m') ?? 0 };
  if (pick === 2) {
    const number = Math.floor(uniform() * 6);
    return { dim: number, value: () => number };
  }
  const a = randomDim(uniform, depth - 1);
  if (pick === 3) {
    const divisor = 1 + Math.floor(uniform() * 4);
    return { dim: dimFloorDiv(a.dim, divisor), value: (binding) => Math.floor(a.value(binding) / divisor) };
  }
  const b = randomDim(uniform, depth - 1);
  if (pick === 4) return { dim: dimMinOf(a.dim, b.dim), value: (x) => Math.min(a.value(x), b.value(x)) };
  if (pick === 5) return { dim: dimMaxOf(a.dim, b.dim), value: (x) => Math.max(a.value(x), b.value(x)) };
  if (pick === 6) return { dim: dimSub(a.dim, b.dim), value: (x) => a.value(x) - b.value(x) };
  if (pick === 7) return { dim: dimMul(a.dim, b.dim), value: (x) => a.value(x) * b.value(x) };
  return { dim: dimAdd(a.dim, b.dim), value: (x) => a.value(x) + b.value(x) };
}

describe('types as text', () => {
  for (const text of [
    'f32[]',
    'i64[2,3]',
    'f32[batch(1..8),64,56,56]@c16',
    'bool[49*k(0..5)+1]',
    'f32[n(0..9),81,12,12]|[1]',
    'u8[1,5,5,3]q(0.02,128)',
  ]) {
    it(text, () => assert.equal(typeToString(parseType(text)), text));
  }

  for (const [text, message] of [
    ['f33[2]', 'unknown dtype f33'],
    ['f32[2', "expected ','"],
    ['f32[n]', "expected '('"],
    ['f32[n(5..2)]', 'the bounds 5..2 leave no choice'],
    ['f32[2]x', 'trailing text'],
  ] as const) {
    it(`refuses ${text}`, () => {
      assert.throws(
        () => parseType(text),
        (error) => error instanceof CompileError && error.problems[0]?.message === message,
      );
    });
  }
});
