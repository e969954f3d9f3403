// Cortex-M: nets as images without an operating system, run in qemu-system-arm and compared with the reference interpreter;
// what is in the images.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kTinyNets } from '../../bench/nets/tiny-nets.js';
import type { ImageSizes } from '../../src/build/bare-image.js';
import { readElf } from '../../src/build/elf.js';
import { type CompiledNet, type CompileOptions, compile, compileModel } from '../../src/compile.js';
import { readNpy } from '../../src/files/npy.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { packageRoot } from '../../src/package-root.js';
import { runExecutable } from '../../src/run/run-executable.js';
import { verifyNet } from '../../src/verify/verify-net.js';
import { execute } from '../build/places.js';
import { needTargetTools } from '../support/need-target-tools.js';

const kModels = fileURLToPath(new URL('models/', packageRoot));
const kCodeLimitBytes = 24 * 1024;

function netOptions(name: string): CompileOptions {
  if (name === 'digits') {
    const folder = join(kModels, name);
    return {
      predictNet: join(folder, 'predict_net.pb'),
      initNet: join(folder, 'init_net.pb'),
      valueInfo: join(folder, 'value_info.json'),
    };
  }
  const net = kTinyNets.get(name)?.() ?? assert.fail(name);
  return {
    predictNet: encodeNetDef(net.predict),
    initNet: encodeNetDef(net.init, { packed: true }),
    inputs: [`${net.input.name}:${net.input.shape.join(',')}`],
    name,
  };
}

describe('Cortex-M images', function () {
  this.timeout(600_000);
  let folder = '';
  before(async function () {
    await needTargetTools(this, 'cortex-m4');
    folder = mkdtempSync(join(tmpdir(), 'cortado-mcu-'));
  });
  after(() => {
    if (folder !== '') rmSync(folder, { recursive: true });
  });

  const cached = () => ({ cacheFolder: join(folder, 'cache') });

  for (const target of ['cortex-m4', 'cortex-m7']) {
    for (const net of ['digits', ...kTinyNets.keys()]) {
      it(`${net} is right on ${target}`, async () => {
        const report = await verifyNet({ ...netOptions(net), ...cached(), target, variants: ['optimized'] });
        assert.equal(report.reference, 'interpreter');
        assert.deepEqual(
          report.variants.flatMap(({ tensors }) => tensors.filter(({ pass }) => !pass)),
          [],
        );
      });
    }
  }

  it('keyword spotting is right on the vector unit of cortex-m55', async () => {
    const report = await verifyNet({ ...netOptions('kws_ds_cnn'), ...cached(), target: 'cortex-m55' });
    assert.equal(report.pass, true);
  });

  it('multiplies by vector instructions alone on cortex-m55', async () => {
    const options = { ...netOptions('kws_ds_cnn'), ...cached(), target: 'cortex-m55' };
    const { build } = await compile({ ...options, outputFolder: join(folder, 'helium') });
    const image = build.executable ?? assert.fail('no image');
    const listing = execute('arm-none-eabi-objdump', ['-d', '-m', 'armv8.1-m.main', image], folder);
    const products = listing.split('\n').filter((line) => /\tv(fma|fms|mla|mul)\w*\./.test(line));
    assert.ok(products.length > 60, `${products.length} products`);
    assert.deepEqual(
      products.filter((line) => !/\bq[0-7]\b/.test(line)),
      [],
    );
  });

  it('an unoptimized net is right', async () => {
    const report = await verifyNet({ ...netOptions('digits'), ...cached(), target: 'cortex-m4', variants: ['plain'] });
    assert.equal(report.pass, true);
  });

  it('every tensor of a traced run comes back', async () => {
    const options = { ...netOptions('digits'), ...cached(), target: 'cortex-m4', trace: true };
    const { build, target } = await compile({ ...options, outputFolder: join(folder, 'traced') });
    const traceFolder = join(folder, 'trace');
    const executable = build.executable ?? assert.fail('no image');
    const { outputs } = await runExecutable({
      executable,
      runner: target.runner,
      inputs: new Map(),
      outputs: ['softmax'],
      random: true,
      traceFolder,
    });
    const lines = readFileSync(join(traceFolder, 'index.tsv'), 'utf8').trim().split('\n');
    const last = lines
      .map((line) => line.split('\t'))
      .filter(([, , blob]) => blob === 'softmax')
      .at(-1);
    assert.ok(lines.length >= 6);
    assert.deepEqual(readNpy(join(traceFolder, last?.[0] ?? '')), outputs.get('softmax'));
  });

  it('a larger net is spread over two memory regions of cortex-m7', () => {
    const { program } = compileModel({ ...netOptions('vww_mobilenet'), target: 'cortex-m7' });
    assert.deepEqual(
      program.arenaParts.map(({ region }) => region),
      ['dtcm', 'sram'],
    );
    const { arenaBytes, arenaBoundBytes } = program;
    assert.ok(arenaBytes <= 1.01 * arenaBoundBytes, `${arenaBytes} bytes, bound ${arenaBoundBytes}`);
  });

  for (const net of ['digits', ...kTinyNets.keys()]) {
    it(`the stack that ${net} paints over is within the bound, and most of it`, async () => {
      const outputFolder = join(folder, `stack-${net}`);
      const { build, target } = await compile({ ...netOptions(net), ...cached(), target: 'cortex-m4', outputFolder });
      const executable = build.executable ?? assert.fail('no image');
      const request = { executable, runner: target.runner, inputs: new Map(), outputs: [], random: true };
      const { stats } = await runExecutable(request);
      const [used = 0, bound = 0] = [stats.stack_used_bytes, build.image?.stackBytes];
      assert.ok(used <= bound && used > 0.6 * bound, `${used} bytes used, the bound is ${bound}`);
    });
  }

  it('what does not fit is said with its sizes', async () => {
    const tooMuch = {
      ...netOptions('kws_ds_cnn'),
      ...cached(),
      target: 'cortex-m4',
      outputFolder: join(folder, 'none'),
    };
    await assert.rejects(
      compile({ ...tooMuch, maxFlashBytes: 100_000 }),
      /budget of flash.*at most 100000.* too many: code \d+, weights 904\d+ \(relu_\d+\.pack0 \d+, /s,
    );
    await assert.rejects(
      compile({ ...tooMuch, maxFlashBytes: 50_000 }),
      /weights do not fit the flash.*90432.*40432 too many: relu_\d+\.pack0/s,
    );
    const { program } = compileModel(tooMuch);
    const excess = program.arenaBytes - 60_000;
    await assert.rejects(
      compile({ ...tooMuch, maxArenaBytes: 60_000 }),
      new RegExp(
        `arena exceeds its budget.* ${excess} too many .*; op \\d+ Conv \\(relu_\\d+\\) needs relu_\\d+ 32000, `,
        's',
      ),
    );
    await assert.rejects(compile({ ...tooMuch, threads: 2 }), /has one thread/);
    await assert.rejects(compile({ ...tooMuch, weights: 'file' }), /no files for weights/);
    await assert.rejects(
      compile({ ...tooMuch, target: 'x86-64', maxFlashBytes: 1 }),
      /for targets without an operating/,
    );
    assert.equal(existsSync(tooMuch.outputFolder), false);
  });

  describe('keyword spotting', () => {
    let built: CompiledNet & { readonly build: { readonly image?: ImageSizes; readonly executable?: string } };
    before(async () => {
      built = await compile({ ...netOptions('kws_ds_cnn'), ...cached(), target: 'cortex-m4', outputFolder: folder });
    });

    it('code besides weights fits 24 kB of flash, the arena its bound', () => {
      const image = built.build.image ?? assert.fail('no image');
      assert.ok(image.codeBytes <= kCodeLimitBytes, `${image.codeBytes} bytes of code`);
      assert.ok(image.codeBytes > 4096 && image.weightBytes >= built.program.weightBytes);
      assert.equal(image.arenaBytes, built.program.arenaBytes);
      assert.ok(built.program.arenaBytes <= 1.05 * built.program.arenaBoundBytes);
    });

    it('nothing of an allocator, of printf or of the C++ library is in the image', () => {
      const file = built.build.executable ?? assert.fail('no image');
      const names = readElf(readFileSync(file), file).symbols.map(({ name }) => name);
      assert.ok(names.includes('cortado_reset') && names.includes('memcpy'), 'the symbols are there to look at');
      const foreign =
        /^(_?(malloc|calloc|realloc|free|sbrk)(_r)?|.*printf.*|puts|fwrite|abort|exit|__cxa_.*|_Zn[wa].*|_Zd[la].*|_ZS[a-z].*|_ZNS[a-z]?.*|_ZNKS.*|_ZSt.*|_ZNSt.*|__gxx_.*|_Unwind_.*|__gnu_cxx.*)$/;
      assert.deepEqual(
        names.filter((name) => foreign.test(name)),
        [],
      );
    });

    it('instructions are counted, for each layer and the same every time', async () => {
      const request = {
        executable: built.build.executable ?? assert.fail('no image'),
        runner: built.target.runner,
        inputs: new Map(),
        outputs: [],
        random: true,
      };
      const first = await runExecutable(request);
      const { stats } = await runExecutable({ ...request, repeat: 3, warmup: 1 });
      const own = stats.instructions ?? 0;
      const layers = stats.layers.reduce((sum, layer) => sum + (layer.instructions ?? 0), 0);
      assert.ok(Math.abs(own - (first.stats.instructions ?? 0)) <= 64, 'the same as in a run alone');
      assert.ok(layers <= own && layers > 0.97 * own, `${layers} in layers, ${own} in all`);
      const macs = stats.layers.reduce((sum, layer) => sum + layer.macs, 0);
      assert.ok(own > macs && own < 3 * macs, `${own} instructions for ${macs} multiply-adds`);
    });
  });
});
