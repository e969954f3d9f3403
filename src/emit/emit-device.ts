// emit: the steps of a Program that run on a device, as the text of its CUDA translation unit. Each step is a function that
// submits work to a stream; lists of them are what the host's run_net hands over.

import { fail } from '../errors.js';
import type { KernelStep, Program } from '../plan/program.js';
import { callToCpp, operandToCpp } from './cpp-call.js';
import { dimToCpp } from './cpp-dim.js';
import { deviceFunctorText } from './cpp-functor.js';
import { deviceLists, listDeviceSteps } from './device-lists.js';
import { NameTable } from './name-table.js';
import { commentText, cString } from './names.js';
import { kernelSteps, layerComment, opNumber } from './step-text.js';
import { render } from './template.js';

export interface DeviceEmitOptions {
  readonly prefix: string;
  readonly targetName: string;
  readonly trace: boolean;
}

/** Name of a list of device steps, which both translation units know. */
export function listName(prefix: string, index: number): string {
  return `${prefix}_graph_${index}`;
}

/** The generated `<prefix>.cu`. */
export function emitDevice(program: Program, options: DeviceEmitOptions): string {
  const names = new NameTable(program, deviceFunctorText);
  const deviceSteps = kernelSteps(program.steps).filter(({ call }) => call.device === true);
  const steps = deviceSteps.map((step) => ({
    index: step.layer,
    comment: commentText(layerComment(layerOf(program, step))),
    lines: [`${callToCpp(step, names)};`, ...(options.trace ? traceLines(program, step, names) : [])].map((line) => ({
      line,
    })),
  }));
  return render('net/net.cu', {
    prefix: options.prefix,
    netName: commentText(program.name),
    target: options.targetName,
    headers: [...new Set(deviceSteps.map(({ call }) => call.header))].sort(),
    symbols: program.symbols.map((symbol, index) => ({ constant: names.symbol(symbol.name), index })),
    inputs: inputsRead(deviceSteps).map((index) => ({ constant: names.input(index), index })),
    configs: names.configLines(),
    functors: names.functors(),
    steps,
    lists: deviceLists(listDeviceSteps(program.steps)).map(({ index, steps: listed }) => ({
      name: listName(options.prefix, index),
      index,
      count: listed.length,
      entries: listed.map(({ layer }) => ({ layer })),
    })),
  });
}

/** Inputs of the net that steps copy to the device themselves: those of which branches or the host take parts. */
function inputsRead(steps: readonly KernelStep[]): readonly number[] {
  const places = steps.flatMap(({ inputs }) => inputs.flatMap((operand) => operand?.place ?? []));
  const indices = places.flatMap((place) => (place.kind === 'input' ? [place.index] : []));
  return [...new Set(indices)].sort((a, b) => a - b);
}

function layerOf(program: Program, step: KernelStep) {
  return program.layers[step.layer] ?? fail('internal', 'a step without layer');
}

function traceLines(program: Program, step: KernelStep, names: NameTable): readonly string[] {
  return step.outputs.flatMap((output) => {
    if (output === undefined || output.type.memory !== 'device' || output.type.variants !== undefined) return [];
    const { layout, shape } = output.type;
    const stored = layout.kind === 'blocked' ? (layout.pitch ?? layout.block) : 0;
    const dims = shape.map((dim) => dimToCpp(dim, (name) => names.symbol(name)));
    const op = opNumber(layerOf(program, step));
    const args = [op, cString(output.name), operandToCpp(output, names), stored, ...dims];
    return [`run.${output.type.storage === 'f16' ? 'trace_half' : 'trace'}(${args.join(', ')});`];
  });
}
