import assert from 'node:assert/strict';
import { readsFromOutside } from '../../src/frontend/caffe2/import-reads.js';
import { parseNetDefText } from '../../src/frontend/caffe2/messages.js';
import { floatTensor, tensorFromNumbers } from '../../src/ir/tensor.js';
import '../../src/ops/index.js';
import { importText, inputTexts, refusals, run } from './import-sample.js';

const kReluToY = 'op { type: "Relu" input: "x" output: "y" }';
const kNegativeToY = 'op { type: "Negative" input: "x" output: "y" }';

function ifNet(thenOps: string, elseOps: string, more = ''): string {
  return `op { type: "If" input: "c" arg { name: "then_net" n { name: "t" ${thenOps} } }
            arg { name: "else_net" n { name: "e" ${elseOps} } } }
          ${more} external_input: "c" external_input: "x" external_input: "y" external_output: "y"`;
}

const kTrue = tensorFromNumbers('bool', [1], [1]);
const kFalse = tensorFromNumbers('bool', [1], [0]);

describe('blobs read from outside', () => {
  const names = (text: string, wanted: readonly string[] = []): readonly string[] => [
    ...readsFromOutside(parseNetDefText(text).ops, wanted).keys(),
  ];

  it('what a net makes itself is not read from outside', () => {
    assert.deepEqual(names('op { input: "a" output: "b" } op { input: "b" input: "c" output: "d" }', ['d', 'e']), [
      'a',
      'c',
      'e',
    ]);
  });

  it('a blob that both branches write is not; one that a single branch writes is', () => {
    assert.deepEqual(names(ifNet(kReluToY, kNegativeToY), ['y']), ['c', 'x']);
    assert.deepEqual(names(ifNet('', kNegativeToY), ['y']), ['c', 'x', 'y']);
  });
});

describe('If', () => {
  it('branches write blobs of the parent by name', () => {
    const { graph } = importText(ifNet(kReluToY, kNegativeToY), { inputs: ['c:bool:1', 'x:2'] });
    assert.deepEqual(inputTexts(graph), ['c bool[1]', 'x f32[2]']);
    const x = floatTensor([2], [-1, 2]);
    assert.deepEqual(run(graph, { c: kTrue, x }), [0, 2]);
    assert.deepEqual(run(graph, { c: kFalse, x }), [1, -2]);
  });

  it('an empty branch keeps the blob as it was', () => {
    const { graph } = importText(ifNet('', kNegativeToY), { inputs: ['c:bool:1', 'x:2', 'y:2'] });
    const inputs = { x: floatTensor([2], [1, 2]), y: floatTensor([2], [7, 8]) };
    assert.deepEqual(run(graph, { c: kTrue, ...inputs }), [7, 8]);
    assert.deepEqual(run(graph, { c: kFalse, ...inputs }), [-1, -2]);
  });

  it('only blobs that are read afterwards are outputs; both regions take the same captures', () => {
    const scratch = 'op { type: "Relu" input: "x" output: "tmp" }';
    const { graph } = importText(ifNet(scratch + kReluToY, kNegativeToY), { inputs: ['c:bool:1', 'x:2'] });
    const [node] = graph.nodes;
    assert.equal(node?.outputs.length, 1);
    const counts = node?.regions?.map((region) => region.graph.inputs.length);
    assert.deepEqual(counts, [1, 1]);
    assert.equal(node?.inputs.length, 2);
  });

  it('a weight is repeated in the branch, not captured', () => {
    const init = `op { type: "GivenTensorFill" output: "w" arg { name: "shape" ints: 2 }
                    arg { name: "values" floats: 5 floats: 6 } }`;
    const addW = 'op { type: "Add" input: "x" input: "w" output: "y" }';
    const net = `${ifNet(addW, kNegativeToY)} external_input: "w"`;
    const { graph } = importText(net, { init, inputs: ['c:bool:1', 'x:2'] });
    assert.equal(graph.nodes[0]?.inputs.length, 2);
    assert.equal(graph.constants.size, 0);
    assert.deepEqual(run(graph, { c: kTrue, x: floatTensor([2], [1, 1]) }), [6, 7]);
  });

  it('a blob made in one branch only cannot be read afterwards', () => {
    const made = 'op { type: "Relu" input: "x" output: "z" }';
    const read = 'op { type: "Relu" input: "z" output: "y" }';
    const net = `op { type: "If" input: "c" output: "z" arg { name: "then_net" n { ${made} } } } ${read}
                 external_input: "c" external_input: "x" external_output: "y"`;
    assert.match(
      refusals(net, { inputs: ['c:bool:1', 'x:2'] }).join('\n'),
      /op 1 Relu: blob z: blob z is read but empty: it is made in one branch of an If only, not in else_net/,
    );
  });

  it('both branches are checked; problems say where', () => {
    assert.deepEqual(
      refusals(ifNet(kReluToY, 'op { type: "Nope" input: "x" output: "y" }'), { inputs: ['c:bool:1', 'x:2'] }),
      ['op 0.else.0 Nope: blob y: operator type Nope is not supported'],
    );
  });
});

describe('other control flow', () => {
  it('If needs then_net', () => {
    assert.deepEqual(
      refusals('op { type: "If" input: "c" output: "y" } external_input: "c" external_output: "y"', {
        inputs: ['c:bool:1'],
      }),
      ['op 0 If: blob y: argument then_net is missing (expected a net (field n))'],
    );
  });
});
