// Remembers how weights were packed last: a net that is planned again for other vectors or other convolutions packs anew only
// what changes. One packed form per tensor, kept as long as the tensor; tensors never change.

type PackedData = Float32Array | Uint16Array;

interface Packed {
  readonly key: string;
  readonly data: PackedData;
}

const known = new WeakMap<Float32Array, Packed>();

/** `pack()`, or its result of the last time if that was for the same form. */
export function packOnce<T extends PackedData>(weights: Float32Array, form: readonly unknown[], pack: () => T): T {
  const key = JSON.stringify(form);
  const last = known.get(weights);
  if (last?.key === key) return last.data as T;
  const data = pack();
  known.set(weights, { key, data });
  return data;
}
