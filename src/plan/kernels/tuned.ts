// Measured choices at planning time: the name under which a layer is measured, and the tile that a measurement found.

import { dimMax } from '../../ir/dim.js';
import { arithmeticDType, type DType } from '../../ir/dtype.js';
import { epilogueOperands, type Node, operatorInputs } from '../../ir/graph.js';
import type { TensorType } from '../../ir/type.js';
import { operandAccess } from '../../ops/functor.js';
import { blockedStorage, type KernelRequest, type KernelTarget, type TunedKernel } from '../../ops/kernel-call.js';

/** Attributes that say how much a layer computes, in the order of the name. */
const kAttributes = ['kernel', 'strides', 'pads', 'dilations', 'group', 'axis'] as const;

/**
 * What layers of equal speed have in common: `Conv 1x64x56x56 to 1x256x56x56, kernel 1x1, strides 1x1, …, residual, f32 c16`.
 * Names and weights do not matter.
 */
export function layerSignature({ node, target }: Pick<KernelRequest, 'node' | 'target'>): string {
  const [x] = operatorInputs(node);
  const [y] = node.outputs;
  const attributes = kAttributes.flatMap((name) => {
    const value = node.attrs[name];
    return value === undefined ? [] : [`${name} ${Array.isArray(value) ? value.join('x') : String(value)}`];
  });
  const residuals = residualCount(node);
  const parts = [
    `${node.op} ${x === undefined ? '' : sizes(x.type)} to ${y === undefined ? '' : sizes(y.type)}`,
    ...attributes,
    ...(residuals === 0 ? [] : [residuals === 1 ? 'residual' : `${residuals} residuals`]),
    `${x === undefined ? '' : heldAs(x.type.dtype, target)} ${unitOf(target)}`,
  ];
  return parts.join(', ');
}

/** What a layer's speed depends on beside its sizes: the blocks of a CPU's channels, the arithmetic of a device. */
function unitOf(target: KernelTarget): string {
  return target.device === undefined ? `c${blockedStorage(target).block}` : (target.device.precision ?? 'fp32');
}

/** The same before and after layouts, which make bf16 or f16 of floats, are assigned. */
function heldAs(dtype: DType, target: KernelTarget): DType {
  const arithmetic = arithmeticDType(dtype);
  return arithmetic === 'f32' ? blockedStorage(target).dtype : arithmetic;
}

function sizes({ shape }: TensorType): string {
  return shape.map(dimMax).join('x');
}

/** Operands of the fused tail that are as large as the result. */
function residualCount(node: Node): number {
  const result = node.outputs[0]?.type.shape;
  if (result === undefined) return 0;
  return epilogueOperands(node).filter((value) => operandAccess(value.type.shape, result) === 'full').length;
}

/** Measured kernels of the layer, fastest first; none without a record. */
export function tunedKernels(request: KernelRequest): readonly TunedKernel[] {
  const { tuning } = request.target;
  return tuning === undefined ? [] : (tuning.get(layerSignature(request)) ?? []);
}

/** The measured tile of the kernel, or the chosen one. */
export function tileFor<Tile extends object>(request: KernelRequest, kernel: string, chosen: Tile): Tile {
  const tuned = tunedKernels(request).find((one) => one.kernel === kernel);
  return tuned === undefined ? chosen : { ...chosen, ...tuned.tile };
}
