// NetDefs to a Graph. Story: init nets are imported and computed to constants; the predict net's inputs are found and
// typed; its operators are imported in file order, blobs being versioned by name; outputs are bound. All problems of a
// model are collected: what depends on a failed operator is skipped silently, everything else is still looked at.

import { CompileError, type Problem, problemsOf } from '../../errors.js';
import type { Graph, GraphOutput, Origin, Value } from '../../ir/graph.js';
import { countUses } from '../../ir/graph.js';
import type { Tensor } from '../../ir/tensor.js';
import { isOfPossibleSize, kMaxTensorBytes, type TensorType, typeToString } from '../../ir/type.js';
import { checkQuantizedUse } from './check-quantized-use.js';
import { kControlFlow } from './control-flow.js';
import type { InputSpec } from './import-input-spec.js';
import {
  checkGivenNames,
  type FilledBlob,
  findInputs,
  type InputSources,
  implicitInputType,
  missingShapeProblem,
} from './import-inputs.js';
import { readsFromOutside, writtenNames } from './import-reads.js';
import { OpScope, PoisonSignal } from './import-scope.js';
import { type Binding, ImportSession, kPoisoned, NetFrame } from './import-session.js';
import type { DeviceOption, NetDef, OperatorDef } from './net-def.js';
import type { ValueInfo } from './value-info.js';

export interface Caffe2Model {
  readonly predict: NetDef;
  /** Run in this order before the predict net. */
  readonly inits?: readonly NetDef[];
  /** Blobs that are there already. */
  readonly tensors?: ReadonlyMap<string, Tensor>;
  readonly valueInfo?: ReadonlyMap<string, ValueInfo>;
  /** Inputs and outputs as an exported predictor lists them. */
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
}

export interface ImportOptions {
  /** What the user says about inputs; parseInputSpecs makes it. */
  readonly inputShapes?: ReadonlyMap<string, InputSpec>;
  /** Allows random fills, from this seed. */
  readonly randomSeed?: number;
  /** Further blobs to give out, after the net's own outputs. */
  readonly extraOutputs?: readonly string[];
}

export interface ImportedModel {
  readonly graph: Graph;
  readonly warnings: readonly Problem[];
}

/** Imports a Caffe2 model; throws a CompileError with all its problems. */
export function importCaffe2(model: Caffe2Model, options: ImportOptions = {}): ImportedModel {
  const session = new ImportSession(options.randomSeed);
  const filled = runInitNets(session, model);
  const outputNames = [
    ...new Set([...(model.outputs ?? model.predict.externalOutputs), ...(options.extraOutputs ?? [])]),
  ];
  const sources: InputSources = {
    predict: model.predict,
    filled,
    given: options.inputShapes ?? new Map(),
    valueInfo: model.valueInfo ?? new Map(),
    declared: model.inputs ?? [],
    reads: readsFromOutside(model.predict.ops, outputNames),
  };
  const frame = predictFrame(session, sources);
  bindInputs(frame, sources);
  importOps(frame, model.predict, new Set(outputNames));
  const outputs = bindOutputs(frame, outputNames);
  if (outputNames.length === 0) {
    const isInit = sources.reads.size === 0;
    const remedy = isInit ? 'nor does it read any blob: is it the init net?' : 'name the blobs wanted with --output';
    frame.report({ code: 'bad-option', message: 'the net has no external_output', remedy });
  }
  if (session.problems.length > 0) throw new CompileError(session.problems);
  return { graph: withoutUnreadConstants(frame.builder.finish(outputs)), warnings: session.warnings };
}

/** Everything that exists before the predict net runs. */
function runInitNets(session: ImportSession, model: Caffe2Model): ReadonlyMap<string, FilledBlob> {
  const filled = new Map<string, FilledBlob>();
  for (const [name, tensor] of model.tensors ?? []) filled.set(name, { tensor, opType: '' });
  const inits = model.inits ?? [];
  inits.forEach((net, i) => {
    const frame: NetFrame = new NetFrame(session, {
      kind: 'init',
      name: net.name ?? 'init',
      net: net.name ?? (inits.length === 1 ? 'init' : `init ${i}`),
      usedNames: new Set(),
      resolveOuter: (name) => outerConstant(frame, name, filled.get(name)),
    });
    const makers = new Map(net.ops.flatMap((op) => op.outputs.map((name) => [name, op.type ?? ''] as const)));
    importOps(frame, net, new Set(makers.keys()));
    for (const name of frame.writtenNames()) {
      const binding = frame.lookUp(name);
      const tensor = binding?.kind === 'value' ? frame.constantOf(binding.value) : undefined;
      const quantization = binding?.kind === 'value' ? binding.value.type.quantization : undefined;
      if (binding?.kind !== 'unset') filled.set(name, { tensor, opType: makers.get(name) ?? '', quantization });
    }
  });
  return filled;
}

function outerConstant(frame: NetFrame, name: string, blob: FilledBlob | undefined): Binding | undefined {
  if (blob === undefined) return undefined;
  if (blob.tensor === undefined) return kPoisoned;
  return { kind: 'value', value: frame.builder.constant(blob.tensor, name, blob.quantization) };
}

function predictFrame(session: ImportSession, sources: InputSources): NetFrame {
  const { predict, filled, given } = sources;
  const frame: NetFrame = new NetFrame(session, {
    kind: 'predict',
    name: predict.name ?? 'net',
    usedNames: new Set(),
    // A weight becomes a constant of the graph when the first operator reads it.
    resolveOuter: (name) => outerConstant(frame, name, filled.get(name)),
    implicitInput: (name: string, type: TensorType): Value => {
      const accepted = implicitInputType(name, type, given.get(name));
      if ('code' in accepted) throw new CompileError(accepted);
      const value = frame.builder.input(name, accepted, true);
      frame.provide(name, { kind: 'value', value });
      return value;
    },
  });
  return frame;
}

function bindInputs(frame: NetFrame, sources: InputSources): void {
  const inputs = findInputs(sources);
  for (const problem of checkGivenNames(sources, inputs)) frame.report(problem);
  for (const { name, type } of inputs) {
    if (type === undefined) {
      frame.report(missingShapeProblem(name, sources));
      frame.provide(name, kPoisoned);
    } else if (!isOfPossibleSize(type)) {
      const [expected, got] = [`at most ${kMaxTensorBytes} bytes`, typeToString(type)];
      frame.report({
        code: 'unsupported',
        message: `input ${name} is too large`,
        where: { blob: name },
        expected,
        got,
      });
      frame.provide(name, kPoisoned);
    } else {
      frame.provide(name, { kind: 'value', value: frame.builder.input(name, type) });
    }
  }
}

/** Imports all operators of a net and checks that its declared outputs are made. */
function importOps(frame: NetFrame, net: NetDef, liveAtEnd: ReadonlySet<string>): void {
  // Caffe2 checks names against external_input only when that list is not empty.
  const known = net.externalInputs.length > 0 ? new Set(net.externalInputs) : undefined;
  net.ops.forEach((own, i) => {
    // The net's device_option is that of every operator that has none.
    const { deviceOption } = net;
    const op = own.deviceOption !== undefined || deviceOption === undefined ? own : { ...own, deviceOption };
    const scope = new OpScope(frame, op, i, placeOf(net, own));
    const liveAfter = (): ReadonlySet<string> =>
      new Set([...readsFromOutside(net.ops.slice(i + 1), liveAtEnd).keys(), ...liveAtEnd]);
    importOp(scope, known, liveAfter);
    for (const name of op.outputs) known?.add(name);
  });
  const made = new Set([...net.ops.flatMap((op) => op.outputs), ...net.externalInputs]);
  for (const name of net.externalOutputs) {
    if (made.has(name)) continue;
    const message = `external_output ${name} is made by no operator`;
    frame.report({ code: 'invalid-model', message, where: { blob: name }, expected: 'an output of an operator' });
    frame.provide(name, kPoisoned);
  }
}

/**
 * Where the net wants the operator: `device_option` counts where some operator of the net is for a GPU. A net made for CPUs alone
 * says nothing of a GPU that it is compiled for.
 */
function placeOf(net: NetDef, op: OperatorDef): Origin['device'] {
  const isForGpu = (option: DeviceOption | undefined): boolean => kGpuTypes.has(option?.deviceType ?? 0);
  if (!isForGpu(net.deviceOption) && !net.ops.some(({ deviceOption }) => isForGpu(deviceOption))) return undefined;
  if (op.deviceOption === undefined) return isForGpu(net.deviceOption) ? 'gpu' : undefined;
  return isForGpu(op.deviceOption) ? 'gpu' : 'cpu';
}

/** Caffe2's DeviceTypeProto: CUDA and HIP. */
const kGpuTypes: ReadonlySet<number> = new Set([1, 6]);

function importOp(scope: OpScope, known: ReadonlySet<string> | undefined, liveAfter: () => ReadonlySet<string>): void {
  const { frame, op } = scope;
  checkInputNames(scope, known);
  try {
    for (const [name, binding] of runImporter(scope, liveAfter)) frame.write(name, binding);
    warnOfUnreadArguments(scope);
  } catch (error) {
    const problems = error instanceof PoisonSignal ? scope.argProblems : scope.placed(problemsOf(error));
    for (const problem of problems) frame.report(problem);
    for (const name of writtenNames(op)) frame.write(name, kPoisoned);
  }
}

/** Reports inputs that do not exist, and poisons them so that the operator is skipped. */
function checkInputNames(scope: OpScope, known: ReadonlySet<string> | undefined): void {
  const { frame, op } = scope;
  for (const name of new Set(op.inputs)) {
    const where = { ...frame.whereOp(scope.origin), blob: name };
    if (known !== undefined && !known.has(name)) {
      const message = `input ${name} is neither an external input of the net nor made by an earlier operator`;
      frame.report({ code: 'invalid-model', message, where, remedy: `add ${name} to external_input` });
      frame.provide(name, kPoisoned);
    } else if (frame.lookUp(name) === undefined) {
      const message = `input ${name} does not exist`;
      frame.report({ code: 'invalid-model', message, where, expected: 'a blob that is filled or made earlier' });
      frame.provide(name, kPoisoned);
    }
  }
}

function runImporter(scope: OpScope, liveAfter: () => ReadonlySet<string>): ReadonlyMap<string, Binding> {
  const { op, frame, type } = scope;
  const control = kControlFlow.get(type);
  if (control !== undefined) {
    const bindings = control({ scope, liveAfter, importNested: importOps });
    return commitBindings(scope, bindings);
  }
  const importer = frame.session.importers.get(type);
  if (importer === undefined) {
    return scope.fail(type === '' ? 'the operator has no type' : `operator type ${type} is not supported`, {
      code: 'unsupported',
    });
  }
  checkQuantizedUse(scope);
  const results = scope.commit(importer(scope));
  return new Map(
    op.outputs.map((name, i): [string, Binding] => {
      const value = results[i];
      if (value !== undefined) return [name, { kind: 'value', value }];
      return [name, { kind: 'unset', reason: `op ${scope.origin.opIndex} ${type} leaves it so` }];
    }),
  );
}

/** Commits what control flow emitted; declared outputs first, since these give their names to values. */
function commitBindings(scope: OpScope, bindings: ReadonlyMap<string, Binding>): ReadonlyMap<string, Binding> {
  const names = [...new Set([...scope.op.outputs, ...bindings.keys()])];
  const values = names.map((name) => {
    const binding = bindings.get(name);
    return binding?.kind === 'value' ? binding.value : undefined;
  });
  const committed = scope.commit(values);
  return new Map(
    names.flatMap((name, i): readonly (readonly [string, Binding])[] => {
      const value = committed[i];
      const binding = bindings.get(name);
      if (value !== undefined) return [[name, { kind: 'value', value }]];
      return binding === undefined ? [] : [[name, binding]];
    }),
  );
}

function warnOfUnreadArguments(scope: OpScope): void {
  const names = scope.args.unread();
  if (names.length > 0) scope.warn(`unknown argument${names.length === 1 ? '' : 's'} ${names.join(', ')} ignored`);
}

function bindOutputs(frame: NetFrame, names: readonly string[]): readonly GraphOutput[] {
  return names.flatMap((name): readonly GraphOutput[] => {
    const binding = frame.lookUp(name);
    if (binding?.kind === 'value') return [{ name, value: binding.value }];
    if (binding?.kind === 'unset') {
      const message = `output ${name} is empty: ${binding.reason}`;
      frame.report({ code: 'invalid-model', message, where: { blob: name } });
    } else if (binding === undefined) {
      const message = `output ${name} is no blob of the net`;
      frame.report({ code: 'bad-option', message, where: { blob: name }, expected: 'a blob that the net makes' });
    }
    return [];
  });
}

/** Weights that only folded operators read, and filled blobs that nobody reads, are dropped. */
function withoutUnreadConstants(graph: Graph): Graph {
  const uses = countUses(graph);
  const nodes = graph.nodes.map((node) =>
    node.regions === undefined
      ? node
      : {
          ...node,
          regions: node.regions.map((region) => ({ ...region, graph: withoutUnreadConstants(region.graph) })),
        },
  );
  return { ...graph, nodes, constants: new Map([...graph.constants].filter(([value]) => uses.has(value))) };
}
