// The bound of the stack: frames along the deepest path of a call graph, calls through pointers resolved.

import assert from 'node:assert/strict';
import { parseCallGraph, stackDepth } from '../../src/build/stack-bound.js';

const node = (title: string, bytes: number, kind = 'static'): string =>
  `node: { title: "${title}" label: "${title}\\nfile.cc:1:1\\n${bytes} bytes (${kind})" }`;
const edge = (from: string, to: string): string => `edge: { sourcename: "${from}" targetname: "${to}" label: "x" }`;

describe('stack bound', () => {
  it('adds the frames of the deepest path, over several files', () => {
    const graph = parseCallGraph([
      [node('a', 16), node('b', 100), node('c', 8), edge('a', 'b'), edge('a', 'c')].join('\n'),
      [node('d', 200), edge('c', 'd')].join('\n'),
    ]);
    assert.equal(stackDepth(graph, 'a'), 16 + 8 + 200);
  });

  it('counts an allowance for functions whose code is not known', () => {
    assert.equal(stackDepth(parseCallGraph([[node('a', 16), edge('a', 'memcpy')].join('\n')]), 'a'), 16 + 128);
  });

  it('a step calls step functions through its pointer, a run the net, a kernel what nobody calls', () => {
    const [step, run] = ['_ZN7cortado10RunContext4stepEi', '_ZN7cortado6Runner3runEP'];
    const [runNet, step1, tile] = [
      'n.cc:_ZN1_7run_netERN7cortado10RunContextE',
      'n.cc:_ZN1_6step_1ERN7cortado10RunContextE',
      '_ZN7cortado4tileEi',
    ];
    const graph = parseCallGraph(
      [
        [
          node(run, 1),
          node(runNet, 10),
          node(step, 100),
          node(step1, 1000),
          node('kernel', 10_000),
          node(tile, 100_000),
        ],
        [edge(run, '__indirect_call'), edge(runNet, step), edge(step, '__indirect_call'), edge(step1, 'kernel')],
        [edge('kernel', '__indirect_call')],
      ].map((lines) => lines.join('\n')),
    );
    assert.equal(stackDepth(graph, run), 111_111);
  });

  it('fails for recursion and for frames without bound', () => {
    const loop = [node('a', 16), node('b', 16), edge('a', 'b'), edge('b', 'a')].join('\n');
    assert.throws(() => stackDepth(parseCallGraph([loop]), 'a'), /not bounded: a calls itself/);
    assert.throws(() => parseCallGraph([node('a', 16, 'dynamic')]), /not bounded: a has a frame of varying size/);
  });
});
