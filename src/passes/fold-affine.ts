// Purpose: move a constant multiply-add per channel (or one for all) that follows Conv, ConvTranspose or FC into the weights
// and the bias: a*(w·x + b) + c = (a*w)·x + (a*b + c).
// Needs: constant weights, fold-batch-norm before. Gives: the linear operator alone, with a bias.
// Not when: somebody else reads the linear operator's result, an operand is not constant or varies along other axes, a
// factor is not finite, or the operator carries a fused epilogue already.
// Example: test/passes/fold-affine/mul-add.ir

import { fail } from '../errors.js';
import { shapeEquals } from '../ir/dim.js';
import { binary, constant, type ScalarExpr, unary } from '../ir/expr.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { presentInputs } from '../ir/graph.js';
import { floatTensor, getNumber, makeTensor, type NumericTensor, type Tensor } from '../ir/tensor.js';
import { numeric } from '../ops/builder.js';
import { evaluateExpr } from '../ops/evaluate-expr.js';
import { operandAccess } from '../ops/functor.js';
import { floatData } from '../ops/reference-tensors.js';
import { elementwiseExpr } from './elementwise.js';
import { type Rewriter, rewriteGraph } from './rewriter.js';

const kLinear: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'FC']);

export function foldAffine(graph: Graph): Graph {
  return rewriteGraph(graph, (node, rewriter) => {
    const expr = elementwiseExpr(node);
    const [y] = node.outputs;
    if (expr === undefined || y === undefined || y.type.dtype !== 'f32') return 'keep';
    const found = findLinear(node, rewriter);
    if (found === undefined) return 'keep';
    const affine = affineIn(expr, found.index);
    if (affine === undefined) return 'keep';
    const channels = Number(y.type.shape[1]);
    const factors = perChannel(affine.factor, node, rewriter, found.index, channels);
    const shifts = perChannel(affine.shift, node, rewriter, found.index, channels);
    const [, w, b] = found.linear.inputs;
    const weights = rewriter.constantOf(w);
    if (factors === undefined || shifts === undefined || weights === undefined || w === undefined) return 'keep';
    if (![...factors, ...shifts].every(Number.isFinite)) return 'keep';
    const bias = b === undefined ? undefined : rewriter.constantOf(b);
    if (b !== undefined && bias === undefined) return 'keep';
    const isShift = factors.every((factor) => factor === 1);
    const scaled = isShift ? numeric(weights) : scaleWeights(numeric(weights), factors, found.linear);
    const shifted = newBiasOf(bias, factors, shifts);
    if (!hasFiniteValues(scaled) || !hasFiniteValues(shifted)) return 'keep';
    const newWeights = isShift ? w : rewriter.constant(scaled, w.name);
    const newBias = rewriter.constant(shifted, b?.name ?? `${y.name}.bias`);
    const [x] = found.linear.inputs;
    rewriter.exchange(found.linear, { ...found.linear, inputs: [x, newWeights, newBias], outputs: [y] });
    return 'done';
  });
}

/** The linear operator that one of the node's inputs comes from, if nobody else reads it and all else is constant. */
function findLinear(node: Node, rewriter: Rewriter): { readonly linear: Node; readonly index: number } | undefined {
  const inputs = presentInputs(node);
  const variable = inputs.flatMap((value, index) => (rewriter.constantOf(value) === undefined ? [index] : []));
  const [index] = variable;
  if (index === undefined || variable.length > 1) return undefined;
  const value = inputs[index];
  const linear = value === undefined ? undefined : rewriter.producer(value);
  if (value === undefined || linear === undefined || !kLinear.has(linear.op) || linear.epilogue !== undefined)
    return undefined;
  // A broadcast that enlarges the result (one channel times many) cannot move in front of it.
  const keepsShape = shapeEquals(value.type.shape, node.outputs[0]?.type.shape ?? []);
  return keepsShape && isReadOnce(value, rewriter) ? { linear, index } : undefined;
}

/** Read by one node only, and once by it. */
export function isReadOnce(value: Value, rewriter: Rewriter): boolean {
  return rewriter.uses(value) === 1;
}

interface Affine {
  readonly factor: ScalarExpr;
  readonly shift: ScalarExpr;
}

const kOne = constant(1);
const kZero = constant(0);

/** expr as factor*x + shift with x = argument `index`; undefined when it is not of that form. */
export function affineIn(expr: ScalarExpr, index: number): Affine | undefined {
  if (expr.kind === 'arg')
    return expr.index === index ? { factor: kOne, shift: kZero } : { factor: kZero, shift: expr };
  if (expr.kind === 'const') return { factor: kZero, shift: expr };
  if (expr.kind === 'unary' && expr.op === 'neg') {
    const x = affineIn(expr.x, index);
    return x === undefined ? undefined : { factor: unary('neg', x.factor), shift: unary('neg', x.shift) };
  }
  if (expr.kind !== 'binary') return undefined;
  const a = affineIn(expr.a, index);
  const b = affineIn(expr.b, index);
  if (a === undefined || b === undefined) return undefined;
  switch (expr.op) {
    case 'add':
    case 'sub':
      return { factor: combine(expr.op, a.factor, b.factor), shift: combine(expr.op, a.shift, b.shift) };
    case 'mul':
      if (b.factor === kZero)
        return { factor: binary('mul', a.factor, b.shift), shift: binary('mul', a.shift, b.shift) };
      if (a.factor === kZero)
        return { factor: binary('mul', a.shift, b.factor), shift: binary('mul', a.shift, b.shift) };
      return undefined;
    case 'div':
      if (b.factor !== kZero) return undefined;
      return { factor: binary('div', a.factor, b.shift), shift: binary('div', a.shift, b.shift) };
    default:
      return undefined;
  }
}

/** a + b or a - b, where the missing factor of a constant stays recognizable. */
function combine(op: 'add' | 'sub', a: ScalarExpr, b: ScalarExpr): ScalarExpr {
  if (b === kZero) return a;
  if (a === kZero) return op === 'add' ? b : unary('neg', b);
  return binary(op, a, b);
}

/** The values of a constant expression for each channel; undefined when an operand varies along another axis. */
function perChannel(
  expr: ScalarExpr,
  node: Node,
  rewriter: Rewriter,
  skip: number,
  channels: number,
): readonly number[] | undefined {
  const result = node.outputs[0]?.type.shape ?? [];
  const operands: NumericTensor[] = [];
  for (const [i, value] of presentInputs(node).entries()) {
    const tensor: Tensor | undefined = i === skip ? floatTensor([1], [0]) : rewriter.constantOf(value);
    if (tensor === undefined || tensor.dtype !== 'f32') return undefined;
    const access = i === skip ? 'scalar' : operandAccess(value.type.shape, result);
    const isVector =
      access === 'channel' || (access === 'full' && tensor.data.length === channels && result[1] === channels);
    if (access !== 'scalar' && !isVector) return undefined;
    operands.push(makeTensor('f32', [tensor.data.length], tensor.data));
  }
  const values = evaluateExpr(expr, operands);
  const isSingle = values.data.length === 1;
  return Array.from({ length: channels }, (_, c) => getNumber(values, isSingle ? 0 : c));
}

/** Each output channel's weights times its factor; Conv and FC: [m, …], ConvTranspose: [c, m/group, …]. */
function scaleWeights(weights: NumericTensor, factors: readonly number[], linear: Node): NumericTensor {
  const source = floatData(weights);
  const scaled = new Float32Array(source.length);
  const isTransposed = linear.op === 'ConvTranspose';
  const [first = 1, second = 1] = weights.dims;
  const inner = source.length / Math.max(1, isTransposed ? first * second : first);
  const groups = isTransposed ? Number(linear.attrs.group ?? 1) : 1;
  for (let row = 0; row * inner < source.length; row++) {
    const channel = isTransposed
      ? (row % second) + Math.floor(Math.floor(row / second) / (first / groups)) * second
      : row;
    const factor = factors[channel] ?? fail('internal', 'a channel without factor');
    for (let i = row * inner; i < (row + 1) * inner; i++) scaled[i] = (source[i] ?? 0) * factor;
  }
  return makeTensor('f32', weights.dims, scaled);
}

function hasFiniteValues(tensor: NumericTensor): boolean {
  for (const value of floatData(tensor)) if (!Number.isFinite(value)) return false;
  return true;
}

function newBiasOf(bias: Tensor | undefined, factors: readonly number[], shifts: readonly number[]): NumericTensor {
  return floatTensor(
    [factors.length],
    factors.map((factor, c) => (bias === undefined ? 0 : getNumber(bias, c) * factor) + (shifts[c] ?? 0)),
  );
}
