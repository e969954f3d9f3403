// Do two graphs mean the same? Interprets both on the same seeded inputs and compares. A debugging aid (`--check-values`)
// and the judge of the passes' tests.

import { dimMax } from '../ir/dim.js';
import type { Graph } from '../ir/graph.js';
import { elementCount, getNumber, makeTensor, setNumber, type Tensor } from '../ir/tensor.js';
import { interpret } from '../ops/interpret.js';

const kRelative = 1e-4;

/** A sentence about the first output that differs; undefined when none does. */
export function compareMeaning(before: Graph, after: Graph, seed = 1): string | undefined {
  const inputs = seededInputs(before, seed);
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

/** Inputs from a seed: floats in [-1, 1), integers 0..3, at the largest sizes. */
export function seededInputs(graph: Graph, seed: number): ReadonlyMap<string, Tensor> {
  let state = seed >>> 0;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const inputs = new Map<string, Tensor>();
  for (const { value } of graph.inputs) {
    const { dtype, shape } = value.type;
    if (dtype === 'str') continue;
    const tensor = makeTensor(dtype, shape.map(dimMax));
    const isFloating = dtype === 'f32' || dtype === 'f64' || dtype === 'f16';
    for (let i = 0; i < tensor.data.length; i++)
      setNumber(tensor, i, isFloating ? random() * 2 - 1 : Math.floor(random() * 4));
    inputs.set(value.name, tensor);
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
