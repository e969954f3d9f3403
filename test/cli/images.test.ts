// Pictures: decoding, resizing, and their way into tensors and back.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { CompileError } from '../../src/errors.js';
import { toNumbers } from '../../src/ir/tensor.js';
import { tensorType } from '../../src/ir/type.js';
import { type Image, readImage, writePng } from '../../src/run/image-file.js';
import { imageToTensor, tensorToImage } from '../../src/run/image-tensor.js';
import { resizeImage } from '../../src/run/resize-image.js';
import { Workplace } from './command-line.js';

const gradient: Image = {
  width: 2,
  height: 1,
  rgba: Uint8Array.of(10, 20, 30, 255, 40, 50, 60, 255),
};

describe('pictures', () => {
  const place = new Workplace();
  after(() => place.remove());

  it('reads back the PNG it wrote', () => {
    writePng(place.path('a.png'), gradient);
    assert.deepEqual(
      { ...readImage(place.path('a.png')), rgba: [...readImage(place.path('a.png')).rgba] },
      { ...gradient, rgba: [...gradient.rgba] },
    );
  });

  it('reads PPM and PGM with comments', () => {
    writeFileSync(
      place.path('a.ppm'),
      Buffer.concat([Buffer.from('P6\n# made by hand\n2 1\n255\n'), Buffer.from([10, 20, 30, 40, 50, 60])]),
    );
    assert.deepEqual([...readImage(place.path('a.ppm')).rgba], [...gradient.rgba]);
    writeFileSync(place.path('a.pgm'), Buffer.concat([Buffer.from('P5 1 1 255 '), Buffer.from([7])]));
    assert.deepEqual([...readImage(place.path('a.pgm')).rgba], [7, 7, 7, 255]);
  });

  it('refuses what is no picture, cut short or impossibly large', () => {
    const png = Buffer.alloc(33);
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13]).copy(png);
    png.write('IHDR', 12, 'latin1');
    png.writeUInt32BE(0x7fffffff, 16);
    png.writeUInt32BE(0x7fffffff, 20);
    for (const bytes of [
      Buffer.from('hello'),
      Buffer.from('P6 9 9 255 x'),
      png,
      png.subarray(0, 20),
      Buffer.from([0xff, 0xd8, 0xff]),
    ]) {
      writeFileSync(place.path('bad.png'), bytes);
      assert.throws(() => readImage(place.path('bad.png')), CompileError);
    }
  });

  it('puts channels in blue, green, red order unless told otherwise, minus mean, scaled', () => {
    const type = tensorType('f32', [1, 3, 1, 2]);
    assert.deepEqual(toNumbers(imageToTensor(gradient, type, {}, {})), [30, 60, 20, 50, 10, 40]);
    const rgb = imageToTensor(gradient, type, { channels: 'rgb', mean: [10, 20, 30], scale: 0.5 }, {});
    assert.deepEqual(toNumbers(rgb), [0, 15, 0, 15, 0, 15]);
    assert.deepEqual(
      [...tensorToImage(rgb, { channels: 'rgb', mean: [10, 20, 30], scale: 0.5 }, {}).rgba],
      [...gradient.rgba],
    );
    assert.deepEqual(
      toNumbers(imageToTensor(gradient, tensorType('u8', [1, 1, 2, 4]), {}, {})),
      [30, 20, 10, 255, 60, 50, 40, 255],
    );
  });

  it('resizes: averages when shrinking, keeps the middle or all of it', () => {
    const flat: Image = { width: 8, height: 4, rgba: new Uint8Array(128).fill(90) };
    for (const mode of ['stretch', 'crop'] as const) {
      const { width, height, rgba } = resizeImage(flat, 3, 3, mode);
      assert.deepEqual([width, height, [...new Set(rgba)]], [3, 3, [90]]);
    }
    const padded = resizeImage(flat, 4, 4, 'pad');
    assert.deepEqual([...padded.rgba.subarray(0, 4), ...padded.rgba.subarray(16, 20)], [0, 0, 0, 255, 90, 90, 90, 90]);
  });
});
