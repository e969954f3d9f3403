// The table of supported operators, derived from their definitions: Caffe2 types, arguments, what runs where.

import { kControlFlow } from './frontend/caffe2/control-flow.js';
import { type Family, type Way, waysOf } from './op-ways.js';
import { attrToString } from './ops/attributes.js';
import { allOps, type OpDef } from './ops/index.js';

export interface OpArgument {
  readonly name: string;
  readonly kind: string;
  /** Text of the default; absent: required. */
  readonly default?: string;
  readonly doc: string;
}

export interface OpRow {
  /** Name in Cortado's own graph. */
  readonly name: string;
  /** Caffe2 operator types that mean it. */
  readonly caffe2: readonly string[];
  readonly doc: string;
  readonly source: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly arguments: readonly OpArgument[];
  /** How targets compute it, planned when it is read (some 30 ms each); none for the compiler's own operators, which have no examples. */
  readonly ways: { readonly [F in Family]: readonly Way[] };
}

/** One row per operator of the graph, by name; with `type` those that it is the name of, here or in Caffe2. */
export function opTable(type?: string): readonly OpRow[] {
  const isMeant = (def: OpDef): boolean => type === undefined || def.name === type || caffe2Types(def).includes(type);
  return allOps()
    .filter(isMeant)
    .map((def) => ({
      name: def.name,
      caffe2: caffe2Types(def),
      doc: def.doc,
      source: def.source,
      inputs: def.inputs.map(({ name, optional, variadic }) => `${name}${variadic ? '...' : ''}${optional ? '?' : ''}`),
      outputs: def.outputs.map(
        ({ name, optional, variadic }) => `${name}${variadic ? '...' : ''}${optional ? '?' : ''}`,
      ),
      arguments: Object.entries(def.attrs).map(([name, spec]) => ({
        name,
        kind: spec.kind,
        ...(spec.default === undefined ? {} : { default: attrToString(spec.default) }),
        doc: spec.doc,
      })),
      get ways() {
        return {
          'x86-64': waysOf(def, 'x86-64'),
          ARM: waysOf(def, 'ARM'),
          'Cortex-M': waysOf(def, 'Cortex-M'),
          CUDA: waysOf(def, 'CUDA'),
        };
      },
    }));
}

/** Caffe2 operator types that mean the operator. */
export function caffe2Types(def: OpDef): readonly string[] {
  return [...Object.keys(def.caffe2 ?? {}), ...(kControlFlow.has(def.name) ? [def.name] : [])].sort();
}
