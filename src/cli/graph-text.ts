// A graph as text for --print-after and --dump-dir: one line per node.

import { printExpr } from '../ir/expr.js';
import type { Graph, Node, Value } from '../ir/graph.js';
import { typeToString } from '../ir/type.js';
import { attrToString } from '../ops/attributes.js';

export function graphText(graph: Graph, indent = ''): string {
  const inputs = graph.inputs.map(
    ({ value, optional }) => `${indent}input ${named(value)}${optional ? ' optional' : ''}`,
  );
  const constants = [...graph.constants.keys()].map((value) => `${indent}constant ${named(value)}`);
  const nodes = graph.nodes.flatMap((node) => nodeLines(node, indent));
  const outputs = graph.outputs.map(({ name, value }) => `${indent}output ${name} = %${value.name}`);
  return (
    [`${indent}net ${graph.name}`, ...inputs, ...constants, ...nodes, ...outputs].join('\n') +
    (indent === '' ? '\n' : '')
  );
}

function named(value: Value): string {
  return `%${value.name}: ${typeToString(value.type)}`;
}

function nodeLines(node: Node, indent: string): readonly string[] {
  const outputs = node.outputs.map((value) => (value === undefined ? '_' : named(value))).join(', ');
  const inputs = node.inputs.map((value) => (value === undefined ? '_' : `%${value.name}`)).join(', ');
  const attrs = Object.entries(node.attrs).map(([name, value]) => `${name}=${attrToString(value)}`);
  const tail = node.epilogue === undefined ? '' : ` then {${printExpr(node.epilogue.expr)}}`;
  const place = node.origin.opIndex === '' ? '' : `  # op ${node.origin.opIndex}`;
  const line = `${indent}${outputs} = ${node.op}(${inputs})${attrs.length === 0 ? '' : ` ${attrs.join(' ')}`}${tail}${place}`;
  return [
    line,
    ...(node.regions ?? []).map((region) => `${indent}  ${region.name}:\n${graphText(region.graph, `${indent}    `)}`),
  ];
}
