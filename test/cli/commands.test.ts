// The command line as a user meets it: what it prints, its exit codes, and what it leaves behind.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readNpy, writeNpy } from '../../src/files/npy.js';
import { floatTensor, makeTensor, toNumbers } from '../../src/ir/tensor.js';
import { writePng } from '../../src/run/image-file.js';
import { finish, kInit, kPredict, Workplace } from './command-line.js';

describe('command line', function () {
  this.timeout(120_000);
  const place = new Workplace();
  const predict = place.net('predict_net.pb', kPredict);
  const init = place.net('init.pb', kInit);
  const model = [predict, '--init', init, '--input', 'x:1..4,2'];
  const x = place.path('x.npy');
  writeNpy(x, floatTensor([3, 2], [1, 2, -3, -4, 0, 0.25]));

  after(() => place.remove());
  afterEach(() => assert.deepEqual(readdirSync(place.temp), [], 'temporary files are left behind'));

  it('compiles an executable and sums it up', async () => {
    const out = place.path('out');
    const { code, stdout, stderr } = await place.run('compile', ...model, '-o', out);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /written +.*\/out\/tiny\n/);
    assert.match(stdout, /arena +\d+ bytes/);
    assert.match(stderr, /1 warning\n.*op 0 FC.*unknown argument fancy ignored/);
    assert.deepEqual(readdirSync(out), ['tiny']);
    assert.equal(statSync(join(out, 'tiny')).mode & 0o111, 0o111);
  });

  it('prints a JSON summary', async () => {
    const { stdout } = await place.run('compile', ...model, '-o', place.path('json'), '--json', '--name', 'other');
    const summary = JSON.parse(stdout) as { readonly [key: string]: unknown };
    assert.equal(summary.net, 'other');
    assert.equal(summary.ops, 2);
    assert.equal(summary.macs, 16);
    assert.deepEqual(summary.files, [join(place.path('json'), 'other')]);
  });

  it('runs a net on files and writes the output', async () => {
    const y = place.path('y.npy');
    const { code, stderr } = await place.run('run', ...model, '--input', x, '--output', `y=${y}`);
    assert.equal(code, 0, stderr);
    assert.deepEqual(toNumbers(readNpy(y)), [1.5, 0, 0, 4.5, 0.5, 0.25]);
  });

  it('runs a compiled executable, shows the largest values and writes text', async () => {
    const text = place.path('y.txt');
    const shown = await place.run('run', place.path('out/tiny'), '--input', `x=${x}`);
    assert.match(shown.stdout, /row 1: 1: 4\.5 {2}0: 0/);
    await place.run('run', place.path('out/tiny'), '--input', `x=${x}`, '--output', text);
    assert.match(readFileSync(text, 'utf8'), /^# f32 \[3,2\]\n1\.5 0\n0 4\.5\n/);
  });

  it('reads pictures and resizes them when told to', async () => {
    const copy = place.net(
      'copy.pb',
      'external_input: "d" external_output: "y" op { input: "d" output: "y" type: "Sqr" }',
    );
    const picture = place.path('red.png');
    const rgba = Uint8Array.from({ length: 8 * 4 * 4 }, (_, i) => [200, 100, 0, 255][i % 4] ?? 0);
    writePng(picture, { width: 8, height: 4, rgba });
    const args = ['run', copy, '--input', 'd:1,3,2,2', '--input', `d=${picture}`, '--mean', '0,100,100'];
    const refused = await place.run(...args);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /expected 2x2 \(width x height\), got 8x4.*--resize/);
    const y = place.path('sqr.npy');
    const { code, stderr } = await place.run(...args, '--resize', 'crop', '--output', y);
    assert.equal(code, 0, stderr);
    assert.deepEqual(toNumbers(readNpy(y)), [0, 0, 0, 0, 0, 0, 0, 0, 1e4, 1e4, 1e4, 1e4]);
  });

  it('verifies against the interpreter', async () => {
    const { code, stdout, stderr } = await place.run('verify', ...model, '--json');
    assert.equal(code, 0, stderr);
    const report = JSON.parse(stdout) as { readonly pass: boolean; readonly variants: readonly unknown[] };
    assert.equal(report.pass, true);
    assert.equal(report.variants.length, 2);
  });

  it('fails a verification against wrong recorded outputs', async () => {
    const wrong = place.path('wrong.npy');
    writeNpy(wrong, floatTensor([3, 2], [1.5, 0, 0, 4.5, 0.5, 0.3]));
    const { code, stdout } = await place.run(
      'verify',
      ...model,
      '--input',
      x,
      '--expect',
      `y=${wrong}`,
      '--optimized-only',
    );
    assert.equal(code, 1);
    assert.match(stdout, /FAIL +optimized +y/);
    assert.match(stdout, /element 5 is 0\.25, expected 0\.3/);
  });

  it('inspects', async () => {
    const { stdout } = await place.run('inspect', ...model, '--json');
    const report = JSON.parse(stdout) as { readonly [key: string]: unknown };
    assert.deepEqual(report.opHistogram, { FC: 1, Relu: 1 });
    assert.equal(report.parameters, 6);
    assert.deepEqual(report.inputs, [{ name: 'x', dtype: 'f32', shape: ['x.d0(1..4)', 2], optional: false }]);
    assert.match((await place.run('inspect', ...model, '--layers')).stdout, /MMAC/);
  });

  it('lists operators and targets', async () => {
    const ops = JSON.parse((await place.run('ops', 'Conv', '--json')).stdout) as readonly {
      readonly caffe2: readonly string[];
    }[];
    assert.ok(ops.some(({ caffe2 }) => caffe2.includes('Conv')));
    assert.match((await place.run('ops', 'Conv', '--markdown')).stdout, /^\| Caffe2 type \|.*\n\| --- /);
    assert.match((await place.run('targets')).stdout, /^native /m);
  });

  it('names the net after its folder when the file has no name', async () => {
    const nameless = place.net('predict.pb', kPredict.replace('name: "tiny"', ''));
    const { stdout } = await place.run(
      'compile',
      nameless,
      '--init',
      init,
      '--input',
      'x:1,2',
      '-o',
      'n',
      '--emit',
      'source',
      '--json',
    );
    const { net } = JSON.parse(stdout) as { readonly net: string };
    assert.equal(net, place.folder.split('/').at(-1));
  });

  it('reports all problems of a model, one a line, and leaves no folder', async () => {
    const bad = place.net(
      'bad.pb',
      'external_input: "x" external_output: "z" op { input: "x" output: "y" type: "Foo" } op { input: "x" output: "z" type: "Bar" }',
    );
    const { code, stderr, stdout } = await place.run('compile', bad, '--input', 'x:1,2', '-o', place.path('deep/er'));
    assert.equal(code, 1);
    assert.equal(stdout, '');
    const lines = stderr.trimEnd().split('\n');
    assert.equal(lines.length, 3, stderr);
    assert.equal(lines[0], 'cortado: 2 problems');
    assert.match(lines[1] ?? '', /bad\.pb: op 0 Foo.*not supported/);
    assert.equal(existsSync(place.path('deep')), false);
  });

  it('leaves nothing when the build fails, and never touches a file named as folder', async () => {
    const target = place.path('nowhere.json');
    const tools = [
      {
        name: 'none',
        cxx: 'no-such-g++',
        cc: 'no-such-gcc',
        ar: 'ar',
        strip: 'strip',
        package: 'g++-nowhere',
        machineFlags: [],
      },
    ];
    writeFileSync(
      target,
      JSON.stringify({ name: 'nowhere', description: 'no compiler', extends: 'x86-64', toolchains: tools }),
    );
    const { code, stderr } = await place.run('compile', ...model, '-o', place.path('deep/er'), '--target', target);
    assert.equal(code, 1);
    assert.match(stderr, /apt-get install g\+\+-nowhere/);
    assert.equal(existsSync(place.path('deep')), false);
    const taken = place.path('taken');
    writeFileSync(taken, 'mine');
    assert.equal((await place.run('compile', ...model, '-o', taken)).code, 2);
    assert.equal(readFileSync(taken, 'utf8'), 'mine');
  });

  it('answers slips of the finger', async () => {
    const option = await place.run('compile', predict, '-o', 'o', '--inti', init);
    assert.deepEqual([option.code, /Did you mean --init\?/.test(option.stderr)], [2, true]);
    const target = await place.run('compile', predict, '-o', 'o', '-t', 'natve');
    assert.deepEqual([target.code, /did you mean native\?/.test(target.stderr)], [2, true]);
    const blob = await place.run('run', ...model, '--input', `xx=${x}`);
    assert.deepEqual([blob.code, /did you mean x\?/.test(blob.stderr)], [2, true]);
    const emit = await place.run('compile', ...model, '-o', 'o', '--emit', 'libary');
    assert.deepEqual([emit.code, /did you mean library\?/.test(emit.stderr)], [2, true]);
    assert.equal((await place.run('nonsense')).code, 2);
  });

  it('says what to do about what it cannot take', async () => {
    const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
      [['ops', 'conv'], /operator type conv is not supported; did you mean Conv\?/],
      [['ops', 'Nothing'], /operator type Nothing is not supported; `cortado ops` lists those that are/],
      [['run', ...model, '--output', 'y=y.xyz'], /y\.xyz: unknown kind of output file \(expected \.npy/],
      [['run', ...model, '--repeat', '0'], /'0' is invalid\. a whole number of at least 1 is expected/],
      [['inspect', init], /the net has no external_output; nor does it read any blob: is it the init net\?/],
      [['inspect', ...model, '--precision', 'tf32'], /no CPU of its kind .* \(expected a target that does: cuda-/],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await place.run(...args);
      assert.match(stderr, message);
      assert.equal(code, 2, args.join(' '));
    }
    assert.match((await place.run('--help')).stdout, /^Examples:\n {2}cortado compile /m);
  });

  it('refuses an arena over its budget and files that do not exist', async () => {
    const { code, stderr } = await place.run('compile', ...model, '-o', 'o', '--max-arena', '1');
    assert.equal(code, 1);
    assert.match(stderr, /arena exceeds its budget/);
    const missing = await place.run('compile', 'missing.pb', '-o', 'o');
    assert.notEqual(missing.code, 0);
    assert.match(missing.stderr, /missing\.pb: cannot be read: no such file/);
    assert.doesNotMatch(missing.stderr, /\n\s+at /);
  });

  it('removes what it began when it is interrupted', async () => {
    const child = place.start('compile', ...model, '-o', place.path('stopped'), '--no-cache');
    const done = finish(child);
    while (child.exitCode === null && readdirSync(place.temp).length === 0)
      await new Promise((wake) => setTimeout(wake, 5));
    child.kill('SIGINT');
    assert.equal((await done).code, 130);
    assert.equal(existsSync(place.path('stopped')), false);
  });

  it('passes bytes through unchanged', async () => {
    const bytes = place.net(
      'bytes.pb',
      'external_input: "d" external_output: "y" op { input: "d" output: "y" type: "Copy" }',
    );
    const file = place.path('bytes.npy');
    writeNpy(file, makeTensor('u8', [4], Uint8Array.of(0, 1, 254, 255)));
    const { code, stderr } = await place.run(
      'run',
      bytes,
      '--input',
      'd:uint8:4',
      '--input',
      file,
      '--output',
      place.path('same.npy'),
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual(toNumbers(readNpy(place.path('same.npy'))), [0, 1, 254, 255]);
  });
});
