// Purpose: drop nodes, optional outputs, branch results, values that a loop carries, captures and constants that nothing reads.
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
    const trimmed = trim(node, live);
    backwards.push(trimmed);
    for (const value of presentInputs(trimmed)) live.add(value);
  }
  const nodes = backwards.reverse();
  const isSame = nodes.length === graph.nodes.length && nodes.every((node, i) => node === graph.nodes[i]);
  if (isSame && [...graph.constants.keys()].every((value) => live.has(value))) return graph;
  const constants = new Map([...graph.constants].filter(([value]) => live.has(value)));
  return { ...graph, nodes, constants };
}

function trim(node: Node, live: ReadonlySet<Value>): Node {
  if (node.op === 'If') return trimBranches(node, live);
  return node.op === 'Loop' ? trimLoop(node, live) : trimOutputs(node, live);
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

/** A Loop carries its condition, what is read afterwards, and what the next values of these depend on. */
function trimLoop(node: Node, live: ReadonlySet<Value>): Node {
  const [limit, ...values] = node.inputs;
  const [body] = node.regions ?? [];
  if (body === undefined) return node;
  const count = node.outputs.length;
  const wanted = node.outputs.map(
    (value, i) => (value !== undefined && live.has(value)) || (i === 0 && node.attrs.conditional === true),
  );
  let graph = body.graph;
  for (let before = -1; before !== wanted.filter(Boolean).length; ) {
    before = wanted.filter(Boolean).length;
    const outputs = body.graph.outputs.filter((_, i) => wanted[i] === true);
    graph = removeDeadCode(wanted.every(Boolean) ? body.graph : { ...body.graph, outputs });
    wanted.forEach((isWanted, i) => {
      wanted[i] = isWanted || readsInput(graph, i);
    });
  }
  const isKept = (i: number): boolean => (i < count ? wanted[i] === true : readsInput(graph, i));
  if (graph === body.graph && values.every((_, i) => isKept(i))) return node;
  return {
    ...node,
    inputs: [limit, ...values.filter((_, i) => isKept(i))],
    attrs: { ...node.attrs, carried: wanted.filter(Boolean).length },
    outputs: node.outputs.filter((_, i) => isKept(i)),
    regions: [{ ...body, graph: { ...graph, inputs: graph.inputs.filter((_, i) => isKept(i)) } }],
  };
}

function readsInput(graph: Graph, index: number): boolean {
  const value = graph.inputs[index]?.value;
  if (value === undefined) return false;
  return (
    graph.outputs.some((output) => output.value === value) || graph.nodes.some((node) => node.inputs.includes(value))
  );
}
