// The executable harness on the nets written by hand in runtime/test: files, options, mistakes, sizes.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { encodeNpy, readNpy } from '../../src/files/npy.js';
import { floatTensor, int64Tensor, makeTensor, toNumbers } from '../../src/ir/tensor.js';
import {
  Build,
  execute,
  harnessPrograms,
  hasCompiler,
  kCompilers,
  kExample,
  kHarnessSources,
  kRuntime,
  linkPicture,
  run,
  temporaryFolder,
} from './build.js';

describe('harness', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();
  let example = '';
  let picture = '';
  const inFolder = (name: string): string => path.join(folder, name);
  const data = inFolder('data.npy');
  const rows = inFolder('rows.npy');

  before(async function () {
    ({ example, picture } = await harnessPrograms(this));
    fs.writeFileSync(data, encodeNpy(floatTensor([2, 4], [1, 2, 3, 4, -5, 6, 7, 8])));
    fs.writeFileSync(rows, encodeNpy(int64Tensor([3], [1, 0, 1])));
  });

  const inputs = [`--input=data=${data}`, '--input', `rows=${rows}`];

  it('reads and writes .npy, with sizes that vary', () => {
    const outputs = ['hidden', 'picks', 'gathered', 'kept'];
    const result = execute(example, [
      ...inputs,
      ...outputs.flatMap((name) => ['--output', `${name}=${inFolder(`${name}.npy`)}`]),
    ]);
    assert.equal(result.error, '');
    assert.equal(result.code, 0);
    const read = outputs.map((name) => readNpy(inFolder(`${name}.npy`)));
    assert.deepEqual(
      read.map((tensor) => tensor.dims),
      [
        [2, 4],
        [2, 4],
        [3, 4],
        [1, 4],
      ],
    );
    assert.deepEqual(read[0] && toNumbers(read[0]), [1, 4, 1.5, -4, -5, 12, 3.5, -8]);
    assert.deepEqual(read[3] && toNumbers(read[3]), [1, 4, 1.5, -4]);
    assert.match(result.out, /^time {4}min [\d.]+ ms, median [\d.]+ ms {2}\(1 run, \d threads?, start-up/m);
    assert.match(result.out, /^memory {2}arena 832 B, weights 80 B, peak resident/m);
  });

  it('reads raw files, whose one varying size follows from their length', () => {
    const raw = inFolder('data.raw');
    fs.writeFileSync(raw, Buffer.from(Float32Array.from({ length: 12 }, (_, i) => i).buffer));
    const result = execute(example, [
      '--input',
      `data=${raw}`,
      ...inputs.slice(1),
      '--output',
      `hidden=${inFolder('hidden.bin')}`,
    ]);
    assert.equal(result.error, '');
    assert.equal(fs.statSync(inFolder('hidden.bin')).size, 48);
    fs.writeFileSync(raw, Buffer.alloc(13));
    const wrong = execute(example, ['--input', `data=${raw}`, ...inputs.slice(1)]);
    assert.equal(wrong.error, `example: ${raw} has 13 bytes; input data, float32 [N,4], takes a multiple of 16\n`);
  });

  it('makes random inputs on request, the same ones for a seed', () => {
    const hidden = (seed: string): readonly number[] => {
      const file = inFolder(`hidden-${seed}.npy`);
      const result = execute(example, [
        '--random',
        '--seed',
        seed,
        '--shape',
        'data=3,4',
        '--shape=rows=0',
        '--output',
        `hidden=${file}`,
      ]);
      assert.equal(result.error, '');
      return toNumbers(readNpy(file));
    };
    assert.equal(hidden('1').length, 12);
    assert.deepEqual(hidden('1'), hidden('1'));
    assert.notDeepEqual(hidden('1'), hidden('2'));
  });

  it('prints profile, information and statistics', () => {
    const stats = inFolder('stats.json');
    const result = execute(example, [
      ...inputs,
      '--repeat',
      '5',
      '--warmup=2',
      '--profile',
      '--threads=2',
      '--stats',
      stats,
    ]);
    assert.equal(result.error, '');
    assert.match(result.out, /^ {4}5 {2}Gather +gathered +gather_rows/m);
    assert.match(result.out, /\(5 runs, 2 threads/);
    const parsed = JSON.parse(fs.readFileSync(stats, 'utf8'));
    assert.equal(parsed.runs, 5);
    assert.equal(parsed.layers[3].kernel, 'gather_rows');
    const info = execute(example, ['--info']);
    assert.match(info.out, /^input {3}noise +float32 \[4\] {2}optional$/m);
    assert.match(info.out, /^size +N +1 to 8$/m);
    assert.match(execute(example, ['--help']).out, /--input \[NAME=\]FILE/);
  });

  it('writes traced tensors', () => {
    const directory = inFolder('trace');
    assert.equal(execute(example, [...inputs, '--trace', directory]).error, '');
    assert.equal(fs.readFileSync(path.join(directory, 'index.tsv'), 'utf8'), '0000.kept.npy\t6\tkept\n');
    assert.deepEqual(readNpy(path.join(directory, '0000.kept.npy')).dims, [1, 4]);
  });

  it('checks weight files', () => {
    const good = path.join(kRuntime, 'test/example_net.weights');
    assert.equal(execute(example, [...inputs, '--weights', good, '--check-weights']).error, '');
    const bytes = fs.readFileSync(good);
    bytes[66] = (bytes[66] ?? 0) ^ 4;
    fs.writeFileSync(inFolder('bad.weights'), bytes);
    const result = execute(example, [...inputs, '--weights', inFolder('bad.weights'), '--check-weights']);
    assert.match(result.error, /^example: .*bad\.weights: the weights are damaged: their checksum differs; /);
    assert.equal(result.code, 1);
  });

  const mistakes: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    [
      'a missing input',
      ['--input', `data=${data}`],
      2,
      /^example: input rows, int64 \[R\], is missing: give --input rows=FILE, or --random/,
    ],
    [
      'an unknown name',
      ['--input', 'date=x.npy'],
      2,
      /names no input of this net; its inputs are: data, rows, noise\n$/,
    ],
    [
      'a file without a name',
      ['--input', 'x.npy'],
      2,
      /does not say which input it is for; write --input NAME=x.npy with one of: data/,
    ],
    [
      'an input given twice',
      ['--input', 'data=a.npy', '--input', 'data=b.npy'],
      2,
      /given twice for data: a\.npy and b\.npy/,
    ],
    ['an unknown option', ['--inptu', 'x'], 2, /'--inptu' is not an option; --help lists them/],
    ['a missing value', ['--repeat'], 2, /--repeat needs a value/],
    ['a number that is none', ['--repeat', '3x'], 2, /--repeat takes a whole number of at least 1, got '3x'/],
    ['too many threads', ['--threads', '5000'], 2, /--threads takes 1 to 256/],
    ['an unknown extension', ['--input', 'data=x.jpg', '--random'], 2, /x\.jpg: the extension must be \.npy/],
    ['a missing file', ['--input', 'data=none.npy', '--random'], 1, /none\.npy cannot be opened: No such file/],
    ['a picture for a matrix', ['--input', 'data=x.png', '--random'], 2, /data is not an image tensor/],
    [
      'a wrong type',
      ['--input', `data=${rows}`, '--random'],
      1,
      /holds int64, input data takes float32; save x\.astype\('float32'\)/,
    ],
    [
      'a size beyond its bound',
      ['--random', '--shape', 'data=9,4'],
      1,
      /input data, dimension 0: .* expected 1 to 8, got 9/,
    ],
    ['a wrong rank', ['--random', '--shape', 'data=9'], 1, /input data: wrong number of dimensions: expected 2, got 1/],
    ['an absurd shape', ['--random', '--shape', 'data=9999999999999,9999999999999'], 2, /larger than memory/],
    [
      'an unwritable output',
      ['--random', '--output', 'kept=/no/such/folder/x.npy'],
      1,
      /x\.npy cannot be written: No such file/,
    ],
  ];
  for (const [title, args, code, message] of mistakes)
    it(`reports ${title}`, () => {
      const result = execute(example, args);
      assert.match(result.error, message);
      assert.equal(result.error.split('\n').length, 2, 'one line');
      assert.equal(result.code, code);
    });

  it('reports a bad value with op and blob', () => {
    const far = inFolder('far.npy');
    fs.writeFileSync(far, encodeNpy(int64Tensor([1], [7])));
    const result = execute(example, ['--input', `data=${data}`, '--input', `rows=${far}`]);
    assert.equal(result.error, 'example: op 5 (gathered): an index is out of range: expected 0 to 1, got 7\n');
    assert.equal(result.code, 1);
  });

  it('prints the best of probabilities, and a summary of all else', () => {
    fs.writeFileSync(inFolder('likely.npy'), encodeNpy(floatTensor([1, 4], [0.4, 0.25, 0.2, 0])));
    const result = execute(example, ['--random', '--input', `data=${inFolder('likely.npy')}`]);
    assert.match(result.out, /^hidden: float32 \[1,4\]\n {9}1 {2}0\.500000\n {9}0 {2}0\.400000\n {9}2 {2}0\.100000\n/m);
    fs.writeFileSync(inFolder('zeros.npy'), encodeNpy(makeTensor('u8', [1, 2, 2, 4])));
    const other = execute(picture, ['--input', inFolder('zeros.npy')]);
    assert.match(other.out, /^inverted: uint8 \[1,2,2,4\]\n {2}255 255 255 0 255/m);
    assert.match(other.out, /^copy: float32 \[1,3,4,6\]\n {2}min 0, max 0, mean 0$/m);
  });

  it('refuses threads in a single-threaded build, which has no thread code', () => {
    assert.match(
      execute(picture, ['--random', '--threads', '2']).error,
      /--threads 2: this net was compiled for a single thread\n$/,
    );
  });

  it('runs without allocating, needs no libstdc++, and is small', async () => {
    const compiler = kCompilers.find(hasCompiler);
    assert.ok(compiler);
    const build = new Build(compiler, temporaryFolder(), ['-Os']);
    const traps = ['malloc', 'calloc', 'realloc', 'aligned_alloc', 'posix_memalign', 'mmap'].map(
      (f) => `-Wl,--wrap=${f}`,
    );
    const sources = [...kExample, 'test/example_main.cc', ...kHarnessSources];
    const trapped = await build.link('trapped', sources, ['-DCORTADO_TRAP_ALLOCATIONS=1'], traps);
    const ran = execute(trapped, [...inputs, '--repeat', '50', '--profile']);
    assert.deepEqual([ran.error, ran.code], ['', 0]);
    const small = await build.link('small', sources, [], ['-s']);
    assert.ok(fs.statSync(small).size < 150_000, `${fs.statSync(small).size} bytes`);
    const { stdout } = await run('ldd', [small]);
    assert.doesNotMatch(stdout, /libstdc\+\+|libgcc/);
    const single = await linkPicture(build);
    assert.doesNotMatch((await run('nm', ['-D', single])).stdout, /pthread_(create|mutex|cond)/);
  });
});
