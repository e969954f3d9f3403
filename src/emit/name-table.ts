// Names of what the steps of a translation unit share: configs, functors, symbols, inputs, outputs. Equal ones are one.

import { fail } from '../errors.js';
import type { FunctorSpec, KernelConfig } from '../ops/kernel-call.js';
import type { KernelStep, Program } from '../plan/program.js';
import { configFields, type SharedNames } from './cpp-call.js';
import { Namer, pascal } from './names.js';

interface ConfigText {
  readonly name: string;
  readonly type: string;
  readonly fields: string;
  readonly fieldNames: string;
}

export class NameTable implements SharedNames {
  private readonly namer = new Namer();
  private readonly configs = new Map<string, ConfigText>();
  private readonly functorTexts = new Map<string, { name: string; text: string }>();
  private readonly symbolNames: ReadonlyMap<string, string>;
  private readonly inputNames: readonly string[];
  private readonly outputNames: readonly string[];

  /** `spell` prints a functor with NAME in place of its name. */
  constructor(
    program: Program,
    private readonly spell: (spec: FunctorSpec) => string,
  ) {
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
  configLines() {
    const types = [...new Set([...this.configs.values()].map((config) => config.type))];
    return types.flatMap((type) =>
      [...this.configs.values()]
        .filter((config) => config.type === type)
        .map((config, i) => ({ ...config, heading: i === 0 ? `${type}: ${config.fieldNames}` : '' })),
    );
  }

  functor(step: KernelStep): string {
    const spec = step.call.functor ?? fail('internal', 'a call without functor');
    const text = this.spell(spec);
    let known = this.functorTexts.get(text);
    if (known === undefined) {
      const name = this.namer.unique(`${spec.kind === 'epilogue' ? 'Epilogue' : 'Map'}_${this.functorTexts.size + 1}`);
      known = { name, text: text.replace('NAME', name) };
      this.functorTexts.set(text, known);
    }
    return known.name;
  }

  functors(): readonly { readonly name: string; readonly text: string }[] {
    return [...this.functorTexts.values()];
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

  /** A name for a local. */
  unique(wanted: string): string {
    return this.namer.unique(wanted);
  }
}
