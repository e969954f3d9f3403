// Element types of tensors, their sizes and their names in C++ and in Caffe2. bf16, the upper half of an f32, is a storage type
// that only the planner makes: what is computed with it is f32, rounded where it is stored. Caffe2 has no such type.

import { fail } from '../errors.js';

export type DType = 'f32' | 'f64' | 'f16' | 'bf16' | 'i8' | 'u8' | 'i16' | 'u16' | 'i32' | 'i64' | 'bool' | 'str';

interface DTypeInfo {
  readonly sizeBytes: number;
  /** C++ spelling used in generated code. */
  readonly cpp: string;
  /** Number in Caffe2's TensorProto.DataType; undefined: Caffe2 has no such type. */
  readonly caffe2: number | undefined;
}

const kInfo: { readonly [D in DType]: DTypeInfo } = {
  f32: { sizeBytes: 4, cpp: 'float', caffe2: 1 },
  i32: { sizeBytes: 4, cpp: 'std::int32_t', caffe2: 2 },
  str: { sizeBytes: 1, cpp: 'char', caffe2: 4 },
  bool: { sizeBytes: 1, cpp: 'bool', caffe2: 5 },
  u8: { sizeBytes: 1, cpp: 'std::uint8_t', caffe2: 6 },
  i8: { sizeBytes: 1, cpp: 'std::int8_t', caffe2: 7 },
  u16: { sizeBytes: 2, cpp: 'std::uint16_t', caffe2: 8 },
  i16: { sizeBytes: 2, cpp: 'std::int16_t', caffe2: 9 },
  i64: { sizeBytes: 8, cpp: 'std::int64_t', caffe2: 10 },
  f16: { sizeBytes: 2, cpp: 'cortado::Half', caffe2: 12 },
  f64: { sizeBytes: 8, cpp: 'double', caffe2: 13 },
  bf16: { sizeBytes: 2, cpp: 'cortado::Bfloat16', caffe2: undefined },
};

export const kDTypes = Object.keys(kInfo) as readonly DType[];

/** Bytes of one element. */
export function dtypeSizeBytes(dtype: DType): number {
  return kInfo[dtype].sizeBytes;
}

export function dtypeCpp(dtype: DType): string {
  return kInfo[dtype].cpp;
}

/** Caffe2's TensorProto.DataType number. */
export function dtypeCaffe2(dtype: DType): number {
  return kInfo[dtype].caffe2 ?? fail('internal', `Caffe2 has no type ${dtype}`);
}

/** The type that expressions over elements of this type are evaluated in. */
export function arithmeticDType(dtype: DType): DType {
  return dtype === 'bf16' || dtype === 'f16' ? 'f32' : dtype;
}

/** The dtype of a Caffe2 DataType number, or undefined when Caffe2 has none by that number. BYTE (3) reads as u8. */
export function dtypeFromCaffe2(dataType: number): DType | undefined {
  if (dataType === 3) return 'u8';
  return kDTypes.find((dtype) => kInfo[dtype].caffe2 === dataType);
}

export function isFloat(dtype: DType): boolean {
  return dtype === 'f32' || dtype === 'f64' || dtype === 'f16' || dtype === 'bf16';
}

export function isInteger(dtype: DType): boolean {
  return !isFloat(dtype) && dtype !== 'bool' && dtype !== 'str';
}

export function isDType(text: string): text is DType {
  return text in kInfo;
}
