// Operators of the whole table in random nets, by the examples of their definitions: sizes and attributes as in an example,
// data from the net, from weights or from run-time inputs. Where a small error of the data changes the answer by a jump
// or by much, the data is exact: weights and run-time inputs only.

import { type Dim, dimEquals, dimMax, isStatic, isStaticShape } from '../../src/ir/dim.js';
import type { Value } from '../../src/ir/graph.js';
import { elementCount, type Tensor } from '../../src/ir/tensor.js';
import { type ExampleCase, exampleCases, exampleGraph, exampleTensor, hasBatch } from '../../src/ops/example-graph.js';
import { allOps, type ExampleTensor } from '../../src/ops/index.js';
import type { NetPool } from './net-pool.js';

/** Answers in floats that jump, or grow much faster than their data. */
const kSteep: ReadonlySet<string> = new Set([
  'BatchBoxCox',
  'BoxWithNMSLimit',
  'Ceil',
  'Div',
  'FlexibleTopK',
  'Floor',
  'GenerateProposals',
  'InstanceNorm',
  'LayerNorm',
  'Log',
  'Logit',
  'LpPool',
  'Normalize',
  'Pow',
  'PowConst',
  'RowDistance',
  'Sign',
  'SparseNormalize',
  'Sqrt',
  'StumpFunc',
  'ThresholdedRelu',
]);

interface Template extends ExampleCase {
  readonly isSmooth: boolean;
  readonly outputCount: number;
}

/** What only the planner makes: graphs before it know no layouts. */
export const kPlanned: ReadonlySet<string> = new Set(['ToBlocked', 'ToPlain']);

/** By operator, so that each is met equally often whatever the number of its examples. */
const kTemplates: readonly (readonly Template[])[] = allOps()
  .filter(({ name }) => !kPlanned.has(name))
  .map((op) => exampleCases().filter((item) => item.op === op))
  .filter((cases) => cases.length > 0)
  .map((cases) => cases.map(makeTemplate));

function makeTemplate(item: ExampleCase): Template {
  const { outputs } = exampleGraph(item).node;
  const isSmooth = !kSteep.has(item.op.name) && outputs.every((value) => value?.type.dtype === 'f32');
  return { ...item, isSmooth, outputCount: outputs.length };
}

/** Adds an operator like one of its examples. */
export function exampleMove(net: NetPool): void {
  const { random } = net;
  const template = random.pick(random.pick(kTemplates));
  const { op, example, outputCount } = template;
  const batched = hasBatch(template) && random.oneIn(2);
  const operands = example.inputs.map((spec, i) =>
    spec === undefined ? undefined : operand(net, template, spec, batched && i === 0),
  );
  net.addTamed(op.name, operands, example.attrs ?? {}, outputCount);
}

function operand(net: NetPool, { isSmooth }: Template, spec: ExampleTensor, batched: boolean): Value {
  const { random } = net;
  const isFree = spec.values === undefined && (spec.dtype ?? 'f32') === 'f32';
  const rest = spec.dims.slice(1);
  if (isFree && isSmooth && !random.oneIn(3)) {
    const value = batched ? fromBatch(net, rest) : fromPool(net, spec.dims);
    return spec.range === undefined ? value : net.emitOne('Clip', [value], { min: spec.range[0], max: spec.range[1] });
  }
  const tensor = freshTensor(net, batched ? { ...spec, dims: [net.batch.actual, ...rest] } : spec);
  return batched || random.oneIn(2) ? net.input(tensor, batched) : net.constant(tensor, 'e');
}

/** The example's values, or others of its range. */
function freshTensor({ random }: NetPool, spec: ExampleTensor): Tensor {
  return exampleTensor(spec, random.unit() * 1000);
}

/** Some elements of a value under the wanted dims. */
function fromPool(net: NetPool, dims: readonly number[]): Value {
  const wanted = elementCount(dims);
  const source = net.choose(({ type }) => isStaticShape(type.shape) && sizeOf(type.shape) >= wanted);
  const size = sizeOf(source.type.shape);
  return net.emitOne('Reshape', [cut(net, net.emitOne('Reshape', [source], { shape: [size] }), 0, wanted)], {
    shape: dims,
  });
}

/** The same, row by row of the batch. */
function fromBatch(net: NetPool, rest: readonly number[]): Value {
  const wanted = elementCount(rest);
  const isBatch = ([first, ...others]: readonly Dim[]): boolean =>
    first !== undefined && dimEquals(first, net.batch.dim) && others.every(isStatic) && sizeOf(others) >= wanted;
  const source = net.choose(({ type }) => isBatch(type.shape));
  const rows = net.emitOne('Reshape', [source], { shape: [0, sizeOf(source.type.shape.slice(1))] });
  return net.emitOne('Reshape', [cut(net, rows, 1, wanted)], { shape: [0, ...rest] });
}

/** `wanted` neighbours along an axis. */
function cut(net: NetPool, value: Value, axis: number, wanted: number): Value {
  const size = dimMax(value.type.shape[axis] ?? 0);
  if (size === wanted) return value;
  const start = net.random.int(0, size - wanted);
  const at = (own: number, other: number): readonly number[] =>
    value.type.shape.map((_, i) => (i === axis ? own : other));
  return net.emitOne('Slice', [value], { starts: at(start, 0), ends: at(start + wanted, -1) });
}

function sizeOf(shape: readonly Dim[]): number {
  return shape.reduce<number>((product, dim) => product * dimMax(dim), 1);
}
