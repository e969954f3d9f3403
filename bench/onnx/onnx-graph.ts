// Nodes and constants of an ONNX graph under construction, encoded at the end. Opset 13, IR version 8.

import { encodeMessage } from '../../src/frontend/protobuf/encode-message.js';
import type { Blob } from '../nets/net-builder.js';
import { kAttributeType, kModelProtoShape, kOnnxFloat, kOnnxInt64 } from './schema.js';

const kOpset = 13n;
const kIrVersion = 8n;

export type AttributeValue = number | string | { readonly f: number } | readonly number[];

const kUtf8 = new TextEncoder();

export class OnnxGraph {
  private readonly nodes: object[] = [];
  private readonly initializers: object[] = [];

  constructor(private readonly name: string) {}

  node(
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): void {
    const encoded = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    this.nodes.push({ inputs, outputs, name: `${outputs[0]}_node`, opType, attributes: encoded });
  }

  floats(name: string, dims: readonly number[], values: Float32Array): string {
    return this.initializer(name, kOnnxFloat, dims, values);
  }

  int64s(name: string, values: readonly number[]): string {
    return this.initializer(name, kOnnxInt64, [values.length], BigInt64Array.from(values, BigInt));
  }

  encode(input: Blob, output: Blob): Uint8Array {
    const { nodes, initializers } = this;
    const graph = { name: this.name, nodes, initializers, inputs: [valueInfo(input)], outputs: [valueInfo(output)] };
    const model = {
      irVersion: kIrVersion,
      producerName: 'cortado-bench',
      graph,
      opsetImports: [{ domain: '', version: kOpset }],
    };
    return encodeMessage(kModelProtoShape, model);
  }

  private initializer(
    name: string,
    dataType: number,
    dims: readonly number[],
    values: Float32Array | BigInt64Array,
  ): string {
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.initializers.push({ dims: BigInt64Array.from(dims, BigInt), dataType, name, rawData });
    return name;
  }
}

function attribute(name: string, value: AttributeValue): object {
  if (typeof value === 'number') return { name, i: BigInt(value), type: kAttributeType.i };
  if (typeof value === 'string') return { name, s: kUtf8.encode(value), type: kAttributeType.s };
  if ('f' in value) return { name, f: value.f, type: kAttributeType.f };
  return { name, ints: BigInt64Array.from(value, BigInt), type: kAttributeType.ints };
}

function valueInfo({ name, shape }: Blob): object {
  const dims = shape.map((size) => ({ dimValue: BigInt(size) }));
  return { name, type: { tensorType: { elemType: kOnnxFloat, shape: { dims } } } };
}
