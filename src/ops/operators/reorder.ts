// Layout conversions that the compiler inserts: the values stay, their order in memory changes. Blocked means
// [n][ceil(c/block)][spatial…][block]; lanes past c are undefined. Blocked tensors may hold bf16 or f16, to which floats are rounded.

import { fail } from '../../errors.js';
import { shapeSize } from '../../ir/dim.js';
import { arithmeticDType } from '../../ir/dtype.js';
import { type TensorType, tensorType } from '../../ir/type.js';
import { int, text } from '../attributes.js';
import { defineOp, type InferRequest } from '../define.js';
import type { KernelCall, KernelRequest } from '../kernel-call.js';

export const toBlocked = defineOp({
  name: 'ToBlocked',
  doc: 'the same values in the channel-blocked layout, rounded if it holds bf16 or f16',
  source: 'made by the compiler',
  inputs: [{ name: 'x', doc: 'row-major [n, c, ...]' }],
  outputs: [{ name: 'y', doc: 'blocked, same logical shape' }],
  attrs: { block: int('channels per block'), dtype: text('f32, bf16 or f16', 'f32') },
  infer: (request) => {
    const type = plainInput(request);
    const { dtype } = request.attrs;
    if (dtype !== 'f32' && dtype !== 'bf16' && dtype !== 'f16')
      return request.fail(`blocked tensors hold no ${dtype}`, { code: 'internal' });
    return [{ ...type, dtype, layout: { kind: 'blocked', block: request.attrs.block } }];
  },
  reference: (request) => [request.tensor(0)],
  lower: (request, attrs) => lowerReorder('reorder_to_blocked', request, attrs.block),
  examples: [{ attrs: { block: 8 }, inputs: [{ dims: [2, 11, 3, 2] }] }],
});

export const toPlain = defineOp({
  name: 'ToPlain',
  doc: 'the same values in the row-major layout',
  source: 'made by the compiler',
  inputs: [{ name: 'x', doc: 'blocked [n, c, ...]' }],
  outputs: [{ name: 'y', doc: 'row-major, same logical shape' }],
  attrs: { block: int('channels per block') },
  infer: (request) => [tensorType(arithmeticDType(request.type(0).dtype), request.type(0).shape)],
  reference: (request) => [request.tensor(0)],
  lower: (request, attrs) => lowerReorder('reorder_to_plain', request, attrs.block),
  examples: [{ attrs: { block: 8 }, inputs: [{ dims: [2, 11, 3, 2] }] }],
});

function plainInput(request: InferRequest<{ readonly block: number }>): TensorType {
  const type = request.type(0);
  if (type.dtype !== 'f32' || type.shape.length < 2) {
    request.fail('only float tensors [n, c, ...] have a blocked layout', { input: 0, code: 'internal' });
  }
  return type;
}

function lowerReorder(fn: string, request: KernelRequest, block: number): KernelCall {
  const type = request.node.inputs[0]?.type ?? fail('internal', `${fn} without input`);
  const [n = 1, c = 1, ...spatial] = type.shape;
  return {
    header: 'cortado/reorder.h',
    fn,
    template: [{ kind: 'number', value: block }],
    args: [
      { kind: 'extent', dim: n },
      { kind: 'extent', dim: c },
      { kind: 'extent', dim: shapeSize(spatial) },
      { kind: 'literal', value: 0, dtype: 'i64' },
      { kind: 'literal', value: 0, dtype: 'i64' },
      { kind: 'input', index: 0 },
      { kind: 'output', index: 0 },
    ],
    parts: 1 << 16,
  };
}
