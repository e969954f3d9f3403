// Pictures in files: PNG, JPEG, PPM and PGM to RGBA bytes, and RGBA bytes to PNG. A picture's size is read from its header
// and bounded before anything is decoded.

import fs from 'node:fs';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { fail } from '../errors.js';
import { readAll, withByteSource } from '../files/byte-source.js';

export interface Image {
  readonly width: number;
  readonly height: number;
  /** [height, width, 4]: red, green, blue, alpha. */
  readonly rgba: Uint8Array;
}

const kMaxFileBytes = 2 ** 28;
const kMaxPixels = 2 ** 26;

export function isImageFile(file: string): boolean {
  return /\.(png|jpe?g|ppm|pgm)$/i.test(file);
}

/** Decodes a picture; its kind is told by its first bytes. */
export function readImage(file: string): Image {
  const bytes = Buffer.from(withByteSource(file, (source) => readAll(source, kMaxFileBytes, 'the picture')));
  try {
    return decode(file, bytes);
  } catch (error) {
    if (error instanceof Error && error.name === 'CompileError') throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return fail('bad-option', 'the picture cannot be decoded', { where: { file }, got: reason.split('\n')[0] ?? '' });
  }
}

/** Writes a picture as PNG, without alpha where all of it is opaque. */
export function writePng(file: string, { width, height, rgba }: Image): void {
  const png = new PNG({ width, height });
  png.data = Buffer.from(rgba.buffer, rgba.byteOffset, rgba.byteLength);
  const isOpaque = rgba.every((value, i) => i % 4 !== 3 || value === 255);
  const bytes = PNG.sync.write(png, { colorType: isOpaque ? 2 : 6 });
  try {
    fs.writeFileSync(file, bytes);
  } catch (error) {
    fail('bad-option', `cannot be written: ${error instanceof Error ? error.message : String(error)}`, {
      where: { file },
    });
  }
}

function decode(file: string, bytes: Buffer): Image {
  if (bytes.subarray(0, 8).equals(Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]))) {
    if (bytes.length >= 24) checkSize(file, bytes.readUInt32BE(16), bytes.readUInt32BE(20));
    const { width, height, data } = PNG.sync.read(bytes);
    return { width, height, rgba: data };
  }
  if (bytes[0] === 0xff && bytes[1] === 0xd8) {
    const { width, height, data } = jpeg.decode(bytes, { useTArray: true, maxResolutionInMP: kMaxPixels / 1e6 });
    return { width, height, rgba: data };
  }
  if (bytes[0] === 0x50 && (bytes[1] === 0x35 || bytes[1] === 0x36)) return decodePnm(file, bytes);
  return fail('unsupported', 'is not a picture that can be read', {
    where: { file },
    expected: 'PNG, JPEG, binary PPM or PGM',
  });
}

/** `P6 width height 255` (or P5), comments allowed, one white space, then bytes. */
function decodePnm(file: string, bytes: Buffer): Image {
  const channels = bytes[1] === 0x36 ? 3 : 1;
  const head = bytes.toString('latin1', 0, Math.min(bytes.length, 4096));
  const match = /^P[56](?:\s+|#[^\n]*\n)+(\d{1,6})(?:\s+|#[^\n]*\n)+(\d{1,6})(?:\s+|#[^\n]*\n)+255\s/.exec(head);
  if (match === null) return fail('unsupported', 'bad PPM header, or not one byte per value', { where: { file } });
  const [width, height] = [Number(match[1]), Number(match[2])];
  checkSize(file, width, height);
  const data = bytes.subarray(match[0].length);
  if (data.length < width * height * channels)
    return fail('bad-option', 'the picture is cut short', { where: { file } });
  const rgba = new Uint8Array(width * height * 4);
  for (let p = 0; p < width * height; p++) {
    for (let c = 0; c < 3; c++) rgba[p * 4 + c] = data[p * channels + (channels === 3 ? c : 0)] ?? 0;
    rgba[p * 4 + 3] = 255;
  }
  return { width, height, rgba };
}

function checkSize(file: string, width: number, height: number): void {
  if (width > 0 && height > 0 && width * height <= kMaxPixels) return;
  fail('bad-option', 'the picture has an impossible size', {
    where: { file },
    expected: `at most ${kMaxPixels} pixels`,
    got: `${width}x${height}`,
  });
}
