// The reference interpreter: runs a Graph on concrete tensors with the operators' reference implementations. Slow and
// obvious. It gives every operator its meaning, folds constants and checks passes and kernels. A value of type bf16 is a float
// tensor whose elements were rounded to bf16 when it was made; so is one of type f16 that the compiler made of a float.

import { CompileError, fail, problemsOf } from '../errors.js';
import { dimMax, dimMin, isStatic, type Shape } from '../ir/dim.js';
import type { Attrs } from '../ir/graph.js';
import { epilogueOperands, type Graph, type Node, operatorInputs, type Value } from '../ir/graph.js';
import {
  bfloat16ToNumber,
  halfToNumber,
  makeTensor,
  type NumericTensor,
  numberToBfloat16,
  numberToHalf,
  type Tensor,
} from '../ir/tensor.js';
import { type TensorType, tensorType } from '../ir/type.js';
import { inferNode, numeric, whereOf } from './builder.js';
import { opDef, type ReferenceRequest } from './define.js';
import { evaluateExpr } from './evaluate-expr.js';

/** Called after each node with its outputs, in order of execution. */
export type Trace = (node: Node, outputs: readonly (Tensor | undefined)[]) => void;

/** Runs the graph; inputs by name of the graph's input value. An absent optional input reads as zeros. */
export function interpret(
  graph: Graph,
  inputs: ReadonlyMap<string, Tensor>,
  trace?: Trace,
): ReadonlyMap<string, Tensor> {
  const bound = graph.inputs.map(({ value, optional }) => {
    const given = inputs.get(value.name);
    if (given !== undefined) {
      checkInput(value, given);
      return given;
    }
    if (!optional) return fail('bad-option', `input ${value.name} is not given`);
    return zeros(value.type);
  });
  const results = runGraph(graph, bound, trace);
  return new Map(graph.outputs.map((output, i) => [output.name, results[i] ?? fail('internal', 'output lost')]));
}

/** Runs the graph on its inputs in order; gives its outputs in order. */
export function runGraph(graph: Graph, inputs: readonly Tensor[], trace?: Trace): readonly Tensor[] {
  const known = new Map<Value, Tensor>(graph.constants);
  graph.inputs.forEach(({ value }, i) => {
    known.set(value, inputs[i] ?? fail('internal', `graph ${graph.name} input ${value.name} is not bound`));
  });
  const remaining = lastReaders(graph);
  graph.nodes.forEach((node, at) => {
    const outputs = runNode(
      node,
      (value) => known.get(value) ?? fail('internal', `value ${value.name} is read before it is made`),
      trace,
    );
    node.outputs.forEach((value, i) => {
      const tensor = outputs[i];
      if (value !== undefined && tensor !== undefined) known.set(value, tensor);
    });
    trace?.(node, outputs);
    for (const value of node.inputs) if (value !== undefined && remaining.get(value) === at) known.delete(value);
  });
  return graph.outputs.map(
    (output) => known.get(output.value) ?? fail('internal', `output ${output.name} is never made`),
  );
}

/** Computes one node from its input tensors. */
export function runNode(node: Node, lookUp: (value: Value) => Tensor, trace?: Trace): readonly (Tensor | undefined)[] {
  const def = opDef(node.op);
  const inputs = operatorInputs(node).map((value) => (value === undefined ? undefined : lookUp(value)));
  const request: ReferenceRequest<Attrs> = {
    inputs,
    attrs: node.attrs,
    outputs: concreteTypes(node, inputs),
    tensor: (i) => inputs[i] ?? fail('internal', `${node.op} reads input ${i}, which is absent`),
    runRegion: (i, regionInputs) =>
      runGraph(node.regions?.[i]?.graph ?? fail('internal', `${node.op} has no region ${i}`), regionInputs, trace),
    fault: (message) => {
      throw new CompileError({ code: 'invalid-model', message, where: whereOf(node.origin) });
    },
  };
  const own = withPlace(node, () => def.reference(request as never));
  return withEpilogue(node, own, lookUp).map((tensor, i) => {
    const stored = node.outputs[i]?.type.dtype;
    if (tensor?.dtype !== 'f32' || (stored !== 'bf16' && stored !== 'f16')) return tensor;
    return roundedTo(stored, tensor);
  });
}

function roundedTo(dtype: 'bf16' | 'f16', { dims, data }: NumericTensor): NumericTensor {
  const round = (value: number): number =>
    dtype === 'bf16' ? bfloat16ToNumber(numberToBfloat16(value)) : halfToNumber(numberToHalf(value));
  return makeTensor('f32', dims, Float32Array.from(data as Float32Array, round));
}

function withEpilogue(
  node: Node,
  outputs: readonly (Tensor | undefined)[],
  lookUp: (value: Value) => Tensor,
): readonly (Tensor | undefined)[] {
  if (node.epilogue === undefined) return outputs;
  const first = outputs[0] ?? fail('internal', `${node.op} gave no output`);
  const operands = epilogueOperands(node).map((value) => numeric(lookUp(value)));
  return [evaluateExpr(node.epilogue.expr, [numeric(first), ...operands]), ...outputs.slice(1)];
}

/** Output types at the actual sizes; sizes that depend on values stay symbols. */
function concreteTypes(node: Node, inputs: readonly (Tensor | undefined)[]): readonly TensorType[] {
  const values = inputs.map((tensor, i): Value | undefined =>
    tensor === undefined
      ? undefined
      : { name: node.inputs[i]?.name ?? '', type: tensorType(tensor.dtype, tensor.dims) },
  );
  if (node.regions !== undefined) return node.outputs.map((value) => value?.type ?? tensorType('f32', []));
  return inferNode({
    op: node.op,
    inputs: values,
    attrs: node.attrs,
    outputCount: node.outputs.length,
    origin: node.origin,
    regions: [],
    constant: (value) => inputs[values.indexOf(value)],
    symbolName: (hint) => hint,
  });
}

function withPlace<T>(node: Node, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const problems = problemsOf(error).map((problem) => ({
      ...problem,
      where: { ...whereOf(node.origin), ...problem.where },
    }));
    throw new CompileError(problems);
  }
}

/** Refuses a tensor whose dtype, rank or dims the input cannot take. */
function checkInput(value: Value, tensor: Tensor): void {
  const matches = (shape: Shape): boolean =>
    shape.length === tensor.dims.length &&
    shape.every((dim, i) => {
      const actual = tensor.dims[i] ?? -1;
      return isStatic(dim) ? dim === actual : actual >= dimMin(dim) && actual <= dimMax(dim);
    });
  if (tensor.dtype !== value.type.dtype || !matches(value.type.shape)) {
    fail('bad-option', `input ${value.name} does not fit`, {
      expected: `${value.type.dtype} [${value.type.shape.map(dimMax).join(',')}]`,
      got: `${tensor.dtype} [${tensor.dims.join(',')}]`,
    });
  }
}

function zeros(type: TensorType): Tensor {
  if (type.dtype === 'str') return fail('internal', 'an optional string input');
  return makeTensor(type.dtype, type.shape.map(dimMax));
}

/** Index of the last node that reads each value; values that the graph returns are kept. */
function lastReaders(graph: Graph): ReadonlyMap<Value, number> {
  const last = new Map<Value, number>();
  graph.nodes.forEach((node, at) => {
    for (const value of node.inputs) if (value !== undefined) last.set(value, at);
  });
  for (const output of graph.outputs) last.delete(output.value);
  return last;
}
