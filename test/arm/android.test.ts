// Android with and without an NDK. A folder laid out like an NDK stands for it: its compilers are scripts that note how they
// were called and hand on to the cross compilers for Linux, so that what they make runs in the emulator.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readNpy } from '../../src/files/npy.js';
import { kInit, kPredict, Workplace } from '../cli/command-line.js';
import { needTargetTools } from '../support/need-target-tools.js';

const kBin = 'toolchains/llvm/prebuilt/linux-x86_64/bin';

describe('Android', function () {
  this.timeout(300_000);
  const place = new Workplace();
  const net: string[] = [];
  before(() => {
    net.push(place.net('tiny.pb', kPredict), '--init', place.net('tiny_init.pb', kInit), '--input', 'x:1,2');
  });
  beforeEach(() => {
    delete place.environment.ANDROID_NDK;
  });
  after(() => place.remove());

  /** An NDK whose programs are others of this machine; calls.txt in its folder notes their arguments. */
  const fakeNdk = (name: string, programs: { readonly [name: string]: string }): string => {
    const folder = place.path(name);
    mkdirSync(join(folder, kBin), { recursive: true });
    for (const [program, real] of Object.entries(programs)) {
      const script = `#!/bin/sh
echo "${program} $*" >> ${folder}/calls.txt
[ "$*" = --version ] && echo "Android (1, based on r1) clang version 17.0.2" && exit
exec ${real} "$@"
`;
      writeFileSync(join(folder, kBin, program), script, { mode: 0o755 });
    }
    return folder;
  };

  for (const [target, prefix, like] of [
    ['aarch64-android', 'aarch64-linux-android21', 'aarch64-linux'],
    ['armv7-android', 'armv7a-linux-androideabi21', 'armv7-linux'],
  ] as const) {
    it(`${target}: ANDROID_NDK's compiler makes executable and libraries`, async function () {
      await needTargetTools(this, like);
      const gnu = like === 'aarch64-linux' ? 'aarch64-linux-gnu' : 'arm-linux-gnueabihf';
      const ndk = fakeNdk(`ndk-${target}`, {
        [`${prefix}-clang++`]: `${gnu}-g++`,
        [`${prefix}-clang`]: `${gnu}-gcc`,
        'llvm-ar': `${gnu}-ar`,
      });
      place.environment.ANDROID_NDK = ndk;
      const out = place.path(`out-${target}`);
      const compiled = await place.run(
        'compile',
        ...net,
        '--target',
        target,
        '-o',
        out,
        '--emit',
        'executable,library',
      );
      assert.equal(compiled.code, 0, compiled.stderr);
      assert.match(compiled.stdout, /^toolchain +ndk: Android \(1, based on r1\) clang version 17.0.2$/m);
      const calls = readFileSync(join(ndk, 'calls.txt'), 'utf8').split('\n');
      const call = calls.find((line) => /-c src\/tiny\.cc/.test(line)) ?? assert.fail('the net was not compiled');
      assert.match(call, new RegExp(`^${prefix}-clang\\+\\+ .*-march=armv[78]-a`));
      const links = calls.filter((line) => line.includes('max-page-size=16384'));
      assert.equal(links.length, 2, 'executable and shared library are linked for pages of 16 KiB');
      for (const link of links) {
        assert.ok(link.startsWith(`${prefix}-clang `));
        assert.doesNotMatch(link, / -static| -l?pthread/, 'threads are part of Android’s C library');
      }
      assert.ok(calls.some((line) => line.startsWith('llvm-ar rcsD')));
      // Dynamic, so the cross C library stands for Android's.
      const runner = like === 'aarch64-linux' ? 'qemu-aarch64' : 'qemu-arm';
      const emulator = ['--runner', `${runner} -L /usr/${gnu}`];
      const output = place.path(`${target}.npy`);
      writeFileSync(place.path('x.bin'), new Uint8Array(Float32Array.of(2, -3).buffer));
      const files = ['--input', `x=${place.path('x.bin')}`, '--output', `y=${output}`];
      const run = await place.run('run', ...net, '--target', target, ...emulator, ...files);
      assert.equal(run.code, 0, run.stderr);
      assert.deepEqual([...readNpy(output).data], [2.5, 3.5]);
    });
  }

  it('without an NDK: a static executable, and no library', async function () {
    await needTargetTools(this, 'aarch64-linux');
    const out = place.path('out-static');
    const compiled = await place.run('compile', ...net, '--target', 'aarch64-android', '-o', out, '--json');
    assert.equal(compiled.code, 0, compiled.stderr);
    const { toolchain } = JSON.parse(compiled.stdout) as { readonly toolchain: string };
    assert.match(toolchain, /^gcc: aarch64-linux-gnu-g\+\+/);
    // Without -L the emulator finds no loader: the executable needs none.
    const runner = ['--runner', 'qemu-aarch64', '--random'];
    const run = await place.run('run', ...net, '--target', 'aarch64-android', ...runner);
    assert.equal(run.code, 0, run.stderr);
    const library = await place.run('compile', ...net, '--target', 'aarch64-android', '-o', out, '--emit', 'library');
    assert.equal(library.code, 1);
    assert.match(
      library.stderr,
      /--emit library: aarch64-linux-gnu-g\+\+ has not the C library .*let ANDROID_NDK name/s,
    );
  });

  it('a wrong ANDROID_NDK is no reason to take another compiler', async () => {
    place.environment.ANDROID_NDK = place.path('nowhere');
    const missing = await place.run('compile', ...net, '--target', 'aarch64-android', '-o', place.path('out-none'));
    assert.equal(missing.code, 1);
    assert.match(
      missing.stderr,
      /ANDROID_NDK holds no compiler.*aarch64-linux-android21-clang\+\+ in .*nowhere.*no such file.*unset it/s,
    );
    place.environment.ANDROID_NDK = fakeNdk('ndk-broken', { 'aarch64-linux-android21-clang++': 'false' });
    writeFileSync(join(place.environment.ANDROID_NDK, kBin, 'aarch64-linux-android21-clang++'), '#!/bin/sh\nexit 1\n');
    const broken = await place.run('compile', ...net, '--target', 'aarch64-android', '-o', place.path('out-none'));
    assert.equal(broken.code, 1);
    assert.match(broken.stderr, /a program that does not tell its version/);
    // Source needs no compiler.
    const source = await place.run(
      'compile',
      ...net,
      '--target',
      'aarch64-android',
      '-o',
      place.path('s'),
      '--emit',
      'source',
    );
    assert.equal(source.code, 0, source.stderr);
  });
});
