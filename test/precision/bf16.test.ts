// --precision bf16 from end to end: conversions, the order of packed weights, what the planner makes of a net, the compiled net against
// the interpreter and against fp32 (in portable code on any machine, with the instructions where the CPU has them), refusals.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadTarget } from '../../src/build/target.js';
import { compileModel } from '../../src/compile.js';
import { bfloat16ToNumber, floatTensor, numberToBfloat16, toNumbers } from '../../src/ir/tensor.js';
import { interpret } from '../../src/ops/interpret.js';
import { parseGraph } from '../../src/ops/parse-graph.js';
import { packageRoot } from '../../src/package-root.js';
import { type ConvGeometry, packConv2dDirect } from '../../src/plan/pack-conv.js';
import { directRuns, firstRuns, packInPairs } from '../../src/plan/pack-pairs.js';
import { countAgreement } from '../../src/verify/agreement.js';
import { verifyNet } from '../../src/verify/verify-net.js';
import { skipBecause } from '../support/skip.js';

const kDigits = {
  predictNet: fileURLToPath(new URL('models/digits/predict_net.pb', packageRoot)),
  initNet: fileURLToPath(new URL('models/digits/init_net.pb', packageRoot)),
  valueInfo: fileURLToPath(new URL('models/digits/value_info.json', packageRoot)),
};

const kShape: ConvGeometry = {
  inChannels: 3,
  inHeight: 4,
  inWidth: 4,
  outChannels: 3,
  outHeight: 4,
  outWidth: 3,
  kernelH: 1,
  kernelW: 2,
  strideH: 1,
  strideW: 1,
  padTop: 0,
  padLeft: 0,
  dilationH: 1,
  dilationW: 1,
  groups: 1,
  block: 2,
};

describe('bf16', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cortado-bf16-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('rounds to nearest even; a NaN stays one', () => {
    const cases = [
      [1, 0x3f80],
      [1 + 2 ** -8, 0x3f80],
      [1 + 3 * 2 ** -8, 0x3f82],
      [-(1 + 3 * 2 ** -8), 0xbf82],
      [-0, 0x8000],
      [3.4e38, 0x7f80],
      [Number.NEGATIVE_INFINITY, 0xff80],
    ] as const;
    for (const [value, bits] of cases) assert.equal(numberToBfloat16(value), bits, String(value));
    assert.ok(Number.isNaN(bfloat16ToNumber(numberToBfloat16(Number.NaN))));
    assert.equal(bfloat16ToNumber(0x3f82), 1 + 2 ** -6);
  });

  it('packs neighbouring lanes in pairs, an odd last one with zeros', () => {
    const weights = Float32Array.from({ length: 18 }, (_, i) => i + 1);
    const packed = packConv2dDirect(weights, kShape, 1);
    const pairs = [...packInPairs(packed, directRuns(kShape, 1))].map(bfloat16ToNumber);
    // [m_tile][cb][tap][pair][B][2] of weights [m][c][tap] numbered from 1: channels 0 and 1 of outputs 0 and 1 at tap 0, …
    assert.deepEqual(pairs.slice(0, 8), [1, 3, 7, 9, 2, 4, 8, 10]);
    assert.deepEqual(pairs.slice(8, 16), [5, 0, 11, 0, 6, 0, 12, 0]);
    assert.equal(pairs.length, 32);
    assert.deepEqual(firstRuns({ ...kShape, kernelH: 3, kernelW: 3, dilationW: 2 }, 1)[0], {
      lanes: 1,
      width: 2,
      times: 27,
    });
  });

  it('the interpreter rounds values of type bf16 when they are made', () => {
    const graph = parseGraph(
      'net "t" {\n  input %x: f32[1,2,1,1]\n  %b = ToBlocked(%x) {block=16, dtype="bf16"} : bf16[1,2,1,1]@c16\n' +
        '  %y = ToPlain(%b) {block=16} : f32[1,2,1,1]\n  output "y" = %y\n}\n',
    );
    const y = interpret(graph, new Map([['x', floatTensor([1, 2, 1, 1], [1.01171875, -3])]])).get('y');
    assert.deepEqual(y === undefined ? [] : toNumbers(y), [1 + 2 ** -6, -3]);
  });

  it('blocked values hold bf16, weights half the bytes, inputs and outputs floats', () => {
    const [small, large] = (['bf16', 'fp32'] as const).map((precision) => {
      return compileModel({ ...kDigits, target: 'x86-64-v4-bf16', precision }).program;
    });
    assert.ok(small !== undefined && large !== undefined);
    assert.ok(small.layers.some(({ type }) => type.startsWith('bf16')));
    assert.ok(!large.layers.some(({ type }) => type.startsWith('bf16')));
    assert.deepEqual(
      [...small.inputs, ...small.outputs].map(({ type }) => type.dtype),
      ['f32', 'f32'],
    );
    assert.ok(small.weightBytes < 0.6 * large.weightBytes, `${small.weightBytes} of ${large.weightBytes}`);
  });

  it('answers as the interpreter and as fp32 do, in portable code', async () => {
    const target = join(folder, 'portable.json');
    writeFileSync(
      target,
      JSON.stringify({
        name: 'portable',
        description: 'x86 without bf16',
        extends: 'x86-64',
        precisions: ['fp32', 'bf16'],
      }),
    );
    await checkDigits(target);
  });

  it('answers as the interpreter and as fp32 do, with AVX512-BF16', async function () {
    try {
      loadTarget('native', 'bf16');
    } catch {
      skipBecause(this, 'this CPU lacks AVX512-BF16');
    }
    await checkDigits('native');
  });

  async function checkDigits(target: string): Promise<void> {
    const variants = ['optimized'] as const;
    const report = await verifyNet({ ...kDigits, target, precision: 'bf16', variants, variedInputs: 8 });
    assert.ok(report.pass, JSON.stringify(report.variants));
    const [softmax] = report.variants[0]?.tensors ?? [];
    // Floats all the way would be right to 1e-6.
    assert.ok(
      softmax !== undefined && softmax.maxScaled > 1e-4 && softmax.maxScaled < 3e-2,
      String(softmax?.maxScaled),
    );
    const [agreement] = report.agreement ?? [];
    assert.deepEqual([agreement?.same, agreement?.rows], [8, 8]);
    assert.ok((agreement?.distinct ?? 0) >= 3, 'the inputs are of several digits');
  }

  it('counts rows whose largest value is elsewhere', () => {
    const run = (...values: number[]) => new Map([['y', floatTensor([2, 2], values)]]);
    assert.deepEqual(countAgreement([run(1, 2, 3, 1)], [run(1, 2, 1, 3)]), [
      { name: 'y', same: 1, rows: 2, distinct: 1 },
    ]);
  });

  it('is refused where the target does not have it, and compared with fp32 only where it is another precision', async () => {
    assert.throws(() => loadTarget('x86-64-v3', 'bf16'), /x86-64-v3 has no precision bf16.*x86-64-v4-bf16/);
    assert.throws(() => loadTarget('native', 'fp16'), /native: no CPU of its kind computes in fp16/);
    await assert.rejects(verifyNet({ ...kDigits, variedInputs: 4 }), /nothing to agree with/);
  });
});
