// Inputs for trials that differ as pictures do: waves, a square of one color and noise, each of another kind and strength. The
// same numbers for a seed on every machine but for the last digits of sines.

import type { Graph } from '../ir/graph.js';
import { makeTensor, type Tensor } from '../ir/tensor.js';
import { seededInputs, uniform } from './seeded-inputs.js';

/** seededInputs whose images of floats are varied ones. */
export function variedInputs(graph: Graph, seed: number): ReadonlyMap<string, Tensor> {
  return new Map(
    [...seededInputs(graph, seed)].map(([name, tensor]): [string, Tensor] => {
      const isImage = tensor.dtype === 'f32' && tensor.dims.length === 4;
      return [name, isImage ? makeTensor('f32', tensor.dims, variedInput(tensor.dims, seed)) : tensor];
    }),
  );
}

interface Wave {
  readonly x: number;
  readonly y: number;
  readonly phase: number;
  readonly heights: readonly number[];
}

/** Values of about -3 to 3; the last two dims are rows and columns. */
export function variedInput(dims: readonly number[], seed: number): Float32Array {
  const count = dims.reduce((a, b) => a * b, 1);
  const [rows, cols] = [dims.at(-2) ?? 1, dims.at(-1) ?? 1];
  const channels = Math.max(1, count / (rows * cols));
  const next = uniform(seed, 'varied');
  const perChannel = (width: number): readonly number[] =>
    Array.from({ length: channels }, () => width * (next() - 0.5));
  const [noise, top, left, side] = [1.2 * next(), 0.8 * rows * next(), 0.8 * cols * next(), 0.5 * rows * next()];
  const [level, color] = [perChannel(1), perChannel(4)];
  const waves = Array.from({ length: 1 + Math.floor(6 * next()) }, (): Wave => {
    return { x: next() ** 2, y: next() ** 2, phase: 2 * Math.PI * next(), heights: perChannel(2.5) };
  });
  return Float32Array.from({ length: count }, (_, i) => {
    const [c, row, col] = [Math.floor(i / (rows * cols)), Math.floor(i / cols) % rows, i % cols];
    const grain = noise * (2 * next() - 1);
    if (row > top && row < top + side && col > left && col < left + side) return (color[c] ?? 0) + grain;
    const height = ({ x, y, phase, heights }: Wave): number => (heights[c] ?? 0) * Math.sin(x * row + y * col + phase);
    return waves.reduce((sum, wave) => sum + height(wave), (level[c] ?? 0) + grain);
  });
}
