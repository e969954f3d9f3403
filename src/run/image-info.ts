// What an image without an operating system says about itself: JSON in a section of the ELF file that is not loaded.

import { readFileSync } from 'node:fs';
import { isElf32, readElf } from '../build/elf.js';
import type { ImageInfo, TensorInfo } from '../emit/bare-files.js';
import { fail } from '../errors.js';
import { dimSymbol } from '../ir/dim.js';
import { isDType } from '../ir/dtype.js';
import { type TensorType, tensorType } from '../ir/type.js';

const kSection = '.cortado.info';

/** The description in an image; fails for other files. */
export function readImageInfo(file: string): ImageInfo {
  const bytes = readFileSync(file);
  const text = isElf32(bytes) ? readElf(bytes, file).content(kSection) : undefined;
  if (text === undefined) {
    return fail('bad-option', 'is no image of a net', {
      where: { file },
      expected: 'one written by cortado compile for a target without an operating system',
    });
  }
  return JSON.parse(Buffer.from(text).toString('utf8')) as ImageInfo;
}

export function typeOfInfo({ name, dtype, dims }: TensorInfo): TensorType {
  if (!isDType(dtype)) return fail('internal', `unknown type ${dtype} in the image`);
  const shape = dims.map((dim, axis) => (typeof dim === 'number' ? dim : dimSymbol(`${name}.${axis}`, dim[0], dim[1])));
  return tensorType(dtype, shape);
}
