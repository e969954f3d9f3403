// Control flow in random nets: an If with two different branches, a Loop that carries a value and a counter of runs.

import { shapeEquals } from '../../src/ir/dim.js';
import type { Graph, Region, Value } from '../../src/ir/graph.js';
import { tensorFromNumbers } from '../../src/ir/tensor.js';
import type { GraphBuilder } from '../../src/ops/builder.js';
import type { NetPool } from './net-pool.js';

const kSmooth = ['Relu', 'Sigmoid', 'Tanh', 'Abs', 'Negative'] as const;
const kPairs = ['Add', 'Sub', 'Mul', 'Max'] as const;

/** y = condition ? f(a, b) : g(a, b); the branches may read only one of the two. */
export function branch(net: NetPool): void {
  const a = net.choose();
  const b = net.choose((value) => shapeEquals(value.type.shape, a.type.shape));
  const condition = net.input(tensorFromNumbers('bool', [1], [net.random.int(0, 1)]));
  const regions = ['then', 'else'].map((name): Region => {
    const builder = net.regionBuilder();
    const captured = [a, b].map(({ type }) => builder.input('c', type));
    return { name, graph: finish(builder, [smallNet(net, builder, captured)]) };
  });
  net.addRegions('If', [condition, a, b], {}, regions);
}

/** `limit` times: a = tanh(f(a, b)); limit is known or given at run time, and may be 0. */
export function repeat(net: NetPool): void {
  const { random } = net;
  const a = net.choose();
  const b = net.choose((value) => shapeEquals(value.type.shape, a.type.shape));
  const limit = tensorFromNumbers('i64', [1], [random.int(0, 3)]);
  const builder = net.regionBuilder();
  const [carried, captured] = [builder.input('c', a.type), builder.input('c', b.type)];
  const next = builder.emitOne('Tanh', [smallNet(net, builder, [carried, captured])]);
  const body: Region = { name: 'body', graph: finish(builder, [next]) };
  const times = random.oneIn(2) ? net.constant(limit, 'limit') : net.input(limit);
  net.addRegions('Loop', [times, a, b], { carried: 1 }, [body]);
}

/** One to three operators over equal shapes, or one of the values itself. */
function smallNet({ random }: NetPool, builder: GraphBuilder, values: readonly Value[]): Value {
  const known = [...values];
  for (let i = random.int(0, 3); i > 0; i--) {
    const x = random.pick(known);
    const y = random.oneIn(2)
      ? builder.emitOne(random.pick(kSmooth), [x])
      : builder.emitOne(random.pick(kPairs), [x, random.pick(known)]);
    known.push(y);
  }
  return known.at(-1) ?? random.pick(values);
}

function finish(builder: GraphBuilder, values: readonly Value[]): Graph {
  return builder.finish(values.map((value) => ({ name: value.name, value })));
}
