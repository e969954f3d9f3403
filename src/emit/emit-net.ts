// emit: a Program becomes the text of its C++ translation unit and C header. Pure: the same program gives the same bytes.

import { fail } from '../errors.js';
import { asSymbol, dimMax, dimMin, isStatic } from '../ir/dim.js';
import { dtypeCaffe2 } from '../ir/dtype.js';
import { maxSizeBytes, type TensorType } from '../ir/type.js';
import type { KernelStep, Layer, Program } from '../plan/program.js';
import { type BareOptions, stateBytes } from './bare-files.js';
import { callToCpp, extentVariable, operandToCpp } from './cpp-call.js';
import { dimToCpp } from './cpp-dim.js';
import { functorText } from './cpp-functor.js';
import { type DeviceList, deviceLists, type ListedStep, listDeviceSteps } from './device-lists.js';
import { emitDevice, listName } from './emit-device.js';
import { NameTable } from './name-table.js';
import { commentText, cString, mangle } from './names.js';
import { kernelSteps, layerComment, macsText, opNumber } from './step-text.js';
import { render } from './template.js';

export interface EmitOptions {
  /** Prefix of every C symbol; the mangled net name by default. */
  readonly prefix?: string;
  readonly targetName: string;
  /** CpuFeature constants of runtime/include/cortado/model.h that create() asks for. */
  readonly cpuFeatures: readonly string[];
  /** linked: .incbin; file: a separate file found at run time; pointer: the caller brings them. */
  readonly weights: 'linked' | 'file' | 'pointer';
  readonly trace: boolean;
  /** For a machine without an operating system. */
  readonly bare?: BareOptions;
  readonly version: string;
  readonly weightsId: bigint;
  readonly weightFileBytes: number;
}

const kStackBytes = 64 * 1024;

export interface NetTexts {
  readonly source: string;
  readonly header: string;
  /** `<prefix>.cu`; absent where nothing runs on a device. */
  readonly device?: string;
}

/** The generated `<prefix>.cc`, `<prefix>.h` and `<prefix>.cu`. */
export function emitNet(program: Program, options: EmitOptions): NetTexts {
  const prefix = options.prefix ?? mangle(program.name);
  const context = new NetText(program, prefix, options).context();
  const texts = { source: render('net/net.cc', context), header: render('net/net.h', context) };
  if (program.deviceArena === undefined) return texts;
  return { ...texts, device: emitDevice(program, { prefix, targetName: options.targetName, trace: options.trace }) };
}

class NetText {
  private readonly names: NameTable;

  constructor(
    private readonly program: Program,
    private readonly prefix: string,
    private readonly options: EmitOptions,
  ) {
    this.names = new NameTable(program, functorText);
  }

  context() {
    const { program, options, prefix } = this;
    const upper = prefix.toUpperCase();
    const hostSteps = kernelSteps(program.steps).filter((step) => step.call.device !== true);
    const steps = hostSteps.map((step) => this.stepContext(step));
    const listed = listDeviceSteps(program.steps);
    const run = this.runLines(listed, '  ');
    const headers = new Set(hostSteps.map((step) => step.call.header));
    return {
      prefix,
      upper,
      netName: commentText(program.name),
      netString: cString(program.name),
      target: options.targetName,
      targetString: cString(options.targetName),
      versionString: cString(options.version),
      threads: program.threads,
      arenaBytes: program.arenaBytes,
      weightBytes: options.weightFileBytes,
      stackBytes: options.bare?.netStackBytes ?? kStackBytes,
      stateBytes:
        options.bare === undefined
          ? false
          : stateBytes(program.inputs.length, program.outputs.length, program.symbols.length),
      arenas:
        program.arenaParts.length < 2
          ? false
          : program.arenaParts.map(({ region, sizeBytes }) => ({ region: cString(region), sizeBytes })),
      arenaCount: program.arenaParts.length < 2 ? 0 : program.arenaParts.length,
      headers: [...headers, 'cortado/math.h', 'cortado/epilogue.h'].sort().filter((h, i, all) => all.indexOf(h) === i),
      linkedWeights: options.weights === 'linked' && options.weightFileBytes > 0,
      weightsFile: options.weights === 'file' && options.weightFileBytes > 0 ? cString(`${prefix}.weights`) : 'nullptr',
      weightsId: `UINT64_C(0x${options.weightsId.toString(16).padStart(16, '0')})`,
      cpuFeatures: options.cpuFeatures.length === 0 ? '0' : options.cpuFeatures.join(' | '),
      trace: options.trace,
      opCount: program.opCount,
      symbols: program.symbols.map((s, index) => ({
        ...s,
        index,
        constant: this.names.symbol(s.name),
        string: cString(s.name),
      })),
      inputs: program.inputs.map((input, i) => ({
        ...this.tensorInfo(input.name, input.type, input.optional),
        constant: this.names.input(i),
        index: i,
        offset: input.arenaOffsetBytes === undefined ? 'kInPlace' : String(input.arenaOffsetBytes),
      })),
      outputs: program.outputs.map((output, i) => ({
        ...this.tensorInfo(output.name, output.type, false),
        constant: this.names.output(i),
        index: i,
        offset: String(output.arenaOffsetBytes),
      })),
      layers: program.layers.map((layer) => ({ entry: layerEntry(layer) })),
      layerCount: program.layers.length,
      configs: this.names.configLines(),
      functors: this.names.functors(),
      steps,
      run,
      hasSymbols: program.symbols.length > 0,
      hasLayers: program.layers.length > 0,
      hasInputs: program.inputs.length > 0,
      summary: summary(program),
      ...this.deviceContext(deviceLists(listed)),
    };
  }

  private tensorInfo(name: string, type: TensorType, optional: boolean) {
    const shapes = type.variants ?? [type.shape];
    const widest = [...shapes].sort((a, b) => b.length - a.length)[0] ?? [];
    const variable = type.variants !== undefined;
    const across = (
      axis: number,
      pick: (...values: number[]) => number,
      of: (dim: (typeof widest)[number]) => number,
    ): number => pick(...shapes.filter((shape) => shape.length > axis).map((shape) => of(shape[axis] ?? 0)));
    const max = widest.map((_, axis) => across(axis, Math.max, dimMax));
    const min = widest.map((_, axis) => across(axis, Math.min, dimMin));
    const symbols = widest.map((dim) => {
      const symbol = variable ? undefined : asSymbol(dim);
      return symbol === undefined ? '-1' : this.names.symbol(symbol.name);
    });
    // A scalar has no dims, and C++ has no empty arrays: one unread entry stands in.
    const list = (values: readonly (number | string)[]): string => `{${values.length === 0 ? '0' : values.join(', ')}}`;
    const minRank = Math.min(...shapes.map((shape) => shape.length));
    const entry = [
      cString(name),
      `CORTADO_${dtypeConstant(type)}`,
      String(widest.length),
      String(minRank),
      optional ? '1' : '0',
      list(max),
      list(min),
      list(symbols),
      String(maxSizeBytes(type)),
    ];
    return { name: commentText(name), entry: entry.join(', '), comment: commentText(`${name}  ${typeComment(type)}`) };
  }

  private stepContext(step: KernelStep) {
    const layer = this.program.layers[step.layer] ?? fail('internal', 'a step without layer');
    const call = callToCpp(step, this.names);
    const stored = step.call.args.flatMap((arg) => (arg.kind === 'store-extent' ? [arg.symbol.name] : []));
    const before = stored.map((name) => `std::int64_t ${extentVariable(name, this.names)} = 0;`);
    const statement = step.call.fallible === true ? `run.check(${call});` : `${call};`;
    const after = stored.map(
      (name) => `run.set_extent(${this.names.symbol(name)}, ${extentVariable(name, this.names)});`,
    );
    return {
      index: step.layer,
      comment: commentText(layerComment(layer)),
      lines: [...before, statement, ...after].map((line) => ({ line })),
    };
  }

  /** What a net with steps on a device has besides. */
  private deviceContext(lists: readonly DeviceList[]) {
    const { deviceArena, inputs, outputs } = this.program;
    const offset = (bytes: number | undefined): string => (bytes === undefined ? 'kInPlace' : String(bytes));
    return {
      usesDevice: deviceArena !== undefined,
      deviceArenaBytes: deviceArena?.sizeBytes ?? 0,
      deviceCounters: Math.max(0, ...kernelSteps(this.program.steps).map(({ call }) => call.counters ?? 0)),
      deviceInputs: inputs.map((input) => offset(input.deviceOffsetBytes)).join(', '),
      deviceOutputs: outputs.map((output) => offset(output.deviceOffsetBytes)).join(', '),
      deviceLists: lists.map(({ index }) => ({ name: listName(this.prefix, index) })),
    };
  }

  private runLines(steps: readonly ListedStep[], indent: string): readonly { readonly line: string }[] {
    return this.runSteps(steps, indent).map((line) => ({ line }));
  }

  /** The host waits for the device before it reads anything, and at the end of a block, so that none begins unfinished. */
  private runSteps(steps: readonly ListedStep[], indent: string): readonly string[] {
    let isBusy = false;
    const wait = `${indent}if (!wait_for_device(run)) return;`;
    const lines = steps.flatMap((step): readonly string[] => {
      const waits = isBusy && (step.kind === 'kernel' || step.kind === 'if' || step.kind === 'loop');
      isBusy = step.kind === 'device' || (isBusy && !waits);
      return [...(waits ? [wait] : []), ...this.runStep(step, indent)];
    });
    return isBusy && indent.length > 2 ? [...lines, wait] : lines;
  }

  private runStep(step: ListedStep, indent: string): readonly string[] {
    const nested = (inner: readonly ListedStep[]): readonly string[] => this.runSteps(inner, `${indent}  `);
    switch (step.kind) {
      case 'device': {
        const { index, steps } = step;
        const count = steps.length === 1 ? '1 step' : `${steps.length} steps`;
        return [`${indent}if (!run_on_device(run, ${listName(this.prefix, index)})) return;  // ${count}`];
      }
      case 'kernel': {
        const canFail = step.call.fallible === true || step.call.args.some((arg) => arg.kind === 'store-extent');
        const run = `run.step(${step.layer}, step_${step.layer}, ${step.parts})`;
        return [canFail ? `${indent}if (!${run}) return;` : `${indent}${run};`, ...this.traceLines(step, indent)];
      }
      case 'if':
        return [
          `${indent}// op ${step.origin.opIndex} ${commentText(`${step.origin.opType} ${step.condition.name}`)}`,
          `${indent}if (*${operandToCpp(step.condition, this.names)}) {`,
          ...nested(step.yes),
          `${indent}} else {`,
          ...nested(step.no),
          `${indent}}`,
        ];
      case 'loop':
        return [
          `${indent}// op ${step.origin.opIndex} ${commentText(`${step.origin.opType} ${step.origin.blob}`)}`,
          `${indent}${this.loopHead(step)}`,
          ...nested(step.body),
          `${indent}}`,
        ];
      case 'bind':
        return [`${indent}if (!run.set_extent(${this.names.symbol(step.symbol)}, ${this.dim(step.value)})) return;`];
      case 'shape': {
        const call = (shape: (typeof step.shapes)[number]): string =>
          `run.${step.isUnwritten ? 'shape' : 'settle'}_output(${[this.names.output(step.output), ...shape.map((dim) => this.dim(dim))].join(', ')})`;
        const [first = []] = step.shapes;
        if (step.variant === undefined) return [`${indent}if (!${call(first)}) return;`];
        const variant = this.names.symbol(step.variant);
        return step.shapes.map((shape, i) => `${indent}if (run.extent(${variant}) == ${i} && !${call(shape)}) return;`);
      }
    }
  }

  /** `for (…; i < limit && condition; …) {`; the limit is read once. */
  private loopHead({ limit, condition }: Extract<ListedStep, { kind: 'loop' }>): string {
    const test = condition === undefined ? undefined : `*${operandToCpp(condition, this.names)}`;
    if (limit === undefined) return `while (${test ?? 'true'}) {`;
    const [i, n] = [this.names.unique('iteration'), this.names.unique('iterations')];
    const most = typeof limit === 'number' ? String(limit) : `*${operandToCpp(limit, this.names)}`;
    const goesOn = test === undefined ? `${i} < ${n}` : `${i} < ${n} && ${test}`;
    return `for (std::int64_t ${i} = 0, ${n} = ${most}; ${goesOn}; ++${i}) {`;
  }

  private traceLines(step: KernelStep, indent: string): readonly string[] {
    if (!this.options.trace) return [];
    const layer = this.program.layers[step.layer];
    return step.outputs.flatMap((output) => {
      if (
        output === undefined ||
        layer === undefined ||
        output.type.layout.kind !== 'rowMajor' ||
        output.type.variants !== undefined
      )
        return [];
      const dims = output.type.shape.map((dim) => this.dim(dim));
      const index = opNumber(layer);
      return [
        `${indent}run.trace(${[index, cString(output.name), operandToCpp(output, this.names), ...dims].join(', ')});`,
      ];
    });
  }

  private dim(dim: Parameters<typeof dimToCpp>[0]): string {
    return dimToCpp(dim, (name) => this.names.symbol(name));
  }
}

function dtypeConstant(type: TensorType): string {
  const names: { readonly [number: number]: string } = {
    1: 'FLOAT32',
    2: 'INT32',
    5: 'BOOL',
    6: 'UINT8',
    7: 'INT8',
    8: 'UINT16',
    9: 'INT16',
    10: 'INT64',
    12: 'FLOAT16',
    13: 'FLOAT64',
  };
  return names[dtypeCaffe2(type.dtype)] ?? fail('unsupported', `tensors of ${type.dtype} cannot be inputs or outputs`);
}

function layerEntry(layer: Layer): string {
  const type = layer.origin.opType === '' ? layer.op : layer.origin.opType;
  const name = layer.origin.blob === '' ? (layer.writes[0] ?? '') : layer.origin.blob;
  return [
    opNumber(layer),
    cString(type),
    cString(name),
    cString(layer.kernel),
    cString(layer.type),
    Math.round(layer.macs),
    layer.bytes,
  ].join(', ');
}

function typeComment(type: TensorType): string {
  const shape = (dims: TensorType['shape']): string =>
    `[${dims.map((dim) => (isStatic(dim) ? String(dim) : `${dim.min}..${dim.max}`)).join(',')}]`;
  return `${type.dtype} ${(type.variants ?? [type.shape]).map(shape).join(' or ')}`;
}

function summary(program: Program): string {
  const macs = program.layers.reduce((sum, layer) => sum + layer.macs, 0);
  return `${program.opCount} operators in ${program.layers.length} steps, ${macsText(macs)}, arena ${program.arenaBytes} bytes`;
}
