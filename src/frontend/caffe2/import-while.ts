// While: runs cond_net, if there is one, then tests the condition blob, then runs loop_net, and again. Both nets work on the
// parent's workspace. The test of a Loop comes first, so cond_net runs once before the loop and then at the end of its
// body. Carried are the blobs that an iteration writes and that the next one or anybody afterwards reads.

import { isStaticShape } from '../../ir/dim.js';
import type { Region, Value } from '../../ir/graph.js';
import { makeTensor } from '../../ir/tensor.js';
import type { TensorType } from '../../ir/type.js';
import { readsFromOutside, writtenNames } from './import-reads.js';
import { type OpScope, PoisonSignal } from './import-scope.js';
import { type Binding, kPoisoned, type NetFrame } from './import-session.js';
import {
  type ControlFlowRequest,
  capturedInputs,
  closeRegion,
  openInline,
  openRegion,
  type RegionFrame,
} from './nested-frame.js';
import { makeNet, type NetDef } from './net-def.js';

export function importWhile(request: ControlFlowRequest): ReadonlyMap<string, Binding> {
  const { scope } = request;
  if (!scope.args.hasScalar('loop_net', 'net')) {
    return scope.fail('argument loop_net is missing', { expected: 'a net (field n)' });
  }
  const loopNet = scope.args.net('loop_net') ?? makeNet({ ops: [] });
  const condNet = scope.args.net('cond_net') ?? makeNet({ ops: [] });
  return new WhileImport(request, loopNet, condNet).run();
}

class WhileImport {
  private readonly scope: OpScope;
  private readonly condition: string;
  private readonly live: ReadonlySet<string>;
  /** Names that loop_net or cond_net write. */
  private readonly written: readonly string[];

  constructor(
    private readonly request: ControlFlowRequest,
    private readonly loopNet: NetDef,
    private readonly condNet: NetDef,
  ) {
    this.scope = request.scope;
    this.condition = this.scope.inputBlob(0);
    const body = [...loopNet.ops, ...condNet.ops];
    this.live = new Set([...request.liveAfter(), ...readsFromOutside(body, []).keys(), this.condition]);
    this.written = [...new Set(body.flatMap(writtenNames))];
  }

  run(): ReadonlyMap<string, Binding> {
    const { scope } = this;
    const { problems } = scope.frame.session;
    const before = problems.length;
    const first = openInline(scope, 'cond', scope.frame);
    this.request.importNested(first, this.condNet, this.live);
    if (problems.length > before) return this.poisoned();
    const carried = [this.condition, ...this.written.filter((name) => name !== this.condition && this.live.has(name))];
    const initial = new Map<string, Value>();
    for (const name of carried) {
      const binding = first.lookUp(name);
      if (binding?.kind === 'poisoned') throw new PoisonSignal();
      if (binding?.kind === 'value') initial.set(name, binding.value);
    }
    if (!initial.has(this.condition)) scope.fail('the condition is empty', { blob: this.condition });
    const region = openRegion(scope, { name: 'loop', parent: first });
    const inputs = [...initial].map(([name, { type }]) => provide(region.frame, name, type));
    this.request.importNested(region.frame, this.loopNet, this.live);
    const last = openInline(scope, 'cond', region.frame);
    this.request.importNested(last, this.condNet, this.live);
    if (problems.length > before) return this.poisoned();
    return this.emit(first, carried, initial, inputs, region, last);
  }

  private emit(
    first: NetFrame,
    names: readonly string[],
    initial: Map<string, Value>,
    inputs: Value[],
    region: RegionFrame,
    last: NetFrame,
  ): ReadonlyMap<string, Binding> {
    const { scope } = this;
    const bindings = new Map<string, Binding>();
    for (const name of first.writtenNames()) bindings.set(name, first.lookUp(name) ?? kPoisoned);
    for (const name of names) {
      if (initial.has(name)) continue;
      const made = last.lookUp(name);
      const zeros = made?.kind === 'value' ? zerosOf(scope, name, made.value.type) : undefined;
      if (zeros === undefined || made?.kind !== 'value') {
        bindings.set(name, { kind: 'unset', reason: 'it is made inside a While only, which may not run' });
        continue;
      }
      initial.set(name, zeros);
      inputs.push({ name: region.frame.builder.uniqueName(name), type: made.value.type });
    }
    const carried = [...initial.keys()];
    const outputs = carried.map((name) => {
      const binding = last.lookUp(name);
      if (binding?.kind === 'value') return { name, value: binding.value };
      return scope.fail('a blob that a loop carries is left empty by its body', { blob: name });
    });
    const captured = capturedInputs(region);
    const graph = closeRegion(region, [...inputs, ...captured.map(([, inner]) => inner)], outputs);
    const body: Region = { name: 'body', graph };
    const results = scope.emitNode(
      'Loop',
      [undefined, ...initial.values(), ...captured.map(([outer]) => outer)],
      { carried: carried.length, conditional: true },
      { regions: [body], names: carried, outputCount: carried.length },
    );
    results.forEach((value, i) => void bindings.set(carried[i] ?? '', { kind: 'value', value }));
    return bindings;
  }

  private poisoned(): ReadonlyMap<string, Binding> {
    return new Map(this.written.map((name) => [name, kPoisoned]));
  }
}

/** Makes a region input for a blob. */
function provide(frame: NetFrame, name: string, type: TensorType): Value {
  const value: Value = { name: frame.builder.uniqueName(name), type };
  frame.provide(name, { kind: 'value', value });
  return value;
}

/** What a blob holds that only the body makes, should the loop never run. */
function zerosOf(scope: OpScope, name: string, type: TensorType): Value | undefined {
  if (type.dtype === 'str' || type.variants !== undefined || !isStaticShape(type.shape)) return undefined;
  return scope.constant(makeTensor(type.dtype, type.shape), name);
}
