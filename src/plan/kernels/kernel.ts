// The kernel table's row: a kernel of runtime/ that can compute an operator in a certain layout. Rows of one operator are
// tried in order; the operator's own `lower` (row-major, fully general) is the last resort.

import { fail } from '../../errors.js';
import { dimMax, isStatic } from '../../ir/dim.js';
import { arithmeticDType } from '../../ir/dtype.js';
import { type Node, operatorInputs } from '../../ir/graph.js';
import type { TensorType } from '../../ir/type.js';
import type { KernelCall, KernelRequest, TileFields } from '../../ops/kernel-call.js';

/** Which tensors of the node are channel-blocked in this kernel's form; all others are row-major. */
export interface Form {
  /** Indices of blocked operator inputs. */
  readonly blockedInputs: readonly number[];
  /** Output 0 is blocked, and so are the epilogue's operands of the same shape. */
  readonly blockedOutput: boolean;
  /** The other outputs are blocked, too. */
  readonly allOutputs?: boolean;
  /** Worth converting layouts for; otherwise used only where the inputs already are blocked. */
  readonly demand: boolean;
}

/** A kernel's tile as the cost model chooses it, and what else may be tried, field by field or a few fields together. */
export interface TileSpace {
  readonly chosen: TileFields;
  readonly axes: readonly (readonly TileFields[])[];
}

export interface Kernel {
  readonly name: string;
  readonly op: string;
  /** The tiles that tuning may try; absent where there is nothing to choose. */
  tiles?(request: KernelRequest): TileSpace;
  /** The form in which the kernel can compute the node, or undefined. Looks at shapes, attributes and constants only. */
  form(request: KernelRequest): Form | undefined;
  lower(request: KernelRequest): KernelCall;
}

export const kPlainForm: Form = { blockedInputs: [], blockedOutput: false, demand: false };

/** One serial part or as many as anybody wants. */
export const kAnyParts = 1 << 16;

export function inputType(node: Node, i: number): TensorType {
  return operatorInputs(node)[i]?.type ?? fail('internal', `${node.op} has no input ${i}`);
}

export function outputType(node: Node): TensorType {
  return node.outputs[0]?.type ?? fail('internal', `${node.op} has no output`);
}

/** True for images of floats, or of bf16 or f16 read as floats, whose sizes are all fixed except, perhaps, the number of images. */
export function isStaticImage(type: TensorType): boolean {
  return arithmeticDType(type.dtype) === 'f32' && type.shape.length === 4 && type.shape.slice(1).every(isStatic);
}

/** The sizes of a static dim list; the batch is not asked. */
export function staticDims(type: TensorType): readonly number[] {
  return type.shape.map(dimMax);
}

/** ceil(a / b) * b */
export function roundUpTo(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** A number attribute that the operator's definition declares; fails when it does not. */
export function numberAttr(node: Node, name: string): number {
  const value = node.attrs[name];
  return typeof value === 'number' ? value : fail('internal', `${node.op} has no number ${name}`);
}

/** A list attribute that the operator's definition declares; fails when it does not. */
export function listAttr(node: Node, name: string): readonly number[] {
  const value = node.attrs[name];
  return Array.isArray(value) ? value.map(Number) : fail('internal', `${node.op} has no list ${name}`);
}
