import assert from 'node:assert/strict';
import { CompileError, formatProblem } from '../../src/errors.js';
import '../../src/ops/index.js';
import { parseGraph } from '../../src/ops/parse-graph.js';
import { printGraph } from '../../src/ops/print-graph.js';
import { verifyGraph } from '../../src/ops/verify-graph.js';

const kConv = '{kernel=[1,1], strides=[1,1], pads=[0,0,0,0], dilations=[1,1], group=1}';

/** A net with the given lines. */
function net(...lines: readonly string[]): string {
  return `net "t" {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
}

const kRoundTrips: { readonly [what: string]: string } = {
  'an empty net': net(),
  'inputs that vary, optional ones': net('input %x: f32[batch(1..8),3]', 'input optional %noise: f32[3]'),
  'constants of all types': net(
    'const %a: f32[5] = [0.1,-0,inf,-inf,nan]',
    'const %b: i64[1] = [9007199254740993]',
    'const %c: bool[2] = [0,1]',
    'const %d: f64[] = [0.1]',
    'const %e: f16[2] = [0.5,65504]',
    'const %f: str[2] = ["a\\"b",""]',
    'const %g: u8[0] = []',
    'const %h: f32[100] = splat(0.5)',
    'const %i: f32[100] = random(7, -1, 1)',
    'const %j: i32[100] = random(3, 0, 10)',
    'const %k: f32[100] = omitted(0123abcd)',
  ),
  'names that need quotes': net(
    'input %"a b": f32[1]',
    'input %"x:1": f32[1]',
    'input %res2/branch-1.bn_x: f32[1]',
    'output "y \\"z\\"" = %"x:1"',
  ),
  'absent inputs and dropped outputs': net(
    'input %x: f32[2,3,4]',
    'const %s: f32[3] = [1,2,3]',
    'const %b: f32[3] = [0,0,1]',
    '%y, _, %d = InstanceNorm(%x, %s, %b) {epsilon=0.001} : f32[2,3,4], f32[2,3]',
    'output "d" = %d',
  ),
  'epilogues with and without operands': net(
    'input %x: f32[1,1,2,2]',
    'const %w: f32[1,1,1,1] = [2]',
    `%a = Conv(%x, %w) ${kConv} epilogue {max($0,f32:0)} : f32[1,1,2,2]`,
    `%b = Conv(%x, %w, _) ${kConv} epilogue {add($0,mul($1,$2))} (%a, %x) : f32[1,1,2,2]`,
    'output "b" = %b',
  ),
  origins: net(
    'input %x: f32[1]',
    '%a = Relu(%x) : f32[1] #0 Relu',
    '%a.1 = Relu(%a) : f32[1] #1 Relu "relu" -> "a"',
    '%b = Relu(%a.1) : f32[1] #2.else.5 Relu -> ""',
    '%c = Relu(%b) : f32[1] #',
    'output "b" = %c',
  ),
  'sizes that operators make': net(
    'input %rois: f32[n(0..9),5]',
    'const %c: f32[] = [0]',
    '%m = GT(%rois, %c) : bool[n(0..9),5]',
    'output "m" = %m',
  ),
  'regions of other rank': net(
    'input %p: bool[]',
    'input %x: f32[2,3]',
    '%y = If(%p, %x) : f32[2,3]|[1] {',
    '  then: net "t.then" {',
    '    input %x.1: f32[2,3]',
    '    output "y" = %x.1',
    '  }',
    '  else: net "t.else" {',
    '    input %x.2: f32[2,3]',
    '    const %one: f32[1] = [1]',
    '    output "y" = %one',
    '  }',
    '} #3 If',
    'output "y" = %y',
  ),
  'regions of other size, with a name for it': net(
    'input %p: bool[]',
    'input %x: f32[2]',
    '%y = If(%p, %x) : f32[size(1..2)] {',
    '  then: net "t.then" {',
    '    input %x.1: f32[2]',
    '    output "y" = %x.1',
    '  }',
    '  else: net "t.else" {',
    '    input %x.2: f32[2]',
    '    const %one: f32[1] = [1]',
    '    output "y" = %one',
    '  }',
    '} #3 If',
    'output "y" = %y',
  ),
  layouts: net(
    'input %x: f32[1,16,2,2]',
    '%b = ToBlocked(%x) {block=16, dtype="f32"} : f32[1,16,2,2]@c16',
    '%y = ToPlain(%b) {block=16} : f32[1,16,2,2]',
    'output "y" = %y',
  ),
};

describe('textual IR', () => {
  for (const [what, text] of Object.entries(kRoundTrips)) {
    it(`prints what it read: ${what}`, () => {
      const graph = parseGraph(text);
      assert.equal(printGraph(graph), text);
      assert.deepEqual(verifyGraph(graph).map(formatProblem), []);
    });
  }

  it('blanks, comments and attribute defaults are free', () => {
    const text = 'net"t"{// nothing\n input %x:f32[1] %y=LeakyRelu(%x):f32[1]\n\noutput"y"=%y}';
    assert.equal(
      printGraph(parseGraph(text)),
      net('input %x: f32[1]', '%y = LeakyRelu(%x) {alpha=0.01} : f32[1]', 'output "y" = %y'),
    );
  });

  it('two values of one name are told apart', () => {
    const graph = parseGraph(net('input %x: f32[1]', 'output "y" = %x'));
    const twin = { name: 'x', type: { dtype: 'f32', shape: [2], layout: { kind: 'rowMajor' } } } as const;
    const both = { ...graph, inputs: [...graph.inputs, { value: twin, optional: false }] };
    assert.match(printGraph(both), /input %x\.1: f32\[2\]/);
  });
});

const kRefusals: readonly (readonly [what: string, text: string, problem: string])[] = [
  ['another word', 'graph "t" {}', 'g.ir:1:1: expected net'],
  ['an end too early', 'net "t" {', 'g.ir:1:10: expected a value'],
  ['trailing text', 'net "t" {} x', 'g.ir:1:12: expected the end of the file'],
  ['an unknown operator', net('input %x: f32[1]', '%y = Relo(%x) : f32[1]'), 'g.ir:3:8: unknown operator Relo'],
  ['a value read before it is made', net('%y = Relu(%x) : f32[1]'), 'g.ir:2:13: value x is not defined here'],
  ['a value made twice', net('input %x: f32[1]', 'input %x: f32[1]'), 'g.ir:3:9: value x is defined twice'],
  ['an unknown dtype', net('input %x: f33[1]'), 'g.ir:2:16: unknown dtype f33'],
  ['too few values', net('const %c: f32[3] = [1,2]'), 'g.ir:3:1: 2 values for f32[3]'],
  [
    'a varying constant',
    net('const %c: f32[n(1..2)] = [1]'),
    'g.ir:2:28: a constant needs fixed dims, not f32[n(1..2)]',
  ],
  [
    'a bad expression',
    net('input %x: f32[1]', '%y = Map(%x) {expr={add($0)}} : f32[1]'),
    'g.ir:3:22: expression "add($0)": unknown operation add/1 at column 8',
  ],
  [
    'a type that inference does not give',
    net('input %x: f32[2]', '%y = Relu(%x) : f32[3]'),
    'g.ir:3:3: the type of y does not agree with what its operator makes (expected f32[2], got f32[3])',
  ],
  [
    'an unknown attribute',
    net('input %x: f32[2]', '%y = Relu(%x) {alpha=1} : f32[2]'),
    'g.ir:3:3: operator Relu has no attribute alpha',
  ],
  [
    'an epilogue that enlarges the result',
    net(
      'input %x: f32[1,1,1,1]',
      'input %z: f32[1,1,1,2]',
      'const %w: f32[1,1,1,1] = [2]',
      `%a = Conv(%x, %w) ${kConv} epilogue {add($0,$1)} (%z) : f32[1,1,1,2]`,
    ),
    'g.ir:5:3: epilogue operands do not broadcast into the output',
  ],
];

describe('textual IR refuses', () => {
  for (const [what, text, problem] of kRefusals) {
    it(what, () => assert.deepEqual(problemsOf(text), [problem]));
  }

  it('all wrong nodes at once', () => {
    const text = net('input %x: f32[2]', '%a = Relu(%x) : f32[3]', '%b = Tanh(%x) : i32[2]');
    assert.deepEqual(
      problemsOf(text).map((problem) => problem.slice(0, 8)),
      ['g.ir:3:3', 'g.ir:4:3'],
    );
  });
});

function problemsOf(text: string): readonly string[] {
  try {
    parseGraph(text, 'g.ir');
  } catch (error) {
    if (error instanceof CompileError) return error.problems.map(formatProblem);
    throw error;
  }
  return assert.fail('the text was accepted');
}
