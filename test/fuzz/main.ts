// npm run fuzz -- [--count N] [--seed S] [--target NAME]
// Random nets through the whole compiler; a failure is made small and printed as textual IR with its seed.

import { parseArgs } from 'node:util';
import { printGraph } from '../../src/ops/print-graph.js';
import { checkNets, shrinkNet } from './compare-nets.js';
import { randomNet } from './random-graphs.js';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string', default: 'native' },
  },
});

const kBatch = 256;
const kMaxShrunk = 4;

async function main(): Promise<number> {
  const [count, first] = [Number(values.count), Number(values.seed)];
  if (!Number.isInteger(count) || count < 1 || !Number.isInteger(first)) {
    console.error('usage: fuzz [--count N] [--seed S] [--target NAME]');
    return 2;
  }
  let failed = 0;
  for (let start = first; start < first + count; start += kBatch) {
    const seeds = Array.from({ length: Math.min(kBatch, first + count - start) }, (_, i) => start + i);
    const nets = seeds.map(randomNet);
    const problems = await checkNets(nets, values.target);
    for (const [i, problem] of problems.entries()) {
      const net = nets[i];
      if (problem === undefined || net === undefined) continue;
      failed++;
      console.log(`FAILED seed ${seeds[i]}: ${problem}`);
      if (failed <= kMaxShrunk) console.log(printGraph((await shrinkNet(net, values.target)).graph));
    }
  }
  console.log(`${count - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
