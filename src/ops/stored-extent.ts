// The kernel argument through which a kernel stores a size that it found in the data.

import { asSymbol } from '../ir/dim.js';
import type { KernelArg, KernelRequest } from './kernel-call.js';

/** Where the first dim of the given outputs, which they share, is stored; null when nobody reads any of them. */
export function storedExtent(request: KernelRequest, outputs: readonly number[]): KernelArg {
  for (const index of outputs) {
    const symbol = asSymbol(request.node.outputs[index]?.type.shape[0] ?? 0);
    if (symbol !== undefined) return { kind: 'store-extent', symbol };
  }
  // An output that is gone spells a null pointer.
  return { kind: 'output', index: outputs[0] ?? 0 };
}
