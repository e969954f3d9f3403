// The arithmetic of 8-bit operators, number by number.

import assert from 'node:assert/strict';
import { q31Factor, q31Scale, roundedFactor, roundedScale } from '../../src/ops/fixed-point.js';

describe('q31 factors (QNNPACK)', () => {
  it('split a float into 24 bits of mantissa and a shift', () => {
    assert.deepEqual(q31Factor(0.5), { multiplier: 2 ** 30, shift: 0 });
    assert.deepEqual(q31Factor(0.25), { multiplier: 2 ** 30, shift: 1 });
    assert.deepEqual(q31Factor(Math.fround(0.3)), { multiplier: 1288490240, shift: 1 });
    assert.deepEqual(q31Factor(2 ** -32), { multiplier: 2 ** 30, shift: 31 });
    assert.deepEqual(q31Factor(Math.fround(1 - 2 ** -24)), { multiplier: 2147483520, shift: 0 });
  });

  it('round half up at 2^-31, then half away from zero', () => {
    const quarter = q31Factor(0.25);
    // 6 / 2 = 3, 3 / 2 = 1.5 -> 2; -6 likewise -> -2; 5 / 2 = 2.5 -> 3, then 1.5 -> 2: rounded twice.
    const cases = [
      [6, 2],
      [-6, -2],
      [5, 2],
      [-5, -1],
      [7, 2],
      [-7, -2],
      [1, 1],
      [-1, 0],
      [0, 0],
    ] as const;
    for (const [acc, want] of cases) assert.equal(q31Scale(acc, quarter) + 0, want, `${acc} / 4`);
    const third = q31Factor(Math.fround(0.3));
    assert.equal(q31Scale(100, third), 30);
    assert.equal(q31Scale(-100, third), -30);
    assert.equal(q31Scale(2 ** 31 - 1, q31Factor(2 ** -32)), 1);
    assert.equal(q31Scale(-(2 ** 31), q31Factor(2 ** -32)) + 0, -1);
  });
});

describe('rounded factors (TensorFlow Lite)', () => {
  it('split a double into 31 bits of mantissa and a shift', () => {
    assert.deepEqual(roundedFactor(0.75), { multiplier: 1610612736, shift: 0 });
    assert.deepEqual(roundedFactor(0.1), { multiplier: 1717986918, shift: 3 });
    assert.deepEqual(roundedFactor(1 - 2 ** -33), { multiplier: 2 ** 31 - 1, shift: 0 });
    assert.deepEqual(roundedFactor((1 - 2 ** -33) / 4), { multiplier: 2 ** 30, shift: 1 });
  });

  it('round half away from zero, twice', () => {
    const quarter = roundedFactor(0.25);
    const cases = [
      [3, 1],
      [-3, -1],
      [6, 2],
      [-6, -2],
      [-5, -1],
      [10, 3],
      [-10, -3],
      [2, 1],
      [-2, -1],
      [0, 0],
    ] as const;
    for (const [value, want] of cases) assert.equal(roundedScale(value, quarter) + 0, want, `${value} / 4`);
    assert.equal(roundedScale(3, roundedFactor(0.75)), 2);
    assert.equal(roundedScale(255 * 2 ** 20, roundedFactor(0.5)), 255 * 2 ** 19);
  });
});
