// GraphBuilder: the one way to make nodes. Checks arity and attributes against the operator's definition, infers output
// types, and gives values unique names. Importers, the text parser and passes all build through it.

import { CompileError, fail, type Where } from '../errors.js';
import { dimSymbol, shapeEquals } from '../ir/dim.js';
import type { DType } from '../ir/dtype.js';
import { exprDType } from '../ir/expr.js';
import type { Attrs, Epilogue, Graph, GraphInput, GraphOutput, Node, Origin, Region, Value } from '../ir/graph.js';
import { makeTensor, type NumericTensor, type Tensor } from '../ir/tensor.js';
import {
  isOfPossibleSize,
  kMaxTensorBytes,
  type Quantization,
  type TensorType,
  tensorType,
  typeToString,
} from '../ir/type.js';
import { completeAttrs } from './attributes.js';
import { inferBroadcast } from './broadcast.js';
import { type InferRequest, opDef } from './define.js';
import { type FreshSizes, matchTypes } from './match-types.js';

export interface NodeOptions {
  readonly outputCount?: number;
  /** Names for the outputs; the blob of the origin by default. */
  readonly names?: readonly (string | undefined)[];
  readonly origin?: Origin;
  readonly epilogue?: Epilogue;
  readonly regions?: readonly Region[];
  /**
   * Existing values that the node makes instead of new ones; undefined where an output is dropped. Their types must agree
   * with inference. Replaces outputCount and names.
   */
  readonly results?: readonly (Value | undefined)[];
}

export const kNoOrigin: Origin = { opIndex: '', opType: '', opName: '', blob: '' };

/** The place of a node in the user's net. */
export function whereOf(origin: Origin): Where {
  return {
    ...(origin.opIndex === '' ? {} : { opIndex: origin.opIndex }),
    ...(origin.opType === '' ? {} : { opType: origin.opType }),
    ...(origin.opName === '' ? {} : { opName: origin.opName }),
    ...(origin.blob === '' ? {} : { blob: origin.blob }),
  };
}

export class GraphBuilder {
  readonly name: string;
  private readonly inputs: GraphInput[] = [];
  private readonly constants = new Map<Value, Tensor>();
  private readonly nodes: Node[] = [];
  private readonly usedNames: Set<string>;

  /** `usedNames` is shared by the builders of nested graphs, so that names are unique over the whole net. */
  constructor(name: string, usedNames: Set<string> = new Set()) {
    this.name = name;
    this.usedNames = usedNames;
  }

  input(name: string, type: TensorType, optional = false): Value {
    const value: Value = { name: this.uniqueName(name), type };
    this.inputs.push({ value, optional });
    return value;
  }

  constant(tensor: Tensor, name = 'const', quantization?: Quantization): Value {
    const type = tensorType(tensor.dtype, tensor.dims);
    const value: Value = {
      name: this.uniqueName(name),
      type: quantization === undefined ? type : { ...type, quantization },
    };
    this.constants.set(value, tensor);
    return value;
  }

  constantOf(value: Value | undefined): Tensor | undefined {
    return value === undefined ? undefined : this.constants.get(value);
  }

  /** Applies an operator; returns its outputs. Fails with the problem of type inference, placed at the origin. */
  emit(
    op: string,
    inputs: readonly (Value | undefined)[],
    attrs: Attrs = {},
    options: NodeOptions = {},
  ): readonly Value[] {
    const node = this.emitNode(op, inputs, attrs, options);
    return node.outputs.map((value) => value ?? fail('internal', `${op} lost an output`));
  }

  /** Applies an operator; returns the node. */
  emitNode(op: string, inputs: readonly (Value | undefined)[], attrs: Attrs = {}, options: NodeOptions = {}): Node {
    const node = this.makeNode(op, inputs, attrs, options);
    this.adoptNode(node);
    return node;
  }

  emitOne(op: string, inputs: readonly (Value | undefined)[], attrs: Attrs = {}, options: NodeOptions = {}): Value {
    return this.emit(op, inputs, attrs, options)[0] ?? fail('internal', `${op} has no output`);
  }

  /** Adds an existing value as constant (passes that keep value identity). */
  adoptConstant(value: Value, tensor: Tensor): void {
    this.constants.set(value, tensor);
    this.usedNames.add(value.name);
  }

  adoptInput(input: GraphInput): void {
    this.inputs.push(input);
    this.usedNames.add(input.value.name);
  }

  /** Adds a ready node as it is (passes that keep value identity). */
  adoptNode(node: Node): void {
    this.nodes.push(node);
    for (const value of node.outputs) if (value !== undefined) this.usedNames.add(value.name);
  }

  finish(outputs: readonly GraphOutput[]): Graph {
    return { name: this.name, inputs: this.inputs, constants: this.constants, nodes: this.nodes, outputs };
  }

  uniqueName(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.usedNames.has(name); i++) name = `${wanted}.${i}`;
    this.usedNames.add(name);
    return name;
  }

  private makeNode(op: string, inputs: readonly (Value | undefined)[], attrs: Attrs, options: NodeOptions): Node {
    const def = opDef(op);
    const origin = options.origin ?? kNoOrigin;
    const complete = completeAttrs(op, def.attrs, attrs);
    const required = def.outputs.filter((output) => output.optional !== true && output.variadic !== true).length;
    const { results } = options;
    const outputCount = results?.length ?? options.outputCount ?? Math.max(1, required);
    const operands = options.epilogue?.operands ?? 0;
    const own = inputs.slice(0, inputs.length - operands);
    const base = options.names?.[0] ?? (origin.blob === '' ? op : origin.blob);
    const fresh: FreshSizes = new Map();
    const freshName = (hint: string): string => {
      const name = `?${fresh.size}.${hint}`;
      fresh.set(name, undefined);
      return name;
    };
    const types = inferNode({
      op,
      inputs: own,
      attrs: complete,
      outputCount,
      origin,
      regions: options.regions ?? [],
      constant: (value) => this.constants.get(value),
      symbolName: results === undefined ? (hint) => this.uniqueName(`${base}.${hint}`) : freshName,
    });
    const finalTypes = inferEpilogue(types, inputs, options.epilogue, origin);
    const outputs = Array.from({ length: outputCount }, (_, i): Value | undefined => {
      const type = finalTypes[i] ?? fail('internal', `${op} infers ${finalTypes.length} outputs of ${outputCount}`);
      if (results !== undefined) return checkResult(results[i], type, fresh, origin);
      const name = options.names?.[i] ?? (i === 0 ? base : `${base}:${i}`);
      return { name: this.uniqueName(name), type };
    });
    return {
      op,
      inputs,
      attrs: complete,
      outputs,
      origin,
      ...(options.epilogue === undefined ? {} : { epilogue: options.epilogue }),
      ...(options.regions === undefined ? {} : { regions: options.regions }),
    };
  }
}

export interface InferNode {
  readonly op: string;
  /** Operator inputs without epilogue operands. */
  readonly inputs: readonly (Value | undefined)[];
  readonly attrs: Attrs;
  readonly outputCount: number;
  readonly origin: Origin;
  readonly regions: readonly Region[];
  constant(value: Value): Tensor | undefined;
  symbolName(hint: string): string;
}

/** Output types of an operator applied to values; checks arity. */
export function inferNode(node: InferNode): readonly TensorType[] {
  const def = opDef(node.op);
  const where = whereOf(node.origin);
  checkArity(node);
  const request: InferRequest<Attrs> = {
    inputs: node.inputs.map((value) => value?.type),
    attrs: node.attrs,
    outputCount: node.outputCount,
    regionOutputs: node.regions.map((region) => region.graph.outputs.map((output) => output.value.type)),
    type: (i) =>
      node.inputs[i]?.type ?? fail('invalid-model', `input ${def.inputs[i]?.name ?? i} is missing`, { where }),
    constant: (i) => {
      const value = node.inputs[i];
      return value === undefined ? undefined : node.constant(value);
    },
    symbol: (hint, min, max) => dimSymbol(node.symbolName(hint), min, max),
    fail: (message, more = {}) => {
      const { input, code, ...rest } = more;
      const value = input === undefined ? undefined : node.inputs[input];
      throw new CompileError({
        code: code ?? 'invalid-model',
        message,
        where: { ...where, ...(value === undefined ? {} : { blob: value.name }) },
        ...(value === undefined || rest.got !== undefined ? {} : { got: typeToString(value.type) }),
        ...rest,
      });
    },
  };
  const types = def.infer(request as never);
  for (const type of types) {
    if (isOfPossibleSize(type)) continue;
    fail('unsupported', 'the result is too large', {
      where,
      expected: `at most ${kMaxTensorBytes} bytes`,
      got: typeToString(type),
    });
  }
  return types;
}

function checkArity(node: InferNode): void {
  const def = opDef(node.op);
  const min = def.inputs.filter((input) => input.optional !== true && input.variadic !== true).length;
  const variadic = def.inputs.some((input) => input.variadic === true);
  const where = whereOf(node.origin);
  if (node.inputs.length < min || (!variadic && node.inputs.length > def.inputs.length)) {
    const expected = variadic
      ? `at least ${min}`
      : min === def.inputs.length
        ? `${min}`
        : `${min} to ${def.inputs.length}`;
    fail('invalid-model', `wrong number of inputs for ${node.op}`, {
      where,
      expected,
      got: String(node.inputs.length),
    });
  }
  def.inputs.forEach((input, i) => {
    if (input.optional !== true && input.variadic !== true && node.inputs[i] === undefined) {
      fail('invalid-model', `input ${input.name} is missing`, { where });
    }
  });
}

/** Output types of a node after its epilogue, whose operands must not enlarge the output. */
export function inferEpilogue(
  types: readonly TensorType[],
  inputs: readonly (Value | undefined)[],
  epilogue: Epilogue | undefined,
  origin: Origin,
): readonly TensorType[] {
  const own = types[0];
  if (epilogue === undefined || own === undefined) return types;
  const operands = inputs.slice(inputs.length - epilogue.operands);
  const operandTypes = operands.map((value) => value?.type ?? fail('internal', 'epilogue operand is missing'));
  const dtypes: readonly DType[] = [own.dtype, ...operandTypes.map((type) => type.dtype)];
  const shape = inferBroadcast([own.shape, ...operandTypes.map((type) => type.shape)]);
  if (typeof shape === 'string' || !shapeEquals(shape, own.shape)) {
    fail('internal', 'epilogue operands do not broadcast into the output', { where: whereOf(origin) });
  }
  return [{ ...own, dtype: exprDType(epilogue.expr, dtypes) }, ...types.slice(1)];
}

/** The value itself when it can hold what the node makes. */
function checkResult(value: Value | undefined, type: TensorType, fresh: FreshSizes, origin: Origin): Value | undefined {
  if (value !== undefined && !matchTypes(type, value.type, fresh)) {
    fail('internal', `the type of ${value.name} does not agree with what its operator makes`, {
      where: whereOf(origin),
      expected: typeToString(type),
      got: typeToString(value.type),
    });
  }
  return value;
}

/** A numeric tensor or a clear failure (string tensors have no values to compute with). */
export function numeric(tensor: Tensor): NumericTensor {
  if (tensor.dtype === 'str') return fail('unsupported', 'string tensors cannot be computed with');
  return tensor;
}

/** A rank-0 tensor. */
export function scalarTensor(dtype: Exclude<DType, 'str'>, value: number): NumericTensor {
  const tensor = makeTensor(dtype, []);
  tensor.data[0] = tensor.data instanceof BigInt64Array ? (BigInt(value) as never) : (value as never);
  return tensor;
}
