// How much a node does: multiply-adds and bytes, at the largest sizes.

import { type Node, operatorInputs, presentInputs, presentOutputs } from '../ir/graph.js';
import { maxSizeBytes } from '../ir/type.js';
import { opDef } from '../ops/define.js';

export function macsOf(node: Node): number {
  const def = opDef(node.op);
  if (def.macs === undefined) return 0;
  return def.macs({
    inputs: operatorInputs(node).map((value) => value?.type),
    outputs: node.outputs.map((value) => value?.type),
    attrs: node.attrs as never,
  });
}

/** Bytes of all inputs and outputs. */
export function bytesOfNode(node: Node): number {
  return [...presentInputs(node), ...presentOutputs(node)].reduce((sum, value) => sum + maxSizeBytes(value.type), 0);
}
