// The table of supported operators, derived from their definitions: Caffe2 types, arguments, what runs where.

import { kControlFlow } from './frontend/caffe2/control-flow.js';
import { attrToString } from './ops/attributes.js';
import { allOps, type OpDef } from './ops/index.js';
import { kKernels } from './plan/kernels/table.js';

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
  readonly interpreter: boolean;
  /** How x86-64 computes it: kernels written for it, a generic kernel, generated expressions, a view; '' for not yet. */
  readonly x86: string;
}

/** One row per operator of the graph, by name. */
export function opTable(): readonly OpRow[] {
  return allOps().map((def) => ({
    name: def.name,
    caffe2: [...Object.keys(def.caffe2 ?? {}), ...(kControlFlow.has(def.name) ? [def.name] : [])].sort(),
    doc: def.doc,
    source: def.source,
    inputs: def.inputs.map(({ name, optional, variadic }) => `${name}${variadic ? '...' : ''}${optional ? '?' : ''}`),
    outputs: def.outputs.map(({ name, optional, variadic }) => `${name}${variadic ? '...' : ''}${optional ? '?' : ''}`),
    arguments: Object.entries(def.attrs).map(([name, spec]) => ({
      name,
      kind: spec.kind,
      ...(spec.default === undefined ? {} : { default: attrToString(spec.default) }),
      doc: spec.doc,
    })),
    interpreter: true,
    x86: waysToCompile(def).join(', '),
  }));
}

function waysToCompile(def: OpDef): readonly string[] {
  const kernels = kKernels.filter(({ op }) => op === def.name).map(({ name }) => name);
  return [
    ...new Set(kernels),
    ...(def.scalar === undefined ? [] : ['expression']),
    ...(def.lower === undefined ? [] : ['generic']),
    ...(def.view === undefined ? [] : ['view']),
    ...(def.regions === undefined ? [] : ['control flow']),
  ];
}
