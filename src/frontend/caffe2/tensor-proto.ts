// Stored tensors (TensorProto) to host tensors and back. The payload's place depends on the type: floats in float_data,
// small integers and bool one varint each in int32_data or raw in byte_data, halves as bits, and since 1.13 anything in
// raw_data. The payload's length must be what the dims say; it is checked before anything is allocated.
// Source: core/blob_serialization.cc. Narrowing of int32_data wraps, as the runtime's cast does.

import { fail, type Where } from '../../errors.js';
import { type DType, dtypeCaffe2, dtypeFromCaffe2, dtypeSizeBytes } from '../../ir/dtype.js';
import { allocateData, makeTensor, type NumericData, type Tensor } from '../../ir/tensor.js';
import type { TensorProto } from './net-def.js';

type NumericDType = Exclude<DType, 'str'>;

/** A stored tensor or one chunk of it: elements [begin, end) of a tensor of `dims`. */
export interface TensorChunk {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly begin: number;
  readonly end: number;
  readonly data: NumericData | readonly Uint8Array[];
}

const kFormatBfloat16 = 1;

/** The host tensor of a whole stored tensor; refuses a single chunk of a larger one. */
export function tensorFromProto(proto: TensorProto, where: Where = {}): Tensor {
  return joinChunks([chunkFromProto(proto, where)], where);
}

/** The stored elements with their place in the whole tensor. */
export function chunkFromProto(proto: TensorProto, where: Where = {}): TensorChunk {
  const place = proto.name === undefined || where.blob !== undefined ? where : { ...where, blob: proto.name };
  const dims = dimsFromProto(proto, place);
  const dtype = dtypeFromProto(proto, place);
  const count = dims.reduce((product, dim) => product * dim, 1);
  const begin = proto.segment === undefined ? 0 : Number(proto.segment.begin);
  const end = proto.segment === undefined ? count : Number(proto.segment.end);
  if (!(begin >= 0 && begin <= end && end <= count)) {
    fail('invalid-model', 'bad tensor segment', {
      where: place,
      expected: `a part of [0, ${count})`,
      got: `[${begin}, ${end})`,
    });
  }
  return { dtype, dims, begin, end, data: payloadOf(proto, dtype, end - begin, place) };
}

/** Puts chunks together, whatever their order; they must cover the tensor exactly once. */
export function joinChunks(chunks: readonly TensorChunk[], where: Where): Tensor {
  const sorted = [...chunks].sort((a, b) => a.begin - b.begin || a.end - b.end);
  const [first] = sorted;
  if (first === undefined) return fail('internal', 'a tensor without chunks', { where });
  const { dtype, dims } = first;
  const count = dims.reduce((product, dim) => product * dim, 1);
  let covered = 0;
  for (const chunk of sorted) {
    if (chunk.dtype !== dtype || chunk.dims.join() !== dims.join()) {
      fail('invalid-model', 'chunks of one tensor differ in type or dims', { where });
    }
    if (chunk.begin !== covered) {
      const fault = chunk.begin > covered ? 'is missing' : 'is there twice';
      fail('invalid-model', `part of a chunked tensor ${fault}`, {
        where,
        expected: `a chunk that begins at element ${covered}`,
        got: `${chunk.begin}`,
      });
    }
    covered = chunk.end;
  }
  if (covered !== count) {
    fail('invalid-model', 'the end of a chunked tensor is missing', {
      where,
      expected: `${count} elements`,
      got: `${covered}`,
    });
  }
  if (dtype === 'str') return { dtype, dims, data: sorted.flatMap((chunk) => chunk.data as readonly Uint8Array[]) };
  if (sorted.length === 1) return makeTensor(dtype, dims, first.data as NumericData);
  const whole = allocateData(dtype, count);
  for (const chunk of sorted) copyElements(whole, chunk.data as NumericData, chunk.begin);
  return makeTensor(dtype, dims, whole);
}

/** A stored tensor of the host tensor, in the fields that Caffe2 of 2018 used. */
export function protoFromTensor(tensor: Tensor, name?: string): TensorProto {
  const { dtype } = tensor;
  const empty: TensorProto = {
    dims: BigInt64Array.from(tensor.dims, BigInt),
    dataType: dtypeCaffe2(dtype),
    floatData: new Float32Array(0),
    int32Data: new Int32Array(0),
    stringData: [],
    doubleData: new Float64Array(0),
    int64Data: new BigInt64Array(0),
    ...(name === undefined ? {} : { name }),
  };
  if (tensor.dtype === 'str') return { ...empty, stringData: tensor.data };
  const { data } = tensor;
  if (data instanceof Float32Array) return { ...empty, floatData: data };
  if (data instanceof Float64Array) return { ...empty, doubleData: data };
  if (data instanceof BigInt64Array) return { ...empty, int64Data: data };
  return { ...empty, int32Data: Int32Array.from(data) };
}

function dimsFromProto(proto: TensorProto, where: Where): readonly number[] {
  const dims = Array.from(proto.dims, Number);
  let product = 1;
  for (const dim of dims) {
    product *= dim;
    if (dim >= 0 && product <= Number.MAX_SAFE_INTEGER) continue;
    fail('invalid-model', dim < 0 ? 'a negative dim' : 'a tensor too large to exist', {
      where,
      got: `dims [${dims.join(',')}]`,
    });
  }
  return dims;
}

function dtypeFromProto(proto: TensorProto, where: Where): DType {
  const dataType = proto.dataType ?? dtypeCaffe2('f32');
  const dtype = dtypeFromCaffe2(dataType);
  return dtype ?? fail('unsupported', 'tensor data type', { where, got: `DataType ${dataType}` });
}

function payloadOf(proto: TensorProto, dtype: DType, count: number, where: Where): TensorChunk['data'] {
  if (dtype === 'str') return checkLength(proto.stringData, count, 'string_data', where);
  if (proto.rawData !== undefined && proto.rawData.length > 0)
    return rawPayload(proto.rawData, proto, dtype, count, where);
  switch (dtype) {
    case 'f32':
      return checkLength(proto.floatData, count, 'float_data', where);
    case 'f64':
      return checkLength(proto.doubleData, count, 'double_data', where);
    case 'i64':
      return checkLength(proto.int64Data, count, 'int64_data', where);
    case 'i32':
      return checkLength(proto.int32Data, count, 'int32_data', where);
    default:
      return smallIntegers(proto, dtype, count, where);
  }
}

/** bool, 8-bit and 16-bit types and half bits: raw bytes if byte_data is there, else one int32 each. */
function smallIntegers(proto: TensorProto, dtype: NumericDType, count: number, where: Where): NumericData {
  if (proto.byteData !== undefined && proto.byteData.length > 0) {
    return fromLittleEndian(proto.byteData, dtype, count, 'byte_data', where);
  }
  const source = checkLength(proto.int32Data, count, 'int32_data', where);
  const data = allocateData(dtype, count);
  if (data instanceof BigInt64Array) return fail('internal', `${dtype} is not a small integer`);
  if (dtype === 'bool') data.set(source.map((value) => (value === 0 ? 0 : 1)));
  else data.set(source);
  return data;
}

function rawPayload(
  raw: Uint8Array,
  proto: TensorProto,
  dtype: NumericDType,
  count: number,
  where: Where,
): NumericData {
  const format = proto.dataFormat ?? 0;
  if (format === 0) return fromLittleEndian(raw, dtype, count, 'raw_data', where);
  if (format !== kFormatBfloat16 || dtype !== 'f32') {
    fail('unsupported', 'form of raw_data', { where, got: `data_format ${format} of ${dtype}` });
  }
  // bfloat16 is the upper half of a float32: bits 0x3f80 are 1.0.
  const halves = fromLittleEndian(raw, 'u16', count, 'raw_data', where);
  const bits = new Uint32Array(count);
  for (let i = 0; i < count; i++) bits[i] = (Number(halves[i]) << 16) >>> 0;
  return new Float32Array(bits.buffer);
}

function fromLittleEndian(
  bytes: Uint8Array,
  dtype: NumericDType,
  count: number,
  field: string,
  where: Where,
): NumericData {
  checkLength(bytes, count * dtypeSizeBytes(dtype), field, where);
  const data = allocateData(dtype, count);
  new Uint8Array(data.buffer).set(bytes);
  if (dtype !== 'bool' || data instanceof BigInt64Array) return data;
  return data.map((value) => (value === 0 ? 0 : 1));
}

function checkLength<T extends { readonly length: number }>(values: T, count: number, field: string, where: Where): T {
  if (values.length === count) return values;
  return fail('invalid-model', 'the tensor holds another number of values than its dims say', {
    where,
    expected: `${count} in ${field}`,
    got: `${values.length}`,
  });
}

function copyElements(target: NumericData, source: NumericData, begin: number): void {
  const bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  new Uint8Array(target.buffer).set(bytes, begin * target.BYTES_PER_ELEMENT);
}
