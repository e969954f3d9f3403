// The executable harness on pictures: PNG and PPM in and out, planes, sizes.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { PNG } from 'pngjs';
import { readNpy } from '../../src/files/npy.js';
import { toNumbers } from '../../src/ir/tensor.js';
import { execute, harnessPrograms, temporaryFolder } from './build.js';

describe('harness, pictures', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();
  const inFolder = (name: string): string => path.join(folder, name);
  let picture = '';

  before(async function () {
    ({ picture } = await harnessPrograms(this));
  });

  /** width x height RGBA, by pngjs (zlib with dynamic codes). */
  function writePicture(name: string, width: number, height: number): PNG {
    const png = new PNG({ width, height });
    for (let i = 0; i < png.data.length; i++) png.data[i] = i % 4 === 3 ? 200 + (i % 7) : (i * 7 + (i >> 4)) & 255;
    fs.writeFileSync(inFolder(name), PNG.sync.write(png));
    return png;
  }

  it('takes and gives PNG for BGRA bytes, the only required input without a name', () => {
    const png = writePicture('in.png', 32, 18);
    const result = execute(picture, ['--input', inFolder('in.png'), '--output', `inverted=${inFolder('out.png')}`]);
    assert.equal(result.error, '');
    const out = PNG.sync.read(fs.readFileSync(inFolder('out.png')));
    assert.deepEqual([out.width, out.height], [32, 18]);
    assert.deepEqual(
      Array.from(out.data),
      Array.from(png.data, (value, i) => (i % 4 === 3 ? value : 255 - value)),
    );
    execute(picture, ['--input', inFolder('in.png'), '--output', `inverted=${inFolder('out.npy')}`]);
    const bytes = readNpy(inFolder('out.npy'));
    assert.deepEqual(bytes.dims, [1, 18, 32, 4]);
    assert.equal(Number(bytes.data[0]), 255 - (png.data[2] ?? 0), 'blue first');
  });

  it('turns pictures into planes with mean, scale and channel order', () => {
    writePicture('in.png', 2, 2);
    const png = writePicture('planes.png', 6, 4);
    const copy = (...options: readonly string[]): readonly number[] => {
      const files = ['--input', `image=${inFolder('in.png')}`, '--input', `planes=${inFolder('planes.png')}`];
      const result = execute(picture, [
        ...files,
        '--output',
        `copy=${inFolder('copy.npy')}`,
        '--output',
        `half=${inFolder('half.png')}`,
        ...options,
      ]);
      assert.equal(result.error, '');
      return toNumbers(readNpy(inFolder('copy.npy')));
    };
    const pixel = (p: number, c: number): number => png.data[4 * p + c] ?? 0;
    const planes = copy();
    assert.deepEqual([planes[0], planes[24 + 5], planes[48 + 23]], [pixel(0, 2), pixel(5, 1), pixel(23, 0)]);
    const scaled = copy('--rgb', '--mean', '10,20,30', '--scale=0.5');
    assert.deepEqual(
      [scaled[7], scaled[24 + 7], scaled[48 + 7]],
      [0, 1, 2].map((c) => (pixel(7, c) - 10 * (c + 1)) / 2),
    );
    copy('--rgb');
    const half = PNG.sync.read(fs.readFileSync(inFolder('half.png')));
    assert.equal(half.data[4 * 3], Math.floor(pixel(3, 0) / 2 + 0.5));
    const round = [
      '--input',
      `image=${inFolder('in.png')}`,
      '--input',
      `planes=${inFolder('planes.png')}`,
      '--mean=1,2,3',
    ];
    assert.equal(execute(picture, [...round, '--output', `copy=${inFolder('copy.ppm')}`]).error, '');
    const ppm = fs.readFileSync(inFolder('copy.ppm'));
    assert.deepEqual(
      Array.from(ppm.subarray(-3)),
      [0, 1, 2].map((c) => pixel(23, c)),
    );
  });

  it('says which picture size it takes', () => {
    writePicture('odd.png', 31, 18);
    const result = execute(picture, ['--input', inFolder('odd.png')]);
    const sizes = 'takes height 2 to 64 in steps of 2 and width 2 to 64 in steps of 2; resize the picture\n';
    assert.equal(result.error, `picture: ${inFolder('odd.png')} has height 18 and width 31; input image ${sizes}`);
    const other = execute(picture, ['--random', '--input', `planes=${inFolder('odd.png')}`]);
    assert.match(
      other.error,
      /has height 18 and width 31; input planes takes height 4 and width 6; resize the picture\n$/,
    );
    fs.writeFileSync(inFolder('cut.png'), fs.readFileSync(inFolder('odd.png')).subarray(0, 100));
    assert.match(
      execute(picture, ['--input', inFolder('cut.png')]).error,
      /cut\.png is not a readable PNG file: the file ends too early\n$/,
    );
  });
});
