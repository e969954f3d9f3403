// Small LSTM and GRU nets as Caffe2's brew exports them: an FC over the whole sequence, then a RecurrentNetwork whose step
// net has the FC of the previous state, the sum and the unit.

export interface RecurrentNet {
  readonly predict: string;
  readonly init: string;
}

const kInputSize = 5;

function strings(name: string, values: readonly string[]): string {
  return `arg { name: "${name}" ${values.map((value) => `strings: "${value}"`).join(' ')} }`;
}

function ints(name: string, values: readonly number[]): string {
  return `arg { name: "${name}" ${values.map((value) => `ints: ${value}`).join(' ')} }`;
}

function op(type: string, inputs: readonly string[], outputs: readonly string[], args = ''): string {
  const [ins, outs] = [inputs.map((name) => `input: "${name}"`), outputs.map((name) => `output: "${name}"`)];
  return `op { type: "${type}" ${[...ins, ...outs].join(' ')} ${args} }\n`;
}

/** Weights in a fixed pattern between -0.5 and 0.5. */
function fill(name: string, dims: readonly number[], seed: number): string {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const values = Array.from({ length: count }, (_, i) => (((i + seed) * 37) % 101) / 101 - 0.5);
  const floats = values.map((value) => `floats: ${value.toFixed(6)}`).join(' ');
  return op('GivenTensorFill', [], [name], `${ints('shape', dims)} arg { name: "values" ${floats} }`);
}

const kAxis = 'arg { name: "axis" i: 2 }';

function slice(from: string, to: string, begin: number, end: number): string {
  return op('Slice', [from], [to], `${ints('starts', [0, 0, begin])} ${ints('ends', [-1, -1, end])}`);
}

/** `states` by name: each is linked as NAME_prev and NAME_t, and given out as NAME_all and NAME_last. */
function recurrent(step: string, states: readonly string[], weights: readonly string[]): string {
  const all = states.flatMap((name) => [`${name}_states`, `${name}_states`]);
  const args = [
    `arg { name: "step_net" n { name: "step" ${step} ${[
      ...states.map((name) => `${name}_prev`),
      ...weights,
      'x_t',
      'lengths',
      'timestep',
    ]
      .map((name) => `external_input: "${name}"`)
      .join(' ')} } }`,
    strings(
      'recurrent_states',
      states.map((name) => `${name}_states`),
    ),
    ints(
      'initial_recurrent_state_ids',
      states.map((_, i) => i + 1),
    ),
    strings('link_internal', [...states.flatMap((name) => [`${name}_prev`, `${name}_t`]), 'x_t']),
    strings('link_external', [...all, 'gates_x']),
    ints('link_offset', [...states.flatMap(() => [0, 1]), 0]),
    strings('alias_src', all),
    strings(
      'alias_dst',
      states.flatMap((name) => [`${name}_all`, `${name}_last`]),
    ),
    ints(
      'alias_offset',
      states.flatMap(() => [1, -1]),
    ),
    'arg { name: "enable_rnn_executor" i: 1 }',
  ];
  const initial = states.map((name) => `${name}_init`);
  const outputs = states.flatMap((name) => [`${name}_all`, `${name}_last`]);
  return op(
    'RecurrentNetwork',
    ['gates_x', ...initial, ...weights, 'lengths'],
    [...outputs, 'scratch'],
    args.join('\n'),
  );
}

function wholeNet(body: string, weights: readonly string[], outputs: readonly string[]): string {
  const inputs = ['x', 'lengths', ...weights].map((name) => `external_input: "${name}"`);
  return `name: "recurrent" ${body} ${[...inputs, ...outputs.map((name) => `external_output: "${name}"`)].join('\n')}`;
}

/** Inputs x: [t, n, 5] and lengths: [n]; outputs h_all, h_last, c_last. */
export function lstmNet(d: number): RecurrentNet {
  const step =
    op('FC', ['h_prev', 'w', 'b'], ['gates_h'], kAxis) +
    op('Sum', ['gates_h', 'x_t'], ['gates']) +
    op(
      'LSTMUnit',
      ['h_prev', 'c_prev', 'gates', 'lengths', 'timestep'],
      ['h_t', 'c_t'],
      'arg { name: "forget_bias" f: 1 }',
    );
  const body = op('FC', ['x', 'wx', 'bx'], ['gates_x'], kAxis) + recurrent(step, ['h', 'c'], ['w', 'b']);
  const weights = ['wx', 'bx', 'w', 'b', 'h_init', 'c_init'];
  return {
    predict: wholeNet(body, weights, ['h_all', 'h_last', 'c_last']),
    init:
      fill('wx', [4 * d, kInputSize], 1) +
      fill('bx', [4 * d], 2) +
      fill('w', [4 * d, d], 3) +
      fill('b', [4 * d], 4) +
      fill('h_init', [d], 5) +
      fill('c_init', [d], 6),
  };
}

/** Inputs x: [t, n, 5] and lengths: [n]; outputs h_all, h_last. */
export function gruNet(d: number): RecurrentNet {
  const step =
    op('FC', ['h_prev', 'wr', 'br'], ['ru_h'], kAxis) +
    slice('x_t', 'x_ru', 0, 2 * d) +
    slice('x_t', 'x_o', 2 * d, -1) +
    op('Sum', ['ru_h', 'x_ru'], ['ru']) +
    slice('ru', 'reset', 0, d) +
    op('Sigmoid', ['reset'], ['r']) +
    op('Mul', ['h_prev', 'r'], ['hr']) +
    op('FC', ['hr', 'wo', 'bo'], ['o_h'], kAxis) +
    op('Sum', ['o_h', 'x_o'], ['o']) +
    op('Concat', ['ru', 'o'], ['gates', 'gates_dims'], kAxis) +
    op('GRUUnit', ['h_prev', 'gates', 'lengths', 'timestep'], ['h_t']);
  const body = op('FC', ['x', 'wx', 'bx'], ['gates_x'], kAxis) + recurrent(step, ['h'], ['wr', 'br', 'wo', 'bo']);
  const weights = ['wx', 'bx', 'wr', 'br', 'wo', 'bo', 'h_init'];
  return {
    predict: wholeNet(body, weights, ['h_all', 'h_last']),
    init:
      fill('wx', [3 * d, kInputSize], 1) +
      fill('bx', [3 * d], 2) +
      fill('wr', [2 * d, d], 3) +
      fill('br', [2 * d], 4) +
      fill('wo', [d, d], 5) +
      fill('bo', [d], 6) +
      fill('h_init', [d], 7),
  };
}
