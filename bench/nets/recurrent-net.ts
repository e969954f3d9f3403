// An LSTM over a sequence as Caffe2's brew writes it: an FC over all steps, then a RecurrentNetwork whose step net has the
// FC of the previous state, the sum and the unit. The classifier reads the last state.

import { makeArgument, makeNet, makeOperator, type NetDef } from '../../src/frontend/caffe2/net-def.js';
import { type BenchNet, NetBuilder } from './net-builder.js';

const kSteps = 48;
const kFeatures = 256;
const kHidden = 512;

/** 48 steps of 256 values, 512 units, 40 classes. */
export function lstm(): BenchNet {
  const net = new NetBuilder('lstm', [kSteps, 1, kFeatures]);
  return net.finish(net.softmax(net.fc(net.lastStateOfLstm(net.input, kHidden), 40, 1)), false);
}

/** h_t, c_t from h_prev, c_prev and the step's share x_t of the gates. */
export function lstmStepNet(weights: string, bias: string): NetDef {
  const axis = [makeArgument({ name: 'axis', i: 2n })];
  const withoutLengths = [makeArgument({ name: 'sequence_lengths', i: 0n })];
  return makeNet({
    name: 'step',
    ops: [
      makeOperator({ type: 'FC', inputs: ['h_prev', weights, bias], outputs: ['gates_h'], args: axis }),
      makeOperator({ type: 'Sum', inputs: ['gates_h', 'x_t'], outputs: ['gates'] }),
      makeOperator({
        type: 'LSTMUnit',
        inputs: ['h_prev', 'c_prev', 'gates', 'timestep'],
        outputs: ['h_t', 'c_t'],
        args: withoutLengths,
      }),
    ],
    externalInputs: ['h_prev', 'c_prev', 'x_t', 'timestep', weights, bias],
    externalOutputs: ['h_t', 'c_t'],
  });
}
