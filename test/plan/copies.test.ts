// How many bytes are moved for nothing: the copy steps that the plan of each small net needs. A number that grows is a view
// that was lost; one that shrinks wants a look at whether the values still have their own bytes.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadTarget } from '../../src/build/target.js';
import '../../src/ops/index.js';
import { parseGraph } from '../../src/ops/parse-graph.js';
import { packageRoot } from '../../src/package-root.js';
import { runPasses } from '../../src/passes/pipeline.js';
import { buildProgram } from '../../src/plan/build-program.js';

const kFolder = fileURLToPath(new URL('test/plan/nets/', packageRoot));

/** Copy steps, what they write, on a target with vectors of 16 floats. */
const kCopies: readonly (readonly [net: string, copied: readonly string[]])[] = [
  ['concat-of-convolutions', []],
  ['concat-of-odd-channels', []],
  ['concat-of-concats', ['f', 'e:out']],
  ['concat-of-one-value-twice', ['c']],
  ['two-concats-of-one-value', ['d', 'd']],
  ['concat-piece-is-an-output', ['a:out', 'b:out']],
  ['concat-of-input-and-constant', ['c', 'c', 'c']],
  ['concat-in-place-of-piece', []],
  ['concat-of-reshaped', ['c']],
  ['split-and-use', ['e', 'e', 'b:out']],
  ['split-of-the-input', ['a:out', 'b:out']],
  ['slice-of-slice', ['b:out']],
  ['in-place-chain', []],
  ['in-place-both-operands', []],
  ['outputs-that-are-inputs', ['x:out', 'k:out', 'v:out', 'again:out', 'w:out', 'x2:out']],
  ['dead-branches', []],
  ['if-passes-captured', ['y']],
];

describe('copies that the plan needs', () => {
  for (const [net, copied] of kCopies) {
    it(`${net}: ${copied.length === 0 ? 'none' : copied.join(', ')}`, () => {
      const graph = parseGraph(fs.readFileSync(path.join(kFolder, `${net}.ir`), 'utf8'), net);
      const { layers } = buildProgram(runPasses(graph, { optimize: true }), {
        target: { ...loadTarget('x86-64-v4'), threads: 1 },
        optimize: true,
        opCount: graph.nodes.length,
      });
      assert.deepEqual(
        layers.filter(({ kernel }) => kernel === 'copy').flatMap(({ writes }) => writes),
        copied,
      );
    });
  }
});
