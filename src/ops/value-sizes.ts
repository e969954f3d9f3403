// Sizes that only values decide: a sum of lengths, the largest segment id, the rows that are kept. Known values give the
// size itself; else it is a symbol whose bound the shapes give, or, where they give none, a default that the operator's
// argument `cortado_bound` overrides. A net that exceeds a bound stops with a status.

import { asSymbol, type Dim, dimMax, isStatic } from '../ir/dim.js';
import type { DType } from '../ir/dtype.js';
import { makeTensor, type NumericTensor, toNumbers } from '../ir/tensor.js';
import { type TensorType, typeToString } from '../ir/type.js';
import { int } from './attributes.js';
import type { ImportScope } from './caffe2-import.js';
import type { InferRequest, ReferenceRequest } from './define.js';
import { extentArg, inputArg, lowerType } from './kernel-arguments.js';
import type { KernelArg, KernelRequest, TemplateArg } from './kernel-call.js';

/** Bound of a size about which the shapes say nothing. */
export const kValueBound = 1024;
/** Bounds that follow from shapes are kept up to here; beyond, memory would be wasted on sizes that never occur. */
const kLargestImpliedBound = 65536;

export const kIndexTypes: readonly DType[] = ['i32', 'i64'];

/** Attributes of an operator one of whose sizes depends on values. */
export const kSizeAttrs = {
  size: int('the size that depends on values, where they are known; else -1', -1),
  bound: int('the largest such size at run time', kValueBound),
};

export interface SizeAttrs {
  readonly size: number;
  readonly bound: number;
}

/** Bound of a size that the shapes do not limit; `usual` is what a net is likely to need. */
export function readBound(scope: ImportScope, usual = 0): number {
  const given = scope.args.int('cortado_bound', 0);
  return given > 0 ? given : Math.max(kValueBound, usual);
}

/** Bound of a size that is at most `most`. */
export function impliedBound(scope: ImportScope, most: number, usual: number): number {
  const given = scope.args.int('cortado_bound', 0);
  if (given > 0) return Math.min(given, most);
  return Math.max(1, most <= kLargestImpliedBound ? most : Math.min(most, Math.max(kLargestImpliedBound, usual)));
}

/** Numbers of input i when they are known at compile time. */
export function knownNumbers(scope: ImportScope, i: number): readonly number[] | undefined {
  const tensor = scope.constantOf(scope.input(i));
  return tensor === undefined || tensor.dtype === 'str' ? undefined : toNumbers(tensor);
}

/** Sum of known lengths; -1 where they are not known. */
export function knownTotal(scope: ImportScope, i: number): number {
  return knownNumbers(scope, i)?.reduce((sum, length) => sum + Math.max(0, length), 0) ?? -1;
}

/** The size as a dim: a number where it is known, else a fresh symbol. */
export function sizedByValues<A extends SizeAttrs>(request: InferRequest<A>, hint: string): Dim {
  const { size, bound } = request.attrs;
  return size >= 0 ? size : request.symbol(hint, 0, Math.max(1, bound));
}

/** Elements of an integer tensor, all digits kept: ids may need 64 bits. */
export function wholeNumbers(tensor: NumericTensor): readonly bigint[] {
  return Array.from<number | bigint, bigint>(tensor.data, BigInt);
}

/** A tensor of whole numbers. */
export function wholeTensor(dtype: DType, dims: readonly number[], values: readonly bigint[]): NumericTensor {
  return dtype === 'i64'
    ? makeTensor('i64', dims, BigInt64Array.from(values))
    : makeTensor('i32', dims, Int32Array.from(values, Number));
}

/** Ascending, each once. */
export function sortedDistinct(values: readonly bigint[]): readonly bigint[] {
  return [...new Set(values)].sort((a, b) => (a < b ? -1 : 1));
}

/** Fails unless input i is a vector of one of the dtypes; gives its size. */
export function checkVectorOf<A>(
  request: InferRequest<A>,
  i: number,
  name: string,
  dtypes: readonly DType[] = ['i32'],
): Dim {
  const type = request.type(i);
  const [size] = type.shape;
  if (!dtypes.includes(type.dtype) || type.shape.length !== 1 || size === undefined) {
    return request.fail(`${name} must be a vector`, {
      input: i,
      expected: `${dtypes.join(' or ')} [n]`,
      got: typeToString(type),
    });
  }
  return size;
}

/** Fails unless input i has the rank or more; gives its dims behind the first. */
export function checkRows<A>(request: InferRequest<A>, i: number, name: string): TensorType & { readonly rows: Dim } {
  const type = request.type(i);
  const [rows] = type.shape;
  if (rows === undefined || type.dtype === 'str') {
    return request.fail(`${name} must have rows`, { input: i, expected: 'rank 1 or more', got: typeToString(type) });
  }
  return { ...type, rows };
}

/** As the total of checkedLengths: no sum of lengths reaches it. */
export const kNoLimit = Number.MAX_SAFE_INTEGER;

/** Lengths as numbers: none negative, `total` in all (or at most, where not exact). */
export function checkedLengths<A>(
  request: ReferenceRequest<A>,
  lengths: NumericTensor,
  total: number,
  isExact = true,
): readonly number[] {
  const values = toNumbers(lengths);
  const negative = values.findIndex((length) => length < 0);
  if (negative >= 0) request.fault(`length ${values[negative]} at position ${negative} is negative`);
  const sum = values.reduce((a, b) => a + b, 0);
  if (sum > total || (isExact && sum !== total)) request.fault(`the lengths add up to ${sum}, not ${total}`);
  return values;
}

/** The size that the reference found, unless it exceeds the bound of compiled code. */
export function checkBound<A extends SizeAttrs>(request: ReferenceRequest<A>, found: number): number {
  const { size, bound } = request.attrs;
  const most = size >= 0 ? size : Math.max(1, bound);
  if (found > most) request.fault(`a size that depends on values is ${found}; its bound is ${most}`);
  return found;
}

/** Start of each length in the sequence of all. */
export function startsOf(lengths: readonly number[]): readonly number[] {
  let sum = 0;
  return lengths.map((length) => {
    sum += length;
    return sum - length;
  });
}

/** Where the dim `axis` of the first of `outputs` that is still there is stored; null where it is known or nobody reads it. */
export function storedDim(request: KernelRequest, outputs: readonly number[], axis = 0): KernelArg {
  for (const index of outputs) {
    const symbol = asSymbol(request.node.outputs[index]?.type.shape[axis] ?? 0);
    if (symbol !== undefined) return { kind: 'store-extent', symbol };
  }
  return { kind: 'null' };
}

/** The largest size of dim `axis` of an output, which no kernel may exceed; `attrs` tell where the output is gone. */
export function boundArg(attrs: SizeAttrs): KernelArg {
  return extentArg(attrs.size >= 0 ? attrs.size : Math.max(1, attrs.bound));
}

/** Input i, or null where it is absent. */
export function inputOrNull(request: KernelRequest, i: number): KernelArg {
  return request.node.inputs[i] === undefined ? { kind: 'null' } : inputArg(i);
}

/** Element type of input i, or of a stand-in where it is absent. */
export function dtypeArg(request: KernelRequest, i: number, fallback: DType = 'i32'): TemplateArg {
  return { kind: 'dtype', dtype: request.node.inputs[i] === undefined ? fallback : lowerType(request, i).dtype };
}

/** The largest number a dim can be, as a number. */
export function mostOf(dim: Dim | undefined): number {
  return dim === undefined ? 0 : isStatic(dim) ? dim : dimMax(dim);
}
