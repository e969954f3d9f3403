// Copies between the host's memory and a device's that the compiler inserts where an operator runs elsewhere than the one
// that made its input. The values stay; both sides are row-major.

import { fail } from '../../errors.js';
import { shapeSize } from '../../ir/dim.js';
import { kRowMajor, type TensorType } from '../../ir/type.js';
import { bool } from '../attributes.js';
import { defineOp } from '../define.js';
import type { KernelCall, KernelRequest } from '../kernel-call.js';

export const toDevice = defineOp({
  name: 'ToDevice',
  doc: 'the same values in the memory of the device',
  source: 'made by the compiler',
  inputs: [{ name: 'x', doc: 'in the memory of the host' }],
  outputs: [{ name: 'y', doc: 'in the memory of the device' }],
  attrs: {},
  infer: (request) => [onDevice(request.type(0))],
  reference: (request) => [request.tensor(0)],
  lower: (request) => lowerCopy('copy_to_device', request),
  examples: [],
});

export const toHost = defineOp({
  name: 'ToHost',
  doc: 'the same values in the memory of the host',
  source: 'made by the compiler',
  inputs: [{ name: 'x', doc: 'in the memory of the device' }],
  outputs: [{ name: 'y', doc: 'in the memory of the host' }],
  attrs: { exit: bool('the result leaves the net and is copied at the end of a run', false) },
  infer: (request) => [onHost(request.type(0))],
  reference: (request) => [request.tensor(0)],
  lower: (request) => lowerCopy('copy_to_host', request),
  examples: [],
});

/** The type of the same tensor, row-major in the device's memory. */
export function onDevice({ storage: _storage, ...type }: TensorType): TensorType {
  return { ...type, layout: kRowMajor, memory: 'device' };
}

/** The type of the same tensor, row-major in the host's memory. */
export function onHost({ memory: _memory, storage: _storage, ...type }: TensorType): TensorType {
  return { ...type, layout: kRowMajor };
}

function lowerCopy(fn: string, request: KernelRequest): KernelCall {
  const type = request.node.inputs[0]?.type ?? fail('internal', `${fn} without input`);
  return {
    header: 'cortado_cuda/transfer.h',
    fn,
    template: [],
    args: [
      { kind: 'extent', dim: shapeSize(type.shape) },
      { kind: 'input', index: 0 },
      { kind: 'output', index: 0 },
    ],
    parts: 1,
    device: true,
  };
}
