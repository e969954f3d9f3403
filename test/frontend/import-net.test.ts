import assert from 'node:assert/strict';
import { floatTensor } from '../../src/ir/tensor.js';
import { importText, inputTexts, refusals, run } from './import-sample.js';

const kRelu = 'op { type: "Relu" input: "x" output: "y" } external_input: "x" external_output: "y"';

describe('blobs', () => {
  it('a blob written again is a new value; names stay', () => {
    const { graph } = importText(
      `op { type: "Relu" input: "x" output: "x" }
       op { type: "Negative" input: "x" output: "y" }
       op { type: "Relu" input: "y" output: "x" }
       op { type: "Add" input: "x" input: "y" output: "y" }
       external_input: "x" external_output: "y" external_output: "x"`,
      { inputs: ['x:3'] },
    );
    assert.deepEqual(
      graph.nodes.map((node) => node.outputs[0]?.name),
      ['x.1', 'y', 'x.2', 'y.1'],
    );
    assert.deepEqual(
      graph.outputs.map((output) => output.name),
      ['y', 'x'],
    );
    assert.deepEqual(run(graph, { x: floatTensor([3], [-1, 2, 3]) }), [-0, -2, -3]);
  });

  it('gives out any blob on request', () => {
    const net = `op { type: "Relu" input: "x" output: "a" } op { type: "Negative" input: "a" output: "y" }
                 external_input: "x" external_output: "y"`;
    const { graph } = importText(net, { inputs: ['x:3'], extraOutputs: ['a', 'y'] });
    assert.deepEqual(
      graph.outputs.map((output) => output.name),
      ['y', 'a'],
    );
    assert.deepEqual(refusals(net, { inputs: ['x:3'], extraOutputs: ['z'] }), [
      'blob z: output z is no blob of the net (expected a blob that the net makes)',
    ]);
  });

  it('a net without outputs is asked for some', () => {
    assert.deepEqual(refusals('op { type: "Relu" input: "x" output: "y" } external_input: "x"', { inputs: ['x:3'] }), [
      'the net has no external_output; name the blobs wanted with --output',
    ]);
  });

  it('an input may be an output', () => {
    const { graph } = importText(
      'op { type: "Relu" input: "x" output: "y" } external_input: "x" external_output: "x"',
      { inputs: ['x:1'] },
    );
    assert.deepEqual(run(graph, { x: floatTensor([1], [-1]) }), [-1]);
  });
});

describe('names of a net', () => {
  it('an input must be external or made earlier, once external inputs are listed', () => {
    assert.deepEqual(
      refusals(`op { type: "Add" input: "x" input: "b" output: "y" } external_input: "x" external_output: "y"`, {
        inputs: ['x:2'],
      }),
      [
        'op 0 Add: blob b: input b is neither an external input of the net nor made by an earlier operator; ' +
          'add b to external_input',
      ],
    );
  });

  it('an external output must be made', () => {
    assert.deepEqual(
      refusals('op { type: "Relu" input: "x" output: "y" } external_input: "x" external_output: "z"', {
        inputs: ['x:2'],
      }),
      ['blob z: external_output z is made by no operator (expected an output of an operator)'],
    );
  });

  it('without external inputs blobs are found by name', () => {
    const { graph } = importText('op { type: "Relu" input: "x" output: "y" } external_output: "y"', {
      inputs: ['x:2'],
    });
    assert.deepEqual(inputTexts(graph), ['x f32[2]']);
    assert.deepEqual(refusals('op { type: "Relu" input: "x" output: "y" name: "first" } external_output: "y"'), [
      'op 0 Relu "first": blob x: x is read, but no operator makes it and no init net fills it; if it is an input, ' +
        'give it as --input x:1,3,224,224 (with its own dims) or in a value_info.json',
    ]);
  });

  it('a blob that an operator leaves empty cannot be read', () => {
    const problems = refusals(
      `op { type: "Dropout" input: "x" output: "a" output: "mask" arg { name: "is_test" i: 1 } }
       op { type: "Relu" input: "mask" output: "y" } external_input: "x" external_output: "y"`,
      { inputs: ['x:2'] },
    );
    assert.deepEqual(problems, ['op 1 Relu: blob mask: blob mask is read but empty: op 0 Dropout leaves it so']);
  });
});

describe('problems', () => {
  it('all unsupported operators at once; what depends on them is silent', () => {
    assert.deepEqual(
      refusals(
        `op { type: "Frobnicate" name: "first" input: "x" output: "a" }
         op { type: "Relu" input: "a" output: "b" }
         op { type: "Nope" input: "b" output: "c" }
         op { input: "x" output: "d" }
         external_input: "x" external_output: "c"`,
        { inputs: ['x:2'] },
      ),
      [
        'op 0 Frobnicate "first": blob a: operator type Frobnicate is not supported',
        'op 2 Nope: blob c: operator type Nope is not supported',
        'op 3: blob d: the operator has no type',
      ],
    );
  });

  it('dead operators are checked too', () => {
    const net = `op { type: "Nope" input: "x" output: "a" } ${kRelu}`;
    assert.equal(refusals(net, { inputs: ['x:2'] }).length, 1);
  });

  it('wrong counts name the operator', () => {
    assert.match(
      refusals('op { type: "Relu" input: "x" input: "x" output: "y" } external_input: "x"', { inputs: ['x:2'] })[0] ??
        '',
      /^op 0 Relu: blob y: wrong number of inputs \(expected 1, got 2\)$/,
    );
  });
});

describe('inputs', () => {
  it('a missing shape is asked for by name', () => {
    assert.deepEqual(refusals(kRelu), [
      'op 0 Relu: blob x: the shape of input x is not known; give it as --input x:1,3,224,224 (with its own dims) ' +
        'or in a value_info.json',
    ]);
  });

  it('value_info gives type and dims; --input overrides the dims', () => {
    const model = { valueInfo: new Map([['x', { dtype: 'f64', dims: [2, 3] } as const]]) };
    assert.deepEqual(inputTexts(importText(kRelu, { model }).graph), ['x f64[2,3]']);
    assert.deepEqual(inputTexts(importText(kRelu, { model, inputs: ['x:1..4,3'] }).graph), ['x f64[x.d0(1..4),3]']);
    assert.deepEqual(inputTexts(importText(kRelu, { model, inputs: ['x:float:1'] }).graph), ['x f32[1]']);
  });

  it('unread and repeated external inputs are dropped', () => {
    const { graph } = importText(`${kRelu} external_input: "queue" external_input: "x"`, { inputs: ['x:2'] });
    assert.deepEqual(inputTexts(graph), ['x f32[2]']);
  });

  it('--input of a blob that is none is refused', () => {
    assert.deepEqual(refusals(kRelu, { inputs: ['x:2', 'y:2', 'q:2'] }), [
      'blob y: --input names y, which an operator makes (expected x)',
      'blob q: --input names q, which no operator reads (expected x)',
    ]);
    for (const type of ['string', 'bf16']) {
      assert.match(
        refusals(kRelu, { inputs: [`x:${type}:2`] })[0] ?? '',
        new RegExp(`no operator reads .expected x.; ${type} is no type of inputs: float32, `),
      );
    }
  });

  it('a bounded dim stays symbolic through the net', () => {
    const { graph } = importText(kRelu, { inputs: ['x:N=1..8,2'] });
    assert.deepEqual(run(graph, { x: floatTensor([1, 2], [-1, 5]) }), [0, 5]);
  });
});

describe('init nets', () => {
  const add = `op { type: "Add" input: "x" input: "w" output: "y" }
               external_input: "x" external_input: "w" external_output: "y"`;
  const fill = (name: string, shape: string, values: string): string =>
    `op { type: "GivenTensorFill" output: "${name}" arg { name: "shape" ${shape} } arg { name: "values" ${values} } }`;

  it('fills become constants; unread ones are dropped', () => {
    const init = `${fill('w', 'ints: 2', 'floats: 1 floats: 2')} ${fill('unread', 'ints: 1', 'floats: 1')}`;
    const { graph } = importText(add, { init, inputs: ['x:2'] });
    assert.deepEqual(
      [...graph.constants.keys()].map((value) => value.name),
      ['w'],
    );
    assert.deepEqual(run(graph, { x: floatTensor([2], [10, 20]) }), [11, 22]);
  });

  it('operators of an init net are computed', () => {
    const init = `${fill('a', 'ints: 2', 'floats: 1 floats: -2')} op { type: "Negative" input: "a" output: "w" }`;
    const { graph } = importText(add, { init, inputs: ['x:2'] });
    assert.equal(graph.nodes.length, 1);
    assert.deepEqual(run(graph, { x: floatTensor([2], [0, 0]) }), [-1, 2]);
  });

  it('placeholders are inputs', () => {
    const translator = 'op { type: "ConstantFill" output: "x" arg { name: "shape" ints: 1 } }';
    const exporter = fill('x', 'ints: 1 ints: 1', 'floats: 0');
    for (const init of [translator, exporter]) {
      assert.deepEqual(inputTexts(importText(kRelu, { init, inputs: ['x:2,3'] }).graph), ['x f32[2,3]']);
      assert.match(refusals(kRelu, { init })[0] ?? '', /the shape of input x is not known/);
    }
  });

  it('a filled blob named by the user or by value_info is an input', () => {
    const init = `${fill('w', 'ints: 2', 'floats: 1 floats: 2')}`;
    const { graph } = importText(add, { init, inputs: ['x:2', 'w:2'] });
    assert.deepEqual(inputTexts(graph), ['x f32[2]', 'w f32[2]']);
  });

  it('an exported predictor gives shapes of inputs by filling them', () => {
    const init = 'op { type: "ConstantFill" output: "x" arg { name: "shape" ints: 4 ints: 5 } }';
    assert.deepEqual(inputTexts(importText(kRelu, { init, model: { inputs: ['x'] } }).graph), ['x f32[4,5]']);
  });

  it('random fills only with a seed', () => {
    const init = 'op { type: "XavierFill" output: "w" arg { name: "shape" ints: 2 ints: 2 } }';
    assert.deepEqual(refusals(add, { init, inputs: ['x:2,2'] }), [
      'net init: op 0 XavierFill: blob w: fills w with random numbers, which no compiler can reproduce ' +
        '(expected trained weights); give the trained init net, or ask for random weights with --random-init SEED',
    ]);
    const imported = importText(add, { init, inputs: ['x:2,2'], randomSeed: 1 });
    assert.match(imported.warnings[0]?.message ?? '', /w is filled with random numbers of seed 1/);
    const again = importText(add, { init, inputs: ['x:2,2'], randomSeed: 1 });
    assert.deepEqual([...imported.graph.constants.values()], [...again.graph.constants.values()]);
  });

  it('a failed fill poisons its readers only', () => {
    const init = 'op { type: "Nope" output: "w" }';
    assert.deepEqual(refusals(add, { init, inputs: ['x:2'] }), [
      'net init: op 0 Nope: blob w: operator type Nope is not supported',
    ]);
  });
});
