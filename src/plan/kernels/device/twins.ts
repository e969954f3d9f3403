// Kernels of runtime/cuda that take the arguments of the host's kernel of the same name, with a stream in place of the part:
// an operator whose own `lower` calls one of them runs on the device without a row of its own. Row-major in and out.

import { opDef } from '../../../ops/define.js';
import type { KernelCall, KernelRequest } from '../../../ops/kernel-call.js';
import type { Form } from '../kernel.js';
import { elementwiseExpr, lowerMap } from '../map.js';

/** Header below runtime/cuda/include/cortado_cuda by function. */
const kTwins: ReadonlyMap<string, string> = new Map([
  ['map', 'map'],
  ['map_broadcast', 'map'],
  ['strided_copy', 'moves'],
  ['concat', 'moves'],
  ['split', 'moves'],
  ['softmax', 'rows'],
  ['layer_norm', 'rows'],
  ['matmul_generic', 'matmul'],
  ['arg_max', 'search'],
  ['arg_min', 'search'],
]);

/** Elementwise operators follow their inputs; so does everything else that only has a twin. */
export const kFollowPlain: Form = { blockedInputs: [], blockedOutput: false, demand: false };

/** The call of the host's kernel as a call of its twin; undefined: there is none. */
export function twinCall(request: KernelRequest): KernelCall | undefined {
  const { node } = request;
  const isElementwise = elementwiseExpr(node) !== undefined;
  const call = isElementwise ? lowerMap(request) : opDef(node.op).lower?.(request, node.attrs as never);
  const header = call === undefined ? undefined : kTwins.get(call.fn);
  if (call === undefined || header === undefined || hasHostParts(call)) return undefined;
  const { template } = call;
  return {
    ...call,
    header: `cortado_cuda/${header}.h`,
    template: isElementwise ? withoutLanes(call) : template,
    parts: 1,
    device: true,
  };
}

/** The first template argument of a map is the number of lanes of the host's vectors. */
export function withoutLanes({ template }: KernelCall): KernelCall['template'] {
  return template.slice(1);
}

/** What a launch cannot give back: a status, a size that values tell. */
function hasHostParts(call: KernelCall): boolean {
  return call.fallible === true || call.args.some((arg) => arg.kind === 'store-extent');
}
