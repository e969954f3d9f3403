// What the table of operators says of targets, for operators of each kind.

import assert from 'node:assert/strict';
import { type Family, type Way, waysOf } from '../src/op-ways.js';
import { opDef } from '../src/ops/index.js';

const kExpected: readonly (readonly [op: string, family: Family, ways: readonly Way[]])[] = [
  ['Conv', 'x86-64', ['kernel', 'plain']],
  ['Conv', 'Cortex-M', ['kernel', 'plain']],
  ['Conv', 'CUDA', ['GPU', 'host']],
  ['MaxPool', 'ARM', ['kernel', 'plain']],
  ['Relu', 'ARM', ['expression']],
  ['Relu', 'CUDA', ['GPU']],
  ['Reshape', 'x86-64', ['view']],
  ['Reshape', 'CUDA', ['view']],
  ['Unique', 'CUDA', ['host']],
  ['If', 'x86-64', ['plain']],
  ['If', 'CUDA', ['host']],
];

describe('ways to compute operators', () => {
  for (const [op, family, ways] of kExpected)
    it(`${op} on ${family}: ${ways.join(', ')}`, () => assert.deepEqual(waysOf(opDef(op), family), ways));
});
