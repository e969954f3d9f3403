// The generated CUDA sources compiled by the host's compiler against the emulated device: the same text that nvcc gets, its values
// checked. A part of the operator corpus, a net in all precisions, and the C interface with device pointers. All of the corpus:
// `npm run corpus -- DIR --target cuda-emulated`.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../../src/compile.js';
import { packageRoot } from '../../src/package-root.js';
import { verifyNet } from '../../src/verify/verify-net.js';
import { compiledExecutor } from '../batch/run-compiled.js';
import { execute, isInstalled, suiteFolder } from '../build/places.js';
import { digitsModel, varyingModel } from '../build/sample-models.js';
import { readCases } from '../corpus/case-file.js';
import { runCases } from '../corpus/run-cases.js';
import { shortForm } from '../corpus/short-form.js';
import { exampleJobs, judgeExample } from '../ops/example-jobs.js';
import { sharedFolder, skipBecause } from '../support/skip.js';

const kTarget = 'cuda-emulated';
const kPrograms = fileURLToPath(new URL('test/cuda/programs/', packageRoot));
const kRuntime = fileURLToPath(new URL('runtime/', packageRoot));

/** Operators with kernels of their own on the device. */
const kExamples: ReadonlySet<string> = new Set([
  ...['RoIAlign', 'RoIPool', 'StylizerPreprocess', 'StylizerDeprocess'],
  ...['ChannelShuffle', 'ReduceMean', 'ArgMax'],
]);

/** Of the short form of the corpus, each so many. */
const kStride = 12;

describe('the emulated GPU', function () {
  this.timeout(600_000);
  const folder = suiteFolder();
  const at = (name: string): string => path.join(folder, name);
  const cacheFolder = at('cache');

  before(function () {
    if (!isInstalled('g++')) skipBecause(this, 'g++ is not installed');
  });

  it('a part of the operator corpus is right', async function () {
    const shared = sharedFolder();
    const ops = shared === undefined ? undefined : path.join(shared, 'golden', 'ops');
    if (ops === undefined || !existsSync(ops))
      return skipBecause(this, 'the operator corpus is not beside this checkout');
    const cases = shortForm(readCases(ops)).filter((_, i) => i % kStride === 0);
    const results = await runCases(cases, compiledExecutor({ target: kTarget, optimize: true }), ['constants']);
    const failures = results.flatMap(({ item, verdict }) =>
      verdict.kind === 'failed' ? [`${item.name}: ${verdict.reason}`] : [],
    );
    assert.deepEqual(failures, []);
  });

  it('examples of operators that the corpus leaves out here are right', async () => {
    const jobs = exampleJobs(({ op }) => kExamples.has(op.name));
    const outcomes = await compiledExecutor({ target: kTarget, optimize: true }).run(jobs);
    assert.deepEqual(
      jobs.flatMap((job, i) => judgeExample(job, outcomes[i])),
      [],
    );
  });

  it('digits is right in every precision', async () => {
    for (const precision of ['fp32', 'tf32', 'fp16'] as const) {
      const variants = precision === 'fp32' ? (['optimized', 'plain'] as const) : (['optimized'] as const);
      const report = await verifyNet({
        ...digitsModel(),
        target: kTarget,
        precision,
        variants,
        layers: precision !== 'tf32',
        cacheFolder,
      });
      assert.ok(report.pass, `${precision}: ${JSON.stringify(report.variants)}`);
      const [optimized] = report.variants;
      if (precision !== 'tf32') assert.equal(optimized?.layers?.length, 7, 'every layer of the device is traced');
      // Halves and TF32 are rounded to 11 bits; a net that used floats instead would not differ.
      const worst = Math.max(...(optimized?.tensors ?? []).map(({ maxScaled }) => maxScaled));
      assert.ok(precision === 'fp32' ? worst < 1e-5 : worst > 1e-6 && worst < 2e-3, `${precision}: ${worst}`);
    }
  });

  it('device pointers, streams, graphs and memory of a caller', async () => {
    const emit = ['library'] as const;
    await compile({ ...varyingModel(), target: kTarget, name: 'small', emit, cacheFolder, outputFolder: at('small') });
    const program = at('device_api');
    execute(
      'g++',
      [
        '-std=c++17',
        '-Wall',
        '-Wextra',
        '-Werror',
        '-DCORTADO_CUDA_EMULATION',
        `-I${at('small/include')}`,
        ...['cuda/include', 'include'].map((name) => `-I${kRuntime}${name}`),
        path.join(kPrograms, 'device_api.cc'),
        `-L${at('small/lib')}`,
        at('small/lib/libsmall.a'),
        '-o',
        program,
        '-lm',
        '-lpthread',
      ],
      folder,
    );
    assert.equal(execute(program, [], folder), 'ok\n');
  });
});
