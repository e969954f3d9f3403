// The functor of a kernel call: a node's fused epilogue with how each operand is read, or the body of a map.

import { fail } from '../errors.js';
import { dimEquals, isStatic, type Shape, shapeEquals } from '../ir/dim.js';
import { epilogueOperands, type Node } from '../ir/graph.js';
import { makeTensor, type NumericTensor } from '../ir/tensor.js';
import type { FunctorSpec, KernelArg, KernelRequest, OperandAccess } from './kernel-call.js';

export interface Functor {
  readonly functor: FunctorSpec;
  /** Channel operands that had to be padded to whole blocks, in the order the functor's args refer to them. */
  readonly packs: readonly NumericTensor[];
}

/** How an operand of `operand` shape is read against a result of `result` shape; undefined: in none of the ways. */
export function operandAccess(operand: Shape, result: Shape): OperandAccess | undefined {
  if (operand.every((dim) => dim === 1)) return 'scalar';
  const aligned = alignTo(operand, result.length);
  const channel = aligned[1];
  const isChannel =
    channel !== undefined &&
    aligned.every((dim, axis) => (axis === 1 ? dimEquals(dim, result[1] ?? 1) : isStatic(dim) && dim === 1));
  if (isChannel) return 'channel';
  return shapeEquals(aligned, result) ? 'full' : undefined;
}

/**
 * The node's fused epilogue; undefined when it has none. Constant channel operands are zero-padded to a multiple of
 * `padTo` values; `packStart` is the number of packs the call already has.
 */
export function epilogueFunctor(request: KernelRequest, padTo: number, packStart: number): Functor | undefined {
  const { node } = request;
  if (node.epilogue === undefined) return undefined;
  const result = outputType(node);
  const packs: NumericTensor[] = [];
  const firstOperand = node.inputs.length - node.epilogue.operands;
  const operands = epilogueOperands(node).map((value, k) => {
    const access =
      operandAccess(value.type.shape, result.shape) ?? fail('internal', `operand ${value.name} cannot be fused`);
    const constant = request.constant(value);
    let arg: KernelArg = { kind: 'input', index: firstOperand + k };
    if (access === 'channel' && constant !== undefined && constant.dtype !== 'str') {
      arg = { kind: 'packed', index: packStart + packs.length };
      packs.push(padVector(constant, padTo));
    } else if (access === 'channel' && padTo > 1) {
      // A channel operand that is no constant has no padding; with one image it has the result's own shape.
      fail('internal', `channel operand ${value.name} of a blocked result must be constant`);
    }
    const { storage } = value.type;
    return { access, arg, ...(storage === undefined ? {} : { storage }) };
  });
  const argTypes = [result.dtype, ...epilogueOperands(node).map((value) => value.type.dtype)];
  return { functor: { kind: 'epilogue', expr: node.epilogue.expr, argTypes, operands }, packs };
}

/** The values of a vector followed by zeros up to a multiple of `multiple`. */
export function padVector(tensor: NumericTensor, multiple: number): NumericTensor {
  const count = Math.ceil(tensor.data.length / multiple) * multiple;
  if (count === tensor.data.length) return makeTensor(tensor.dtype, [count], tensor.data);
  const padded = makeTensor(tensor.dtype, [count]);
  padded.data.set(tensor.data as never);
  return padded;
}

function outputType(node: Node) {
  return node.outputs[0]?.type ?? fail('internal', `${node.op} has no output`);
}

function alignTo(shape: Shape, rank: number): Shape {
  return shape.length >= rank ? shape : [...new Array<number>(rank - shape.length).fill(1), ...shape];
}
