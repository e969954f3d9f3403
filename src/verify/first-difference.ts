// Names the first operator whose compiled result differs: a traced run writes every tensor, the interpreter computes the
// same graph, and the two are compared in order of execution. Blocked tensors are not traced, so an optimized net tells
// less than one compiled without optimization.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readNpy } from '../files/npy.js';
import type { Graph, Node } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import { interpret } from '../ops/interpret.js';
import { compareTensors, type TensorComparison, type Tolerance } from './compare-tensors.js';

export interface OpDifference {
  readonly opIndex: string;
  readonly opType: string;
  /** The operator of the graph: what the net's operators became. */
  readonly op: string;
  readonly comparison: TensorComparison;
  /** Tensors compared before it. */
  readonly agreed: number;
}

/** The first difference between a trace folder and the interpreter; undefined when all that was traced agrees. */
export function findFirstDifference(
  graph: Graph,
  inputs: ReadonlyMap<string, Tensor>,
  traceFolder: string,
  tolerance: Tolerance,
  onNode?: () => void,
): OpDifference | undefined {
  return compareLayers(graph, inputs, traceFolder, tolerance, onNode).find(({ comparison }) => !comparison.pass);
}

/** What was traced against the interpreter, in order of execution. */
export function compareLayers(
  graph: Graph,
  inputs: ReadonlyMap<string, Tensor>,
  traceFolder: string,
  tolerance: Tolerance,
  onNode?: () => void,
): readonly OpDifference[] {
  const files = readTraceIndex(traceFolder);
  const found: OpDifference[] = [];
  let agreed = 0;
  interpret(graph, inputs, (node: Node, outputs) => {
    onNode?.();
    node.outputs.forEach((value, i) => {
      const [expected, file] = [outputs[i], value === undefined ? undefined : files.get(value.name)];
      if (expected === undefined || value === undefined || file === undefined) return;
      const comparison = compareTensors(value.name, expected, readNpy(join(traceFolder, file)), tolerance);
      const { opIndex, opType } = node.origin;
      found.push({ opIndex, opType, op: node.op, comparison, agreed });
      if (comparison.pass) agreed++;
    });
  });
  return found;
}

/** index.tsv: file, operator index, blob; a name that occurs more than once says nothing and is left out. */
function readTraceIndex(folder: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const twice = new Set<string>();
  for (const line of readFileSync(join(folder, 'index.tsv'), 'utf8').split('\n')) {
    const [file, , ...blob] = line.split('\t');
    if (file === undefined || blob.length === 0) continue;
    const name = blob.join('\t');
    if (files.has(name)) twice.add(name);
    files.set(name, file);
  }
  for (const name of twice) files.delete(name);
  return files;
}
