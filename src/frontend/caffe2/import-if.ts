// If: a subnet works on its parent's workspace, it reads and overwrites blobs of the parent by name, declared or not.
// Here a branch becomes a region: the values it reads are captured, the blobs it writes that anybody reads afterwards
// become outputs of the node.

import type { GraphOutput, Region, Value } from '../../ir/graph.js';
import { GraphBuilder } from '../../ops/builder.js';
import { type OpScope, PoisonSignal } from './import-scope.js';
import { type Binding, kPoisoned } from './import-session.js';
import { type ControlFlowRequest, capturedInputs, closeRegion, openRegion, type RegionFrame } from './nested-frame.js';

interface Branch {
  readonly region: RegionFrame;
  readonly failed: boolean;
}

export function importIf(request: ControlFlowRequest): ReadonlyMap<string, Binding> {
  const { scope } = request;
  if (!scope.args.hasScalar('then_net', 'net')) {
    return scope.fail('argument then_net is missing', { expected: 'a net (field n)' });
  }
  const live = request.liveAfter();
  const branches = ['then', 'else'].map((name) => importBranch(request, name, live));
  const written = new Set(branches.flatMap(({ region }) => region.frame.writtenNames()));
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

function importBranch(request: ControlFlowRequest, name: string, live: ReadonlySet<string>): Branch {
  const { scope } = request;
  const net = scope.args.net(`${name}_net`);
  const region = openRegion(scope, { name });
  const { problems } = scope.frame.session;
  const before = problems.length;
  if (net !== undefined) request.importNested(region.frame, net, live);
  return { region, failed: problems.length > before };
}

interface MergedBlob {
  readonly name: string;
  /** Why the blob has no value afterwards. */
  readonly unset?: Binding;
}

function mergeBlob(name: string, branches: readonly Branch[]): MergedBlob {
  for (const { region } of branches) {
    const binding = region.frame.lookUp(name);
    if (binding?.kind === 'poisoned') return { name, unset: kPoisoned };
    if (binding?.kind === 'unset') return { name, unset: binding };
    if (binding === undefined) {
      const reason = `it is made in one branch of an If only, not in ${region.name}_net, and does not exist before`;
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
  const inner = branches.map(({ region }) => new Map(capturedInputs(region)));
  const captured = [...new Set(inner.flatMap((captures) => [...captures.keys()]))];
  // All regions take the same captures in the same order; one that a branch does not read is an unread input.
  const unread = new GraphBuilder(scope.frame.options.name, scope.frame.options.usedNames);
  const regions = branches.map(({ region }, i): Region => {
    const inputs = captured.map(
      (value): Value => inner[i]?.get(value) ?? { name: unread.uniqueName(value.name), type: value.type },
    );
    return { name: region.name, graph: closeRegion(region, inputs, results[i] ?? []) };
  });
  return scope.emitNode('If', [condition, ...captured], {}, { regions, names, outputCount: names.length });
}

function branchResult({ region }: Branch, name: string): GraphOutput {
  const binding = region.frame.lookUp(name);
  if (binding?.kind !== 'value') throw new PoisonSignal();
  return { name, value: binding.value };
}
