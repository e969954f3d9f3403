// The textual IR: prints a graph so that parse-graph reads the same graph back. For people, tests and --print-after.
// Small constants are printed whole; of a large one only dims and a hash of its content remain.

import { createHash } from 'node:crypto';
import { printExpr } from '../ir/expr.js';
import {
  epilogueOperands,
  type Graph,
  type GraphInput,
  type Node,
  type Origin,
  operatorInputs,
  type Region,
  type Value,
} from '../ir/graph.js';
import { shortestFloat } from '../ir/numbers.js';
import { elementCount, getNumber, type Tensor } from '../ir/tensor.js';
import { typeToString } from '../ir/type.js';
import { attrToString } from './attributes.js';
import { constantSpelling } from './constant-spelling.js';

/** Constants of more elements are not printed whole. */
const kWholeElements = 64;

/** Text of a graph; `parseGraph` reads it back. */
export function printGraph(graph: Graph): string {
  return `${new GraphPrinter().graph(graph, '').join('\n')}\n`;
}

class GraphPrinter {
  private readonly names = new Map<Value, string>();
  private readonly used = new Set<string>();

  graph(graph: Graph, indent: string): readonly string[] {
    const inner = `${indent}  `;
    const lines = [
      ...graph.inputs.map((input) => this.input(input)),
      ...[...graph.constants].map(([value, tensor]) => this.constant(value, tensor)),
      ...graph.nodes.flatMap((node) => this.node(node, inner)),
      ...graph.outputs.map((output) => `output ${JSON.stringify(output.name)} = ${this.use(output.value)}`),
    ];
    return [`${indent}net ${JSON.stringify(graph.name)} {`, ...lines.map((line) => inner + line), `${indent}}`];
  }

  private input({ value, optional }: GraphInput): string {
    return `input ${optional ? 'optional ' : ''}${this.define(value)}: ${typeToString(value.type)}`;
  }

  private constant(value: Value, tensor: Tensor): string {
    return `const ${this.define(value)}: ${typeToString(value.type)} = ${constantText(tensor)}`;
  }

  private node(node: Node, indent: string): readonly string[] {
    const inputs = operatorInputs(node).map((value) => this.use(value));
    const operands = epilogueOperands(node).map((value) => this.use(value));
    const outputs = node.outputs.map((value) => (value === undefined ? '_' : this.define(value)));
    const types = node.outputs.flatMap((value) => (value === undefined ? [] : [typeToString(value.type)]));
    const epilogue =
      node.epilogue === undefined
        ? ''
        : ` epilogue {${printExpr(node.epilogue.expr)}}${operands.length === 0 ? '' : ` (${operands.join(', ')})`}`;
    const head = `${outputs.join(', ')} = ${node.op}(${inputs.join(', ')})${attrsText(node)}${epilogue}`;
    const line = `${head} : ${types.join(', ')}`;
    const origin = originText(node.origin, node.outputs[0]);
    if (node.regions === undefined) return [line + origin];
    return [`${line} {`, ...node.regions.flatMap((region) => this.region(region, indent)), `}${origin}`];
  }

  private region(region: Region, indent: string): readonly string[] {
    const [first = '', ...rest] = this.graph(region.graph, `${indent}  `);
    const own = first.trimStart();
    // Every line gets the indent of the node in graph(); the region's own lines carry it already.
    return [`  ${region.name}: ${own}`, ...rest.map((line) => line.slice(indent.length))];
  }

  private define(value: Value): string {
    let name = value.name;
    for (let i = 1; this.used.has(name); i++) name = `${value.name}.${i}`;
    this.used.add(name);
    this.names.set(value, name);
    return valueText(name);
  }

  /** A value that nothing made yet is an error of the graph, which the printer shows rather than reports. */
  private use(value: Value | undefined): string {
    return value === undefined ? '_' : valueText(this.names.get(value) ?? value.name);
  }
}

function valueText(name: string): string {
  return /^[A-Za-z0-9_./-]+$/.test(name) ? `%${name}` : `%${JSON.stringify(name)}`;
}

function attrsText(node: Node): string {
  const entries = Object.entries(node.attrs).map(([name, value]) => `${name}=${attrToString(value)}`);
  return entries.length === 0 ? '' : ` {${entries.join(', ')}}`;
}

/** ` #3 Conv "conv1" -> "y"`; the blob is left out where the first output carries its name. */
function originText(origin: Origin, first: Value | undefined): string {
  const parts = [
    `#${origin.opIndex}`,
    origin.opType,
    origin.opName === '' ? '' : JSON.stringify(origin.opName),
    origin.blob === first?.name ? '' : `-> ${JSON.stringify(origin.blob)}`,
  ].filter((part) => part !== '');
  const isNone = origin.opIndex === '' && origin.opType === '' && origin.opName === '' && origin.blob === '';
  return isNone ? '' : ` ${parts.join(' ')}`;
}

function constantText(tensor: Tensor): string {
  const spelling = constantSpelling(tensor);
  if (spelling !== undefined) return spelling;
  const count = elementCount(tensor.dims);
  if (count <= kWholeElements) return `[${elementTexts(tensor).join(',')}]`;
  return isUniform(tensor, count) ? `splat(${elementText(tensor, 0)})` : `omitted(${contentHash(tensor)})`;
}

function elementTexts(tensor: Tensor): readonly string[] {
  if (tensor.dtype === 'str') return tensor.data.map((bytes) => JSON.stringify(Buffer.from(bytes).toString('latin1')));
  return Array.from({ length: elementCount(tensor.dims) }, (_, i) => elementText(tensor, i));
}

function elementText(tensor: Tensor, i: number): string {
  if (tensor.dtype === 'i64' && tensor.data instanceof BigInt64Array) return String(tensor.data[i]);
  const value = getNumber(tensor, i);
  const isShort = tensor.dtype === 'f32' && Number.isFinite(value) && value !== 0;
  return attrToString(isShort ? shortestFloat(value) : value);
}

function isUniform(tensor: Tensor, count: number): boolean {
  if (tensor.dtype === 'str') return false;
  const [first] = tensor.data;
  for (let i = 1; i < count; i++) if (!Object.is(tensor.data[i], first)) return false;
  return true;
}

/** Eight hexadecimal digits of the SHA-256 of dtype, dims and bytes. */
export function contentHash(tensor: Tensor): string {
  const hash = createHash('sha256').update(`${tensor.dtype}[${tensor.dims.join(',')}]`);
  if (tensor.dtype === 'str') for (const bytes of tensor.data) hash.update(`${bytes.length}:`).update(bytes);
  else hash.update(new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
  return hash.digest('hex').slice(0, 8);
}
