import assert from 'node:assert/strict';
import { CompileError } from '../../src/errors.js';
import {
  getNumber,
  halfToNumber,
  halvesOf,
  makeTensor,
  numberToHalf,
  setNumber,
  tensorFromNumbers,
} from '../../src/ir/tensor.js';

describe('half precision', () => {
  it('every finite half survives the way to a number and back', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      if ((bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0) continue;
      assert.equal(numberToHalf(halfToNumber(bits)), bits, bits.toString(16));
    }
  });

  it('rounds to nearest, ties to even', () => {
    assert.equal(numberToHalf(1 + 2 ** -11), 0x3c00);
    assert.equal(numberToHalf(1 + 3 * 2 ** -11), 0x3c02);
    assert.equal(numberToHalf(1 + 2 ** -11 + 2 ** -30), 0x3c01);
  });

  it('halfway between any two neighbours goes to the even one', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const middle = (halfToNumber(bits) + halfToNumber(bits + 1)) / 2;
      assert.equal(numberToHalf(middle), bits % 2 === 0 ? bits : bits + 1, bits.toString(16));
    }
  });

  it('overflow, underflow, infinities and NaN', () => {
    assert.equal(numberToHalf(65504), 0x7bff);
    assert.equal(numberToHalf(65519.99), 0x7bff);
    assert.equal(numberToHalf(65520), 0x7c00);
    assert.equal(numberToHalf(-1e9), 0xfc00);
    assert.equal(numberToHalf(2 ** -25), 0);
    assert.equal(numberToHalf(1.5 * 2 ** -25), 1);
    assert.equal(numberToHalf(-(2 ** -30)), 0x8000);
    assert.equal(numberToHalf(-0), 0x8000);
    assert.ok(Object.is(halfToNumber(0x8000), -0));
    assert.ok(Number.isNaN(halfToNumber(numberToHalf(Number.NaN))));
    assert.equal(halfToNumber(0x7c00), Number.POSITIVE_INFINITY);
  });

  it('rounds many numbers to halves as one', () => {
    const words = new Uint32Array(1 << 16);
    const tails = [0, 0xfff, 0x1000, 0x1001, 0x3000];
    // Every exponent and sign, at and around ties of the last bit.
    for (let i = 0; i < words.length; i++)
      words[i] = (((i >>> 7) << 23) | ((i & 0x7f) << 16) | (tails[i % tails.length] ?? 0)) >>> 0;
    const numbers = new Float32Array(words.buffer);
    assert.deepEqual(halvesOf(numbers), Uint16Array.from(numbers, numberToHalf));
  });
});

describe('tensors', () => {
  it('numbers are stored as C would: bool as 0 or 1, integers wrapped, int64 as bigint', () => {
    assert.deepEqual([...tensorFromNumbers('bool', [3], [0, 0.5, -2]).data], [0, 1, 1]);
    assert.deepEqual([...tensorFromNumbers('u8', [2], [257, -1]).data], [1, 255]);
    assert.deepEqual([...tensorFromNumbers('i64', [2], [3.7, -3.7]).data], [3n, -3n]);
  });

  it('f16 reads as numbers', () => {
    const tensor = makeTensor('f16', [1]);
    setNumber(tensor, 0, 0.1);
    assert.equal(getNumber(tensor, 0), 0.0999755859375);
  });

  it('data must fill the dims', () => {
    assert.throws(() => makeTensor('f32', [2, 2], new Float32Array(3)), CompileError);
    assert.throws(() => getNumber(makeTensor('f32', [1]), 1), CompileError);
    assert.equal(makeTensor('f32', []).data.length, 1);
  });
});
