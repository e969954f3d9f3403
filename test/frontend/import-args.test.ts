import assert from 'node:assert/strict';
import { type ArgFault, ArgTable } from '../../src/frontend/caffe2/arg-reader.js';
import { parseNetDefText } from '../../src/frontend/caffe2/messages.js';
import { importText, refusals } from './import-sample.js';

function readArgs(text: string): { args: ArgTable; faults: ArgFault[]; warnings: string[] } {
  const faults: ArgFault[] = [];
  const warnings: string[] = [];
  const op = parseNetDefText(`op { type: "T" ${text} }`).ops[0];
  assert.ok(op !== undefined);
  const args = new ArgTable(op.args, {
    fault: (fault) => void faults.push(fault),
    warn: (message) => void warnings.push(message),
  });
  return { args, faults, warnings };
}

describe('argument look-up', () => {
  it('reads each kind from its own field', () => {
    const { args, faults } = readArgs(`
      arg { name: "k" i: 3 } arg { name: "big" i: 5000000000 } arg { name: "e" f: 0.5 } arg { name: "on" i: 2 }
      arg { name: "order" s: "NHWC" } arg { name: "dims" ints: 1 ints: -2 } arg { name: "v" floats: 1.5 }`);
    assert.equal(args.int('k', 1), 3);
    assert.equal(args.int64('big', 0n), 5000000000n);
    assert.equal(args.float('e', 1), 0.5);
    assert.equal(args.bool('on', false), true);
    assert.equal(args.text('order', 'NCHW'), 'NHWC');
    assert.deepEqual(args.ints('dims'), [1, -2]);
    assert.deepEqual(args.floats('v'), Float32Array.of(1.5));
    assert.equal(args.int('absent', 7), 7);
    assert.deepEqual(args.ints('absent'), []);
    assert.deepEqual(faults, []);
  });

  it('refuses a scalar in another field', () => {
    const { args, faults } = readArgs('arg { name: "kernel" f: 3 } arg { name: "scale" i: 2 }');
    args.int('kernel', 0);
    args.float('scale', 1);
    assert.deepEqual(faults, [
      {
        message: 'argument kernel does not have the right field',
        expected: 'an int (field i)',
        got: 'a float (field f) = 3',
      },
      {
        message: 'argument scale does not have the right field',
        expected: 'a float (field f)',
        got: 'an int (field i) = 2',
      },
    ]);
  });

  it('reads a list of the wrong kind as empty, with a warning', () => {
    const { args, faults, warnings } = readArgs('arg { name: "axes" i: 1 } arg { name: "shape" floats: 2 floats: 3 }');
    assert.deepEqual(args.ints('axes'), []);
    assert.deepEqual(args.ints('shape'), []);
    assert.deepEqual(faults, []);
    assert.equal(warnings.length, 2);
    assert.match(warnings[1] ?? '', /argument shape reads as an empty list: .*got a list of 2 floats/);
  });

  it('refuses an int beyond 32 bits where Caffe2 narrows', () => {
    const { args, faults } = readArgs('arg { name: "axis" i: 4294967297 }');
    args.int('axis', 1);
    assert.deepEqual(faults, [{ message: 'argument axis does not fit', expected: 'a 32-bit int', got: '4294967297' }]);
  });

  it('takes the same name twice only with the same bytes', () => {
    assert.deepEqual(readArgs('arg { name: "k" i: 3 } arg { name: "k" i: 3 }').faults, []);
    const { faults } = readArgs('arg { name: "k" i: 3 } arg { name: "k" i: 5 }');
    assert.match(faults[0]?.message ?? '', /argument k occurs twice with different contents/);
  });

  it('reads the expected one of several fields', () => {
    const { args, faults } = readArgs('arg { name: "alpha" i: 3 f: 0.25 }');
    assert.equal(args.float('alpha', 0), 0.25);
    assert.deepEqual(faults, []);
  });

  it('lists what nobody asked for', () => {
    const { args } = readArgs('arg { name: "a" i: 1 } arg { name: "b" i: 1 } arg { name: "c" i: 1 }');
    args.int('a', 0);
    args.ignore('c', 'd');
    assert.deepEqual(args.unread(), ['b']);
  });
});

describe('arguments of operators', () => {
  it('one warning names all unknown arguments', () => {
    const { warnings } = importText(
      `op { type: "Relu" input: "x" output: "y" arg { name: "foo" i: 1 } arg { name: "bar" f: 2 } }
       external_input: "x" external_output: "y"`,
      { inputs: ['x:2'] },
    );
    assert.deepEqual(
      warnings.map((warning) => warning.message),
      ['unknown arguments foo, bar ignored'],
    );
  });

  it('all bad arguments of all operators are reported, and nothing that follows from them', () => {
    const problems = refusals(
      `op { type: "MaxPool" input: "x" output: "a" arg { name: "kernel" f: 2 } arg { name: "stride" s: "2" } }
       op { type: "Relu" input: "a" output: "b" }
       op { type: "Softmax" input: "b" output: "y" arg { name: "axis" f: 1 } }
       external_input: "x" external_output: "y"`,
      { inputs: ['x:1,1,4,4'] },
    );
    assert.ok(problems.length >= 2, problems.join('\n'));
    assert.match(problems[0] ?? '', /^op 0 MaxPool: blob a: argument kernel does not have the right field/);
    assert.ok(problems.every((problem) => !problem.includes('Relu')));
  });
});
