// RecurrentNetwork: a step net run for every step of a sequence [t, n, ...]. Each state is one tensor with room for all
// steps, which the loop carries; blobs of the step net that are linked to it are rows at the position of the time step.

import { fail } from '../../errors.js';
import { type Dim, dimEquals, isStatic, type Shape, shapeEquals, shapeSize } from '../../ir/dim.js';
import type { Attrs, GraphOutput, Origin, Region, Value } from '../../ir/graph.js';
import { tensorFromNumbers } from '../../ir/tensor.js';
import { scalarTensor } from '../../ops/builder.js';
import { writtenNames } from './import-reads.js';
import { type OpScope, PoisonSignal } from './import-scope.js';
import { type Binding, kPoisoned, type NetFrame } from './import-session.js';
import { type ControlFlowRequest, capturedInputs, closeRegion, openRegion, type RegionFrame } from './nested-frame.js';
import type { NetDef } from './net-def.js';
import { type Link, type RecurrentArgs, readRecurrentArgs, stepNetOf } from './recurrent-args.js';

/** Arguments that only training reads, by their first letters. */
const kTraining = [
  'backward_',
  'recompute_blobs_on_backward',
  'outputs_with_grads',
  'param',
  'enable_rnn_executor',
  'rnn_executor.',
];

export function importRecurrent(request: ControlFlowRequest): ReadonlyMap<string, Binding> {
  const { scope } = request;
  scope.expectInputs(1, Number.POSITIVE_INFINITY);
  scope.expectOutputs(2, Number.POSITIVE_INFINITY);
  const args = readRecurrentArgs(scope.args, (names) => scope.fail(`${names} must be equally long`));
  const known = scope.op.args.map(({ name = '' }) => name);
  scope.args.ignore(
    'step_net',
    ...known.filter((name) => name.endsWith('.rename') || kTraining.some((start) => name.startsWith(start))),
  );
  const step = stepNetOf(scope.op);
  if (step?.name === undefined) {
    return scope.fail(step === undefined ? 'argument step_net is missing' : 'the step net has no name', {
      expected: 'a net with a name (field n, or its text in s)',
    });
  }
  return new RecurrentImport(request, args, step).run();
}

class RecurrentImport {
  private readonly scope: OpScope;
  private readonly sequence: Value;
  /** Links whose blob the step net writes. */
  private readonly writes: readonly Link[];

  constructor(
    private readonly request: ControlFlowRequest,
    private readonly args: RecurrentArgs,
    private readonly step: NetDef,
  ) {
    this.scope = request.scope;
    this.sequence = this.scope.input(0);
    if (this.sequence.type.shape.length < 2) {
      this.scope.fail('input 0 must be a sequence', { expected: '[steps, sequences, ...]' });
    }
    const written = new Set(step.ops.flatMap(writtenNames));
    this.writes = args.links.filter((link) => written.has(link.internal));
  }

  run(): ReadonlyMap<string, Binding> {
    this.checkOverlaps();
    const { scope } = this;
    const { problems } = scope.frame.session;
    const before = problems.length;
    const initial = this.carriedTensors();
    const region = openRegion(scope, { name: 'step', own: (blob, inner) => this.linked(blob, inner) });
    const { frame } = region;
    const timestep = provide(frame, this.args.timestep, scope.constant(tensorFromNumbers('i32', [1], [0]), 'timestep'));
    const inputs = [...initial].map(([name, value]) => provide(frame, name, value));
    this.request.importNested(frame, this.declared(), new Set(this.writes.map((link) => link.internal)));
    if (problems.length > before) {
      return new Map([...scope.op.outputs, ...initial.keys()].map((name) => [name, kPoisoned]));
    }
    const outputs = this.nextValues(
      frame,
      timestep.inner,
      new Map([...initial.keys()].map((name, i) => [name, inputs[i]?.inner])),
    );
    const captured = capturedInputs(region);
    const inner = [timestep, ...inputs].map((value) => value.inner);
    const body: Region = {
      name: 'body',
      graph: closeRegion(region, [...inner, ...captured.map(([, value]) => value)], outputs),
    };
    const carried = [timestep, ...inputs].map((value) => value.outer);
    const results = scope.emitNode(
      'Loop',
      [this.stepCount(), ...carried, ...captured.map(([value]) => value)],
      { carried: carried.length },
      { regions: [body], names: outputs.map(({ name }) => name), outputCount: carried.length },
    );
    return this.bindings(new Map([...initial.keys()].map((name, i) => [name, results[i + 1]])));
  }

  /** What the loop carries: the states, and other blobs that links write. */
  private carriedTensors(): ReadonlyMap<string, Value> {
    const { scope } = this;
    const carried = new Map(
      this.args.states.map(({ state, input }) => [state, this.initialState(state, input)] as const),
    );
    for (const { external } of this.writes) if (!carried.has(external)) carried.set(external, this.outer(external));
    for (const { external } of this.args.links) if (!carried.has(external)) this.outer(external);
    if (carried.size === 0) scope.fail('the net carries nothing from one step to the next');
    return carried;
  }

  private outer(name: string): Value {
    const binding = this.scope.frame.lookUp(name);
    if (binding?.kind === 'value') return binding.value;
    if (binding?.kind === 'poisoned') throw new PoisonSignal();
    return this.scope.fail(`link_external ${name} is neither a state nor a blob that exists`, { blob: name });
  }

  /** Room for all steps, behind the initial rows [k, n, d], [n, d] or [d]. */
  private initialState(state: string, input: number): Value {
    const { scope } = this;
    if (input < 0 || input >= scope.inputCount) {
      scope.fail('initial_recurrent_state_ids names no input', {
        expected: `0 to ${scope.inputCount - 1}`,
        got: String(input),
      });
    }
    const given = scope.input(input);
    const { length } = given.type.shape;
    if (given.type.dtype !== 'f32' || length < 1 || length > 3) {
      scope.fail('an initial state has 1 to 3 dims of floats', {
        blob: given.name,
        got: `${given.type.dtype}, ${length} dims`,
      });
    }
    const rows = length === 2 ? scope.emitOne('ExpandDims', [given], { dims: [0] }) : given;
    return this.emitNamed('GrowRows', [rows, this.sequence], {}, `${state}.initial`);
  }

  /** A node of the parent net that goes by the name of what it makes. */
  private emitNamed(op: string, inputs: readonly Value[], attrs: Attrs, name: string): Value {
    const [value] = this.scope.emitNode(op, inputs, attrs, { names: [name] });
    return value ?? fail('internal', `${op} has no output`);
  }

  /** Nodes of the body that the operator itself adds. */
  private originOf(blob: string): Origin {
    return { ...this.scope.origin, blob };
  }

  /** Rows that a link gives the step net, read when they are first looked for. */
  private linked(blob: string, region: RegionFrame): Binding | undefined {
    const link = this.args.links.findLast(({ internal }) => internal === blob);
    if (link === undefined) return undefined;
    const { frame } = region;
    const inside = frame.lookUp(link.external);
    const step = frame.lookUp(this.args.timestep);
    if (inside?.kind !== 'value' || step?.kind !== 'value') return inside;
    const { offset, window } = link;
    const value = frame.builder.emitOne(
      'ReadRows',
      [inside.value, step.value],
      { offset, window },
      { origin: this.originOf(blob), names: [blob] },
    );
    return { kind: 'value', value };
  }

  /** Caffe2 adds what the operator gives the step net to its external inputs. */
  private declared(): NetDef {
    const given = this.args.links.flatMap(({ internal, external }) => [internal, external]);
    return { ...this.step, externalInputs: [...this.step.externalInputs, this.args.timestep, ...given] };
  }

  /** The next time step, and the carried tensors with the rows that this step has made. */
  private nextValues(
    frame: NetFrame,
    timestep: Value,
    carried: ReadonlyMap<string, Value | undefined>,
  ): readonly GraphOutput[] {
    const { builder } = frame;
    const nextStep = `${this.args.timestep}.next`;
    const one = builder.constant(tensorFromNumbers('i32', [1], [1]), 'one');
    const next = builder.emitOne('Add', [timestep, one], {}, { origin: this.originOf(nextStep), names: [nextStep] });
    const states = [...carried].map(([name, first]): GraphOutput => {
      if (first === undefined) throw new PoisonSignal();
      const value = this.writes
        .filter(
          (link, i, all) => link.external === name && all.findLast((l) => l.internal === link.internal) === all[i],
        )
        .reduce((state, link) => {
          const rows = this.rowsFor(frame, link, state);
          const attrs = { offset: link.offset };
          const written = `${name}.next`;
          const options = { origin: this.originOf(written), names: [written] };
          return builder.emitOne('WriteRows', [state, rows, timestep], attrs, options);
        }, first);
      return { name, value };
    });
    return [{ name: this.args.timestep, value: next }, ...states];
  }

  /** What the step net wrote to a linked blob, in the shape of the rows it stands for. */
  private rowsFor(frame: NetFrame, link: Link, state: Value): Value {
    const made = frame.lookUp(link.internal);
    if (made?.kind !== 'value') throw new PoisonSignal();
    const wanted: Shape = [link.window, ...state.type.shape.slice(1)];
    const { shape } = made.value.type;
    if (shapeEquals(shape, wanted)) return made.value;
    if (!dimEquals(shapeSize(shape), shapeSize(wanted)) || wanted.filter((dim) => !isStatic(dim)).length > 1) {
      return this.scope.fail(`the step net writes ${link.internal} in another size than the rows of ${link.external}`, {
        blob: link.internal,
      });
    }
    const options = { origin: this.originOf(link.internal) };
    return frame.builder.emitOne('Reshape', [made.value], { shape: wanted.map(staticOrRest) }, options);
  }

  /** Steps of the sequence. */
  private stepCount(): Value {
    const [steps = 0] = this.sequence.type.shape;
    if (isStatic(steps)) return this.scope.constant(scalarTensor('i64', steps), 'steps');
    return this.scope.emitOne('Slice', [this.scope.emitOne('Shape', [this.sequence])], { starts: [0], ends: [1] });
  }

  private bindings(finals: ReadonlyMap<string, Value | undefined>): ReadonlyMap<string, Binding> {
    const { scope } = this;
    const bindings = new Map<string, Binding>();
    for (const name of scope.op.outputs) bindings.set(name, { kind: 'unset', reason: 'RecurrentNetwork leaves it so' });
    for (const [name, value] of finals) if (value !== undefined) bindings.set(name, { kind: 'value', value });
    for (const { from, to, offset } of this.args.aliases) {
      const source = finals.get(from) ?? this.outer(from);
      const [rows = 0] = source.type.shape;
      if (isStatic(rows) && (offset >= rows || offset < -rows)) {
        scope.fail(`alias_offset of ${to} leaves no rows`, {
          expected: `${-rows} to ${rows - 1}`,
          got: String(offset),
        });
      }
      // A negative start v of Slice means dim + 1 + v.
      const starts = source.type.shape.map((_, i) => (i > 0 ? 0 : offset < 0 ? offset - 1 : offset));
      const value = this.emitNamed('Slice', [source], { starts, ends: starts.map(() => -1) }, to);
      bindings.set(to, { kind: 'value', value });
    }
    return bindings;
  }

  /** Links share memory in Caffe2. Here each is read as it was before the step, so no other may write the same rows. */
  private checkOverlaps(): void {
    for (const write of this.writes) {
      const other = this.args.links.find(
        (link) =>
          link.external === write.external &&
          link.internal !== write.internal &&
          link.offset < write.offset + write.window &&
          write.offset < link.offset + link.window,
      );
      if (other === undefined) continue;
      this.scope.fail(`${write.internal} and ${other.internal} are linked to the same rows of ${write.external}`, {
        code: 'unsupported',
        blob: write.internal,
      });
    }
  }
}

interface Carried {
  readonly outer: Value;
  readonly inner: Value;
}

/** Makes a region input for a carried value. */
function provide(frame: NetFrame, name: string, outer: Value): Carried {
  const inner: Value = { name: frame.builder.uniqueName(name), type: outer.type };
  frame.provide(name, { kind: 'value', value: inner });
  return { outer, inner };
}

function staticOrRest(dim: Dim): number {
  return isStatic(dim) ? dim : -1;
}
