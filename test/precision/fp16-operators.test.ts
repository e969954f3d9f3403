// --precision fp16 on aarch64-linux-v8.2, in the emulator: the examples of convolutions and FC, and a net that takes halves through every
// kernel that knows them, compiled against the interpreter.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchNet, NetBuilder } from '../../bench/nets/net-builder.js';
import { formatProblem } from '../../src/errors.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { toNumbers } from '../../src/ir/tensor.js';
import { interpret } from '../../src/ops/interpret.js';
import { verifyNet } from '../../src/verify/verify-net.js';
import { runCompiled } from '../batch/run-compiled.js';
import { describeDifference } from '../corpus/compare.js';
import { exampleJobs } from '../ops/example-jobs.js';
import { needTargetTools } from '../support/need-target-tools.js';

const kTarget = 'aarch64-linux-v8.2';
const kOperators = ['Conv', 'ConvTranspose', 'FC'];
/** Of the largest value: operands are rounded to 2^-11, sums of 64 products by some 2^-9. */
const kTolerance = 1e-2;

/** Convolutions of all kinds, then what follows the layout of its input. */
function everyKernel(): { readonly net: BenchNet; readonly outputs: readonly string[] } {
  const net = new NetBuilder('halves', [1, 3, 33, 31]);
  let x = net.relu(net.conv(net.input, 20, { kernel: 5, stride: 2, pad: 2 }));
  x = net.pool(x, 'MaxPool', 3, 1, 1);
  x = net.conv(net.conv(x, 20, { kernel: 3, pad: 1, group: 20 }), 24);
  const before = x;
  x = net.conv(net.prelu(net.conv(x, 40)), 24, { kernel: 3, pad: 1 });
  x = net.tanh(net.sum(before, x));
  const outputs = [before.name, x.name];
  x = net.lrn(net.instanceNorm(net.conv(net.reflect(x, 2), 16, { kernel: 3 })));
  x = net.convTranspose(net.pool(x, 'AveragePool', 2, 2), 16);
  const [left, right] = net.halves(net.conv(x, 16, { kernel: 3, pad: 1, group: 2 }));
  x = net.relu6(net.concat(left, net.conv(right, 72, { kernel: 3, pad: 1 }), left));
  x = net.conv(net.shuffle(net.upsample(x), 4), 17, { kernel: 9, stride: 3 });
  outputs.push(x.name);
  return { net: net.finish(net.softmax(net.fc(net.globalAverage(x), 13))), outputs };
}

describe('fp16 on aarch64-linux-v8.2', () => {
  it('examples of convolutions and FC agree with the interpreter', async function () {
    this.timeout(600_000);
    await needTargetTools(this, kTarget);
    const jobs = exampleJobs(({ op }) => kOperators.includes(op.name));
    assert.ok(jobs.length > 20, `${jobs.length} examples`);
    const outcomes = await runCompiled(jobs, { target: kTarget, optimize: true, precision: 'fp16' });
    const wrong = jobs.flatMap(({ title, graph, inputs }, i) => {
      const outcome = outcomes[i];
      if (outcome?.kind !== 'outputs')
        return [`${title}: ${outcome?.problems.map(formatProblem).join(' | ') ?? 'not run'}`];
      return [...interpret(graph, inputs)].flatMap(([name, want]) => {
        const got = outcome.outputs.get(name);
        const largest = Math.max(...toNumbers(want).map(Math.abs));
        const difference =
          got === undefined ? 'is missing' : describeDifference(got, want, kTolerance, kTolerance * largest);
        return difference === undefined ? [] : [`${title}: output ${name}: ${difference}`];
      });
    });
    assert.deepEqual(wrong, []);
  });

  it('a net through every kernel that knows halves agrees with the interpreter', async function () {
    this.timeout(600_000);
    await needTargetTools(this, kTarget);
    const { net, outputs } = everyKernel();
    const folder = mkdtempSync(join(tmpdir(), 'cortado-halves-'));
    try {
      const report = await verifyNet({
        predictNet: encodeNetDef(net.predict),
        initNet: encodeNetDef(net.init, { packed: true }),
        inputs: [`${net.input.name}:${net.input.shape.join(',')}`],
        outputs,
        name: net.name,
        target: kTarget,
        precision: 'fp16',
        variants: ['optimized'],
        // Tanh leaves all of its input's error to results of at most 1.
        tolerance: { atol: 3e-2 },
        cacheFolder: folder,
      });
      assert.ok(report.pass, JSON.stringify(report.variants));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
