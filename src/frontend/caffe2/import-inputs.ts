// Which blobs of a predict net are its inputs, and their types. Inputs = external inputs that no init net fills, those
// that it fills with a placeholder only, and those that the user or value_info.json names. What no operator reads is
// dropped. Types come from --input, then value_info.json, then the init net of an exported predictor.

import type { Problem, Where } from '../../errors.js';
import { dimMax } from '../../ir/dim.js';
import { elementCount, getNumber, type Tensor } from '../../ir/tensor.js';
import { type Quantization, type TensorType, tensorType } from '../../ir/type.js';
import { type InputSpec, kInputTypes } from './import-input-spec.js';
import type { Reader } from './import-reads.js';
import type { NetDef } from './net-def.js';
import type { ValueInfo } from './value-info.js';

/** A blob filled before the predict net runs; undefined when its fill failed (and was reported). */
export interface FilledBlob {
  readonly tensor: Tensor | undefined;
  /** Type of the operator that made it; empty for stored tensors. */
  readonly opType: string;
  /** Of Int8 fills. */
  readonly quantization?: Quantization | undefined;
}

export interface InputSources {
  readonly predict: NetDef;
  readonly filled: ReadonlyMap<string, FilledBlob>;
  readonly given: ReadonlyMap<string, InputSpec>;
  readonly valueInfo: ReadonlyMap<string, ValueInfo>;
  /** Inputs that an exported predictor names. */
  readonly declared: readonly string[];
  readonly reads: ReadonlyMap<string, Reader | undefined>;
}

/** An input of the graph; without a type, its shape is nowhere to be found. */
export interface FoundInput {
  readonly name: string;
  readonly type: TensorType | undefined;
}

/** The inputs in the net's order. */
export function findInputs(sources: InputSources): readonly FoundInput[] {
  const { predict, declared, reads } = sources;
  const listed = predict.externalInputs.length > 0 ? predict.externalInputs : [...reads.keys()];
  return [...new Set([...listed, ...declared])]
    .filter((name) => reads.has(name) && isInput(name, sources))
    .map((name) => ({ name, type: inputType(name, sources) }));
}

/** The problem of an input without a type. */
export function missingShapeProblem(name: string, sources: InputSources): Problem {
  const reader = sources.reads.get(name);
  const listed = sources.predict.externalInputs.includes(name);
  const where: Where = {
    ...(reader === undefined ? {} : { opIndex: reader.opIndex, opType: reader.op.type ?? '' }),
    ...(reader?.op.name === undefined ? {} : { opName: reader.op.name }),
    blob: name,
  };
  const remedy = `give it as --input ${name}:1,3,224,224 (with its own dims) or in a value_info.json`;
  if (listed) return { code: 'invalid-model', message: `the shape of input ${name} is not known`, where, remedy };
  return {
    code: 'invalid-model',
    message: `${name} is read, but no operator makes it and no init net fills it`,
    where,
    remedy: `if it is an input, ${remedy}`,
  };
}

/** Problems of --input options that name nothing that could be an input. */
export function checkGivenNames(sources: InputSources, inputs: readonly FoundInput[]): readonly Problem[] {
  const { predict, reads } = sources;
  const names = new Set([...inputs.map((input) => input.name), ...predict.externalInputs, ...reads.keys()]);
  const made = new Set(predict.ops.flatMap((op) => op.outputs));
  return [...sources.given.keys()]
    .filter((name) => !names.has(name) && !name.startsWith(kImplicitInputPrefix))
    .map((name) => ({
      code: 'bad-option',
      message: `--input names ${name}, which ${made.has(name) ? 'an operator makes' : 'no operator reads'}`,
      where: { blob: name },
      expected: inputs.length === 0 ? 'no --input' : inputs.map((input) => input.name).join(' or '),
      ...typeRemedy(name, names),
    }));
}

/** `data:string` where there is an input `data`: the type is what is wrong. */
function typeRemedy(name: string, names: ReadonlySet<string>): Pick<Problem, 'remedy'> {
  const colon = name.lastIndexOf(':');
  if (colon < 0 || !names.has(name.slice(0, colon))) return {};
  return { remedy: `${name.slice(colon + 1)} is no type of inputs: ${kInputTypes}` };
}

/** Workspace blobs that operators use without declaring them begin so. */
const kImplicitInputPrefix = '__CAFFE2_';

function isInput(name: string, sources: InputSources): boolean {
  const filled = sources.filled.get(name);
  if (filled === undefined || sources.given.has(name) || sources.valueInfo.has(name)) return true;
  return sources.declared.includes(name) || isPlaceholder(filled);
}

/** ConstantFill of shape [1] (caffe_translator) or GivenTensorFill of shape [1,1] (mobile_exporter), all zero. */
function isPlaceholder(filled: FilledBlob): boolean {
  const { tensor, opType } = filled;
  if (tensor === undefined || tensor.dtype !== 'f32' || elementCount(tensor.dims) !== 1) return false;
  const rank = opType === 'ConstantFill' ? 1 : opType === 'GivenTensorFill' ? 2 : -1;
  return tensor.dims.length === rank && getNumber(tensor, 0) === 0;
}

function inputType(name: string, sources: InputSources): TensorType | undefined {
  const given = sources.given.get(name);
  const info = sources.valueInfo.get(name);
  const filled = sources.filled.get(name);
  const filledType =
    filled?.tensor === undefined || isPlaceholder(filled)
      ? undefined
      : tensorType(filled.tensor.dtype, filled.tensor.dims);
  const dtype = given?.dtype ?? info?.dtype ?? filledType?.dtype ?? 'f32';
  const shape = given?.shape ?? info?.dims ?? filledType?.shape;
  return shape === undefined ? undefined : tensorType(dtype, shape);
}

/** Type of an implicit input: the operator's own, unless the user gave one. */
export function implicitInputType(name: string, type: TensorType, given: InputSpec | undefined): TensorType | Problem {
  if (given === undefined) return type;
  const same =
    (given.dtype ?? type.dtype) === type.dtype && given.shape.map(dimMax).join() === type.shape.map(dimMax).join();
  if (same) return type;
  return {
    code: 'bad-option',
    message: `--input ${name} does not fit`,
    expected: `${type.dtype} [${type.shape.map(dimMax).join(',')}]`,
    got: `${given.dtype ?? type.dtype} [${given.shape.map(dimMax).join(',')}]`,
  };
}
