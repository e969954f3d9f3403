import assert from 'node:assert/strict';
import { parseNetDefText, printNetDefText } from '../../src/frontend/caffe2/messages.js';
import type { Argument, NetDef } from '../../src/frontend/caffe2/net-def.js';
import { expectProblem } from './expect-problem.js';
import { everyFieldNet } from './sample-nets.js';

function argument(text: string): Argument {
  const [only] = parseNetDefText(`arg { ${text} }`).args;
  assert.ok(only !== undefined);
  return only;
}

function latin(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('latin1');
}

describe('NetDef, text form', () => {
  it('gives every field back', () => {
    const net = everyFieldNet();
    assert.deepEqual(parseNetDefText(printNetDefText(net)), net);
  });

  it('reads a net as people write it', () => {
    const net: NetDef = parseNetDefText(`
      # a comment
      name: "le" 'net'   # strings next to each other are one
      op {
        input: "data" input: "w"; output: "y",
        type: "Conv"
        arg < name: "kernel" i: 5 >
        arg: { name: "order" s: "NCHW" };
        device_option { }
      }
      external_input: ["data", "w"]
      external_output: "y"
    `);
    assert.equal(net.name, 'lenet');
    const [op] = net.ops;
    assert.deepEqual(op?.inputs, ['data', 'w']);
    assert.deepEqual(op?.outputs, ['y']);
    assert.equal(op?.args[0]?.i, 5n);
    assert.equal(latin(op?.args[1]?.s), 'NCHW');
    assert.deepEqual(op?.deviceOption, { extraInfo: [] });
    assert.deepEqual(net.externalInputs, ['data', 'w']);
  });

  it('reads numbers in all their spellings', () => {
    const { ints } = argument('ints: [0, -0, 017, 0x1F, -0X10, 9223372036854775807, -9223372036854775808]');
    assert.deepEqual([...ints], [0n, 0n, 15n, 31n, -16n, 2n ** 63n - 1n, -(2n ** 63n)]);
    const { floats } = argument('floats: 1 floats: [-.5, 2., 1e-3f, inf, -Infinity, nan, 3F] floats: - 4');
    assert.deepEqual([...floats], [1, -0.5, 2, Math.fround(1e-3), Infinity, -Infinity, NaN, 3, -4]);
  });

  it('reads bools and enums by name and number', () => {
    const flags = parseNetDefText('op { is_gradient_op: true } op { is_gradient_op: 1 } op { is_gradient_op: f }').ops;
    assert.deepEqual(
      flags.map((op) => op.isGradientOp),
      [true, true, false],
    );
    const types = argument('tensors { data_type: FLOAT16 } tensors { data_type: 10 }').tensors;
    assert.deepEqual(
      types.map((tensor) => tensor.dataType),
      [12, 10],
    );
  });

  it('reads string escapes', () => {
    assert.equal(
      latin(argument(String.raw`s: "\a\b\f\n\r\t\v\\\'\"\?\0\101\x41\xe"`).s),
      '\x07\b\f\n\r\t\v\\\'"?\0AA\x0e',
    );
    assert.equal(Buffer.from(argument(String.raw`s: '\u00e9\U0001F600é'`).s ?? []).toString(), 'é😀é');
    assert.equal(latin(argument(`s: 'a"b' "c'd"`).s), 'a"bc\'d');
  });

  it('prints floats as short as they can be read back', () => {
    const { args } = parseNetDefText('arg { floats: [0.1, 1e-45, 16777216, 3.4028235e38, 1e20, -0, 0.333333343] }');
    assert.deepEqual(
      [...printNetDefText(parseNetDefText('arg { floats: 0.1 }')).matchAll(/floats: (.*)/g)].map((match) => match[1]),
      ['0.1'],
    );
    assert.deepEqual(parseNetDefText(printNetDefText({ ...parseNetDefText(''), args })).args, args);
  });

  const refused: readonly (readonly [name: string, text: string, line: number, column: number, pattern: RegExp])[] = [
    [
      'an unknown field',
      'name: "a"\nop {\n  typ: "Conv" }',
      3,
      3,
      /OperatorDef has no field 'typ'.*one of input, output/,
    ],
    ['a singular field twice', 'name: "a"\nname: "b"', 2, 1, /'name' is given twice/],
    ['an open message', 'op {', 1, 5, /expected a field name or '}'/],
    ['a stray bracket', 'op { } }', 1, 8, /expected a field name/],
    ['the wrong closing bracket', 'op { >', 1, 6, /or '}'/],
    ['an open string', 'name: "a\n"', 1, 7, /not closed on its line/],
    ['a bad escape', 'name: "a\\q"', 1, 9, /unknown escape/],
    ['a missing colon', 'name "a"', 1, 6, /expected ':'/],
    ['a number for a string', 'name: 1', 1, 7, /expected a quoted string, got '1'/],
    ['a fraction for an integer', 'arg { i: 1.5 }', 1, 10, /expected an integer of 64 bits/],
    ['an integer out of range', 'num_workers: 2147483648', 1, 14, /integer of 32 bits/],
    ['a negative unsigned', 'device_option { random_seed: -1 }', 1, 30, /non-negative/],
    ['an octal that is none', 'arg { i: 08 }', 1, 10, /expected an integer/],
    ['a malformed number', 'arg { i: 1x }', 1, 10, /malformed number/],
    ['an unknown enum name', 'arg { t { data_type: FLOAT8 } }', 1, 22, /one of UNDEFINED, FLOAT/],
    ['an open list', 'external_input: ["a" "b" ;', 1, 26, /',' or ']'/],
    ['a list for a singular field', 'name: ["a"]', 1, 7, /quoted string/],
    ['a message without brackets', 'op: "x"', 1, 5, /'op' is a message/],
    ['an extension', 'op { [caffe2.x]: 1 }', 1, 6, /expected a field name/],
    ['a name that is not UTF-8', 'name: "\\xff"', 1, 7, /not UTF-8/],
  ];
  for (const [name, text, line, column, pattern] of refused) {
    it(`refuses ${name}, with line and column`, () => {
      const problem = expectProblem(() => parseNetDefText(text, 'net.pbtxt'), 'invalid-model', pattern);
      assert.deepEqual(problem.where, { file: 'net.pbtxt', line, column });
    });
  }
});
