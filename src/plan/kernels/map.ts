// Elementwise operators and fused maps: any operator with a scalar expression. Contiguous where all operands have the
// result's shape; else an n-dimensional broadcast over as few dims as the strides allow.

import { fail } from '../../errors.js';
import { type Dim, dimEquals, dimMul, isStatic, type Shape, shapeEquals, shapeSize } from '../../ir/dim.js';
import { arithmeticDType } from '../../ir/dtype.js';
import type { ScalarExpr } from '../../ir/expr.js';
import { type Node, presentInputs, type Value } from '../../ir/graph.js';
import type { NumericTensor } from '../../ir/tensor.js';
import type { TensorType } from '../../ir/type.js';
import { runsOnVectors } from '../../ir/vector-expr.js';
import { opDef } from '../../ops/define.js';
import { operandAccess, padVector } from '../../ops/functor.js';
import {
  blockedStorage,
  type FunctorSpec,
  type KernelArg,
  type KernelCall,
  type KernelRequest,
  type StructValue,
} from '../../ops/kernel-call.js';
import { type Form, kAnyParts, outputType } from './kernel.js';

const kMaxRank = 6;

/** The expression of an elementwise node over all its inputs; undefined when the operator is not elementwise. */
export function elementwiseExpr(node: Node): ScalarExpr | undefined {
  const def = opDef(node.op);
  if (def.scalar === undefined) return undefined;
  return def.scalar(
    node.attrs as never,
    presentInputs(node).map((value) => arithmeticDType(value.type.dtype)),
  );
}

/** Blocked where every operand is the result's shape, a constant per channel, or one value. */
export function mapForm(request: KernelRequest): Form | undefined {
  const { node } = request;
  const result = outputType(node);
  const isFloat = (value: TensorType): boolean => arithmeticDType(value.dtype) === 'f32';
  if (!isFloat(result) || result.shape.length !== 4 || !presentInputs(node).every((v) => isFloat(v.type))) {
    return undefined;
  }
  const blocked: number[] = [];
  for (const [i, value] of presentInputs(node).entries()) {
    const access = operandAccess(value.type.shape, result.shape);
    const isConstant = request.constant(value) !== undefined;
    if (access === 'scalar' || (access === 'channel' && isConstant)) continue;
    if (!shapeEquals(value.type.shape, result.shape) || isConstant) return undefined;
    blocked.push(i);
  }
  return blocked.length === 0 ? undefined : { blockedInputs: blocked, blockedOutput: true, demand: false };
}

export function lowerMap(request: KernelRequest): KernelCall {
  const { node } = request;
  const expr = elementwiseExpr(node) ?? fail('internal', `${node.op} has no kernel`);
  const result = outputType(node);
  return result.layout.kind === 'blocked'
    ? lowerBlocked(request, expr, result.layout.block)
    : lowerPlain(request, expr, result.shape);
}

function lowerPlain(request: KernelRequest, expr: ScalarExpr, shape: Shape): KernelCall {
  const inputs = presentInputs(request.node);
  const contiguous = inputs.every((value) => shapeEquals(value.type.shape, shape));
  if (contiguous) return contiguousMap(request, expr, inputs, shapeSize(shape));
  const { dims, strides } = collapse(
    shape,
    inputs.map((value) => stridesFor(value.type.shape, shape)),
  );
  const args = inputs.map<KernelArg>((_, index) => ({ kind: 'input', index }));
  return broadcastMap(request, expr, dims, strides, args, []);
}

/** Blocks make a blocked tensor one dense array; a per-channel operand repeats along pixels. */
function lowerBlocked(request: KernelRequest, expr: ScalarExpr, block: number): KernelCall {
  const { node } = request;
  const result = outputType(node);
  const inputs = presentInputs(node);
  const [n = 1, c = 1, ...spatial] = result.shape;
  const blocks = Math.ceil(Number(isStatic(c) ? c : fail('internal', 'blocked channels must be static')) / block);
  const pixels = shapeSize(spatial);
  const isFull = (value: Value): boolean => value.type.layout.kind === 'blocked';
  if (inputs.every(isFull)) return contiguousMap(request, expr, inputs, dimMul(dimMul(n, blocks * block), pixels));
  const packs: NumericTensor[] = [];
  const image = dimMul(pixels, blocks * block);
  const strides: Dim[][] = [];
  const args = inputs.map<KernelArg>((value, index) => {
    if (isFull(value)) {
      strides.push([image, dimMul(pixels, block), block, 1]);
      return { kind: 'input', index };
    }
    if (value.type.shape.every((dim) => dim === 1)) {
      strides.push([0, 0, 0, 0]);
      return { kind: 'input', index };
    }
    const constant = request.constant(value);
    if (constant === undefined || constant.dtype === 'str')
      return fail('internal', `operand ${value.name} is not constant`);
    strides.push([0, block, 0, 1]);
    packs.push(padVector(constant, block));
    return { kind: 'packed', index: packs.length - 1 };
  });
  const merged = collapse([n, blocks, pixels, block], strides);
  return broadcastMap(request, expr, merged.dims, merged.strides, args, packs);
}

function contiguousMap(request: KernelRequest, expr: ScalarExpr, inputs: readonly Value[], count: Dim): KernelCall {
  return {
    header: 'cortado/map.h',
    fn: 'map',
    template: [{ kind: 'number', value: mapWidth(request, expr, inputs) }],
    args: [
      { kind: 'extent', dim: count },
      { kind: 'output', index: 0 },
      { kind: 'functor' },
      ...inputs.map<KernelArg>((_, index) => ({ kind: 'input', index })),
    ],
    functor: functorOf(expr, inputs),
    parts: kAnyParts,
    inPlace: inputs.map((_, input) => ({ input, output: 0 })).filter(({ input }) => sameBytes(request.node, input)),
  };
}

function broadcastMap(
  request: KernelRequest,
  expr: ScalarExpr,
  dims: readonly Dim[],
  strides: readonly (readonly Dim[])[],
  operands: readonly KernelArg[],
  packs: readonly NumericTensor[],
): KernelCall {
  if (dims.length > kMaxRank) {
    fail('unsupported', `${request.node.op} broadcasts over ${dims.length} separate dims`, {
      expected: `at most ${kMaxRank}`,
    });
  }
  const pad = (list: readonly Dim[]): StructValue => [...list, ...new Array<number>(kMaxRank - list.length).fill(0)];
  return {
    header: 'cortado/map.h',
    fn: 'map_broadcast',
    template: [{ kind: 'number', value: mapWidth(request, expr, presentInputs(request.node)) }],
    args: [
      {
        kind: 'struct',
        type: `MapDims<${operands.length}>`,
        fields: [
          ['rank', dims.length],
          ['dims', pad(dims)],
          ['strides', strides.map(pad)],
        ],
      },
      { kind: 'output', index: 0 },
      { kind: 'functor' },
      ...operands,
    ],
    functor: functorOf(expr, presentInputs(request.node)),
    ...(packs.length === 0 ? {} : { packs }),
    parts: kAnyParts,
  };
}

/** Floats per vector; 0 where the expression leaves float on its way and has to run on numbers. */
function mapWidth(request: KernelRequest, expr: ScalarExpr, inputs: readonly Value[]): number {
  const dtypes = inputs.map((value) => arithmeticDType(value.type.dtype));
  if (!runsOnVectors(expr, dtypes)) return 0;
  const isBlocked = outputType(request.node).layout.kind === 'blocked';
  return isBlocked ? blockedStorage(request.target).block : request.target.vectorFloats;
}

function functorOf(expr: ScalarExpr, inputs: readonly Value[]): FunctorSpec {
  return { kind: 'map', expr, argTypes: inputs.map((value) => arithmeticDType(value.type.dtype)), operands: [] };
}

function sameBytes(node: Node, input: number): boolean {
  const own = presentInputs(node)[input]?.type;
  const result = outputType(node);
  return own?.dtype === result.dtype && shapeEquals(own.shape, result.shape);
}

/** Element strides of an operand read as if broadcast to `target`. */
function stridesFor(shape: Shape, target: Shape): readonly Dim[] {
  const skip = target.length - shape.length;
  const strides: Dim[] = new Array<Dim>(target.length).fill(0);
  let stride: Dim = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const dim = shape[axis] ?? 1;
    strides[axis + skip] = dim === 1 ? 0 : stride;
    stride = dimMul(stride, dim);
  }
  return strides;
}

/** Drops dims of 1 and merges neighbours that every operand walks through as one. */
function collapse(
  shape: Shape,
  strides: readonly (readonly Dim[])[],
): { dims: readonly Dim[]; strides: readonly (readonly Dim[])[] } {
  const dims: Dim[] = [];
  const kept: Dim[][] = strides.map(() => []);
  shape.forEach((dim, axis) => {
    if (dim === 1) return;
    const inner = strides.map((list) => list[axis] ?? 0);
    const last = dims.length - 1;
    const before = dims[last];
    const merges =
      before !== undefined && kept.every((list, k) => dimEquals(list[last] ?? 0, dimMul(inner[k] ?? 0, dim)));
    if (merges) {
      dims[last] = dimMul(before, dim);
      kept.forEach((list, k) => {
        list[last] = inner[k] ?? 0;
      });
      return;
    }
    dims.push(dim);
    kept.forEach((list, k) => {
      list.push(inner[k] ?? 0);
    });
  });
  return dims.length > 0 ? { dims, strides: kept } : { dims: [1], strides: kept.map(() => [1]) };
}
