// The shipped nets compiled for ARM and RISC-V and run in the emulator through the command line, as a user does it, with
// each compiler that the target files name; and what the command line says when a tool is missing.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Toolchain } from '../../src/build/target.js';
import { readNpy, writeNpy } from '../../src/files/npy.js';
import { getNumber, makeTensor } from '../../src/ir/tensor.js';
import { packageRoot } from '../../src/package-root.js';
import { compareTensors, kDefaultTolerance } from '../../src/verify/compare-tensors.js';
import { kInit, kPredict, Workplace } from '../cli/command-line.js';
import { needTargetTools } from '../support/need-target-tools.js';

const kModels = fileURLToPath(new URL('models/', packageRoot));

function model(name: string): readonly string[] {
  return [join(kModels, name, 'predict_net.pb'), '--init', join(kModels, name, 'init_net.pb')];
}

/** A target file with the target's entries for one compiler alone; clang under the name that Debian's clang-14 gives it. */
function withCompiler(place: Workplace, target: string, compiler: string): string {
  const text = readFileSync(new URL(`targets/${target}.json`, packageRoot), 'utf8');
  const file = JSON.parse(text) as { readonly toolchains: readonly Toolchain[] };
  const toolchains = file.toolchains.filter(({ name }) => name === compiler);
  const renamed = compiler !== 'clang' ? {} : { cxx: 'clang++-14', cc: 'clang-14', package: 'clang-14' };
  assert.notEqual(toolchains.length, 0);
  const path = place.path(`${target}-${compiler}.json`);
  writeFileSync(path, JSON.stringify({ ...file, toolchains: toolchains.map((entry) => ({ ...entry, ...renamed })) }));
  return path;
}

describe('nets for other processors', function () {
  // zig builds a C library at its first use.
  this.timeout(600_000);
  const place = new Workplace();
  after(() => place.remove());

  for (const compiler of ['gcc', 'clang']) {
    it(`links for armv7-linux with more than 256 MB between code and data, by ${compiler}`, async function () {
      const target = withCompiler(place, 'armv7-linux', compiler);
      await needTargetTools(this, target);
      // The distance that so many weights make, without them.
      const far = (name: string, flags: Partial<Toolchain>): string => {
        const file = JSON.parse(readFileSync(target, 'utf8')) as { readonly toolchains: readonly Toolchain[] };
        const linkFlags = ['-static', '-Wl,--section-start=.got=0x30000000'];
        const path = place.path(`${name}-${compiler}.json`);
        writeFileSync(path, JSON.stringify({ ...file, toolchains: [{ ...file.toolchains[0], linkFlags, ...flags }] }));
        return path;
      };
      const run = (file: string) =>
        place.run('run', ...model('digits'), '--random', '--threads', '1', '--target', file);
      const linked = await run(far('far', {}));
      assert.equal(linked.code, 0, linked.stderr);
      assert.match((await run(far('short', { linkerFlags: [] }))).stderr, /assertion fail|ld returned/);
    });
  }

  for (const [name, compiler] of [
    ['aarch64-linux', 'gcc'],
    ['aarch64-linux', 'clang'],
    ['aarch64-linux', 'zig'],
    ['aarch64-linux-v8.2', 'gcc'],
    ['armv7-linux', 'gcc'],
    ['armv7-linux', 'clang'],
    ['riscv64-linux', 'gcc'],
    ['riscv64-linux', 'clang'],
    ['riscv64-linux', 'zig'],
  ] as const) {
    it(`digits: ten test images on ${name}, by ${compiler}`, async function () {
      const target = withCompiler(place, name, compiler);
      await needTargetTools(this, target);
      const images = readNpy(join(kModels, 'digits', 'test_images.npy'));
      const expected = readNpy(join(kModels, 'digits', 'expected_softmax_first100.npy'));
      const pixels = Float32Array.from({ length: 10 * 784 }, (_, i) => getNumber(images, i) / 255);
      const [input, output] = [place.path('digits.npy'), place.path('softmax.npy')];
      writeNpy(input, makeTensor('f32', [10, 1, 28, 28], pixels));
      const files = ['--input', `data=${input}`, '--output', `softmax=${output}`];
      const sizes = ['--input', 'data:1..10,1,28,28', '--threads', '2'];
      const { code, stderr } = await place.run('run', ...model('digits'), '--target', target, ...sizes, ...files);
      assert.equal(code, 0, stderr);
      const got = readNpy(output).data;
      assert.equal(got.length, 100);
      got.forEach((value, i) => {
        assert.ok(Math.abs(Number(value) - Number(expected.data[i])) < 1e-5, `element ${i} is ${value}`);
      });
    });
  }

  for (const target of ['aarch64-linux', 'armv7-linux']) {
    it(`cartoon: the shipped photograph on ${target}`, async function () {
      await needTargetTools(this, target);
      const input = join(kModels, 'cartoon', 'cat.png');
      const output = place.path('cartoon.npy');
      const files = ['--input', input, '--output', output];
      const { code, stderr } = await place.run('run', ...model('cartoon'), '--target', target, ...files);
      assert.equal(code, 0, stderr);
      const { pass, detail } = compareTensors(
        'cartoon',
        readNpy(join(kModels, 'cartoon', 'expected_bgra.npy')),
        readNpy(output),
        kDefaultTolerance,
      );
      assert.ok(pass, detail);
    });
  }

  it('a net that 32-bit addresses cannot hold is refused', async () => {
    const net = [
      place.net('tiny.pb', kPredict),
      '--init',
      place.net('tiny_init.pb', kInit),
      '--input',
      'x:400000000,2',
    ];
    const compile = (target: string) =>
      place.run('compile', ...net, '-o', place.path('large'), '--target', target, '--emit', 'source');
    const refused = await compile('armv7-linux');
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /32-bit address space of target armv7-linux.*an arena of 3200000512 bytes.*64-bit target/s,
    );
    const { code, stderr } = await compile('aarch64-linux');
    assert.equal(code, 0, stderr);
  });

  it('a missing compiler or emulator is named with its package', async function () {
    await needTargetTools(this, 'aarch64-linux');
    const net = [place.net('tiny.pb', kPredict), '--init', place.net('tiny_init.pb', kInit), '--input', 'x:1,2'];
    // The cross compiler alone: others may be installed, too.
    const text = readFileSync(new URL('targets/aarch64-linux.json', packageRoot), 'utf8').replace(
      /("toolchains": \[\s*\{.*?\}),.*?\n {2}\]/s,
      '$1\n  ]',
    );
    const variant = (name: string, from: string, to: string): string => {
      writeFileSync(place.path(`${name}.json`), text.replaceAll(from, to));
      return place.path(`${name}.json`);
    };
    const noCompiler = variant('no-compiler', 'aarch64-linux-gnu-', 'no-such-');
    const compiled = await place.run('compile', ...net, '-o', place.path('out'), '--target', noCompiler);
    assert.equal(compiled.code, 1);
    assert.match(compiled.stderr, /no-such-g\+\+.*apt-get install g\+\+-aarch64-linux-gnu/s);
    const noEmulator = variant('no-emulator', '"qemu-aarch64"', '"no-such-qemu"');
    const run = await place.run('run', ...net, '--random', '--target', noEmulator);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /no-such-qemu could not be started.*apt-get install qemu-user/s);
  });
});
