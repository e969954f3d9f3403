// LSTMUnit and GRUUnit: what one step of a recurrent net does with its gates. The products that make the gates are
// ordinary FC nodes before it.

import { type Dim, dimEquals, dimMul, type Shape, shapeMaxSize, shapeSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { getNumber, type Tensor } from '../../ir/tensor.js';
import { type TensorType, tensorType } from '../../ir/type.js';
import { bool, float } from '../attributes.js';
import type { Caffe2Import, ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank, checkSameDim } from '../check-input.js';
import { defineOp, type InferRequest, type ReferenceRequest } from '../define.js';
import { extentArg, floatArg, inputArg, kRowParts, lowerType, outputArg } from '../kernel-arguments.js';
import type { KernelRequest } from '../kernel-call.js';
import { floatData, floatOutput } from '../reference-tensors.js';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Checks all inputs; `states` first inputs are [1, n, d], then gates, step, lengths. Gives the type of a state. */
function inferUnit<A>(request: InferRequest<A>, states: number, gateCount: number): TensorType {
  const type = checkDType(request, states - 1, 'the state');
  checkRank(request, states - 1, 'the state', 3);
  const [one = 0, n = 0, d = 0] = type.shape;
  if (!dimEquals(one, 1)) request.fail('a state holds one step', { input: states - 1, expected: 'f32[1,n,d]' });
  const check = (i: number, name: string, wanted: Shape): void => {
    checkDType(request, i, name);
    checkRank(request, i, name, 3);
    wanted.forEach((dim, axis) => {
      const own: Dim = request.type(i).shape[axis] ?? 0;
      checkSameDim(request, i, `${name} does not fit the state`, own, dim);
    });
  };
  for (let i = 0; i < states - 1; i++) check(i, 'the state', type.shape);
  check(states, 'the gates', [1, n, dimMul(d, gateCount)]);
  const step = checkDType(request, states + 1, 'the time step', 'i32');
  if (shapeMaxSize(step.shape) < 1) request.fail('the time step is empty', { input: states + 1 });
  if (request.inputs[states + 2] !== undefined) {
    const lengths = checkDType(request, states + 2, 'the sequence lengths', 'i32');
    checkSameDim(request, states + 2, 'there must be one length for each sequence', shapeSize(lengths.shape), n);
  }
  return tensorType('f32', type.shape);
}

/** Calls `cell` for every element of sequences that go on at this step, `rest` for all others. */
function forEachCell<A>(
  request: ReferenceRequest<A>,
  states: number,
  cell: (at: number, gates: (k: number) => number) => void,
  rest: (at: number) => void,
): void {
  const [, n = 0, d = 0] = request.tensor(states - 1).dims;
  const gates = request.tensor(states);
  const gateCount = (gates.dims[2] ?? 0) / Math.max(1, d);
  const step = getNumber(request.tensor(states + 1), 0);
  const lengths: Tensor | undefined = request.inputs[states + 2];
  for (let row = 0; row < n; row++) {
    const goesOn = lengths === undefined || step < getNumber(lengths, row);
    for (let i = 0; i < d; i++) {
      if (goesOn) cell(row * d + i, (k) => getNumber(gates, (row * gateCount + k) * d + i));
      else rest(row * d + i);
    }
  }
}

/** Arguments of both kernels in front of the pointers that differ. */
function sizesOf(request: KernelRequest, state: number) {
  const [, n = 0, d = 0] = lowerType(request, state).shape;
  return [extentArg(n), extentArg(d)];
}

export const lstmUnit = defineOp({
  name: 'LSTMUnit',
  doc: 'c = sigmoid(f + forgetBias) * c_prev + sigmoid(i) * tanh(g), h = sigmoid(o) * tanh(c), with gates i, f, o, g',
  source: 'caffe2/operators/lstm_unit_op.h',
  inputs: [
    { name: 'h_prev', doc: '[1, n, d]' },
    { name: 'c_prev', doc: '[1, n, d]' },
    { name: 'gates', doc: '[1, n, 4d]' },
    { name: 'step', doc: 'i32, its first element is the time step' },
    { name: 'lengths', doc: 'i32 [n]; from its length on, a sequence keeps its state', optional: true },
  ],
  outputs: [
    { name: 'h', doc: '[1, n, d]' },
    { name: 'c', doc: '[1, n, d]' },
  ],
  attrs: {
    forgetBias: float('added to the forget gate', 0),
    dropStates: bool('sequences that have ended get zeros in place of their state', false),
  },
  infer: (request) => {
    const state = inferUnit(request, 2, 4);
    return [state, state];
  },
  reference: (request) => {
    const [h, c] = [floatOutput(request, 0), floatOutput(request, 1)];
    const [hPrev, cPrev] = [floatData(request.tensor(0)), floatData(request.tensor(1))];
    const { forgetBias, dropStates } = request.attrs;
    forEachCell(
      request,
      2,
      (at, gate) => {
        const kept = sigmoid(gate(1) + forgetBias) * (cPrev[at] ?? 0);
        const cell = kept + sigmoid(gate(0)) * Math.tanh(gate(3));
        c.data[at] = cell;
        h.data[at] = sigmoid(gate(2)) * Math.tanh(cell);
      },
      (at) => {
        c.data[at] = dropStates ? 0 : (cPrev[at] ?? 0);
        h.data[at] = dropStates ? 0 : (hPrev[at] ?? 0);
      },
    );
    return [h.tensor, c.tensor];
  },
  macs: ({ outputs }) => 3 * shapeMaxSize(outputs[0]?.shape ?? []),
  lower: (request, { forgetBias, dropStates }) => ({
    header: 'cortado/rnn_units.h',
    fn: 'lstm_unit',
    template: [{ kind: 'bool', value: dropStates }],
    args: [
      ...sizesOf(request, 1),
      ...[0, 1, 2, 3].map(inputArg),
      request.node.inputs[4] === undefined ? { kind: 'null' } : inputArg(4),
      floatArg(forgetBias),
      outputArg(0),
      outputArg(1),
    ],
    parts: kRowParts,
  }),
  caffe2: { LSTMUnit: importLstmUnit },
  examples: [
    {
      attrs: { forgetBias: 1 },
      inputs: [
        { dims: [1, 3, 18] },
        { dims: [1, 3, 18] },
        { dims: [1, 3, 72], range: [-4, 4] },
        { dtype: 'i32', dims: [1], values: [2] },
        { dtype: 'i32', dims: [3], values: [4, 2, 3] },
      ],
    },
    {
      note: 'states are dropped',
      attrs: { dropStates: true },
      inputs: [
        { dims: [1, 2, 3] },
        { dims: [1, 2, 3] },
        { dims: [1, 2, 12], range: [-4, 4] },
        { dtype: 'i32', dims: [1], values: [1] },
        { dtype: 'i32', dims: [2], values: [1, 2] },
      ],
    },
    {
      note: 'no lengths',
      inputs: [
        { dims: [1, 2, 5] },
        { dims: [1, 2, 5] },
        { dims: [1, 2, 20], range: [-4, 4] },
        { dtype: 'i32', dims: [1], values: [7] },
      ],
    },
  ],
});

export const gruUnit = defineOp({
  name: 'GRUUnit',
  doc: 'h = h_prev * sigmoid(u) + tanh(o) * (1 - sigmoid(u)), with gates r, u, o; r is applied before the unit',
  source: 'caffe2/operators/gru_unit_op.h',
  inputs: [
    { name: 'h_prev', doc: '[1, n, d]' },
    { name: 'gates', doc: '[1, n, 3d]' },
    { name: 'step', doc: 'i32, its first element is the time step' },
    { name: 'lengths', doc: 'i32 [n]; from its length on, a sequence keeps its state', optional: true },
  ],
  outputs: [{ name: 'h', doc: '[1, n, d]' }],
  attrs: { dropStates: bool('sequences that have ended get zeros in place of their state', false) },
  infer: (request) => [inferUnit(request, 1, 3)],
  reference: (request) => {
    const h = floatOutput(request);
    const hPrev = floatData(request.tensor(0));
    forEachCell(
      request,
      1,
      (at, gate) => {
        const update = sigmoid(gate(1));
        h.data[at] = (hPrev[at] ?? 0) * update + Math.tanh(gate(2)) * (1 - update);
      },
      (at) => {
        h.data[at] = request.attrs.dropStates ? 0 : (hPrev[at] ?? 0);
      },
    );
    return [h.tensor];
  },
  macs: ({ outputs }) => 2 * shapeMaxSize(outputs[0]?.shape ?? []),
  lower: (request, { dropStates }) => ({
    header: 'cortado/rnn_units.h',
    fn: 'gru_unit',
    template: [{ kind: 'bool', value: dropStates }],
    args: [
      ...sizesOf(request, 0),
      ...[0, 1, 2].map(inputArg),
      request.node.inputs[3] === undefined ? { kind: 'null' } : inputArg(3),
      outputArg(0),
    ],
    parts: kRowParts,
  }),
  caffe2: { GRUUnit: importGruUnit },
  examples: [
    {
      inputs: [
        { dims: [1, 3, 18] },
        { dims: [1, 3, 54], range: [-4, 4] },
        { dtype: 'i32', dims: [1], values: [2] },
        { dtype: 'i32', dims: [3], values: [4, 2, 3] },
      ],
    },
    {
      note: 'states are dropped',
      attrs: { dropStates: true },
      inputs: [
        { dims: [1, 2, 3] },
        { dims: [1, 2, 9], range: [-4, 4] },
        { dtype: 'i32', dims: [1], values: [1] },
        { dtype: 'i32', dims: [2], values: [1, 2] },
      ],
    },
  ],
});

/** Caffe2's order is states, gates, [lengths,] step; without lengths the step moves up, whatever else is given. */
function readUnit(scope: ImportScope, states: number): readonly Value[] {
  scope.expectInputs(states + 2, states + 3);
  const first = Array.from({ length: states + 1 }, (_, i) => scope.input(i));
  if (!scope.args.bool('sequence_lengths', true)) return [...first, scope.input(states + 1)];
  if (scope.inputCount < states + 3) {
    scope.fail('the sequence lengths are missing', {
      expected: `${states + 3} inputs, or sequence_lengths = 0`,
      got: `${scope.inputCount} inputs`,
    });
  }
  return [...first, scope.input(states + 2), scope.input(states + 1)];
}

function importLstmUnit(scope: ImportScope): ReturnType<Caffe2Import> {
  scope.expectOutputs(2);
  const inputs = readUnit(scope, 2);
  const attrs = {
    forgetBias: scope.args.float('forget_bias', 0),
    dropStates: scope.args.bool('drop_states', false),
  };
  return scope.emit('LSTMUnit', inputs, attrs, 2);
}

function importGruUnit(scope: ImportScope): ReturnType<Caffe2Import> {
  scope.expectOutputs(1);
  const inputs = readUnit(scope, 1);
  return scope.emit('GRUUnit', inputs, { dropStates: scope.args.bool('drop_states', false) });
}
