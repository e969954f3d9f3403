// Do: runs a net once in a workspace of its own, in which inner names stand for blobs of the parent. Here its operators
// simply join the parent's graph. The blob of the workspace itself (CreateScope) has no value.

import type { Binding } from './import-session.js';
import { type ControlFlowRequest, openInline } from './nested-frame.js';

const kWorkspace: Binding = { kind: 'unset', reason: 'it holds a workspace, not a tensor' };

export function importScopeBlob({ scope }: ControlFlowRequest): ReadonlyMap<string, Binding> {
  scope.expectInputs(0);
  scope.expectOutputs(1);
  return new Map([[scope.outputBlob(0), kWorkspace]]);
}

export function importDo(request: ControlFlowRequest): ReadonlyMap<string, Binding> {
  const { scope } = request;
  const { frame } = scope;
  scope.expectInputs(1, Number.POSITIVE_INFINITY);
  scope.expectOutputs(1, Number.POSITIVE_INFINITY);
  const net = scope.args.hasScalar('net', 'net') ? scope.args.net('net') : undefined;
  if (net === undefined) return scope.fail('argument net is missing', { expected: 'a net (field n)' });
  scope.args.ignore('reuse_workspace', 'saved_fwd_blobs');
  if (scope.args.bool('copy_external_blobs', false)) {
    scope.fail('copy_external_blobs', { code: 'unsupported', expected: '0', got: '1' });
  }
  const outer = outerNames(request);
  const inner = openInline(scope, 'do', frame, (blob) => {
    const name = outer.get(blob);
    return name === undefined ? undefined : frame.lookUp(name);
  });
  request.importNested(inner, net, new Set(outer.keys()));
  const bindings = new Map<string, Binding>();
  for (const name of inner.writtenNames()) {
    const target = outer.get(name);
    const binding = inner.lookUp(name);
    if (target !== undefined && binding !== undefined) bindings.set(target, binding);
  }
  bindings.set(scope.outputBlob(scope.outputCount - 1), kWorkspace);
  return bindings;
}

/** The parent's blob for each inner name; checks the bindings as Caffe2 does. */
function outerNames({ scope }: ControlFlowRequest): ReadonlyMap<string, string> {
  const inner = scope.args.strings('inner_blobs').map((bytes) => new TextDecoder().decode(bytes));
  const indices = scope.args.ints('outer_blobs_idx');
  if (inner.length !== indices.length) {
    scope.fail('inner_blobs and outer_blobs_idx must be equally long', {
      got: `${inner.length} and ${indices.length}`,
    });
  }
  const { inputs, outputs } = scope.op;
  if (inputs.at(-1) !== outputs.at(-1)) {
    scope.fail('the last input and the last output must be the same workspace blob', {
      got: `${inputs.at(-1) ?? ''} and ${outputs.at(-1) ?? ''}`,
    });
  }
  const names = [...inputs.slice(0, -1), ...outputs.slice(0, -1)];
  const bound = new Map<string, string>();
  for (const [i, name] of inner.entries()) {
    const index = indices[i] ?? -1;
    const outer = names[index];
    if (outer === undefined) {
      return scope.fail(`inner blob ${name} is bound to no outer blob`, {
        expected: `0 to ${names.length - 1}`,
        got: String(index),
      });
    }
    if (bound.has(name)) scope.fail(`inner blob ${name} is bound twice`);
    if ([...bound.values()].includes(outer)) scope.fail(`outer blob ${outer} is bound twice`);
    bound.set(name, outer);
  }
  const unbound = names.find((name) => ![...bound.values()].includes(name));
  if (unbound !== undefined) scope.fail(`blob ${unbound} is bound to no inner blob`);
  return bound;
}
