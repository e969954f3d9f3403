// Elementwise operators on images of the device. Lanes past the channels of an image are 0 and have to stay 0.

import { dimMax } from '../../../ir/dim.js';
import { compileExpr } from '../../../ir/expr.js';
import { presentInputs } from '../../../ir/graph.js';
import { getNumber } from '../../../ir/tensor.js';
import type { KernelCall, KernelRequest } from '../../../ops/kernel-call.js';
import { type Form, outputType } from '../kernel.js';
import { elementwiseExpr, lowerMap, mapForm } from '../map.js';
import { kChannelMultiple } from './image.js';
import { withoutLanes } from './twins.js';

/** Image to image where the expression allows it; undefined: row-major alone. */
export function imageMapForm(request: KernelRequest): Form | undefined {
  const { node } = request;
  if (elementwiseExpr(node) === undefined) return undefined;
  const form = mapForm(request);
  const isWhole = dimMax(outputType(node).shape[1] ?? 1) % kChannelMultiple === 0;
  return form !== undefined && (isWhole || keepsZeros(request)) ? form : undefined;
}

export function lowerImageMap(request: KernelRequest): KernelCall {
  const call = lowerMap(request);
  return { ...call, header: 'cortado_cuda/map.h', template: withoutLanes(call), parts: 1, device: true };
}

/** The result is 0 where images and per-channel constants, which are padded with zeros, are 0. */
function keepsZeros(request: KernelRequest): boolean {
  const expr = elementwiseExpr(request.node);
  const operands = presentInputs(request.node);
  const values = operands.map((value) => {
    if (!value.type.shape.every((dim) => dim === 1)) return 0;
    const constant = request.constant(value);
    return constant === undefined ? Number.NaN : getNumber(constant, 0);
  });
  if (expr === undefined || values.some(Number.isNaN)) return false;
  const result = compileExpr(
    expr,
    operands.map(({ type }) => type.dtype),
  )(values);
  return Number(result) === 0;
}
