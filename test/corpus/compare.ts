// Do computed tensors agree with the recorded ones? Floats by |got - want| <= atol + rtol * |want|, NaN equals NaN,
// infinities by sign; everything else exactly, shape and type always.

import { elementCount, getNumber, type Tensor } from '../../src/ir/tensor.js';

/** The first disagreement in words, or undefined. */
export function describeDifference(got: Tensor, want: Tensor, rtol: number, atol: number): string | undefined {
  if (got.dtype !== want.dtype) return `type ${got.dtype}, expected ${want.dtype}`;
  if (got.dims.join() !== want.dims.join()) return `shape [${got.dims.join()}], expected [${want.dims.join()}]`;
  const count = elementCount(want.dims);
  for (let i = 0; i < count; i++) {
    if (!elementAgrees(got, want, i, rtol, atol)) {
      return `element ${i} is ${elementText(got, i)}, expected ${elementText(want, i)}`;
    }
  }
  return undefined;
}

function elementAgrees(got: Tensor, want: Tensor, i: number, rtol: number, atol: number): boolean {
  if (got.dtype === 'str' || want.dtype === 'str') return elementText(got, i) === elementText(want, i);
  if (got.data instanceof BigInt64Array) return got.data[i] === want.data[i];
  const [a, b] = [getNumber(got, i), getNumber(want, i)];
  if (Number.isNaN(b)) return Number.isNaN(a);
  const isFloat = want.dtype === 'f32' || want.dtype === 'f64' || want.dtype === 'f16';
  if (!isFloat || !Number.isFinite(b) || !Number.isFinite(a)) return a === b;
  return Math.abs(a - b) <= atol + rtol * Math.abs(b);
}

function elementText(tensor: Tensor, i: number): string {
  if (tensor.dtype === 'str') return JSON.stringify(new TextDecoder().decode(tensor.data[i] ?? new Uint8Array(0)));
  return String(tensor.dtype === 'f16' ? getNumber(tensor, i) : tensor.data[i]);
}
