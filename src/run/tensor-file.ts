// Tensors of inputs and outputs in files, by extension: .npy, .raw or .bin (bare little-endian values), pictures, .txt.

import fs from 'node:fs';
import { fail } from '../errors.js';
import { withByteSource } from '../files/byte-source.js';
import { readNpy, writeNpy } from '../files/npy.js';
import { dimMax, isStatic } from '../ir/dim.js';
import { dtypeSizeBytes } from '../ir/dtype.js';
import { allocateData, elementCount, getNumber, makeTensor, type NumericTensor } from '../ir/tensor.js';
import type { TensorType } from '../ir/type.js';
import { isImageFile, readImage, writePng } from './image-file.js';
import { imageToTensor, type PixelOptions, tensorToImage } from './image-tensor.js';

/** The tensor in a file for an input of this type. */
export function readTensorFile(file: string, name: string, type: TensorType, pixels: PixelOptions): NumericTensor {
  const where = { file, blob: name };
  if (/\.npy$/i.test(file)) return readNpy(file);
  if (/\.(raw|bin)$/i.test(file)) return readRaw(file, name, type);
  if (isImageFile(file)) return imageToTensor(readImage(file), type, pixels, where);
  return fail('bad-option', 'unknown kind of input file', {
    where,
    expected: '.npy, .raw, .bin, .png, .jpg, .ppm or .pgm',
  });
}

/** Fails unless writeTensorFile could write a file of this name. */
export function checkOutputFile(file: string): void {
  if (/\.(npy|raw|bin|txt|png)$/i.test(file)) return;
  fail('bad-option', 'unknown kind of output file', { where: { file }, expected: '.npy, .raw, .bin, .txt or .png' });
}

export function writeTensorFile(file: string, name: string, tensor: NumericTensor, pixels: PixelOptions): void {
  checkOutputFile(file);
  if (/\.npy$/i.test(file)) writeNpy(file, tensor);
  else if (/\.png$/i.test(file)) writePng(file, tensorToImage(tensor, pixels, { file, blob: name }));
  else writeBytes(file, /\.txt$/i.test(file) ? tensorText(tensor) : rawBytes(tensor));
}

/** One line per row of the last dim. */
function tensorText(tensor: NumericTensor): string {
  const columns = Math.max(1, tensor.dims.at(-1) ?? 1);
  const count = elementCount(tensor.dims);
  const lines = Array.from({ length: Math.ceil(count / columns) }, (_, row) =>
    Array.from({ length: columns }, (_, c) => valueText(tensor, row * columns + c)).join(' '),
  );
  return `# ${tensor.dtype} [${tensor.dims.join(',')}]\n${lines.join('\n')}\n`;
}

function valueText(tensor: NumericTensor, i: number): string {
  if (tensor.data instanceof BigInt64Array) return String(tensor.data[i]);
  const value = getNumber(tensor, i);
  // Nine digits tell any two float32 apart.
  return tensor.dtype === 'f32' ? String(Number(value.toPrecision(9))) : String(value);
}

function rawBytes({ data }: NumericTensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function writeBytes(file: string, content: string | Uint8Array): void {
  try {
    fs.writeFileSync(file, content);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    fail('bad-option', `cannot be written: ${reason}`, { where: { file } });
  }
}

/** Sizes from the type; one that varies follows from the file's length. */
function readRaw(file: string, name: string, type: TensorType): NumericTensor {
  const { dtype, shape } = type;
  if (dtype === 'str') return fail('unsupported', 'string inputs cannot be read from files', { where: { file } });
  return withByteSource(file, (source) => {
    const varying = shape.filter((dim) => !isStatic(dim)).length;
    const fixed = shape.filter(isStatic).reduce((product, dim) => product * dim, 1);
    const count = source.sizeBytes / dtypeSizeBytes(dtype);
    const free = varying === 1 ? count / fixed : 1;
    const dims = shape.map((dim) => (isStatic(dim) ? dim : varying === 1 ? free : dimMax(dim)));
    if (dims.some((dim) => !Number.isInteger(dim)) || elementCount(dims) !== count) {
      return fail('bad-option', 'the raw file has another size than the input', {
        where: { file, blob: name },
        expected: `${dtype} [${shape.map(dimMax).join(',')}], ${shape.reduce<number>((n, d) => n * dimMax(d), dtypeSizeBytes(dtype))} bytes`,
        got: `${source.sizeBytes} bytes`,
      });
    }
    const data = allocateData(dtype, count);
    source.read(0, new Uint8Array(data.buffer));
    return makeTensor(dtype, dims, data);
  });
}
