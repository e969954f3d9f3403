// The checker of contents: it accepts the plans of all small nets (every plan that is made is checked), and finds what is wrong
// with plans in which two values that are both needed were given the same bytes.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { kernelTarget, loadTarget } from '../../src/build/target.js';
import { compileModel } from '../../src/compile.js';
import { CompileError } from '../../src/errors.js';
import type { Graph, Value } from '../../src/ir/graph.js';
import { maxSizeBytes } from '../../src/ir/type.js';
import '../../src/ops/index.js';
import { parseGraph } from '../../src/ops/parse-graph.js';
import { packageRoot } from '../../src/package-root.js';
import { runPasses } from '../../src/passes/pipeline.js';
import { assignLayouts } from '../../src/plan/assign-layouts.js';
import { checkContents } from '../../src/plan/check-contents.js';
import { computeLifetimes, type Lifetime } from '../../src/plan/lifetimes.js';
import { type Linear, linearize } from '../../src/plan/linearize.js';
import { planMemory, scratchBytesOfPart } from '../../src/plan/plan-memory.js';
import { lowerAll } from '../../src/plan/select-kernels.js';

const kTests = fileURLToPath(new URL('test/', packageRoot));

function readGraph(file: string): Graph {
  return parseGraph(fs.readFileSync(path.join(kTests, file), 'utf8'), file);
}

function graphOf(file: string): Graph {
  return assignLayouts(runPasses(readGraph(file), { optimize: true }), targetOf());
}

function targetOf() {
  return kernelTarget(loadTarget('x86-64-v4'), 1);
}

/** Plans the net without merging anything in place, after `tamper` has; checks the result. */
function checkTampered(graph: Graph, tamper: (linear: Linear) => void): void {
  const linear = linearize(graph, true);
  const calls = lowerAll(linear, targetOf());
  tamper(linear);
  const lifetimes = computeLifetimes(linear, calls);
  const { offsets } = planMemory(graph, linear, calls, lifetimes, { regions: [], partsOf: () => 1 });
  checkContents(graph, linear, calls, { offsets, scratchBytesOf: (_, call) => scratchBytesOfPart(call) });
}

function valueNamed(graph: Graph, name: string): Value {
  const values = graph.nodes.flatMap((node) => node.outputs);
  return values.find((value) => value?.name === name) ?? assert.fail(`no value ${name}`);
}

function messageOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CompileError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('the checker of contents', function () {
  this.timeout(120_000);

  it('finds two captured values that the branches of an If take over for one result', () => {
    const graph = graphOf('fuzz/found/if-in-place.ir');
    const message = messageOf(() =>
      checkTampered(graph, ({ storage }) => {
        for (const name of ['a', 'b'])
          storage.embed(storage.rootOf(valueNamed(graph, name)), valueNamed(graph, 'y'), 0);
      }),
    );
    assert.match(message, /step \d+ \(Map\) reads a1, whose bytes hold b$/);
  });

  it('finds a captured value that a branch overwrites before it is read', () => {
    const graph = readGraph('fuzz/found/if-in-place.ir');
    const message = messageOf(() =>
      checkTampered(graph, ({ storage }) => {
        const inner = valuesOfBodies(graph).find(({ name }) => name === 'product') ?? assert.fail('no product');
        storage.embed(inner, valueNamed(graph, 'a'), 0);
      }),
    );
    assert.match(message, /\(Negative\) reads a1, whose bytes hold product$/);
  });

  it('finds a loop variable whose bytes the body uses for something else', () => {
    const graph = readGraph('plan/nets/loop-reads-old-value-late.ir');
    const message = messageOf(() =>
      checkTampered(graph, ({ storage }) => {
        const inner = valuesOfBodies(graph).find(({ name }) => name === 'u') ?? assert.fail('no u');
        storage.embed(inner, valueNamed(graph, 'a'), 0);
      }),
    );
    assert.match(message, /\(Add\) reads a0, whose bytes hold u$/);
  });

  // Values of branches and loops need not clash, and copies of one value may share their bytes.
  const others = /^(if|loop|dead|outputs-that-are-inputs)/;
  const nets = fs.readdirSync(path.join(kTests, 'plan/nets')).filter((file) => !others.test(file));
  const straight: readonly (readonly [string, () => Graph])[] = [
    ...nets.map((file) => [file, () => graphOf(`plan/nets/${file}`)] as const),
    ['the cartoon net', cartoon],
  ];
  let planted = 0;
  for (const [name, read] of straight) {
    it(`finds all pairs of values that need their bytes at once: ${name}`, () => {
      const graph = read();
      const untouched = messageOf(() => checkTampered(graph, () => undefined));
      assert.equal(untouched, 'accepted');
      for (const pair of clashingPairs(graph)) {
        const message = messageOf(() =>
          checkTampered(graph, (linear) => {
            const [first, second] = pair.map((wanted) => storages(linear).find(({ value }) => value.name === wanted));
            if (first !== undefined && second !== undefined) linear.storage.embed(second.value, first.value, 0);
          }),
        );
        assert.notEqual(message, 'accepted', pair.join(' and '));
        planted++;
      }
    });
  }
  it('was given such pairs', () => assert.ok(planted >= 15, `${planted}`));
});

function valuesOfBodies(graph: Graph): readonly Value[] {
  const bodies = graph.nodes.flatMap((node) => node.regions ?? []);
  return bodies.flatMap((region) =>
    region.graph.nodes.flatMap((node) => node.outputs.filter((one) => one !== undefined)),
  );
}

function sameSize(a: Value, b: Value): boolean {
  return maxSizeBytes(a.type) === maxSizeBytes(b.type);
}

/** Storages that are neither the caller's nor constant, with their lifetimes. */
function storages(linear: Linear): readonly { readonly value: Value; readonly life: Lifetime }[] {
  const lives = [...computeLifetimes(linear, lowerAll(linear, targetOf()))];
  return lives
    .map(([value, life]) => ({ value, life }))
    .filter(({ value }) => !linear.constants.has(value) && !linear.inputs.includes(value));
}

/** Names of storages of one size where the second is made while the first is still to be read by a later step. */
function clashingPairs(graph: Graph): readonly (readonly [string, string])[] {
  const own = storages(linearize(graph, true));
  return own.flatMap((a) =>
    own
      .filter((b) => sameSize(a.value, b.value) && a.life.first < b.life.first && b.life.first < a.life.last)
      .map((b) => [a.value.name, b.value.name] as const),
  );
}

function cartoon(): Graph {
  const fileOf = (name: string): string => fileURLToPath(new URL(`models/cartoon/${name}`, packageRoot));
  const files = {
    predictNet: fileOf('predict_net.pb'),
    initNet: fileOf('init_net.pb'),
    valueInfo: fileOf('value_info.json'),
  };
  return assignLayouts(compileModel(files).graph, targetOf());
}
