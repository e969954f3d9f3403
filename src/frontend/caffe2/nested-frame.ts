// Frames of nested nets. A region is a net of its own: the outer values it reads are captured, constants are repeated in it
// (the same tensor), so that types can depend on them. An inline net emits into its parent's graph and only has its own
// names.

import { fail } from '../../errors.js';
import type { Graph, GraphOutput, Value } from '../../ir/graph.js';
import type { OpScope } from './import-scope.js';
import { type Binding, NetFrame } from './import-session.js';
import type { NetDef } from './net-def.js';

export interface ControlFlowRequest {
  readonly scope: OpScope;
  /** Names that are read after this operator. */
  liveAfter(): ReadonlySet<string>;
  /** Imports the operators of a nested net into its frame. */
  importNested(frame: NetFrame, net: NetDef, liveAtEnd: ReadonlySet<string>): void;
}

/** A nested net that becomes a region: its frame and the outer values it reads, each with the value inside. */
export interface RegionFrame {
  readonly name: string;
  readonly frame: NetFrame;
  readonly captures: Map<Value, Value>;
  /** The value inside that stands for an outer one. */
  capture(value: Value): Value;
}

export interface RegionOptions {
  readonly name: string;
  /** Where blobs of the parent are looked up; the operator's own frame by default. */
  readonly parent?: NetFrame;
  /** Blobs that the operator gives the region, asked before the parent. */
  readonly own?: (blob: string, region: RegionFrame) => Binding | undefined;
}

export function openRegion(scope: OpScope, options: RegionOptions): RegionFrame {
  const { name, parent = scope.frame } = options;
  const captures = new Map<Value, Value>();
  const capture = (value: Value): Value => {
    const known = captures.get(value);
    if (known !== undefined) return known;
    const tensor = scope.constantOf(value);
    const inner: Value = { name: frame.builder.uniqueName(value.name), type: value.type };
    captures.set(value, inner);
    if (tensor !== undefined) frame.builder.adoptConstant(inner, tensor);
    return inner;
  };
  const { builder: _, ...outer } = parent.options;
  const frame: NetFrame = new NetFrame(parent.session, {
    ...outer,
    kind: 'branch',
    name: `${outer.name}.${scope.origin.opIndex}.${name}`,
    opPrefix: `${scope.origin.opIndex}.${name}.`,
    resolveOuter: (blob) => {
      const own = options.own?.(blob, region);
      if (own !== undefined) return own;
      const binding = parent.lookUp(blob);
      return binding?.kind === 'value' ? { kind: 'value', value: capture(binding.value) } : binding;
    },
    implicitInput: (blob, type) => capture(scope.implicitInput(blob, type)),
  });
  const region: RegionFrame = { name, frame, captures, capture };
  return region;
}

/** The captures that are inputs of the region; constants are in it already. */
export function capturedInputs(region: RegionFrame): readonly (readonly [outer: Value, inner: Value])[] {
  return [...region.captures].filter(([, inner]) => region.frame.builder.constantOf(inner) === undefined);
}

/** The region's graph; its inputs are given by the caller. */
export function closeRegion(region: RegionFrame, inputs: readonly Value[], outputs: readonly GraphOutput[]): Graph {
  const graph = region.frame.builder.finish(outputs);
  if (graph.inputs.length > 0) fail('internal', 'a nested net has made inputs of its own');
  return { ...graph, inputs: inputs.map((value) => ({ value, optional: false })) };
}

/** A frame for a net that emits into its parent's graph and finds its blobs through `resolve`. */
export function openInline(
  scope: OpScope,
  name: string,
  parent: NetFrame,
  resolve: (blob: string) => Binding | undefined = (blob) => parent.lookUp(blob),
): NetFrame {
  return new NetFrame(parent.session, {
    ...parent.options,
    builder: parent.builder,
    opPrefix: `${scope.origin.opIndex}.${name}.`,
    resolveOuter: resolve,
  });
}
