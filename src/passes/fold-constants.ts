// Purpose: compute nodes whose inputs are all known, and results that follow from static shapes alone (Shape, Size, …).
// Needs: inferred types. Gives: constants in their place; the nodes are gone.
// Not when: the result would be much larger than what it is made of (a tiled or broadcast constant), the node has regions,
// or its inputs hold a fault that only running it would show.
// Example: test/passes/fold-constants/add.ir

import { CompileError } from '../errors.js';
import { isStaticShape } from '../ir/dim.js';
import { type Graph, type Node, presentInputs, presentOutputs, type Value } from '../ir/graph.js';
import { makeTensor, type Tensor } from '../ir/tensor.js';
import { maxSizeBytes } from '../ir/type.js';
import { runNode } from '../ops/interpret.js';
import { type Rewriter, rewriteGraph } from './rewriter.js';

const kAlwaysBytes = 1 << 20;
const kGrowth = 4;
/** Operators that read only the shape of their input. */
const kShapeOnly: ReadonlySet<string> = new Set(['Shape', 'Size', 'IsEmpty']);

export function foldConstants(graph: Graph): Graph {
  return rewriteGraph(graph, (node, rewriter) => {
    const look = inputsOf(node, rewriter);
    if (look === undefined || node.regions !== undefined || !isModest(node)) return 'keep';
    let results: readonly (Tensor | undefined)[];
    try {
      results = runNode(node, look);
    } catch (error) {
      if (error instanceof CompileError) return 'keep';
      throw error;
    }
    node.outputs.forEach((value, i) => {
      const tensor = results[i];
      if (value !== undefined && tensor !== undefined) rewriter.replace(value, rewriter.constant(tensor, value.name));
    });
    return 'done';
  });
}

/** How to read the node's inputs when they are known. */
function inputsOf(node: Node, rewriter: Rewriter): ((value: Value) => Tensor) | undefined {
  const inputs = presentInputs(node);
  if (inputs.every((value) => rewriter.constantOf(value) !== undefined)) {
    return (value) => rewriter.constantOf(value) ?? makeTensor('f32', [0]);
  }
  const [x] = inputs;
  if (!kShapeOnly.has(node.op) || x === undefined || inputs.length > 1 || !isStaticShape(x.type.shape))
    return undefined;
  const { dtype, shape, variants } = x.type;
  if (dtype === 'str' || variants !== undefined) return undefined;
  return () => makeTensor(dtype, shape);
}

function isModest(node: Node): boolean {
  const bytes = (values: readonly Value[]): number => values.reduce((sum, value) => sum + maxSizeBytes(value.type), 0);
  return bytes(presentOutputs(node)) <= Math.max(kAlwaysBytes, kGrowth * bytes(presentInputs(node)));
}
