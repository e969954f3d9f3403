import assert from 'node:assert/strict';
import { type Graph, type Node, presentOutputs, type Value } from '../../src/ir/graph.js';
import { floatTensor } from '../../src/ir/tensor.js';
import { tensorType } from '../../src/ir/type.js';
import '../../src/ops/index.js';
import { parseGraph } from '../../src/ops/parse-graph.js';
import { checkGraph, verifyGraph } from '../../src/ops/verify-graph.js';

const kConv = '{kernel=[1,1], strides=[1,1], pads=[0,0,0,0], dilations=[1,1], group=1}';
const kSound = parseGraph(`net "t" {
  input %x: f32[1,1,2,2]
  input %p: bool[]
  const %w: f32[1,1,1,1] = [2]
  %a = Conv(%x, %w) ${kConv} epilogue {add($0,$1)} (%x) : f32[1,1,2,2] #0 Conv
  %b = Relu(%a) : f32[1,1,2,2] #1 Relu
  %y = If(%p, %b) : f32[1,1,2,2] {
    then: net "then" {
      input %b1: f32[1,1,2,2]
      %t = Tanh(%b1) : f32[1,1,2,2]
      output "y" = %t
    }
    else: net "else" {
      input %b2: f32[1,1,2,2]
      output "y" = %b2
    }
  }
  output "y" = %y
}`);

/** The messages about the sound net with one node changed. */
function afterChange(index: number, change: (node: Node) => Partial<Node>): readonly string[] {
  const nodes = kSound.nodes.map((node, i) => (i === index ? { ...node, ...change(node) } : node));
  return messages({ ...kSound, nodes });
}

function messages(graph: Graph): readonly string[] {
  return verifyGraph(graph).map((problem) => problem.message);
}

function first(node: Node | undefined): Value {
  return (node === undefined ? undefined : presentOutputs(node)[0]) ?? assert.fail('no output');
}

describe('verifier', () => {
  it('has nothing to say of a sound graph', () => {
    assert.deepEqual(messages(kSound), []);
    assert.doesNotThrow(() => checkGraph(kSound));
  });

  it('order', () => {
    const [a, b, y] = kSound.nodes;
    assert.ok(a !== undefined && b !== undefined && y !== undefined);
    assert.deepEqual(messages({ ...kSound, nodes: [b, a, y] }), ['Relu reads a before it is made']);
  });

  it('a value made twice', () => {
    const [a, b, y] = kSound.nodes;
    assert.ok(a !== undefined && b !== undefined && y !== undefined);
    assert.deepEqual(messages({ ...kSound, nodes: [a, b, b, y] }), ['value b is made twice']);
  });

  it('two values of one name, one of them in a region', () => {
    const [then, other] = kSound.nodes[2]?.regions ?? [];
    assert.ok(then !== undefined && other !== undefined);
    const twin: Value = { name: 'a', type: first(kSound.nodes[0]).type };
    const graph: Graph = {
      ...other.graph,
      inputs: [{ value: twin, optional: false }],
      outputs: [{ name: 'y', value: twin }],
    };
    assert.deepEqual(
      afterChange(2, () => ({ regions: [then, { ...other, graph }] })),
      ['two values are called a'],
    );
  });

  it('an unknown operator', () => {
    assert.deepEqual(
      afterChange(1, () => ({ op: 'Relo' })),
      ['unknown operator Relo'],
    );
  });

  it('arity', () => {
    assert.deepEqual(
      afterChange(1, (node) => ({ inputs: [...node.inputs, ...node.inputs] })),
      ['wrong number of inputs for Relu'],
    );
  });

  it('attributes: missing, unknown', () => {
    assert.ok(afterChange(0, () => ({ attrs: {} })).length > 0);
    assert.deepEqual(
      afterChange(1, () => ({ attrs: { alpha: 1 } })),
      ['operator Relu has no attribute alpha'],
    );
  });

  it('a type that inference does not give', () => {
    const wrong: Value = { name: 'b', type: tensorType('f32', [2]) };
    assert.ok(
      afterChange(1, () => ({ outputs: [wrong] })).includes('the type of b does not agree with what Relu makes'),
    );
  });

  it('a dropped output that is not optional', () => {
    assert.ok(afterChange(1, () => ({ outputs: [undefined] })).includes('output 0 of Relu is dropped'));
  });

  it('an epilogue without its operand, and with one that it does not read', () => {
    const add = kSound.nodes[0]?.epilogue?.expr ?? assert.fail('no epilogue');
    assert.ok(afterChange(0, () => ({ epilogue: { expr: add, operands: 0 } })).length > 0);
    assert.deepEqual(
      afterChange(0, () => ({ epilogue: { expr: { kind: 'arg', index: 0 }, operands: 1 } })),
      ['the epilogue of Conv does not read its operand 1'],
    );
  });

  it('a region that is missing, and one that reads the outer graph', () => {
    assert.ok(
      afterChange(2, (node) => ({ regions: (node.regions ?? []).slice(0, 1) })).includes('the regions of If are wrong'),
    );
    const [then, other] = kSound.nodes[2]?.regions ?? [];
    assert.ok(then !== undefined && other !== undefined);
    const graph: Graph = { ...other.graph, outputs: [{ name: 'y', value: first(kSound.nodes[1]) }] };
    assert.deepEqual(
      afterChange(2, () => ({ regions: [then, { ...other, graph }] })),
      ['output y of net else is never made'],
    );
  });

  it('a region input of another type than what it captures', () => {
    assert.ok(
      afterChange(2, (node) => ({ inputs: [node.inputs[0], kSound.inputs[1]?.value] })).includes(
        'input b1 of region then is not what it captures',
      ),
    );
  });

  it('constants and outputs', () => {
    const [w] = kSound.constants.keys();
    assert.ok(w !== undefined);
    assert.deepEqual(messages({ ...kSound, constants: new Map([[w, floatTensor([1], [2])]]) }), [
      'constant w is not what its type says',
    ]);
    const [output] = kSound.outputs;
    assert.ok(output !== undefined);
    assert.deepEqual(messages({ ...kSound, outputs: [output, output] }), ['net t has two outputs y']);
  });

  it('all problems at once, each with its place', () => {
    const nodes = kSound.nodes.map((node, i) => (i < 2 ? { ...node, op: 'Nope' } : node));
    const problems = verifyGraph({ ...kSound, nodes });
    assert.deepEqual(
      problems.map(({ where }) => where?.opIndex),
      ['0', '1'],
    );
  });
});
