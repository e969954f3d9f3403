// Purpose: drop nodes, optional outputs, branch results, captures and constants that nothing reads.
// Needs: an importer that has checked every operator already, dead ones included (Caffe2 would run them).
// Gives: only what the outputs need.
// Not when: a value is an output of the graph, or an unread output is not optional for its operator.
// Example: test/passes/remove-dead-code/unread.ir

import type { Graph, Node, Value } from '../ir/graph.js';
import { presentInputs } from '../ir/graph.js';
import { opDef } from '../ops/define.js';

export function removeDeadCode(graph: Graph): Graph {
  const live = new Set<Value>(graph.outputs.map((output) => output.value));
  const backwards: Node[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((value) => value !== undefined && live.has(value))) continue;
    const trimmed = node.op === 'If' ? trimBranches(node, live) : trimOutputs(node, live);
    backwards.push(trimmed);
    for (const value of presentInputs(trimmed)) live.add(value);
  }
  const nodes = backwards.reverse();
  const isSame = nodes.length === graph.nodes.length && nodes.every((node, i) => node === graph.nodes[i]);
  if (isSame && [...graph.constants.keys()].every((value) => live.has(value))) return graph;
  const constants = new Map([...graph.constants].filter(([value]) => live.has(value)));
  return { ...graph, nodes, constants };
}

function trimOutputs(node: Node, live: ReadonlySet<Value>): Node {
  const def = opDef(node.op);
  const outputs = node.outputs.map((value, i) => {
    const isDead = value !== undefined && !live.has(value);
    return isDead && def.outputs[i]?.optional === true ? undefined : value;
  });
  return outputs.every((value, i) => value === node.outputs[i]) ? node : { ...node, outputs };
}

/** An If keeps the results that are read, and captures what its branches then still need. */
function trimBranches(node: Node, live: ReadonlySet<Value>): Node {
  const wanted = node.outputs.map((value) => value !== undefined && live.has(value));
  const regions = (node.regions ?? []).map((region) => {
    const outputs = region.graph.outputs.filter((_, j) => wanted[j] === true);
    const graph = wanted.every(Boolean) ? region.graph : { ...region.graph, outputs };
    return { ...region, graph: removeDeadCode(graph) };
  });
  const captured = node.inputs.slice(1).map((_, i) => regions.some(({ graph }) => readsInput(graph, i)));
  const isSame = regions.every((region, i) => region.graph === node.regions?.[i]?.graph);
  if (isSame && wanted.every(Boolean) && captured.every(Boolean)) return node;
  return {
    ...node,
    inputs: [node.inputs[0], ...node.inputs.slice(1).filter((_, i) => captured[i] === true)],
    outputs: node.outputs.filter((_, j) => wanted[j] === true),
    regions: regions.map((region) => ({
      ...region,
      graph: { ...region.graph, inputs: region.graph.inputs.filter((_, i) => captured[i] === true) },
    })),
  };
}

function readsInput(graph: Graph, index: number): boolean {
  const value = graph.inputs[index]?.value;
  if (value === undefined) return false;
  return (
    graph.outputs.some((output) => output.value === value) || graph.nodes.some((node) => node.inputs.includes(value))
  );
}
