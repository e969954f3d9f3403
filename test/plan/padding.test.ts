// Packed weights are whole vectors of output channels. Numbers of channels just above a whole vector would nearly double them:
// then the plan takes narrower vectors for the net. Two thirds of real channel counts never meet this.

import assert from 'node:assert/strict';
import { loadTarget } from '../../src/build/target.js';
import '../../src/ops/index.js';
import { interpret } from '../../src/ops/interpret.js';
import { parseGraph } from '../../src/ops/parse-graph.js';
import { seededInputs } from '../../src/passes/check-values.js';
import { runPasses } from '../../src/passes/pipeline.js';
import { buildProgram } from '../../src/plan/build-program.js';
import type { Program } from '../../src/plan/program.js';
import { runCompiled } from '../batch/run-compiled.js';
import { describeDifference } from '../corpus/compare.js';

const kMostPadding = 1.5;
const kFreePaddingBytes = 8192;
const kWindow = '{kernel=[5,5], strides=[1,1], pads=[2,2,2,2], dilations=[1,1], group=1}';

describe('padding of packed weights', function () {
  this.timeout(120_000);

  for (const channels of [17, 20, 24, 33, 40, 65]) {
    it(`${channels} channels: at most ${kMostPadding} x the raw weights`, () => {
      for (const name of ['x86-64', 'x86-64-v3', 'x86-64-v4']) {
        const { weightBytes, rawWeightBytes } = plan(channels, name);
        const most = Math.max(kMostPadding * rawWeightBytes, rawWeightBytes + kFreePaddingBytes);
        assert.ok(weightBytes <= most, `${name}: ${weightBytes} for ${rawWeightBytes}`);
      }
    });
  }

  it('vectors stay as wide as the target has them where padding is small', () => {
    assert.equal(blockOf(plan(24, 'x86-64-v4')), 16);
    assert.equal(blockOf(plan(20, 'x86-64-v4')), 8);
    assert.equal(blockOf(plan(20, 'x86-64-v3')), 8);
  });

  it('narrower vectors compute the same', async () => {
    const graph = net(20);
    const inputs = seededInputs(graph, { seed: 1, sizes: 'largest' });
    const [outcome] = await runCompiled([{ id: 'narrow', graph, inputs }], { target: 'native', optimize: true });
    const got = outcome?.kind === 'outputs' ? outcome.outputs.get('y') : undefined;
    const want = interpret(graph, inputs).get('y');
    assert.ok(got !== undefined && want !== undefined);
    assert.equal(describeDifference(got, want, 1e-4, 1e-4), undefined);
  });
});

function net(channels: number) {
  const image = `f32[1,${channels},12,12]`;
  return parseGraph(`net "padded" {
    input %x: ${image}
    const %v: f32[${channels},${channels},5,5] = random(1, -0.1, 0.1)
    const %w: f32[${channels},${channels},5,5] = random(2, -0.1, 0.1)
    %a = Conv(%x, %v) ${kWindow} : ${image}
    %r = Relu(%a) : ${image}
    %b = Conv(%r, %w) ${kWindow} : ${image}
    %y = Add(%b, %x) : ${image}
    output "y" = %y
  }`);
}

function plan(channels: number, name: string): Program {
  const target = { ...loadTarget(name), threads: 1 };
  return buildProgram(runPasses(net(channels), { optimize: true }), { target, optimize: true, opCount: 4 });
}

/** The vector length that the convolutions are compiled for. */
function blockOf(program: Program): unknown {
  const step = program.steps.find((item) => item.kind === 'kernel' && item.call.config?.type === 'Conv2dShape');
  const fields = step?.kind === 'kernel' ? (step.call.config?.fields ?? []) : [];
  return new Map(fields).get('block');
}
