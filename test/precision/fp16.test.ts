// --precision fp16 on a CPU from end to end: conversions, what the planner makes of a net, the compiled net against the interpreter and
// against fp32 (in portable code on any machine, with ARM's half-precision arithmetic in the emulator), refusals.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadTarget } from '../../src/build/target.js';
import { compileModel } from '../../src/compile.js';
import { floatsToHalf, floatTensor, numberToHalf, toNumbers } from '../../src/ir/tensor.js';
import { interpret } from '../../src/ops/interpret.js';
import { blockedStorage } from '../../src/ops/kernel-call.js';
import { parseGraph } from '../../src/ops/parse-graph.js';
import { packageRoot } from '../../src/package-root.js';
import { verifyNet } from '../../src/verify/verify-net.js';
import { needTargetTools } from '../support/need-target-tools.js';

const kTarget = 'aarch64-linux-v8.2';

const kDigits = {
  predictNet: fileURLToPath(new URL('models/digits/predict_net.pb', packageRoot)),
  initNet: fileURLToPath(new URL('models/digits/init_net.pb', packageRoot)),
  valueInfo: fileURLToPath(new URL('models/digits/value_info.json', packageRoot)),
};

describe('fp16 on CPUs', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cortado-fp16-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('rounds whole arrays as it rounds numbers', () => {
    const values = [
      0,
      -0,
      1,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      -65504,
      65519,
      65520,
      -1e9,
      2 ** -14,
      2 ** -15,
      3e-8,
      2 ** -26,
    ];
    for (let i = 0; i < 2000; i++) values.push(Math.sin(i) * 2 ** ((i % 40) - 22));
    const floats = Float32Array.from([...values, Number.POSITIVE_INFINITY, Number.NaN]);
    assert.deepEqual([...floatsToHalf(floats)], [...floats].map(numberToHalf));
  });

  it('the interpreter rounds floats of type f16 when they are made', () => {
    const graph = parseGraph(
      'net "t" {\n  input %x: f32[1,2,1,1]\n  %b = ToBlocked(%x) {block=8, dtype="f16"} : f16[1,2,1,1]@c8\n' +
        '  %y = ToPlain(%b) {block=8} : f32[1,2,1,1]\n  output "y" = %y\n}\n',
    );
    const y = interpret(graph, new Map([['x', floatTensor([1, 2, 1, 1], [1 + 3 * 2 ** -11, -3])]])).get('y');
    assert.deepEqual(y === undefined ? [] : toNumbers(y), [1 + 2 ** -9, -3]);
  });

  it('blocks have twice the lanes of floats and hold f16; weights take half the bytes; inputs and outputs stay floats', () => {
    assert.equal(blockedStorage({ vectorFloats: 4, precision: 'fp16' }).block, 8);
    const [small, large] = (['fp16', 'fp32'] as const).map((precision) => {
      return compileModel({ ...kDigits, target: kTarget, precision }).program;
    });
    assert.ok(small !== undefined && large !== undefined);
    assert.ok(
      small.layers.some(({ type }) => /^f16.*c8/.test(type)),
      JSON.stringify(small.layers.map(({ type }) => type)),
    );
    assert.ok(!large.layers.some(({ type }) => type.startsWith('f16')));
    assert.deepEqual(
      [...small.inputs, ...small.outputs].map(({ type }) => type.dtype),
      ['f32', 'f32'],
    );
    assert.ok(small.weightBytes < 0.6 * large.weightBytes, `${small.weightBytes} of ${large.weightBytes}`);
  });

  it('answers as the interpreter and as fp32 do, in portable code', async () => {
    const target = join(folder, 'portable.json');
    const description = 'x86 whose floats are stored as halves';
    writeFileSync(
      target,
      JSON.stringify({ name: 'portable', description, extends: 'x86-64', precisions: ['fp32', 'fp16'] }),
    );
    await checkDigits(target, 8);
  });

  it("answers as the interpreter and as fp32 do, with ARM's half-precision arithmetic", async function () {
    await needTargetTools(this, kTarget);
    await checkDigits(kTarget, 4);
  });

  async function checkDigits(target: string, variedInputs: number): Promise<void> {
    const variants = ['optimized'] as const;
    const report = await verifyNet({ ...kDigits, target, precision: 'fp16', variants, variedInputs });
    assert.ok(report.pass, JSON.stringify(report.variants));
    const [softmax] = report.variants[0]?.tensors ?? [];
    // Floats all the way would be right to 1e-6.
    assert.ok(softmax !== undefined && softmax.maxScaled > 1e-5, String(softmax?.maxScaled));
    const [agreement] = report.agreement ?? [];
    assert.deepEqual([agreement?.same, agreement?.rows], [variedInputs, variedInputs]);
  }

  it('is refused where the target does not have it, naming those that do', () => {
    assert.throws(
      () => loadTarget('aarch64-linux', 'fp16'),
      /aarch64-linux has no precision fp16.*aarch64-linux-v8\.2/,
    );
    assert.throws(() => loadTarget('armv7-linux', 'fp16'), /armv7-linux has no precision fp16/);
    assert.throws(() => loadTarget('x86-64-v4', 'fp16'), /x86-64-v4 has no precision fp16/);
  });
});
