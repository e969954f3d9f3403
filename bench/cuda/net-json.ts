// A benchmark net as JSON for torch_peer.py: operators with their arguments, shapes of weights, no values.

import type { Argument } from '../../src/frontend/caffe2/net-def.js';
import type { BenchNet } from '../nets/net-builder.js';

/** The net for inputs of another shape. */
export function netJson(net: BenchNet, inputShape: readonly number[]): string {
  const ops = net.predict.ops.map(({ type, inputs, outputs, args }) => ({
    type,
    inputs,
    outputs,
    args: Object.fromEntries(args.map((arg) => [arg.name ?? '', argumentValue(arg)])),
  }));
  const weights = Object.fromEntries(
    net.init.ops.flatMap(({ outputs }) => outputs.map((name) => [name, net.shapes.get(name) ?? []])),
  );
  return JSON.stringify({
    input: { name: net.input.name, shape: inputShape },
    output: net.output.name,
    ops,
    weights,
  });
}

function argumentValue(arg: Argument): unknown {
  if (arg.i !== undefined) return Number(arg.i);
  if (arg.f !== undefined) return arg.f;
  if (arg.s !== undefined) return new TextDecoder().decode(arg.s);
  return Array.from(arg.ints, Number);
}
