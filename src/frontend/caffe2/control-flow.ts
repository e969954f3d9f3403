// Operators with nested nets. A subnet works on its parent's workspace: it reads and overwrites blobs of the parent by
// name, declared or not. Here a branch becomes a region: the values it reads are captured, the blobs it writes that
// anybody reads afterwards become outputs of the node. Constants are not captured but repeated in the region (the same
// tensor), so that types can depend on them. While, Do and RecurrentNetwork are not imported yet.

import { fail } from '../../errors.js';
import type { Graph, GraphOutput, Region, Value } from '../../ir/graph.js';
import { GraphBuilder } from '../../ops/builder.js';
import { type OpScope, PoisonSignal } from './import-scope.js';
import { type Binding, kPoisoned, NetFrame } from './import-session.js';
import type { NetDef } from './net-def.js';

export interface ControlFlowRequest {
  readonly scope: OpScope;
  /** Names that are read after this operator. */
  liveAfter(): ReadonlySet<string>;
  /** Imports the operators of a nested net into its frame. */
  importNested(frame: NetFrame, net: NetDef, liveAtEnd: ReadonlySet<string>): void;
}

/** Gives the bindings of all blobs written. */
export type ControlFlowImport = (request: ControlFlowRequest) => ReadonlyMap<string, Binding>;

export const kControlFlow: ReadonlyMap<string, ControlFlowImport> = new Map([
  ['If', importIf],
  ['While', unsupportedLoop],
  ['Do', unsupportedLoop],
  ['ONNXWhile', unsupportedLoop],
  ['RecurrentNetwork', unsupportedLoop],
]);

function unsupportedLoop({ scope }: ControlFlowRequest): never {
  return scope.fail(`operator type ${scope.type} is not supported yet`, { code: 'unsupported' });
}

/** A branch of an If: its frame and the outer values it reads, each with the region input that stands for it. */
interface Branch {
  readonly name: string;
  readonly frame: NetFrame;
  readonly captures: Map<Value, Value>;
  readonly failed: boolean;
}

function importIf(request: ControlFlowRequest): ReadonlyMap<string, Binding> {
  const { scope } = request;
  if (!scope.args.hasScalar('then_net', 'net')) {
    return scope.fail('argument then_net is missing', { expected: 'a net (field n)' });
  }
  const live = request.liveAfter();
  const branches = ['then', 'else'].map((name) => importBranch(request, name, scope.args.net(`${name}_net`), live));
  const written = new Set(branches.flatMap((branch) => branch.frame.writtenNames()));
  if (branches.some((branch) => branch.failed)) return new Map([...written].map((name) => [name, kPoisoned]));
  const condition = scope.input(0);
  const merged = [...written].filter((name) => live.has(name)).map((name) => mergeBlob(name, branches));
  const outputs = merged.filter((blob) => blob.unset === undefined);
  const bindings = new Map<string, Binding>();
  for (const blob of merged) if (blob.unset !== undefined) bindings.set(blob.name, blob.unset);
  const names = outputs.map((blob) => blob.name);
  emitIf(scope, condition, branches, names).forEach((value, i) => {
    bindings.set(names[i] ?? '', { kind: 'value', value });
  });
  return bindings;
}

function importBranch(
  request: ControlFlowRequest,
  name: string,
  net: NetDef | undefined,
  live: ReadonlySet<string>,
): Branch {
  const { scope } = request;
  const outer = scope.frame;
  const captures = new Map<Value, Value>();
  const capture = (value: Value): Value => {
    const tensor = scope.constantOf(value);
    const known = captures.get(value);
    if (known !== undefined) return known;
    const inner: Value = { name: frame.builder.uniqueName(value.name), type: value.type };
    if (tensor === undefined) captures.set(value, inner);
    else frame.builder.adoptConstant(inner, tensor);
    return inner;
  };
  const frame = new NetFrame(outer.session, {
    ...outer.options,
    kind: 'branch',
    name: `${outer.options.name}.${scope.origin.opIndex}.${name}`,
    opPrefix: `${scope.origin.opIndex}.${name}.`,
    resolveOuter: (blob) => {
      const binding = outer.lookUp(blob);
      return binding?.kind === 'value' ? { kind: 'value', value: capture(binding.value) } : binding;
    },
    implicitInput: (blob, type) => capture(scope.implicitInput(blob, type)),
  });
  const before = outer.session.problems.length;
  if (net !== undefined) request.importNested(frame, net, live);
  return { name, frame, captures, failed: outer.session.problems.length > before };
}

interface MergedBlob {
  readonly name: string;
  /** Why the blob has no value afterwards. */
  readonly unset?: Binding;
}

function mergeBlob(name: string, branches: readonly Branch[]): MergedBlob {
  for (const branch of branches) {
    const binding = branch.frame.lookUp(name);
    if (binding?.kind === 'poisoned') return { name, unset: kPoisoned };
    if (binding?.kind === 'unset') return { name, unset: binding };
    if (binding === undefined) {
      const reason = `it is made in one branch of an If only, not in ${branch.name}_net, and does not exist before`;
      return { name, unset: { kind: 'unset', reason } };
    }
  }
  return { name };
}

function emitIf(
  scope: OpScope,
  condition: Value,
  branches: readonly Branch[],
  names: readonly string[],
): readonly Value[] {
  if (names.length === 0) return [];
  const results = branches.map((branch) => names.map((name) => branchResult(branch, name)));
  const captured = [...new Set(branches.flatMap((branch) => [...branch.captures.keys()]))];
  const regions = branches.map((branch, i): Region => {
    const graph = regionGraph(scope, branch, captured, results[i] ?? []);
    return { name: branch.name, graph };
  });
  return scope.emitNode('If', [condition, ...captured], {}, { regions, names, outputCount: names.length });
}

function branchResult(branch: Branch, name: string): GraphOutput {
  const binding = branch.frame.lookUp(name);
  if (binding?.kind !== 'value') throw new PoisonSignal();
  return { name, value: binding.value };
}

/** All regions of a node take the same captures in the same order; one that a branch does not read is an unread input. */
function regionGraph(
  scope: OpScope,
  branch: Branch,
  captured: readonly Value[],
  outputs: readonly GraphOutput[],
): Graph {
  const graph = branch.frame.builder.finish(outputs);
  if (graph.inputs.length > 0) fail('internal', 'a branch has made inputs of its own');
  const unread = new GraphBuilder(graph.name, scope.frame.options.usedNames);
  const inputs = captured.map((value) => ({
    value: branch.captures.get(value) ?? { name: unread.uniqueName(value.name), type: value.type },
    optional: false,
  }));
  return { ...graph, inputs };
}
