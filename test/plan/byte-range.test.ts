// Ranges of channels beside each other: what is left of one when another is written over it, compared with sets of bytes.

import assert from 'node:assert/strict';
import { uniformNumbers } from '../../src/ops/constant-spelling.js';
import { type ByteRange, cutOut, rangesMeet } from '../../src/plan/byte-range.js';

const kPitch = 12;

/** `rows` times `width` bytes, one every pitch; without a width all bytes. */
function lanes(start: number, rows: number, width: number | undefined): ByteRange {
  const end = start + (rows - 1) * kPitch + (width ?? kPitch);
  if (width === undefined) return { memory: 'device', start, end };
  return { memory: 'device', start, end, lanes: { fromBytes: start, widthBytes: width, pitchBytes: kPitch } };
}

function bytesOf({ start, end, lanes: own }: ByteRange): readonly number[] {
  const all = Array.from({ length: end - start }, (_, i) => start + i);
  if (own === undefined) return all;
  const phase = (byte: number): number => (((byte - own.fromBytes) % own.pitchBytes) + own.pitchBytes) % own.pitchBytes;
  return all.filter((byte) => phase(byte) < own.widthBytes);
}

describe('ranges of bytes', () => {
  it('nothing is left of channels whose last bytes are overwritten, though the gap behind them is not', () => {
    const old = lanes(0, 3, 4);
    const [left, ...more] = cutOut([old], { memory: 'device', start: 0, end: 2 * kPitch - 4 });
    assert.deepEqual(more, []);
    assert.deepEqual(left, { ...old, start: 2 * kPitch });
    assert.deepEqual(cutOut([old], { memory: 'device', start: 0, end: 2 * kPitch + 4 }), []);
  });

  it('what is left begins and ends with bytes of its own, and holds all that were not between the ends of the new range', () => {
    const uniform = uniformNumbers(3);
    const below = (limit: number): number => Math.floor(uniform() * limit);
    const random = (): ByteRange => lanes(below(40), 1 + below(4), below(3) === 0 ? undefined : 1 + below(kPitch - 1));
    for (let i = 0; i < 2000; i++) {
      const [old, written] = [random(), random()];
      const isCut = rangesMeet(old, written);
      const left = cutOut([old], written);
      const kept = bytesOf(old).filter((byte) => !isCut || byte < written.start || byte >= written.end);
      assert.deepEqual(left.flatMap(bytesOf), kept);
      for (const part of left) {
        const own = bytesOf(part);
        assert.deepEqual([part.start, part.end], [own[0], (own[own.length - 1] ?? 0) + 1]);
      }
      if (bytesOf(old).some((byte) => bytesOf(written).includes(byte))) assert.ok(isCut);
    }
  });
});
