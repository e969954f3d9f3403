// Do two graphs mean the same? Interprets both on the same seeded inputs and compares. A debugging aid (`--check-values`)
// and the judge of the passes' tests.

import { fail } from '../errors.js';
import { type DimSymbol, dimEvaluate, dimSymbols } from '../ir/dim.js';
import { isFloat } from '../ir/dtype.js';
import type { Graph } from '../ir/graph.js';
import { elementCount, getNumber, type Tensor } from '../ir/tensor.js';
import { randomTensor } from '../ops/constant-spelling.js';
import { interpret } from '../ops/interpret.js';

const kRelative = 1e-4;

export interface SeededRun {
  readonly seed: number;
  /** Which value every size that varies takes. */
  readonly sizes: 'largest' | 'smallest';
}

/** A sentence about the first output that differs; undefined when none does. */
export function compareMeaning(
  before: Graph,
  after: Graph,
  run: SeededRun = { seed: 1, sizes: 'largest' },
): string | undefined {
  const inputs = seededInputs(before, run);
  const expected = interpret(before, inputs);
  const actual = interpret(after, inputs);
  for (const [name, tensor] of expected) {
    const other = actual.get(name);
    if (other === undefined) return `output ${name} is gone`;
    const difference = compareTensors(tensor, other);
    if (difference !== undefined) return `output ${name}: ${difference}`;
  }
  return undefined;
}

/** Inputs from a seed: floats in [-1, 1), integers 0..3. */
export function seededInputs(graph: Graph, { seed, sizes }: SeededRun): ReadonlyMap<string, Tensor> {
  const inputs = new Map<string, Tensor>();
  for (const [i, { value }] of graph.inputs.entries()) {
    const { dtype, shape } = value.type;
    if (dtype === 'str') fail('unsupported', `input ${value.name} holds strings, which no seed makes`);
    const size = (symbol: DimSymbol): number => (sizes === 'largest' ? symbol.max : symbol.min);
    const dims = shape.map((dim) => dimEvaluate(dim, new Map(dimSymbols(dim).map((s) => [s.name, size(s)]))));
    const [low, high] = isFloat(dtype) ? [-1, 1] : [0, 4];
    inputs.set(value.name, randomTensor(dtype, dims, seed * 1000 + i, low, high));
  }
  return inputs;
}

function compareTensors(a: Tensor, b: Tensor): string | undefined {
  if (a.dtype !== b.dtype || a.dims.join() !== b.dims.join()) {
    return `${a.dtype}[${a.dims.join()}] against ${b.dtype}[${b.dims.join()}]`;
  }
  if (a.dtype === 'str' || b.dtype === 'str') return undefined;
  const count = elementCount(a.dims);
  let scale = 0;
  for (let i = 0; i < count; i++) scale = Math.max(scale, finiteMagnitude(getNumber(a, i)));
  for (let i = 0; i < count; i++) {
    const x = getNumber(a, i);
    const y = getNumber(b, i);
    if (Object.is(x, y) || x === y || Math.abs(x - y) <= kRelative * (scale + Math.abs(x))) continue;
    return `element ${i} is ${y}, was ${x}`;
  }
  return undefined;
}

function finiteMagnitude(x: number): number {
  return Number.isFinite(x) ? Math.abs(x) : 0;
}
