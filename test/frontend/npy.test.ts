import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { encodeNpy, readNpy, writeNpy } from '../../src/files/npy.js';
import { kDTypes } from '../../src/ir/dtype.js';
import { floatTensor, tensorFromNumbers, toNumbers } from '../../src/ir/tensor.js';
import { skipBecause } from '../support/skip.js';
import { expectProblem } from './expect-problem.js';
import { sharedPath, temporaryFolder } from './sample-nets.js';

function npy(dictionary: string, data: readonly number[], version = 1): Uint8Array {
  const length = dictionary.length;
  const lengthBytes = version === 1 ? [length & 255, length >> 8] : [length & 255, length >> 8, 0, 0];
  return Uint8Array.of(0x93, ...Buffer.from('NUMPY'), version, 0, ...lengthBytes, ...Buffer.from(dictionary), ...data);
}

function header(descr: string, shape: string, fortran = 'False'): string {
  return `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;
}

describe('npy', () => {
  for (const dtype of kDTypes) {
    if (dtype === 'str' || dtype === 'bf16') continue;
    it(`${dtype} is read as it was written`, () => {
      const tensor = tensorFromNumbers(dtype, [2, 3], [0, 1, 1, 0, 1, 100]);
      const bytes = encodeNpy(tensor);
      assert.deepEqual(readNpy(bytes), tensor);
      assert.equal((bytes.length - tensor.data.byteLength) % 64, 0);
    });
  }

  it('scalars, vectors and empty tensors', () => {
    for (const dims of [[], [3], [0], [2, 0, 3]]) {
      const tensor = floatTensor(
        dims,
        Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => i),
      );
      assert.deepEqual(readNpy(encodeNpy(tensor)), tensor);
    }
  });

  it('files, version 2, Fortran order, bool bytes other than 1', () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'a.npy');
    writeNpy(file, floatTensor([2], [1, 2]));
    assert.deepEqual(readNpy(file), floatTensor([2], [1, 2]));
    fs.rmSync(folder, { recursive: true });
    assert.deepEqual(toNumbers(readNpy(npy(header('|u1', '(2,)'), [7, 8], 2))), [7, 8]);
    assert.deepEqual(toNumbers(readNpy(npy(header('<u1', '(2, 3)', 'True'), [1, 2, 3, 4, 5, 6]))), [1, 3, 5, 2, 4, 6]);
    const cube = readNpy(npy(header('|u1', '(2, 2, 2)', 'True'), [0, 1, 2, 3, 4, 5, 6, 7]));
    assert.deepEqual(toNumbers(cube), [0, 4, 2, 6, 1, 5, 3, 7]);
    assert.deepEqual(toNumbers(readNpy(npy(header('|b1', '(2,)'), [0, 9]))), [0, 1]);
  });

  it('reads the recorded outputs', function () {
    const file = sharedPath('golden/nets/vgg19/golden/b1.prob.npy');
    if (file === undefined) return skipBecause(this, 'there are no recorded nets beside the checkout');
    const tensor = readNpy(file);
    assert.deepEqual(tensor.dims, [1, 1000]);
    assert.ok(Math.abs(toNumbers(tensor).reduce((sum, value) => sum + value, 0) - 1) < 1e-4);
  });

  const good = npy(header('<f4', '(1,)'), [0, 0, 0, 0]);
  const refused: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['nothing', new Uint8Array(0), /not a .npy/],
    ['other files', Buffer.from('hello, world'), /not a .npy/],
    ['a header without end', good.subarray(0, 30), /truncated or damaged .npy header/],
    ['a header of 4 GiB', Uint8Array.of(...good.subarray(0, 6), 2, 0, 255, 255, 255, 255, 32), /header of 4294967295/],
    ['missing data', good.subarray(0, good.length - 1), /expected 4 bytes for f32 \[1\], got 3/],
    ['data left over', Uint8Array.of(...good, 0), /got 5 bytes/],
    ['a huge shape', npy(header('<f4', '(999999999, 999999999, 999999999)'), []), /what its header says/],
    ['a huge shape times zero', npy(header('<f4', `(${'999999999999999, '.repeat(31)}0)`), []), /header says/],
    ['a negative dim', npy(header('<f4', '(-1,)'), []), /bad .npy shape/],
    ['a shape of words', npy(header('<f4', '(a,)'), []), /bad .npy shape/],
    ['too many dims', npy(header('|u1', `(${'1, '.repeat(33)})`), [1]), /bad .npy shape/],
    ['no shape', npy("{'descr': '<f4', 'fortran_order': False}", []), /descr, fortran_order and shape/],
  ];
  for (const [name, bytes, pattern] of refused) {
    it(`refuses ${name}`, () => {
      expectProblem(() => readNpy(bytes), 'invalid-model', pattern);
    });
  }

  it('says when a file cannot be written', () => {
    const write = (): void => writeNpy('/no/such/folder/a.npy', floatTensor([1], [1]));
    expectProblem(write, 'bad-option', /a.npy: cannot be written/);
  });

  it('refuses versions and types that it does not know', () => {
    expectProblem(() => readNpy(npy(header('<f4', '()'), [], 3)), 'unsupported', /version/);
    for (const descr of ['>f4', '|O', '<U5', '<c8']) {
      expectProblem(() => readNpy(npy(header(descr, '()'), [])), 'unsupported', /element type.*got/);
    }
    expectProblem(
      () => encodeNpy({ dtype: 'str', dims: [0], data: [] }),
      'unsupported',
      /tensor of str has no .npy form/,
    );
    expectProblem(() => encodeNpy(tensorFromNumbers('bf16', [1], [0])), 'unsupported', /tensor of bf16/);
  });
});
