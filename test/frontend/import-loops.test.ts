// While, Do, ONNXWhile and RecurrentNetwork as loops: what they carry, what they refuse.

import assert from 'node:assert/strict';
import { type Graph, presentOutputs } from '../../src/ir/graph.js';
import { floatTensor, int64Tensor, type Tensor, tensorFromNumbers, toNumbers } from '../../src/ir/tensor.js';
import { interpret } from '../../src/ops/interpret.js';
import { importText, inputTexts, refusals } from './import-sample.js';

const kTrue = tensorFromNumbers('bool', [1], [1]);
const kFalse = tensorFromNumbers('bool', [1], [0]);
const ints = (...values: readonly number[]): Tensor => tensorFromNumbers('i32', [values.length], values);

function results(
  graph: Graph,
  inputs: { readonly [name: string]: Tensor },
): { readonly [name: string]: readonly number[] } {
  const entries = [...interpret(graph, new Map(Object.entries(inputs)))];
  return Object.fromEntries(entries.map(([name, tensor]) => [name, toNumbers(tensor)]));
}

function op(type: string, inputs: string, outputs: string, args = ''): string {
  const list = (kind: string, names: string): string =>
    names
      .split(' ')
      .filter((name) => name !== '')
      .map((name) => `${kind}: "${name}"`)
      .join(' ');
  return `op { type: "${type}" ${list('input', inputs)} ${list('output', outputs)} ${args} }\n`;
}

function net(name: string, ops: string): string {
  return `arg { name: "${name}" n { name: "${name}" ${ops} } }`;
}

function external(inputs: string, outputs: string): string {
  const list = (kind: string, names: string): string =>
    names
      .split(' ')
      .map((name) => `external_${kind}: "${name}"`)
      .join(' ');
  return `${list('input', inputs)} ${list('output', outputs)}`;
}

describe('While', () => {
  const count = net('loop_net', op('Add', 'i one', 'i') + op('Mul', 'y f', 'tmp') + op('Copy', 'tmp', 'y'));
  const test = net('cond_net', op('LT', 'i lim', 'c'));
  const text = op('While', 'c', 'i y', count + test) + external('c i one lim y f', 'i y');
  const inputs = ['c:bool:1', 'i:int32:1', 'one:int32:1', 'lim:int32:1', 'y:2', 'f:2'];

  it('carries what an iteration changes and captures the rest', () => {
    const { graph } = importText(text, { inputs });
    const loop = graph.nodes.find((node) => node.op === 'Loop');
    assert.deepEqual(loop === undefined ? [] : presentOutputs(loop).map(({ name }) => name.replace(/\.\d+$/, '')), [
      'c',
      'i',
      'y',
    ]);
    const given = { one: ints(1), lim: ints(3), y: floatTensor([2], [1, 2]), f: floatTensor([2], [2, 3]) };
    assert.deepEqual(results(graph, { c: kFalse, i: ints(0), ...given }), { i: [3], y: [8, 54] });
    assert.deepEqual(results(graph, { c: kTrue, i: ints(7), ...given }), { i: [7], y: [1, 2] });
  });

  it('without cond_net the body changes the condition', () => {
    const body = net('loop_net', op('Add', 'i one', 'i') + op('LT', 'i lim', 'c'));
    const { graph } = importText(op('While', 'c', 'i', body) + external('c i one lim', 'i'), {
      inputs: inputs.slice(0, 4),
    });
    const given = { i: ints(0), one: ints(2), lim: ints(3) };
    assert.deepEqual(results(graph, { c: kTrue, ...given }), { i: [4] });
    assert.deepEqual(results(graph, { c: kFalse, ...given }), { i: [0] });
  });

  it('a blob that only the body makes may be read afterwards; it is zero when the body never ran', () => {
    const body = net('loop_net', op('Add', 'i one', 'last') + op('Copy', 'last', 'i') + op('LT', 'i lim', 'c'));
    const { graph } = importText(op('While', 'c', 'last', body) + external('c i one lim', 'last'), {
      inputs: inputs.slice(0, 4),
    });
    const given = { i: ints(0), one: ints(2), lim: ints(3) };
    assert.deepEqual(results(graph, { c: kTrue, ...given }), { last: [4] });
    assert.deepEqual(results(graph, { c: kFalse, ...given }), { last: [0] });
  });

  it('a loop in a loop', () => {
    const inner = op(
      'While',
      'd',
      'k',
      net('loop_net', op('Add', 'k one', 'k')) + net('cond_net', op('LT', 'k i', 'd')),
    );
    const body = net('loop_net', op('Add', 'i one', 'i') + op('Copy', 'zero', 'k') + inner + op('Add', 'sum k', 'sum'));
    const given = op('While', 'c', 'sum', body + test) + external('c d i k one zero lim sum', 'sum i');
    const { graph } = importText(given, {
      inputs: [...'i k one zero lim sum'.split(' ').map((name) => `${name}:int32:1`), 'c:bool:1', 'd:bool:1'],
    });
    const start = { i: ints(0), k: ints(9), one: ints(1), zero: ints(0), lim: ints(4), sum: ints(0) };
    assert.deepEqual(results(graph, { c: kTrue, d: kFalse, ...start }), { sum: [10], i: [4] });
  });

  it('refuses dims that change, a condition that is no bool, a missing loop_net', () => {
    const grow = net('loop_net', op('Concat', 'y y', 'y dims', 'arg { name: "axis" i: 0 }'));
    const wide = refusals(op('While', 'c', 'y', grow) + external('c y', 'y'), { inputs: ['c:bool:1', 'y:2'] });
    assert.match(wide.join(), /op 0 While: blob y.*must keep its type and its dims.*expected f32\[2\], got f32\[4\]/);
    const number = refusals(op('While', 'i', 'i', count) + external('i one y f', 'i'), {
      inputs: inputs.filter((x) => !/^(c|lim)/.test(x)),
    });
    assert.match(number.join(), /condition must be one bool/);
    assert.match(
      refusals(op('While', 'c', 'i') + external('c i', 'i'), { inputs: inputs.slice(0, 2) }).join(),
      /loop_net is missing/,
    );
  });

  it('reports the faults of both nets once', () => {
    const bad = net('loop_net', op('NoSuchThing', 'i', 'i')) + net('cond_net', op('LT', 'i nowhere', 'c'));
    const found = refusals(op('While', 'c', 'i', bad) + external('c i', 'i'), { inputs: inputs.slice(0, 2) });
    assert.equal(found.length, 1);
    assert.match(found.join(), /nowhere/);
  });
});

describe('Do', () => {
  const scope = op('CreateScope', '', 'ws');
  const names = (list: readonly string[]): string =>
    `arg { name: "inner_blobs" ${list.map((name) => `strings: "${name}"`).join(' ')} }`;
  const indices = (list: readonly number[]): string =>
    `arg { name: "outer_blobs_idx" ${list.map((index) => `ints: ${index}`).join(' ')} }`;
  const body = net('net', op('Add', 'a b', 'c') + op('Relu', 'c', 'out'));

  it('binds inner names to blobs of the parent, and keeps its own to itself', () => {
    const text =
      scope + op('Do', 'x y ws', 'z ws', body + names(['a', 'b', 'out']) + indices([0, 1, 2])) + op('Copy', 'x', 'c');
    const { graph } = importText(text + external('x y', 'z c'), { inputs: ['x:2', 'y:2'] });
    assert.deepEqual(inputTexts(graph), ['x f32[2]', 'y f32[2]']);
    const given = { x: floatTensor([2], [1, 2]), y: floatTensor([2], [3, -4]) };
    assert.deepEqual(results(graph, given), { z: [4, 0], c: [1, 2] });
  });

  it('refuses bindings that are wrong', () => {
    const refused = (inner: readonly string[], outer: readonly number[]): string =>
      refusals(scope + op('Do', 'x y ws', 'z ws', body + names(inner) + indices(outer)) + external('x y', 'z'), {
        inputs: ['x:2', 'y:2'],
      }).join();
    assert.match(refused(['a', 'b'], [0, 1, 2]), /equally long/);
    assert.match(refused(['a', 'b', 'out'], [0, 1, 7]), /out is bound to no outer blob/);
    assert.match(refused(['a', 'b', 'out'], [0, 0, 2]), /x is bound twice/);
    assert.match(refused(['a', 'out'], [0, 2]), /y is bound to no inner blob/);
  });
});

describe('ONNXWhile', () => {
  const body = `arg { name: "body" n { name: "body"
    ${op('Add', 'v step', 'next')} ${op('LT', 'next lim', 'go')} ${op('ExpandDims', 'next', 'row', 'arg { name: "dims" ints: 0 }')}
    ${external('iter cond v step lim', 'go next row')} } }`;
  const given = (flags: string): string =>
    op(
      'ONNXWhile',
      'n c x',
      'y rows',
      body +
        flags
          .split(' ')
          .map((name) => `arg { name: "${name}" i: 1 }`)
          .join(' '),
    ) + external('n c x step lim', 'y rows');
  const inputs = ['c:bool:1', 'x:1', 'step:1', 'lim:1'];
  const trip = op('GivenTensorInt64Fill', '', 'n', 'arg { name: "shape" ints: 1 } arg { name: "values" ints: 4 }');
  const start = { x: floatTensor([1], [1]), step: floatTensor([1], [2]) };

  it('runs as often as the trip count says and stacks scan outputs', () => {
    const { graph } = importText(given('has_trip_count'), { init: trip, inputs });
    const lim = floatTensor([1], [0]);
    assert.deepEqual(results(graph, { c: kFalse, lim, ...start }), { y: [9], rows: [3, 5, 7, 9] });
  });

  it('stops early when the condition says so', () => {
    const { graph } = importText(given('has_trip_count has_cond'), { init: trip, inputs });
    const lim = floatTensor([1], [4]);
    assert.deepEqual(results(graph, { c: kTrue, lim, ...start }), { y: [5], rows: [3, 5] });
    assert.deepEqual(results(graph, { c: kFalse, lim, ...start }), { y: [1], rows: [] });
  });

  it('needs a known trip count for scan outputs', () => {
    const found = refusals(given('has_cond'), { inputs: ['n:int64:1', ...inputs] });
    assert.match(found.join(), /op 0 ONNXWhile.*scan output row needs a trip count known at compile time/);
  });

  it('a trip count given at run time', () => {
    const plain = body.replace('external_output: "row"', '');
    const text = op('ONNXWhile', 'n c x', 'y', `${plain} arg { name: "has_trip_count" i: 1 }`);
    const { graph } = importText(text + external('n c x step lim', 'y'), { inputs: ['n:int64:1', ...inputs] });
    const lim = floatTensor([1], [0]);
    assert.deepEqual(results(graph, { n: int64Tensor([1], [3]), c: kFalse, lim, ...start }), { y: [7] });
  });
});

describe('RecurrentNetwork', () => {
  const step = op('Add', 'h_prev x_t', 'h_t');
  const lists = `arg { name: "recurrent_states" strings: "h" } arg { name: "initial_recurrent_state_ids" ints: 1 }
    arg { name: "link_internal" strings: "h_prev" strings: "h_t" strings: "x_t" }
    arg { name: "link_external" strings: "h" strings: "h" strings: "x" } arg { name: "link_offset" ints: 0 ints: 1 ints: 0 }
    arg { name: "alias_src" strings: "h" strings: "h" } arg { name: "alias_dst" strings: "all" strings: "last" }
    arg { name: "alias_offset" ints: 1 ints: -1 }`;
  const text = (args: string): string =>
    op('RecurrentNetwork', 'x h0', 'all last scratch', args) + external('x h0', 'all last');
  const inner = net('step_net', step);
  const inputs = { x: floatTensor([3, 2, 1], [1, 2, 3, 4, 5, 6]), h0: floatTensor([1], [10]) };
  const expected = { all: [11, 12, 14, 16, 19, 22], last: [19, 22] };

  it('runs the step net over rows of its states', () => {
    const { graph } = importText(text(inner + lists), { inputs: ['x:3,2,1', 'h0:1'] });
    assert.deepEqual(results(graph, inputs), expected);
  });

  it('takes the step net as text, and sequences of any length', () => {
    const ops = step.replaceAll('"', '\\"').replaceAll('\n', ' ');
    const legacy = `arg { name: "step_net" s: "name: \\"s\\" ${ops}" }`;
    const { graph } = importText(text(legacy + lists), { inputs: ['x:1..5,N=1..3,1', 'h0:1'] });
    assert.deepEqual(results(graph, inputs), expected);
  });

  it('reads windows of several rows behind several initial ones', () => {
    const sum = op('ReduceSum', 'w', 'h_t', 'arg { name: "axes" ints: 0 } arg { name: "keepdims" i: 1 }');
    const args = lists
      .replace('strings: "h_prev"', 'strings: "w"')
      .replace(
        'ints: 0 ints: 1 ints: 0',
        'ints: 0 ints: 2 ints: 0 } arg { name: "link_window" ints: 2 ints: 1 ints: 1',
      );
    const { graph } = importText(text(net('step_net', sum) + args), { inputs: ['x:4,1,1', 'h0:2,1,1'] });
    const h0 = floatTensor([2, 1, 1], [1, 1]);
    const found = results(graph, { x: floatTensor([4, 1, 1], [0, 0, 0, 0]), h0 });
    assert.deepEqual(found, { all: [1, 2, 3, 5, 8], last: [8] });
  });

  it('refuses what cannot be', () => {
    const refused = (args: string): string => refusals(text(args), { inputs: ['x:3,2,1', 'h0:1'] }).join();
    assert.match(refused(lists), /step_net is missing/);
    assert.match(refused(`arg { name: "step_net" s: "op {" } ${lists}`), /op 0 RecurrentNetwork/);
    assert.match(refused(inner + lists.replace('ints: 1 ints: -1', 'ints: 1')), /alias_src.*equally long/);
    assert.match(
      refused(inner + lists.replace('ints: 1 ints: -1', 'ints: 1 ints: 9')),
      /alias_offset of last leaves no rows/,
    );
    assert.match(refused(inner + lists.replace('ids" ints: 1', 'ids" ints: 5')), /names no input/);
    assert.match(
      refused(inner + lists.replace('ints: 0 ints: 1 ints: 0', 'ints: 0 ints: 0 ints: 0')),
      /linked to the same rows/,
    );
    assert.match(refused(net('step_net', op('Add', 'h_prev nowhere', 'h_t')) + lists), /nowhere/);
  });
});
