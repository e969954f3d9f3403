// emit: a Program becomes the text of its C++ translation unit and C header. Pure: the same program gives the same bytes.

import { fail } from '../errors.js';
import { asSymbol, dimMax, dimMin, isStatic } from '../ir/dim.js';
import { dtypeCaffe2 } from '../ir/dtype.js';
import { maxSizeBytes, type TensorType } from '../ir/type.js';
import type { KernelConfig } from '../ops/kernel-call.js';
import type { KernelStep, Layer, Program, Step } from '../plan/program.js';
import { callToCpp, configFields, extentVariable, operandToCpp, type SharedNames } from './cpp-call.js';
import { dimToCpp } from './cpp-dim.js';
import { functorText } from './cpp-functor.js';
import { commentText, cString, mangle, Namer, pascal } from './names.js';
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
  readonly version: string;
  readonly weightsId: bigint;
  readonly weightFileBytes: number;
}

interface ConfigText {
  readonly name: string;
  readonly type: string;
  readonly fields: string;
  readonly fieldNames: string;
}

const kStackBytes = 64 * 1024;

/** The generated `<prefix>.cc` and `<prefix>.h`. */
export function emitNet(program: Program, options: EmitOptions): { readonly source: string; readonly header: string } {
  const context = new NetText(program, options).context();
  return { source: render('net/net.cc', context), header: render('net/net.h', context) };
}

class NetText implements SharedNames {
  private readonly namer = new Namer();
  private readonly configs = new Map<string, ConfigText>();
  private readonly functors = new Map<string, { name: string; text: string }>();
  private readonly symbolNames: ReadonlyMap<string, string>;
  private readonly inputNames: readonly string[];
  private readonly outputNames: readonly string[];
  private readonly prefix: string;

  constructor(
    private readonly program: Program,
    private readonly options: EmitOptions,
  ) {
    this.prefix = options.prefix ?? mangle(program.name);
    this.symbolNames = new Map(program.symbols.map((s) => [s.name, this.namer.unique(`k${pascal(s.name)}`)]));
    this.inputNames = program.inputs.map((input) => this.namer.unique(`kIn${pascal(input.name)}`));
    this.outputNames = program.outputs.map((output) => this.namer.unique(`kOut${pascal(output.name)}`));
  }

  config(config: KernelConfig): string {
    const fields = configFields(config);
    const key = `${config.type}{${fields}}`;
    let known = this.configs.get(key);
    if (known === undefined) {
      const stem = config.type.replace(/(Shape|Dims|Config)$/, '');
      const count = [...this.configs.values()].filter((other) => other.type === config.type).length + 1;
      const fieldNames = config.fields.map(([name]) => name).join(', ');
      known = { name: this.namer.unique(`k${stem}_${count}`), type: config.type, fields, fieldNames };
      this.configs.set(key, known);
    }
    return known.name;
  }

  /** Configs by type; the first of each type explains the fields. */
  private configLines() {
    const types = [...new Set([...this.configs.values()].map((config) => config.type))];
    return types.flatMap((type) =>
      [...this.configs.values()]
        .filter((config) => config.type === type)
        .map((config, i) => ({ ...config, heading: i === 0 ? `${type}: ${config.fieldNames}` : '' })),
    );
  }

  functor(step: KernelStep): string {
    const spec = step.call.functor ?? fail('internal', 'a call without functor');
    const text = functorText(spec);
    let known = this.functors.get(text);
    if (known === undefined) {
      const name = this.namer.unique(`${spec.kind === 'epilogue' ? 'Epilogue' : 'Map'}_${this.functors.size + 1}`);
      known = { name, text: text.replace('NAME', name) };
      this.functors.set(text, known);
    }
    return known.name;
  }

  symbol(name: string): string {
    return this.symbolNames.get(name) ?? fail('internal', `unknown symbol ${name}`);
  }

  input(index: number): string {
    return this.inputNames[index] ?? fail('internal', `unknown input ${index}`);
  }

  output(index: number): string {
    return this.outputNames[index] ?? fail('internal', `unknown output ${index}`);
  }

  context() {
    const { program, options, prefix } = this;
    const upper = prefix.toUpperCase();
    const steps = kernelSteps(program.steps).map((step) => this.stepContext(step));
    const run = this.runLines(program.steps, '  ');
    const headers = new Set(kernelSteps(program.steps).map((step) => step.call.header));
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
      stackBytes: kStackBytes,
      headers: [...headers, 'cortado/expression.h', 'cortado/epilogue.h']
        .sort()
        .filter((h, i, all) => all.indexOf(h) === i),
      linkedWeights: options.weights === 'linked' && options.weightFileBytes > 0,
      weightsFile: options.weights === 'file' && options.weightFileBytes > 0 ? cString(`${prefix}.weights`) : 'nullptr',
      weightsId: `UINT64_C(0x${options.weightsId.toString(16).padStart(16, '0')})`,
      cpuFeatures: options.cpuFeatures.length === 0 ? '0' : options.cpuFeatures.join(' | '),
      trace: options.trace,
      opCount: program.opCount,
      symbols: program.symbols.map((s, index) => ({
        ...s,
        index,
        constant: this.symbol(s.name),
        string: cString(s.name),
      })),
      inputs: program.inputs.map((input, i) => ({
        ...this.tensorInfo(input.name, input.type, input.optional),
        constant: this.input(i),
        index: i,
        offset: input.arenaOffsetBytes === undefined ? 'kInPlace' : String(input.arenaOffsetBytes),
      })),
      outputs: program.outputs.map((output, i) => ({
        ...this.tensorInfo(output.name, output.type, false),
        constant: this.output(i),
        index: i,
        offset: String(output.arenaOffsetBytes),
      })),
      layers: program.layers.map((layer) => ({ entry: layerEntry(layer) })),
      layerCount: program.layers.length,
      configs: this.configLines(),
      functors: [...this.functors.values()],
      steps,
      run,
      hasSymbols: program.symbols.length > 0,
      hasLayers: program.layers.length > 0,
      hasInputs: program.inputs.length > 0,
      summary: summary(program),
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
      return symbol === undefined ? '-1' : this.symbol(symbol.name);
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
    const call = callToCpp(step, this);
    const stored = step.call.args.flatMap((arg) => (arg.kind === 'store-extent' ? [arg.symbol.name] : []));
    const before = stored.map((name) => `std::int64_t ${extentVariable(name, this)} = 0;`);
    const statement = step.call.fallible === true ? `run.check(${call});` : `${call};`;
    const after = stored.map((name) => `run.set_extent(${this.symbol(name)}, ${extentVariable(name, this)});`);
    return {
      index: step.layer,
      comment: commentText(layerComment(layer)),
      lines: [...before, statement, ...after].map((line) => ({ line })),
    };
  }

  private runLines(steps: readonly Step[], indent: string): readonly { readonly line: string }[] {
    return steps.flatMap((step) => this.runStep(step, indent)).map((line) => ({ line }));
  }

  private runStep(step: Step, indent: string): readonly string[] {
    const nested = (inner: readonly Step[]): readonly string[] => inner.flatMap((s) => this.runStep(s, `${indent}  `));
    switch (step.kind) {
      case 'kernel': {
        const canFail = step.call.fallible === true || step.call.args.some((arg) => arg.kind === 'store-extent');
        const run = `run.step(${step.layer}, step_${step.layer}, ${step.parts})`;
        return [canFail ? `${indent}if (!${run}) return;` : `${indent}${run};`, ...this.traceLines(step, indent)];
      }
      case 'if':
        return [
          `${indent}// op ${step.origin.opIndex} ${commentText(`${step.origin.opType} ${step.condition.name}`)}`,
          `${indent}if (*${operandToCpp(step.condition, this)}) {`,
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
        return [`${indent}if (!run.set_extent(${this.symbol(step.symbol)}, ${this.dim(step.value)})) return;`];
      case 'shape': {
        const call = (shape: (typeof step.shapes)[number]): string =>
          `run.${step.isUnwritten ? 'shape' : 'settle'}_output(${[this.output(step.output), ...shape.map((dim) => this.dim(dim))].join(', ')})`;
        const [first = []] = step.shapes;
        if (step.variant === undefined) return [`${indent}if (!${call(first)}) return;`];
        const variant = this.symbol(step.variant);
        return step.shapes.map((shape, i) => `${indent}if (run.extent(${variant}) == ${i} && !${call(shape)}) return;`);
      }
    }
  }

  /** `for (…; i < limit && condition; …) {`; the limit is read once. */
  private loopHead({ limit, condition }: Extract<Step, { kind: 'loop' }>): string {
    const test = condition === undefined ? undefined : `*${operandToCpp(condition, this)}`;
    if (limit === undefined) return `while (${test ?? 'true'}) {`;
    const [i, n] = [this.namer.unique('iteration'), this.namer.unique('iterations')];
    const most = typeof limit === 'number' ? String(limit) : `*${operandToCpp(limit, this)}`;
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
      return [`${indent}run.trace(${[index, cString(output.name), operandToCpp(output, this), ...dims].join(', ')});`];
    });
  }

  private dim(dim: Parameters<typeof dimToCpp>[0]): string {
    return dimToCpp(dim, (name) => this.symbol(name));
  }
}

function kernelSteps(steps: readonly Step[]): readonly KernelStep[] {
  return steps.flatMap((step): readonly KernelStep[] => {
    if (step.kind === 'kernel') return [step];
    if (step.kind === 'loop') return kernelSteps(step.body);
    return step.kind === 'if' ? [...kernelSteps(step.yes), ...kernelSteps(step.no)] : [];
  });
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

/** The index in the published net; the outermost one for nested nets; -1 for steps of the compiler. */
function opNumber(layer: Layer): number {
  const outermost = Number.parseInt(layer.origin.opIndex, 10);
  return Number.isNaN(outermost) ? -1 : outermost;
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

function layerComment(layer: Layer): string {
  const type = layer.origin.opType === '' ? layer.op : layer.origin.opType;
  const index = layer.origin.opIndex === '' ? '' : `op ${layer.origin.opIndex} `;
  const macs = layer.macs === 0 ? '' : `  ${macsText(layer.macs)}`;
  const fused = layer.fused === '' ? '' : `  ${layer.fused}`;
  return `${index}${type} ${layer.reads.join(', ')} -> ${layer.writes.join(', ')}  ${layer.type}${macs}${fused}`;
}

function macsText(macs: number): string {
  if (macs >= 1e6) return `${(macs / 1e6).toFixed(1)} MMAC`;
  return macs >= 1e3 ? `${(macs / 1e3).toFixed(1)} kMAC` : `${macs} MAC`;
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
