// Which blobs a net needs from outside: names read before the net has written them on every path. Nested nets share the
// workspace, so what a subnet reads, and what it writes on one path only, counts too. Looks at names alone.

import type { Argument, NetDef, OperatorDef } from './net-def.js';
import { readableStepNet, recurrentNames } from './recurrent-args.js';

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
    const scoped = kScoped.has(op.type ?? '');
    const branches = nestedNets(op).map(({ name, net }) => {
      const own = new Set([...written, ...(scoped ? innerNames(op) : [])]);
      walk(net.ops, `${reader.opIndex}.${name}.`, own, reads);
      return own;
    });
    if (!scoped) {
      const merged = mergeBranches(op, branches, written);
      merged.sometimes.forEach(read);
      for (const name of merged.always) written.add(name);
    }
    // The outputs of control flow are what its nets write; all others write what they declare.
    const declares = branches.length === 0 || !kMergesBranches.has(op.type ?? '');
    if (declares) for (const name of ownNames(op)) written.add(name);
  });
}

/** Blobs that an operator or a net inside it may write. */
export function writtenNames(op: OperatorDef): readonly string[] {
  const inner = kScoped.has(op.type ?? '') ? [] : nestedNets(op).flatMap(({ net }) => net.ops.flatMap(writtenNames));
  return [...ownNames(op), ...inner];
}

/** Types whose nets have names of their own, which the operator binds. */
const kScoped: ReadonlySet<string> = new Set(['RecurrentNetwork', 'ONNXWhile', 'Do']);

/** Blobs that the operator itself makes. */
function ownNames(op: OperatorDef): readonly string[] {
  return op.type === 'RecurrentNetwork' ? recurrentNames(op).made : op.outputs;
}

/** Names that a scoped operator gives its net. */
function innerNames(op: OperatorDef): readonly string[] {
  if (op.type === 'RecurrentNetwork') return recurrentNames(op).inner;
  const [net] = nestedNets(op);
  if (net === undefined) return [];
  if (op.type === 'ONNXWhile') {
    // Iteration, condition and carried values come first; what follows is read from outside.
    const carried = op.args.find(({ name }) => name === 'num_loop_carried_deps')?.i;
    return net.net.externalInputs.slice(0, carried === undefined ? op.inputs.length : 2 + Number(carried));
  }
  // The net of a Do sees bound blobs only, which the operator declares.
  return net.net.ops.flatMap((inner) => [...inner.inputs, ...writtenNames(inner)]);
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
  if (op.type === 'RecurrentNetwork') {
    const step = readableStepNet(op);
    return step === undefined ? [] : [{ name: 'step', net: step }];
  }
  return op.args.flatMap((arg) => netsOf(arg).map((net) => ({ name: regionName(arg), net })));
}

/** `then` for the argument then_net. */
export function regionName(arg: Argument): string {
  return (arg.name ?? '').replace(/_net$/, '');
}

function netsOf(arg: Argument): readonly NetDef[] {
  return arg.n === undefined ? arg.nets : [arg.n, ...arg.nets];
}
