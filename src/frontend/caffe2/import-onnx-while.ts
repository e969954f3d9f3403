// ONNXWhile: ONNX's Loop. Inputs: trip count, condition, initial carried values; the body takes iteration, condition and
// carried values, and gives the next condition, the next carried values and scan outputs, whose rows Caffe2 stacks along
// dim 0 (which must be 1). The iteration number, the condition and the stacks are carried like everything else.

import { fail } from '../../errors.js';
import { isStaticShape } from '../../ir/dim.js';
import type { GraphOutput, Value } from '../../ir/graph.js';
import { getNumber, makeTensor } from '../../ir/tensor.js';
import { scalarTensor } from '../../ops/builder.js';
import { type OpScope, PoisonSignal } from './import-scope.js';
import { type Binding, kPoisoned, type NetFrame } from './import-session.js';
import { type ControlFlowRequest, capturedInputs, closeRegion, openRegion } from './nested-frame.js';
import type { NetDef } from './net-def.js';

const kOwnInputs = 2;

interface Options {
  readonly body: NetDef;
  /** Number of loop-carried values. */
  readonly carried: number;
  readonly scans: number;
  readonly hasCondition: boolean;
  readonly hasTripCount: boolean;
}

function readOptions(scope: OpScope): Options {
  const { args } = scope;
  scope.expectInputs(kOwnInputs, Number.POSITIVE_INFINITY);
  const body = args.hasScalar('body', 'net') ? args.net('body') : undefined;
  if (body === undefined) return scope.fail('argument body is missing', { expected: 'a net (field n)' });
  args.ignore('save_scopes', 'disable_scopes');
  const given = args.int('num_loop_carried_deps', -1);
  const carried = given === -1 ? scope.inputCount - kOwnInputs : given;
  const scans = body.externalOutputs.length - carried - 1;
  if (carried < 0 || carried > scope.inputCount - kOwnInputs || scans < 0) {
    scope.fail('the body does not give a condition and all carried values', {
      expected: `${carried + 1} external outputs or more`,
      got: String(body.externalOutputs.length),
    });
  }
  if (body.externalInputs.length < carried + kOwnInputs) {
    scope.fail('the body does not take the iteration, the condition and all carried values', {
      expected: `${carried + kOwnInputs} external inputs or more`,
      got: String(body.externalInputs.length),
    });
  }
  scope.expectOutputs(0, carried + scans);
  const [hasCondition, hasTripCount] = [args.bool('has_cond', false), args.bool('has_trip_count', false)];
  if (!hasCondition && !hasTripCount) scope.fail('the loop never ends', { expected: 'has_trip_count or has_cond' });
  return { body, carried, scans, hasCondition, hasTripCount };
}

export function importOnnxWhile(request: ControlFlowRequest): ReadonlyMap<string, Binding> {
  const { scope } = request;
  const options = readOptions(scope);
  const { body, carried, hasTripCount } = options;
  const tripCount = scope.input(0);
  if (tripCount.type.dtype !== 'i64') scope.fail('the trip count must be int64', { got: tripCount.type.dtype });
  const condition = scope.input(1);
  const isTestable = ['i32', 'i64', 'bool'].includes(condition.type.dtype);
  if (!isTestable) scope.fail('the condition must be int32, int64 or bool', { got: condition.type.dtype });
  const region = openRegion(scope, { name: 'body' });
  const { frame } = region;
  const initial = [
    castToBool(scope, condition),
    scope.constant(scalarTensor('i64', 0), 'iteration'),
    scope.emitOne('Reshape', [condition], { shape: [1] }),
    ...Array.from({ length: carried }, (_, i) => scope.input(i + kOwnInputs)),
  ];
  const names = ['goes_on', ...body.externalInputs.slice(0, carried + kOwnInputs)];
  const inputs = initial.map((value, i): Value => {
    const inner: Value = { name: frame.builder.uniqueName(names[i] ?? ''), type: value.type };
    if (i > 0) frame.provide(names[i] ?? '', { kind: 'value', value: inner });
    return inner;
  });
  const { problems } = frame.session;
  const before = problems.length;
  request.importNested(frame, body, new Set(body.externalOutputs));
  if (problems.length > before) return new Map(scope.op.outputs.map((name) => [name, kPoisoned]));
  const outputs = nextValues(scope, frame, options, inputs);
  const stacks = stackScans(scope, frame, options, inputs[1] ?? condition);
  const captured = capturedInputs(region);
  const inner = [...inputs, ...stacks.map((stack) => stack.inner), ...captured.map(([, value]) => value)];
  const graph = closeRegion(region, inner, [...outputs, ...stacks.map((stack) => stack.next)]);
  const outer = [...initial, ...stacks.map((stack) => stack.initial)];
  const results = scope.emitNode(
    'Loop',
    [hasTripCount ? tripCount : undefined, ...outer, ...captured.map(([value]) => value)],
    { carried: outer.length, conditional: options.hasCondition },
    { regions: [{ name: 'body', graph }], names: graph.outputs.map(({ name }) => name), outputCount: outer.length },
  );
  return bindOutputs(scope, options, results);
}

function castToBool(scope: OpScope, condition: Value): Value {
  const flat = scope.emitOne('Reshape', [condition], { shape: [1] });
  return condition.type.dtype === 'bool' ? flat : scope.emitOne('Cast', [flat], { to: 'bool' });
}

function bodyValue(frame: NetFrame, name: string): Value {
  const binding = frame.lookUp(name);
  if (binding?.kind === 'value') return binding.value;
  throw new PoisonSignal();
}

/** Test, iteration, condition and carried values for the next iteration. */
function nextValues(
  scope: OpScope,
  frame: NetFrame,
  { body, carried }: Options,
  inputs: readonly Value[],
): readonly GraphOutput[] {
  const { builder } = frame;
  const { origin } = scope;
  const [, iteration] = inputs;
  const emit = (op: string, from: Value, attrs = {}): Value => builder.emitOne(op, [from], attrs, { origin });
  const condition = emit('Reshape', bodyValue(frame, body.externalOutputs[0] ?? ''), { shape: [1] });
  const one = builder.constant(scalarTensor('i64', 1), 'one');
  const test = condition.type.dtype === 'bool' ? condition : emit('Cast', condition, { to: 'bool' });
  return [
    { name: 'goes_on', value: test },
    { name: 'iteration', value: builder.emitOne('Add', [iteration, one], {}, { origin }) },
    { name: 'condition', value: condition },
    ...Array.from({ length: carried }, (_, i): GraphOutput => {
      const name = body.externalOutputs[i + 1] ?? '';
      return { name: `carried${i}.${name}`, value: bodyValue(frame, name) };
    }),
  ];
}

interface Stack {
  readonly initial: Value;
  readonly inner: Value;
  readonly next: GraphOutput;
}

/** One carried tensor with room for all iterations per scan output. */
function stackScans(
  scope: OpScope,
  frame: NetFrame,
  { body, carried, scans }: Options,
  iteration: Value,
): readonly Stack[] {
  const limit = scope.constantOf(scope.input(0));
  return Array.from({ length: scans }, (_, i): Stack => {
    const name = body.externalOutputs[carried + 1 + i] ?? '';
    const rows = bodyValue(frame, name);
    const { dtype, shape } = rows.type;
    if (limit === undefined || !scope.args.bool('has_trip_count', false)) {
      return scope.fail(`scan output ${name} needs a trip count known at compile time`, { code: 'unsupported' });
    }
    if (!isStaticShape(shape) || shape[0] !== 1 || dtype === 'str') {
      return scope.fail(`scan output ${name} must have the first dim 1, along which Caffe2 stacks it`, {
        code: 'unsupported',
      });
    }
    const room = makeTensor(dtype, [Math.max(1, getNumber(limit, 0)), ...shape.slice(1)]);
    const initial = scope.constant(room, `${name}.all`);
    const inner: Value = { name: frame.builder.uniqueName(`${name}.all`), type: initial.type };
    const value = frame.builder.emitOne('WriteRows', [inner, rows, iteration], {}, { origin: scope.origin });
    return { initial, inner, next: { name: `scan${i}.${name}`, value } };
  });
}

/** The carried values, then the scans cut to the iterations that ran. */
function bindOutputs(scope: OpScope, { carried }: Options, results: readonly Value[]): ReadonlyMap<string, Binding> {
  const own = results.slice(kOwnInputs + 1);
  const [, iterations] = results;
  if (iterations === undefined) return fail('internal', 'a loop without iterations');
  return new Map(
    scope.op.outputs.map((name, i): [string, Binding] => {
      const value = own[i];
      if (value === undefined) return [name, { kind: 'unset', reason: 'the body does not make it' }];
      return [name, { kind: 'value', value: i < carried ? value : scope.emitOne('FirstRows', [value, iterations]) }];
    }),
  );
}
