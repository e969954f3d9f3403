// Inputs for a trial, from a seed: the same numbers on every machine. Sizes that vary take their largest value.

import { fail } from '../errors.js';
import { dimMax } from '../ir/dim.js';
import type { Graph, Value } from '../ir/graph.js';
import { makeTensor, type NumericTensor, setNumber } from '../ir/tensor.js';

/** A tensor for each input of the graph that is not optional. Floats lie in [-1, 1), bytes in 0..255, integers in 0..1. */
export function seededInputs(graph: Graph, seed: number): ReadonlyMap<string, NumericTensor> {
  const needed = graph.inputs.filter(({ optional }) => !optional).map(({ value }) => value);
  return new Map(needed.map((value) => [value.name, imageInfo(value, needed) ?? seededTensor(value, seed)]));
}

function seededTensor({ name, type }: Value, seed: number): NumericTensor {
  const { dtype } = type;
  if (dtype === 'str') return fail('unsupported', `input ${name} holds strings; they cannot be made up`);
  const tensor = makeTensor(dtype, type.shape.map(dimMax));
  const random = uniform(seed, name);
  const span = dtype === 'u8' ? 256 : 2;
  const isFloat = dtype === 'f32' || dtype === 'f64' || dtype === 'f16';
  for (let i = 0; i < tensor.data.length; i++)
    setNumber(tensor, i, isFloat ? random() * 2 - 1 : Math.floor(random() * span));
  return tensor;
}

/** Detection nets read height, width and scale of the image from `im_info`; noise there would give no box at all. */
function imageInfo(value: Value, inputs: readonly Value[]): NumericTensor | undefined {
  const { dtype, shape } = value.type;
  const image = inputs.find(({ type }) => type.shape.length === 4)?.type.shape.map(dimMax);
  if (!/im_info$/.test(value.name) || dtype !== 'f32' || shape.length !== 2 || shape[1] !== 3 || image === undefined) {
    return undefined;
  }
  const tensor = makeTensor('f32', shape.map(dimMax));
  for (let i = 0; i < tensor.data.length; i++) setNumber(tensor, i, [image[2] ?? 1, image[3] ?? 1, 1][i % 3] ?? 1);
  return tensor;
}

/** Marsaglia's xorshift32, started from the seed and the name (FNV-1a): uniform in [0, 1), 24 bits. */
export function uniform(seed: number, name: string): () => number {
  let state = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(`${seed}:${name}`)) state = Math.imul(state ^ byte, 0x01000193) >>> 0;
  if (state === 0) state = 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return (state >>> 8) / 2 ** 24;
  };
}
