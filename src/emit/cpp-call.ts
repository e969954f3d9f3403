// One kernel call as C++ text: template arguments, pointers, sizes, functor.

import { fail, unreachable } from '../errors.js';
import type { Dim } from '../ir/dim.js';
import { dtypeCpp } from '../ir/dtype.js';
import { cppLiteral } from '../ir/expr-to-cpp.js';
import type { ConfigValue, KernelArg, KernelConfig, StructValue, TemplateArg } from '../ops/kernel-call.js';
import type { KernelStep, Operand, Place } from '../plan/program.js';
import { dimToCpp } from './cpp-dim.js';

/** The device's type of a half. */
export const kHalfCpp = 'Half';

/** Names of things shared between steps: configs, functors, symbols, inputs, outputs. */
export interface SharedNames {
  config(config: KernelConfig): string;
  functor(step: KernelStep): string;
  symbol(name: string): string;
  input(index: number): string;
  output(index: number): string;
}

/** `conv2d_direct<kConv1, kTile1>(part, 1, …)`. */
export function callToCpp(step: KernelStep, names: SharedNames): string {
  const { call } = step;
  const template = call.template.map((argument) => templateArgToCpp(argument, step, names));
  const typed = template.length === 0 ? '' : `<${template.join(', ')}>`;
  const first = call.device === true ? 'run.stream()' : 'part';
  const args = [first, ...call.args.map((argument) => argToCpp(argument, step, names))];
  return `${call.fn}${typed}(${args.join(', ')})`;
}

function templateArgToCpp(argument: TemplateArg, step: KernelStep, names: SharedNames): string {
  switch (argument.kind) {
    case 'config':
      return names.config(argument.config ?? step.call.config ?? fail('internal', `${step.call.fn} has no config`));
    case 'dtype':
      return dtypeCpp(argument.dtype);
    case 'number':
      return String(argument.value);
    case 'bool':
      return String(argument.value);
    case 'functor':
      return step.call.functor === undefined ? 'NoEpilogue' : names.functor(step);
    case 'type':
      return argument.cpp;
    default:
      return unreachable(argument);
  }
}

function argToCpp(argument: KernelArg, step: KernelStep, names: SharedNames): string {
  const symbol = (name: string): string => names.symbol(name);
  switch (argument.kind) {
    case 'input':
      return operandToCpp(step.inputs[argument.index], names, hostOf(step, step.inputs[argument.index]));
    case 'output':
      return outputToCpp(step, argument.index, names);
    case 'packed': {
      const tensor =
        step.call.packs?.[argument.index] ?? fail('internal', `${step.call.fn} has no pack ${argument.index}`);
      const isHalf = step.call.device === true && tensor.dtype === 'f16';
      return `run.weight<${isHalf ? kHalfCpp : dtypeCpp(tensor.dtype)}>(${step.packsBytes[argument.index] ?? 0})`;
    }
    case 'scratch':
      if (step.scratch === undefined) return 'nullptr';
      if (step.call.device === true) return `run.at<float>(${step.scratch.offsetBytes})`;
      return `run.scratch<float${arenaPart(step.scratch.part)}>(part, ${step.scratch.offsetBytes}, ${step.scratch.bytesPerPart})`;
    case 'image':
      return `ImageOperand<${elementCpp(argument.at, step)}>{${argToCpp(argument.at, step, names)}, ${argument.stored}}`;
    case 'extent':
      return dimToCpp(argument.dim, symbol);
    case 'dims':
      return `Dims<${argument.shape.length}>{{${argument.shape.map((dim) => dimToCpp(dim, symbol)).join(', ')}}}`;
    case 'list':
      return `Dims<${argument.values.length}>{{${argument.values.join(', ')}}}`;
    case 'struct':
      return `${argument.type}{${argument.fields.map(([, value]) => structValueToCpp(value, symbol)).join(', ')}}`;
    case 'literal':
      return cppLiteral(argument.value, argument.dtype);
    case 'store-extent':
      return `&${extentVariable(argument.symbol.name, names)}`;
    case 'counters':
      return 'run.counters()';
    case 'null':
      return 'nullptr';
    case 'functor':
      return functorToCpp(step, names);
    default:
      return unreachable(argument);
  }
}

/** The type of what an argument points to. */
function elementCpp(argument: KernelArg, { inputs, call }: KernelStep): string {
  const type = argument.kind === 'input' ? inputs[argument.index]?.type : undefined;
  const dtype = argument.kind === 'packed' ? call.packs?.[argument.index]?.dtype : (type?.storage ?? type?.dtype);
  if (dtype === undefined) return fail('internal', `${call.fn} points to nothing`);
  return dtype === 'f16' ? kHalfCpp : dtypeCpp(dtype);
}

/** The local that receives a size computed by a kernel. */
export function extentVariable(symbolName: string, names: SharedNames): string {
  return `found_${names.symbol(symbolName)}`;
}

function outputToCpp(step: KernelStep, index: number, names: SharedNames): string {
  const operand = step.outputs[index];
  return operand === undefined ? 'nullptr' : operandToCpp(operand, names, hostOf(step, operand));
}

/** How a step reaches its operand: steps on the device see the host's memory through the host's run. */
function hostOf({ call }: KernelStep, operand: Operand | undefined): string {
  const isOwn = operand === undefined || operand.type.memory === 'device' || operand.place.kind === 'weight';
  return call.device !== true || isOwn ? 'run' : 'run.host()';
}

export function operandToCpp(operand: Operand | undefined, names: SharedNames, run = 'run'): string {
  if (operand === undefined) return 'static_cast<const float*>(nullptr)';
  const { dtype, storage } = operand.type;
  return placeToCpp(operand.place, storage === 'f16' ? kHalfCpp : dtypeCpp(dtype), names, run);
}

function placeToCpp(place: Place, cpp: string, names: SharedNames, run: string): string {
  switch (place.kind) {
    case 'arena':
      return `${run}.at<${cpp}${arenaPart(place.part)}>(${place.offsetBytes})`;
    case 'weight':
      return `${run}.weight<${cpp}>(${place.offsetBytes})`;
    case 'input':
      return withOffset(`${run}.input<${cpp}>(${names.input(place.index)})`, place.offsetBytes, cpp);
    case 'output':
      return withOffset(`${run}.output<${cpp}>(${names.output(place.index)})`, place.offsetBytes, cpp);
    default:
      return unreachable(place);
  }
}

/** A further template argument where the arena has several parts. */
function arenaPart(part: number): string {
  return part === 0 ? '' : `, ${part}`;
}

function withOffset(pointer: string, offsetBytes: number, cpp: string): string {
  return offsetBytes === 0 ? pointer : `${pointer} + ${offsetBytes} / sizeof(${cpp})`;
}

function functorToCpp(step: KernelStep, names: SharedNames): string {
  if (step.call.functor === undefined) return 'NoEpilogue{}';
  const { known } = step.call.functor;
  if (known !== undefined) return `${known.type}{${known.args.map((arg) => argToCpp(arg, step, names)).join(', ')}}`;
  const operands = step.call.functor.operands.map(({ arg }) => argToCpp(arg, step, names));
  return `${names.functor(step)}{${operands.join(', ')}}`;
}

function structValueToCpp(value: StructValue, symbol: (name: string) => string): string {
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return String(value);
  if (isList(value)) return `{${value.map((item) => structValueToCpp(item, symbol)).join(', ')}}`;
  if ('float' in value) return cppLiteral(value.float, 'f32');
  return dimToCpp(value as Dim, symbol);
}

function isList(value: StructValue): value is readonly StructValue[] {
  return Array.isArray(value);
}

/** `64, 112, 112` with nested braces for arrays. */
export function configFields(config: KernelConfig): string {
  const text = (value: ConfigValue): string => (typeof value === 'object' ? `{${value.join(', ')}}` : String(value));
  return config.fields.map(([, value]) => text(value)).join(', ');
}
