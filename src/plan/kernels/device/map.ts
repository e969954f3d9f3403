// Elementwise operators on images of the device. Operands are images, constants per channel or single values; lanes past the
// channels become 0 whatever the expression gives for them.

import { fail } from '../../../errors.js';
import { dimMax, dimMul, shapeEquals, shapeSize } from '../../../ir/dim.js';
import { presentInputs, type Value } from '../../../ir/graph.js';
import type { NumericTensor } from '../../../ir/tensor.js';
import { makeTensor } from '../../../ir/tensor.js';
import { padVector } from '../../../ops/functor.js';
import { inputArg, kFunctorArg, outputArg, structArg } from '../../../ops/kernel-arguments.js';
import type { KernelArg, KernelCall, KernelRequest } from '../../../ops/kernel-call.js';
import { type Form, outputType } from '../kernel.js';
import { elementwiseExpr, mapForm } from '../map.js';
import { kChannelMultiple, storedChannels, writtenFields } from './image.js';

/** Image to image where no operand but constants is a single value; undefined: row-major alone. */
export function imageMapForm(request: KernelRequest): Form | undefined {
  if (elementwiseExpr(request.node) === undefined) return undefined;
  const form = mapForm(request);
  const fits = presentInputs(request.node).every(
    (value, i) => form?.blockedInputs.includes(i) === true || request.constant(value) !== undefined,
  );
  return fits ? form : undefined;
}

export function lowerImageMap(request: KernelRequest): KernelCall {
  const { node } = request;
  const expr = elementwiseExpr(node) ?? fail('internal', `${node.op} has no kernel`);
  const result = outputType(node);
  const [n = 1, c = 1, ...spatial] = result.shape;
  const inputs = presentInputs(node);
  const packs: NumericTensor[] = [];
  const operands = inputs.map((value, index): KernelArg => {
    if (value.type.layout.kind === 'blocked') return inputArg(index);
    packs.push(perChannel(request, value, dimMax(c)));
    return { kind: 'packed', index: packs.length - 1 };
  });
  const strides = inputs.map(({ type }) => (type.layout.kind === 'blocked' ? storedChannels(type) : 0));
  return {
    header: 'cortado_cuda/image_map.h',
    fn: 'map_image',
    template: [],
    args: [
      structArg('ImageRows', [
        ['pixels', dimMul(n, shapeSize(spatial))],
        ['channels', dimMax(c)],
        ['x_stored', 0],
        ...writtenFields(result),
      ]),
      outputArg(),
      kFunctorArg,
      ...operands.map((at, k): KernelArg => ({ kind: 'image', at, stored: strides[k] ?? 0 })),
    ],
    functor: { kind: 'map', expr, argTypes: inputs.map(({ type }) => type.dtype), operands: [] },
    packs,
    parts: 1,
    device: true,
    inPlace: inputs.flatMap(({ type }, input) =>
      type.layout.kind === 'blocked' && shapeEquals(type.shape, result.shape) ? [{ input, output: 0 }] : [],
    ),
  };
}

/** A constant as one value per channel, padded to whole packs. */
function perChannel(request: KernelRequest, value: Value, channels: number): NumericTensor {
  const constant = request.constant(value);
  if (constant === undefined || constant.dtype === 'str')
    return fail('internal', `operand ${value.name} is not constant`);
  if (constant.data.length === channels) return padVector(constant, kChannelMultiple);
  const values = new Float32Array(channels).fill(Number(constant.data[0] ?? 0));
  return padVector(makeTensor('f32', [channels], values), kChannelMultiple);
}
