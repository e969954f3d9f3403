// Every pass against its cases: test/passes/<pass>/<case>.ir holds a net, a line `==>` and the net after the pass, or the
// word `unchanged`. Both nets are compared as text, verified, and interpreted on the same seeded inputs.
// UPDATE=1 (npm run test:update) rewrites what follows `==>`; cases called not-*.ir stay `unchanged` and fail instead.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatProblem } from '../src/errors.js';
import type { Graph } from '../src/ir/graph.js';
import '../src/ops/index.js';
import { parseGraph } from '../src/ops/parse-graph.js';
import { printGraph } from '../src/ops/print-graph.js';
import { verifyGraph } from '../src/ops/verify-graph.js';
import { packageRoot } from '../src/package-root.js';
import { compareMeaning } from '../src/passes/check-values.js';
import { kPasses, type Pass } from '../src/passes/pipeline.js';

const kFolder = fileURLToPath(new URL('test/passes/', packageRoot));
const kArrow = '==>\n';
const kUpdate = process.env.UPDATE === '1';

for (const pass of kPasses.values()) {
  describe(`pass ${pass.name}`, () => {
    const cases = listCases(pass.name);

    it('has cases, and one at least where it must do nothing', () => {
      assert.ok(cases.some((name) => !name.startsWith('not-')));
      assert.ok(cases.some((name) => name.startsWith('not-')));
    });

    for (const name of cases) {
      it(name.replace(/\.ir$/, '').replaceAll('-', ' '), () => checkCase(pass, path.join(kFolder, pass.name, name)));
    }
  });
}

function listCases(pass: string): readonly string[] {
  const folder = path.join(kFolder, pass);
  return fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
}

function checkCase(pass: Pass, file: string): void {
  const [source = '', expected = ''] = fs.readFileSync(file, 'utf8').split(kArrow);
  const before = parseGraph(source, file);
  const after = pass.run(before);
  checkSound(before, 'before');
  checkSound(after, 'after');
  for (const run of [
    { seed: 1, sizes: 'largest' },
    { seed: 2, sizes: 'smallest' },
  ] as const) {
    assert.equal(compareMeaning(before, after, run), undefined);
  }
  const text = printGraph(after);
  const isUnchanged = text === printGraph(before);
  if (isUnchanged) assert.equal(after, before, 'an unchanged graph must be the same object');
  const actual = isUnchanged ? 'unchanged\n' : text;
  if (kUpdate && !path.basename(file).startsWith('not-')) fs.writeFileSync(file, `${source}${kArrow}${actual}`);
  else assert.equal(actual, expected);
  assert.equal(printGraph(pass.run(after)), text, 'the pass finds more to do the second time');
}

function checkSound(graph: Graph, when: string): void {
  assert.deepEqual(verifyGraph(graph).map(formatProblem), [], when);
}
