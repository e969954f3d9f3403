// The kernel of every item of the linear net, on the host or on the device, with the constants that it may pack.

import { fail } from '../errors.js';
import { dimMax, dimMul, isStatic, shapeSize } from '../ir/dim.js';
import { type Node, presentOutputs, type Value } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import type { TensorType } from '../ir/type.js';
import type { KernelRequest, KernelTarget } from '../ops/kernel-call.js';
import { flatten, type Item } from './items.js';
import { selectDeviceKernel } from './kernels/device/table.js';
import { type SelectedKernel, selectKernel } from './kernels/table.js';
import type { Calls } from './lifetimes.js';
import type { Linear } from './linearize.js';

export function lowerAll(linear: Linear, target: KernelTarget): Calls {
  const calls = new Map<Item, SelectedKernel>();
  for (const item of flatten(linear.items)) {
    if (item.kind === 'node') {
      const constant = (value: Value | undefined): Tensor | undefined =>
        value === undefined ? undefined : constantTensor(linear, value);
      const request: KernelRequest = { node: item.node, target, constant };
      calls.set(item, runsOnDevice(item.node) ? selectDeviceKernel(request) : selectKernel(request));
    } else if (item.kind === 'copy') calls.set(item, copyCall(item.from));
  }
  return calls;
}

/** Copies to the host are the device's work, too. */
function runsOnDevice(node: Node): boolean {
  return node.op === 'ToHost' || presentOutputs(node)[0]?.type.memory === 'device';
}

export function constantTensor(linear: Linear, value: Value): Tensor | undefined {
  const root = linear.storage.fills(value) ? linear.storage.rootOf(value) : value;
  return (
    linear.constants.get(value)?.constants.get(value) ?? (root === value ? undefined : reshaped(linear, root, value))
  );
}

/** A reshaped view of a constant is a constant. */
function reshaped(linear: Linear, root: Value, value: Value): Tensor | undefined {
  const tensor = linear.constants.get(root)?.constants.get(root);
  return tensor === undefined || !value.type.shape.every(isStatic)
    ? undefined
    : { ...tensor, dims: value.type.shape.map(dimMax) };
}

function copyCall(from: Value): SelectedKernel {
  const isOnDevice = from.type.memory === 'device';
  const count = from.type.layout.kind === 'rowMajor' ? shapeSize(from.type.shape) : storedElements(from.type);
  return {
    kernel: 'copy',
    header: isOnDevice ? 'cortado_cuda/transfer.h' : 'cortado/copy.h',
    fn: 'copy',
    template: [{ kind: 'dtype', dtype: from.type.dtype }],
    args: [
      { kind: 'extent', dim: count },
      { kind: 'input', index: 0 },
      { kind: 'output', index: 0 },
    ],
    parts: isOnDevice ? 1 : 1 << 16,
    ...(isOnDevice ? { device: true } : {}),
  };
}

/** Elements in memory of a blocked tensor: channels rounded up to whole blocks. */
function storedElements(type: TensorType) {
  if (type.layout.kind === 'blocked' && type.layout.pitch !== undefined)
    fail('internal', 'a range of the channels of an image is no run of bytes');
  const block = type.layout.kind === 'blocked' ? type.layout.block : 1;
  const [n = 1, c = 1, ...spatial] = type.shape;
  return dimMul(dimMul(n, Math.ceil(dimMax(c) / block) * block), shapeSize(spatial));
}
