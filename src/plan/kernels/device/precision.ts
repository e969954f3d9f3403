// How images and weights lie in the memory of the device, and with which numbers products are computed.

import { fail } from '../../../errors.js';
import { halvesOf, makeTensor, type NumericTensor } from '../../../ir/tensor.js';
import type { DevicePrecision, KernelRequest } from '../../../ops/kernel-call.js';
import { packOnce } from '../../pack-once.js';
import type { GemmMath } from './gemm-tile.js';

export interface PrecisionForm {
  /** Policy of runtime/cuda/include/cortado_cuda/tile_math.h. */
  readonly math: GemmMath;
  /** Bytes of an element of images and weights. */
  readonly elementBytes: number;
}

const kForms: { readonly [precision in DevicePrecision]: PrecisionForm } = {
  fp32: { math: 'FloatMath', elementBytes: 4 },
  tf32: { math: 'Tf32Math', elementBytes: 4 },
  fp16: { math: 'HalfMath', elementBytes: 2 },
};

export function precisionOf({ target }: KernelRequest): PrecisionForm {
  return kForms[target.device?.precision ?? 'fp32'];
}

/** The second input, a constant, packed by `pack` and rounded to the precision; `form` names what `pack` does. */
export function packedWeights(
  request: KernelRequest,
  form: readonly unknown[],
  pack: (weights: Float32Array) => Float32Array,
): NumericTensor {
  const tensor = request.constant(request.node.inputs[1]);
  if (tensor === undefined || !(tensor.data instanceof Float32Array))
    return fail('internal', 'weights are not constant floats');
  const { data } = tensor;
  const precision = request.target.device?.precision ?? 'fp32';
  const packed = packOnce(data, ['device', precision, ...form], () => {
    const floats = pack(data);
    return precision === 'tf32' ? roundToTf32(floats) : floats;
  });
  if (precision !== 'fp16') return makeTensor('f32', [packed.length], packed);
  return makeTensor('f16', [packed.length], halvesOf(packed));
}

/** To 10 bits of fraction, halves away from zero: 1 + 2^-11 becomes 1 + 2^-10. Infinities and NaN stay. */
function roundToTf32(values: Float32Array): Float32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] ?? 0;
    if ((word & 0x7f800000) !== 0x7f800000) bits[i] = ((word + 0x1000) & ~0x1fff) >>> 0;
  }
  return values;
}
