// Purpose: compute nodes whose inputs are all known; hand constants that a region captures into the region.
// Needs: inferred types. Gives: constants in their place; the nodes are gone.
// Not when: the result would be much larger than what it is made of (a tiled or broadcast constant), computing it would
// take long, a size of it depends on data, the node has regions, or running it shows a fault (it then stays, to fault at
// run time if it is reached at all).
// Example: test/passes/fold-constants/add.ir

import { CompileError, fail } from '../errors.js';
import { isStaticShape } from '../ir/dim.js';
import { type Graph, type Node, presentInputs, presentOutputs, type Region, type Value } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import { maxSizeBytes } from '../ir/type.js';
import { firstCaptured, opDef } from '../ops/define.js';
import { runNode } from '../ops/interpret.js';
import { type Rewriter, rewriteGraph } from './rewriter.js';

const kAlwaysBytes = 1 << 20;
const kGrowth = 4;
/** Multiply-adds that the interpreter does in about a second. */
const kMaxMacs = 1e8;

export function foldConstants(graph: Graph): Graph {
  return rewriteGraph(captureNoConstants(graph), (node, rewriter) => {
    if (node.regions !== undefined || !isKnown(node, rewriter) || !isModest(node)) return 'keep';
    const results = compute(node, rewriter);
    if (results === undefined) return 'keep';
    node.outputs.forEach((value, i) => {
      const tensor = results[i];
      if (value !== undefined && tensor !== undefined) rewriter.replace(value, rewriter.constant(tensor, value.name));
    });
    return 'done';
  });
}

function isKnown(node: Node, rewriter: Rewriter): boolean {
  return presentInputs(node).every((value) => {
    const tensor = rewriter.constantOf(value);
    return tensor !== undefined && tensor.dtype !== 'str';
  });
}

function isModest(node: Node): boolean {
  const outputs = presentOutputs(node);
  if (!outputs.every(({ type }) => type.variants === undefined && isStaticShape(type.shape))) return false;
  const bytes = (values: readonly Value[]): number => values.reduce((sum, value) => sum + maxSizeBytes(value.type), 0);
  if (bytes(outputs) > Math.max(kAlwaysBytes, kGrowth * bytes(presentInputs(node)))) return false;
  const types = (values: Node['inputs']) => values.map((value) => value?.type);
  const request = { inputs: types(node.inputs), outputs: types(node.outputs), attrs: node.attrs as never };
  return (opDef(node.op).macs?.(request) ?? 0) <= kMaxMacs;
}

function compute(node: Node, rewriter: Rewriter): readonly (Tensor | undefined)[] | undefined {
  try {
    return runNode(node, (value) => rewriter.constantOf(value) ?? fail('internal', `${value.name} is not constant`));
  } catch (error) {
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}

/** Captured constants become constants of the regions, the same tensor, so that they are known there too. */
function captureNoConstants(graph: Graph): Graph {
  const nodes = graph.nodes.map((node) => {
    const { regions } = node;
    if (regions === undefined) return node;
    const own = node.inputs.length - (regions[0]?.graph.inputs.length ?? 0);
    const tensors = node.inputs.map((value, i) =>
      i < firstCaptured(node) || value === undefined ? undefined : graph.constants.get(value),
    );
    const inner = regions.map((region) => withConstants(region, tensors.slice(own)));
    if (inner.every((region, i) => region === regions[i])) return node;
    return { ...node, inputs: node.inputs.filter((_, i) => tensors[i] === undefined), regions: inner };
  });
  return nodes.every((node, i) => node === graph.nodes[i]) ? graph : { ...graph, nodes };
}

function withConstants(region: Region, tensors: readonly (Tensor | undefined)[]): Region {
  const { inputs, constants } = region.graph;
  const known = inputs.flatMap(({ value }, i): readonly (readonly [Value, Tensor])[] => {
    const tensor = tensors[i];
    return tensor === undefined ? [] : [[value, tensor]];
  });
  const inner = captureNoConstants({
    ...region.graph,
    inputs: inputs.filter((_, i) => tensors[i] === undefined),
    constants: known.length === 0 ? constants : new Map([...constants, ...known]),
  });
  return known.length === 0 && inner.nodes === region.graph.nodes ? region : { ...region, graph: inner };
}
