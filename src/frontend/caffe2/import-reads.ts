// Which blobs a net needs from outside: names read before the net has written them on every path. Nested nets share the
// workspace, so what a subnet reads, and what it writes on one path only, counts too. Looks at names alone.

import type { Argument, NetDef, OperatorDef } from './net-def.js';

/** The operator that first reads a blob. */
export interface Reader {
  readonly opIndex: string;
  readonly op: OperatorDef;
}

/** Names read from outside by the operators and, at the end, by `wanted`; each with its first reader. */
export function readsFromOutside(
  ops: readonly OperatorDef[],
  wanted: Iterable<string>,
): ReadonlyMap<string, Reader | undefined> {
  const reads = new Map<string, Reader | undefined>();
  const written = new Set<string>();
  walk(ops, '', written, reads);
  for (const name of wanted) if (!written.has(name) && !reads.has(name)) reads.set(name, undefined);
  return reads;
}

function walk(
  ops: readonly OperatorDef[],
  prefix: string,
  written: Set<string>,
  reads: Map<string, Reader | undefined>,
): void {
  ops.forEach((op, i) => {
    const reader = { opIndex: `${prefix}${i}`, op };
    const read = (name: string): void => {
      if (!written.has(name) && !reads.has(name)) reads.set(name, reader);
    };
    op.inputs.forEach(read);
    const branches = nestedNets(op).map(({ name, net }) => {
      const own = new Set(written);
      walk(net.ops, `${reader.opIndex}.${name}.`, own, reads);
      return own;
    });
    const merged = mergeBranches(op, branches, written);
    merged.sometimes.forEach(read);
    for (const name of merged.always) written.add(name);
    // The outputs of control flow are what its nets write; all others write what they declare.
    if (branches.length === 0 || !kMergesBranches.has(op.type ?? '')) for (const name of op.outputs) written.add(name);
  });
}

const kMergesBranches: ReadonlySet<string> = new Set(['If', 'While']);

/** What nested nets write for certain, and what only if they run. */
function mergeBranches(
  op: OperatorDef,
  branches: readonly ReadonlySet<string>[],
  before: ReadonlySet<string>,
): { readonly always: readonly string[]; readonly sometimes: readonly string[] } {
  const all = new Set(branches.flatMap((branch) => [...branch].filter((name) => !before.has(name))));
  const certain = op.type === 'If' && branches.length === 2;
  const isCertain = (name: string): boolean => certain && branches.every((branch) => branch.has(name));
  const names = [...all];
  return { always: names.filter(isCertain), sometimes: names.filter((name) => !isCertain(name)) };
}

/** The nets among an operator's arguments: `then` and `else` for then_net and else_net. */
export function nestedNets(op: OperatorDef): readonly { readonly name: string; readonly net: NetDef }[] {
  return op.args.flatMap((arg) => netsOf(arg).map((net) => ({ name: regionName(arg), net })));
}

/** `then` for the argument then_net. */
export function regionName(arg: Argument): string {
  return (arg.name ?? '').replace(/_net$/, '');
}

function netsOf(arg: Argument): readonly NetDef[] {
  return arg.n === undefined ? arg.nets : [arg.n, ...arg.nets];
}
