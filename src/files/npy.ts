// NumPy's .npy files, format 1.0 and 2.0, to host tensors and back: little-endian, C order (Fortran order is converted on
// reading). float16 is kept as bits. Source: numpy/lib/format.py. The data's size must be what the header says.

import fs from 'node:fs';
import { fail, type Where } from '../errors.js';
import { type DType, dtypeSizeBytes } from '../ir/dtype.js';
import { allocateData, makeTensor, type NumericData, type NumericTensor, type Tensor } from '../ir/tensor.js';
import { type ByteSource, type FileOrBytes, whereIn, withByteSource } from './byte-source.js';

type NumericDType = Exclude<DType, 'str' | 'bf16'>;

const kMagic = '\x93NUMPY';
const kMaxHeaderBytes = 2 ** 16;
const kMaxRank = 32;

const kDescriptors: { readonly [D in NumericDType]: string } = {
  f32: '<f4',
  f64: '<f8',
  f16: '<f2',
  i8: '|i1',
  u8: '|u1',
  i16: '<i2',
  u16: '<u2',
  i32: '<i4',
  i64: '<i8',
  bool: '|b1',
};

interface NpyHeader {
  readonly dtype: NumericDType;
  readonly dims: readonly number[];
  readonly fortranOrder: boolean;
  readonly dataOffsetBytes: number;
}

/** The tensor in a .npy file. */
export function readNpy(origin: FileOrBytes): NumericTensor {
  return withByteSource(origin, (source) => {
    const header = readHeader(source);
    const count = countElements(header, source);
    const data = allocateData(header.dtype, count);
    source.read(header.dataOffsetBytes, new Uint8Array(data.buffer));
    if (header.dtype === 'bool') normalizeBool(data);
    const ordered = header.fortranOrder && header.dims.length > 1 ? rowMajor(data, header) : data;
    return makeTensor(header.dtype, header.dims, ordered);
  });
}

/** A .npy file (format 1.0) of a numeric tensor; the data begins at a multiple of 64 bytes. */
export function encodeNpy(tensor: Tensor): Uint8Array {
  if (tensor.dtype === 'str' || tensor.dtype === 'bf16')
    return fail('unsupported', `a tensor of ${tensor.dtype} has no .npy form`);
  const { data, dims } = tensor;
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(', ')})`;
  const dictionary = `{'descr': '${kDescriptors[tensor.dtype]}', 'fortran_order': False, 'shape': ${shape}, }`;
  const headerBytes = Math.ceil((10 + dictionary.length + 1) / 64) * 64;
  const file = new Uint8Array(headerBytes + data.byteLength);
  file.set(Buffer.from(kMagic, 'latin1'));
  new DataView(file.buffer).setUint16(8, headerBytes - 10, true);
  file[6] = 1;
  file.set(Buffer.from(`${dictionary.padEnd(headerBytes - 11)}\n`, 'latin1'), 10);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), headerBytes);
  return file;
}

export function writeNpy(file: string, tensor: Tensor): void {
  const bytes = encodeNpy(tensor);
  try {
    fs.writeFileSync(file, bytes);
  } catch (error) {
    fail('bad-option', `cannot be written: ${error instanceof Error ? error.message : String(error)}`, {
      where: { file },
    });
  }
}

function readHeader(source: ByteSource): NpyHeader {
  const where = whereIn(source);
  const head = source.slice(0, Math.min(12, source.sizeBytes));
  const [major] = head.subarray(6);
  if (head.length < 10 || Buffer.from(head.subarray(0, 6)).toString('latin1') !== kMagic) {
    return fail('invalid-model', 'is not a .npy file', { where });
  }
  if (major !== 1 && major !== 2) return fail('unsupported', '.npy format version', { where, got: `${major}` });
  if (major === 2 && head.length < 12) return fail('invalid-model', 'truncated .npy header', { where });
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const lengthBytes = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = major === 1 ? 10 : 12;
  if (lengthBytes > kMaxHeaderBytes || start + lengthBytes > source.sizeBytes) {
    return fail('invalid-model', 'truncated or damaged .npy header', {
      where,
      got: `a header of ${lengthBytes} bytes`,
    });
  }
  const text = Buffer.from(source.slice(start, lengthBytes)).toString('latin1');
  return { ...parseDictionary(text, where), dataOffsetBytes: start + lengthBytes };
}

function parseDictionary(text: string, where: Where): Omit<NpyHeader, 'dataOffsetBytes'> {
  const descriptor = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([^()]*)\)/.exec(text)?.[1];
  if (descriptor === undefined || order === undefined || shape === undefined) {
    return fail('invalid-model', 'damaged .npy header', { where, expected: 'descr, fortran_order and shape' });
  }
  const known = Object.entries(kDescriptors) as [NumericDType, string][];
  // A single byte has no order: '<u1' and '|u1' are one type.
  const normal = /^[<>=|][biu]1$/.test(descriptor) ? `|${descriptor.slice(1)}` : descriptor;
  const dtype = known.find(([, spelling]) => spelling === normal)?.[0];
  if (dtype === undefined) {
    return fail('unsupported', '.npy element type', {
      where,
      expected: Object.values(kDescriptors).join(' '),
      got: descriptor.slice(0, 40),
      remedy: 'convert it, for example with astype("<f4")',
    });
  }
  return { dtype, dims: parseDims(shape, where), fortranOrder: order === 'True' };
}

function parseDims(text: string, where: Where): readonly number[] {
  const items = text.split(',').map((item) => item.trim());
  if (items.at(-1) === '') items.pop();
  const dims = items.map((item) => (/^\d{1,15}L?$/.test(item) ? Number.parseInt(item, 10) : -1));
  if (dims.includes(-1) || dims.length > kMaxRank) {
    return fail('invalid-model', 'bad .npy shape', { where, got: `(${text.slice(0, 80)})` });
  }
  return dims;
}

/** Elements of the shape; the rest of the file must be exactly their bytes. */
function countElements({ dtype, dims, dataOffsetBytes }: NpyHeader, source: ByteSource): number {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const got = source.sizeBytes - dataOffsetBytes;
  if (count * dtypeSizeBytes(dtype) === got) return count;
  return fail('invalid-model', 'the .npy data is not what its header says', {
    where: whereIn(source),
    expected: `${count * dtypeSizeBytes(dtype)} bytes for ${dtype} [${dims.join(',')}]`,
    got: `${got} bytes`,
  });
}

function normalizeBool(data: NumericData): void {
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) data[i] = 1;
}

/** Column-major data in row-major order: element (i0, i1, …) lies at i0 + d0·(i1 + d1·(i2 + …)). */
function rowMajor(data: NumericData, { dtype, dims }: NpyHeader): NumericData {
  const strides = dims.map((_, axis) => dims.slice(0, axis).reduce((product, dim) => product * dim, 1));
  const target = allocateData(dtype, data.length);
  const index = dims.map(() => 0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    target[to] = data[from] ?? 0;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      from += strides[axis] ?? 0;
      index[axis] = next;
      if (next < (dims[axis] ?? 0)) break;
      from -= next * (strides[axis] ?? 0);
      index[axis] = 0;
    }
  }
  return target;
}
