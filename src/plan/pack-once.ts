// Remembers how weights were packed last: a net that is planned again for other vectors or other convolutions packs anew only
// what changes. One packed form per tensor, kept as long as the tensor; tensors never change.

interface Packed {
  readonly key: string;
  readonly data: Float32Array;
}

const known = new WeakMap<Float32Array, Packed>();

/** `pack()`, or its result of the last time if that was for the same form. */
export function packOnce(weights: Float32Array, form: readonly unknown[], pack: () => Float32Array): Float32Array {
  const key = JSON.stringify(form);
  const last = known.get(weights);
  if (last?.key === key) return last.data;
  const data = pack();
  known.set(weights, { key, data });
  return data;
}
