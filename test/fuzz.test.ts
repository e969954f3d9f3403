// A few random nets of fixed seeds through the whole compiler, and the shrunk nets of all mismatches that `npm run fuzz` ever
// found; it runs as many as wanted and shrinks failures. Damaged models go as far as generated text.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dimMax } from '../src/ir/dim.js';
import { randomTensor } from '../src/ops/constant-spelling.js';
import { parseGraph } from '../src/ops/parse-graph.js';
import { packageRoot } from '../src/package-root.js';
import { readCases } from './corpus/case-file.js';
import { checkNets } from './fuzz/compare-nets.js';
import { fuzzModels, modelsOfCases } from './fuzz/mutate-models.js';
import { type RandomNet, randomNet } from './fuzz/random-graphs.js';
import { sharedFolder, skipBecause } from './support/skip.js';

const kCount = 64;
const kDamaged = 400;
const kFound = fileURLToPath(new URL('test/fuzz/found/', packageRoot));

/** The net of a file, with random inputs at their largest sizes; bools are true. */
function foundNet(file: string): RandomNet {
  const graph = parseGraph(fs.readFileSync(join(kFound, file), 'utf8'), file);
  const inputs = graph.inputs.map(({ value }, i) => {
    const { dtype, shape } = value.type;
    assert.ok(dtype !== 'str');
    return [
      value.name,
      randomTensor(dtype, shape.map(dimMax), i, dtype === 'bool' ? 1 : -1, dtype === 'bool' ? 2 : 1),
    ] as const;
  });
  return { graph, inputs: new Map(inputs) };
}

describe('random nets', () => {
  it('compiled, optimized and interpreted agree', async function () {
    this.timeout(600_000);
    const nets = Array.from({ length: kCount }, (_, i) => randomNet(100_000 + i));
    const problems = await checkNets(nets, { target: 'native', level: '-O1' });
    const failures = problems.flatMap((problem, i) =>
      problem === undefined ? [] : [`seed ${100_000 + i}: ${problem}`],
    );
    assert.deepEqual(failures, []);
  });

  it('mismatches of the past', async function () {
    this.timeout(600_000);
    const files = fs.readdirSync(kFound);
    const problems = await checkNets(files.map(foundNet), { target: 'native', level: '-O1' });
    assert.deepEqual(
      problems.map((problem, i) => [files[i], problem]),
      files.map((file) => [file, undefined]),
    );
  });
});

describe('damaged models', () => {
  it('compile or are refused', function () {
    this.timeout(600_000);
    const shared = sharedFolder();
    if (shared === undefined) return skipBecause(this, 'the operator corpus is not beside this checkout');
    const models = modelsOfCases(readCases(join(shared, 'golden', 'ops')).filter(({ error }) => error === undefined));
    const outcome = fuzzModels(models, kDamaged, 1);
    assert.deepEqual(outcome.failures, []);
    assert.ok(outcome.compiled > kDamaged / 5 && outcome.refused > kDamaged / 5);
  });
});
