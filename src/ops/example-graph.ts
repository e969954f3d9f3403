// The examples of operator definitions as graphs and tensors: what generated tests run, and what tells which target computes an
// operator how.

import { fail } from '../errors.js';
import { type Dim, dimSymbol } from '../ir/dim.js';
import type { Graph, Node } from '../ir/graph.js';
import { elementCount, type Tensor, tensorFromNumbers } from '../ir/tensor.js';
import { tensorType } from '../ir/type.js';
import { GraphBuilder } from './builder.js';
import { allOps, type Example, type ExampleTensor, type OpDef } from './index.js';

export interface ExampleCase {
  readonly name: string;
  readonly op: OpDef;
  readonly example: Example;
}

/** Operators whose first input is [n, ...] and whose n may vary. */
const kBatched = new Set([
  'AveragePool',
  'BatchMatMul',
  'ChannelShuffle',
  'Conv',
  'ConvTranspose',
  'FC',
  'Glu',
  'Im2Col',
  'InstanceNorm',
  'LRN',
  'LayerNorm',
  'LocallyConnected',
  'LpPool',
  'MatMul',
  'MaxPool',
  'Normalize',
  'Pad',
  'Quantize',
  'QuantizedAveragePool',
  'QuantizedConv',
  'QuantizedConvTranspose',
  'QuantizedMaxPool',
  'RMACRegions',
  'Relu',
  'ResizeNearest',
  'ResizeNearestBytes',
  'Softmax',
  'SpatialBN',
  'StylizerDeprocess',
  'StylizerPreprocess',
]);

/** Whether the first size of the first input may vary: it is no size of another input and nothing counts from it. */
export function hasBatch({ op, example }: ExampleCase): boolean {
  const attrs = example.attrs ?? {};
  const isFixed =
    attrs.axis === 0 || attrs.transA === true || (op.name === 'BatchMatMul' && example.note === undefined);
  return kBatched.has(op.name) && !isFixed;
}

/** Every example of every operator, named `Conv 2`. */
export function exampleCases(): readonly ExampleCase[] {
  return allOps().flatMap((op) =>
    op.examples.map((example, i) => ({ name: `${op.name} ${i + 1}${noteOf(example)}`, op, example })),
  );
}

function noteOf(example: Example): string {
  return example.note === undefined ? '' : ` (${example.note})`;
}

/** Explicit values, or numbers from a fixed sequence: i * 0.618… mod 1 spread over the range. */
export function exampleTensor(spec: ExampleTensor, seed: number): Tensor {
  const [low, high] = spec.range ?? [-1, 1];
  const dtype = spec.dtype ?? 'f32';
  if (dtype === 'str') return fail('internal', 'examples have no strings');
  const isFloat = dtype === 'f32' || dtype === 'f64';
  const values =
    spec.values ??
    Array.from({ length: elementCount(spec.dims) }, (_, i) => {
      const value = low + (((i + 1) * 0.6180339887 + seed * 0.37) % 1) * (high - low);
      return isFloat ? value : Math.floor(value);
    });
  return tensorFromNumbers(dtype, spec.dims, values);
}

export interface ExampleGraph {
  readonly graph: Graph;
  readonly node: Node;
  readonly inputs: ReadonlyMap<string, Tensor>;
}

export interface ExampleOptions {
  /** Dim 0 of input 0 is the symbol `batch`. */
  readonly batch?: boolean;
  /** Inputs after the first are constants. */
  readonly weights?: boolean;
  readonly outputCount?: number;
}

/** One node over graph inputs; all outputs are graph outputs. */
export function exampleGraph({ op, example }: ExampleCase, options: ExampleOptions = {}): ExampleGraph {
  const builder = new GraphBuilder('example');
  const inputs = new Map<string, Tensor>();
  const values = example.inputs.map((spec, i) => {
    if (spec === undefined) return undefined;
    const tensor = exampleTensor(spec, i);
    if (options.weights === true && i > 0) return builder.constant(tensor, `in${i}`);
    const [first = 1, ...rest] = tensor.dims;
    const isBatch = options.batch === true && i === 0 && tensor.dims.length > 0;
    const shape: readonly Dim[] = isBatch ? [dimSymbol('batch', 1, first + 3), ...rest] : tensor.dims;
    inputs.set(`in${i}`, tensor);
    return builder.input(`in${i}`, tensorType(tensor.dtype, shape));
  });
  const outputCount = options.outputCount ?? variadicCount(op, example);
  const count = outputCount === undefined ? {} : { outputCount };
  const outputs = builder.emit(op.name, values, example.attrs ?? {}, count);
  const graph = builder.finish(outputs.map((value, i) => ({ name: `out${i}`, value })));
  const node = graph.nodes[0] ?? fail('internal', `an example of ${op.name} has no node`);
  return { graph, node, inputs };
}

/** How many outputs an example of an operator with a variadic output has. */
function variadicCount(op: OpDef, { attrs = {} }: Example): number | undefined {
  if (!op.outputs.some((output) => output.variadic === true)) return undefined;
  if (Array.isArray(attrs.parts)) return attrs.parts.length;
  const levels = Number(attrs.maxLevel) - Number(attrs.minLevel) + 1;
  return Number.isNaN(levels) ? undefined : levels + op.outputs.length;
}
