// Which fused tails convolutions take into registers, from the textual form of the expression.

import assert from 'node:assert/strict';
import { parseExpr } from '../../src/ir/parse-expr.js';
import type { FunctorSpec, OperandAccess } from '../../src/ops/kernel-call.js';
import { type TileFinish, tileFinish } from '../../src/plan/kernels/tile-finish.js';

const kNone = Number.POSITIVE_INFINITY;

function finishOf(expr: string, ...accesses: OperandAccess[]): TileFinish | undefined {
  const operands = accesses.map((access, index): FunctorSpec['operands'][number] => ({
    access,
    arg: { kind: 'input', index },
  }));
  return tileFinish({
    kind: 'epilogue',
    expr: parseExpr(expr),
    argTypes: ['f32', ...accesses.map(() => 'f32' as const)],
    operands,
  });
}

describe('epilogues in registers', () => {
  it('bias alone, and bias with Relu', () => {
    assert.deepEqual(finishOf('add($0,$1)', 'channel'), { kind: 'clamp', bias: 0, floor: -kNone, ceiling: kNone });
    const relu = finishOf('max(add($0,$1),f32:0)', 'channel');
    assert.deepEqual(relu, { kind: 'clamp', bias: 0, floor: 0, ceiling: kNone });
  });

  it('a residual sum in any order, clipped', () => {
    const expected = { kind: 'clamp', bias: 0, residual: 1, floor: 0, ceiling: 6 };
    assert.deepEqual(finishOf('min(max(add(add($0,$1),$2),f32:0),f32:6)', 'channel', 'full'), expected);
    assert.deepEqual(finishOf('max(min(add($2,add($0,$1)),f32:6),f32:0)', 'channel', 'full'), expected);
  });

  it('Relu after the residual only, and a clamp whose bounds cross', () => {
    assert.equal(finishOf('add(max(add($0,$1),f32:0),$2)', 'channel', 'full'), undefined);
    const crossed = finishOf('max(min($0,f32:1),f32:2)');
    assert.deepEqual(crossed, { kind: 'clamp', floor: 2, ceiling: 2 });
  });

  it('PRelu with a slope per channel, LeakyRelu with one for all', () => {
    const prelu = 'add(max(add($0,$1),f32:0),mul(min(add($0,$1),f32:0),$2))';
    assert.deepEqual(finishOf(prelu, 'channel', 'channel'), { kind: 'slope', bias: 0, slope: 1 });
    assert.equal(finishOf(prelu, 'channel', 'scalar'), undefined);
    const leaky = finishOf('select(ge($0,f32:0),$0,mul(f32:0.1,$0))');
    assert.deepEqual(leaky, { kind: 'slope', slope: { value: 0.1 } });
  });

  it('not when the constant comes first (NaN would be dropped), twice the value, two biases, other operations', () => {
    assert.equal(finishOf('max(f32:0,$0)'), undefined);
    assert.equal(finishOf('add($0,$0)'), undefined);
    assert.equal(finishOf('add(add($0,$1),$2)', 'channel', 'channel'), undefined);
    assert.equal(finishOf('add($0,$1)', 'scalar'), undefined);
    assert.equal(finishOf('tanh(add($0,$1))', 'channel'), undefined);
    assert.equal(finishOf('mul($0,$1)', 'full'), undefined);
  });
});
