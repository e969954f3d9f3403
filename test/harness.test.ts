// The runtime without its kernels: its C and C++ tests under each compiler and sanitizer, and the executable harness on the
// two nets written by hand in runtime/test. Suites whose compiler is missing are skipped and say so.

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PNG } from 'pngjs';
import { render } from '../src/emit/template.js';
import { encodeNpy, readNpy } from '../src/files/npy.js';
import { floatTensor, int64Tensor, makeTensor, toNumbers } from '../src/ir/tensor.js';
import { packageRoot } from '../src/package-root.js';

const kRuntime = fileURLToPath(new URL('runtime/', packageRoot));
const kWarnings = ['-pedantic', '-Wall', '-Wextra', '-Wconversion', '-Werror'];
const kModelSources = ['src/model.cc', 'src/memory.cc', 'src/run.cc', 'src/fault.cc', 'src/weights.cc', 'src/cpu.cc'];
const kFileSources = ['bytes.cc', 'inflate.cc', 'deflate.cc', 'png.cc', 'image.cc', 'npy.cc'].map(
  (f) => `harness/${f}`,
);
const kHarnessSources = fs
  .readdirSync(path.join(kRuntime, 'harness'))
  .filter((file) => file.endsWith('.cc'))
  .map((file) => `harness/${file}`);

interface Compiler {
  readonly cc: string;
  readonly cxx: string;
}

const kCompilers: readonly Compiler[] = [
  { cc: 'gcc', cxx: 'g++' },
  { cc: 'clang-14', cxx: 'clang++-14' },
];
const run = promisify(execFile);

function isInstalled(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Compiles and links in one folder, two compilers at a time; objects of one file with the same flags are shared. */
class Build {
  private readonly objects = new Map<string, Promise<string>>();
  private readonly queue: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
  private next = 0;

  constructor(
    private readonly compiler: Compiler,
    readonly folder: string,
    private readonly flags: readonly string[],
  ) {}

  /** Links with the C driver, so that nothing can need libstdc++; sanitizers are parts of the C++ one. */
  async link(
    name: string,
    sources: readonly string[],
    extra: readonly string[] = [],
    libraries: readonly string[] = [],
  ): Promise<string> {
    const objects = await Promise.all(sources.map((source) => this.object(source, extra)));
    return this.linkObjects(name, objects, libraries);
  }

  async linkObjects(name: string, objects: readonly string[], libraries: readonly string[] = []): Promise<string> {
    const output = path.join(this.folder, name);
    const args = [...this.flags, ...objects, '-Wl,--gc-sections', '-lpthread', '-lm', ...libraries, '-o', output];
    const sanitized = this.flags.some((flag) => flag.startsWith('-fsanitize'));
    await this.queued(() => run(sanitized ? this.compiler.cxx : this.compiler.cc, args));
    return output;
  }

  object(source: string, extra: readonly string[] = []): Promise<string> {
    const key = `${source} ${extra.join(' ')}`;
    const known = this.objects.get(key);
    if (known !== undefined) return known;
    const output = path.join(this.folder, `${this.objects.size}-${path.basename(source)}.o`);
    const made = this.queued(() =>
      run(this.driverOf(source), [...this.flagsOf(source), ...extra, '-c', source, '-o', output], { cwd: kRuntime }),
    );
    const object = made.then(() => output);
    this.objects.set(key, object);
    return object;
  }

  private driverOf(source: string): string {
    return source.endsWith('.cc') ? this.compiler.cxx : this.compiler.cc;
  }

  private flagsOf(source: string): readonly string[] {
    const common = [...this.flags, '-g', '-ffunction-sections', '-fdata-sections', '-Iinclude'];
    if (source.endsWith('.S')) return ['-Wa,-I,test'];
    if (source.endsWith('.c')) return [...common, ...kWarnings, '-std=c99', '-D_POSIX_C_SOURCE=200809L'];
    return [
      ...common,
      ...kWarnings,
      '-std=c++17',
      '-fno-exceptions',
      '-fno-rtti',
      '-fno-threadsafe-statics',
      '-fvisibility=hidden',
    ];
  }

  private queued<T>(work: () => Promise<T>): Promise<T> {
    const lane = this.next++ % this.queue.length;
    const result = (this.queue[lane] ?? Promise.resolve()).then(work);
    this.queue[lane] = result.catch(() => undefined);
    return result;
  }
}

const kExample = [...kModelSources, 'src/thread_pool.cc', 'test/example_net.cc', 'test/example_net.S'];
const kPictureFlags = ['-Dcortado=cortado_picture', '-DCORTADO_THREADS=0'];

async function linkTwoNets(build: Build): Promise<string> {
  const picture = [...kModelSources, 'test/picture_net.cc'].map((source) => build.object(source, kPictureFlags));
  const example = ['test/two_nets_test.c', ...kExample].map((source) => build.object(source));
  return build.linkObjects('two-nets', await Promise.all([...picture, ...example]));
}

function linkPicture(build: Build, extra: readonly string[] = []): Promise<string> {
  return build.link(
    'picture',
    [...kModelSources, 'test/picture_net.cc', 'test/picture_main.cc', ...kHarnessSources],
    [...kPictureFlags, ...extra],
  );
}

async function passes(executable: string, args: readonly string[] = []): Promise<void> {
  const failingMalloc = 'allocator_may_return_null=1';
  const env = { ...process.env, ASAN_OPTIONS: failingMalloc, TSAN_OPTIONS: failingMalloc };
  const { stdout } = await run(executable, args, { cwd: kRuntime, env });
  assert.match(stdout, /^[1-9]\d* checks, 0 failures$/m);
}

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

function execute(executable: string, args: readonly string[]): Outcome {
  const result = spawnSync(executable, args, { encoding: 'utf8' });
  return { code: result.status, out: result.stdout, error: result.stderr };
}

const folders: string[] = [];

function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cortado-harness-'));
  folders.push(folder);
  return folder;
}

after(() => {
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
});

for (const compiler of kCompilers) {
  describe(`runtime with ${compiler.cxx}`, function () {
    this.timeout(300_000);
    const variants: readonly (readonly [string, readonly string[]])[] = [
      ['plain', ['-O2']],
      ['ASan and UBSan', ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']],
      ['TSan', ['-O1', '-fsanitize=thread']],
    ];

    before(function () {
      if (isInstalled(compiler.cxx) && isInstalled(compiler.cc)) return;
      console.log(`    ${compiler.cxx} is not installed: its runtime tests are skipped`);
      this.skip();
    });

    for (const [title, flags] of variants) {
      describe(title, () => {
        const build = new Build(compiler, temporaryFolder(), flags);
        it('C interface', async () =>
          passes(await build.link('api', ['test/api_test.c', ...kExample]), ['test/example_net.weights']));
        it('thread pool', async () =>
          passes(await build.link('pool', ['test/thread_pool_test.cc', 'src/thread_pool.cc'])));
        it('models made up', async () => {
          const sources = [...kModelSources, 'src/thread_pool.cc', 'test/model_test.cc'];
          await passes(await build.link('model', sources));
        });
        it('two nets in one program', async () => passes(await linkTwoNets(build)));
        if (title === 'TSan') return;
        it('file formats', async () =>
          passes(await build.link('files', ['test/files_test.cc', 'src/weights.cc', ...kFileSources])));
        for (const exceptions of ['-fexceptions', '-fno-exceptions'])
          it(`C++ wrapper, ${exceptions}`, async () => {
            const example = kExample.map((source) => build.object(source));
            const objects = await Promise.all([build.object('test/wrapper_test.cc', [exceptions]), ...example]);
            await passes(await build.linkObjects(`wrapper${exceptions}`, objects, ['-lstdc++']));
          });
      });
    }
  });
}

describe('harness', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();
  const compiler = kCompilers.find((c) => isInstalled(c.cxx) && isInstalled(c.cc));
  let example = '';
  let picture = '';
  const inFolder = (name: string): string => path.join(folder, name);
  const data = inFolder('data.npy');
  const rows = inFolder('rows.npy');

  before(async function () {
    if (compiler === undefined) {
      console.log(`    none of ${kCompilers.map((c) => c.cxx).join(', ')} is installed: the harness tests are skipped`);
      this.skip();
    }
    const build = new Build(compiler, folder, ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']);
    example = await build.link('example', [...kExample, 'test/example_main.cc', ...kHarnessSources]);
    picture = await linkPicture(build);
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

  /** width x height RGBA, by pngjs (zlib with dynamic codes). */
  function writePicture(name: string, width: number, height: number): PNG {
    const png = new PNG({ width, height });
    for (let i = 0; i < png.data.length; i++) png.data[i] = i % 4 === 3 ? 200 + (i % 7) : (i * 7 + (i >> 4)) & 255;
    fs.writeFileSync(inFolder(name), PNG.sync.write(png));
    return png;
  }

  it('takes and gives PNG for BGRA bytes, the only required input without a name', () => {
    const png = writePicture('in.png', 32, 18);
    const result = execute(picture, ['--input', inFolder('in.png'), '--output', `inverted=${inFolder('out.png')}`]);
    assert.equal(result.error, '');
    const out = PNG.sync.read(fs.readFileSync(inFolder('out.png')));
    assert.deepEqual([out.width, out.height], [32, 18]);
    assert.deepEqual(
      Array.from(out.data),
      Array.from(png.data, (value, i) => (i % 4 === 3 ? value : 255 - value)),
    );
    execute(picture, ['--input', inFolder('in.png'), '--output', `inverted=${inFolder('out.npy')}`]);
    const bytes = readNpy(inFolder('out.npy'));
    assert.deepEqual(bytes.dims, [1, 18, 32, 4]);
    assert.equal(Number(bytes.data[0]), 255 - (png.data[2] ?? 0), 'blue first');
  });

  it('turns pictures into planes with mean, scale and channel order', () => {
    writePicture('in.png', 2, 2);
    const png = writePicture('planes.png', 6, 4);
    const copy = (...options: readonly string[]): readonly number[] => {
      const files = ['--input', `image=${inFolder('in.png')}`, '--input', `planes=${inFolder('planes.png')}`];
      const result = execute(picture, [
        ...files,
        '--output',
        `copy=${inFolder('copy.npy')}`,
        '--output',
        `half=${inFolder('half.png')}`,
        ...options,
      ]);
      assert.equal(result.error, '');
      return toNumbers(readNpy(inFolder('copy.npy')));
    };
    const pixel = (p: number, c: number): number => png.data[4 * p + c] ?? 0;
    const planes = copy();
    assert.deepEqual([planes[0], planes[24 + 5], planes[48 + 23]], [pixel(0, 2), pixel(5, 1), pixel(23, 0)]);
    const scaled = copy('--rgb', '--mean', '10,20,30', '--scale=0.5');
    assert.deepEqual(
      [scaled[7], scaled[24 + 7], scaled[48 + 7]],
      [0, 1, 2].map((c) => (pixel(7, c) - 10 * (c + 1)) / 2),
    );
    copy('--rgb');
    const half = PNG.sync.read(fs.readFileSync(inFolder('half.png')));
    assert.equal(half.data[4 * 3], Math.floor(pixel(3, 0) / 2 + 0.5));
    const round = [
      '--input',
      `image=${inFolder('in.png')}`,
      '--input',
      `planes=${inFolder('planes.png')}`,
      '--mean=1,2,3',
    ];
    assert.equal(execute(picture, [...round, '--output', `copy=${inFolder('copy.ppm')}`]).error, '');
    const ppm = fs.readFileSync(inFolder('copy.ppm'));
    assert.deepEqual(
      Array.from(ppm.subarray(-3)),
      [0, 1, 2].map((c) => pixel(23, c)),
    );
  });

  it('says which picture size it takes', () => {
    writePicture('odd.png', 31, 18);
    const result = execute(picture, ['--input', inFolder('odd.png')]);
    const sizes = 'takes height 2 to 64 in steps of 2 and width 2 to 64 in steps of 2; resize the picture\n';
    assert.equal(result.error, `picture: ${inFolder('odd.png')} has height 18 and width 31; input image ${sizes}`);
    const other = execute(picture, ['--random', '--input', `planes=${inFolder('odd.png')}`]);
    assert.match(
      other.error,
      /has height 18 and width 31; input planes takes height 4 and width 6; resize the picture\n$/,
    );
    fs.writeFileSync(inFolder('cut.png'), fs.readFileSync(inFolder('odd.png')).subarray(0, 100));
    assert.match(
      execute(picture, ['--input', inFolder('cut.png')]).error,
      /cut\.png is not a readable PNG file: the file ends too early\n$/,
    );
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

describe('library templates', function () {
  this.timeout(300_000);
  const context = {
    prefix: 'example_net',
    netName: 'example',
    version: '0.1.0',
    compileFlags: [{ flag: '-O2' }, { flag: '-fno-math-errno' }],
    usesDevice: false,
    deviceFlags: [],
    threaded: true,
    linkedWeights: true,
    weightsFile: false,
    modelSources: [...kModelSources, 'src/thread_pool.cc'].map((file) => ({ file })),
    harnessSources: kHarnessSources.map((file) => ({ file })),
  };

  before(function () {
    const missing = ['cmake', 'pkg-config', 'gcc', 'g++'].filter((command) => !isInstalled(command));
    if (missing.length === 0) return;
    console.log(`    ${missing.join(', ')} not installed: the library templates are not tried`);
    this.skip();
  });

  /** The source package of the example net, as `--emit source` lays it out. */
  function writePackage(folder: string): void {
    const put = (file: string, text: string | Buffer): void => {
      fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      fs.writeFileSync(path.join(folder, file), text);
    };
    const from = (file: string): Buffer => fs.readFileSync(path.join(kRuntime, 'test', file));
    for (const file of ['example_net.cc', 'example_net.h', 'example_net.weights', 'example_kernels.h'])
      put(`src/${file}`, from(file));
    put('src/example_net_weights.S', from('example_net.S'));
    put('src/example_net_main.cc', from('example_main.cc').toString().replace('../harness/', ''));
    for (const part of ['include', 'src', 'harness'])
      fs.cpSync(path.join(kRuntime, part), path.join(folder, 'runtime', part), { recursive: true });
    put('CMakeLists.txt', render('library/CMakeLists.txt', context));
    put('packaging/example_net-config.cmake', render('library/Config.cmake', context));
    put('packaging/example_net.pc', render('library/pc', context));
  }

  const kUser = `#include <stdio.h>
#include "example_net.h"
int main(void) {
  example_model* model = NULL;
  const cortado_status status = example_create(NULL, 0, NULL, &model);
  printf("%s, %s\\n", example_info()->net, cortado_status_text(status));
  example_destroy(model);
  return status;
}
`;

  for (const shared of ['OFF', 'ON'])
    it(`the source package builds, installs and is found, BUILD_SHARED_LIBS=${shared}`, async () => {
      const folder = temporaryFolder();
      const at = (name: string): string => path.join(folder, name);
      writePackage(at('package'));
      const configure = [
        '-S',
        at('package'),
        '-B',
        at('build'),
        `-DBUILD_SHARED_LIBS=${shared}`,
        `-DCMAKE_INSTALL_PREFIX=${at('installed')}`,
      ];
      await run('cmake', [...configure, '-DCMAKE_INSTALL_LIBDIR=lib']);
      await run('cmake', ['--build', at('build'), '--parallel', '2']);
      await run('cmake', ['--install', at('build')]);
      assert.match(execute(at('installed/bin/example_net'), ['--random']).out, /^hidden: float32 \[1,4\]$/m);
      fs.renameSync(at('installed'), at('moved'));

      fs.mkdirSync(at('user'));
      fs.writeFileSync(at('user/user.c'), kUser);
      const project = 'cmake_minimum_required(VERSION 3.13)\nproject(user C)\nfind_package(example_net REQUIRED)\n';
      fs.writeFileSync(
        at('user/CMakeLists.txt'),
        `${project}add_executable(user user.c)\ntarget_link_libraries(user example_net::example_net)\n`,
      );
      await run('cmake', ['-S', at('user'), '-B', at('user/build'), `-DCMAKE_PREFIX_PATH=${at('moved')}`]);
      await run('cmake', ['--build', at('user/build')]);
      assert.equal(execute(at('user/build/user'), []).out, 'example, ok\n');

      const env = { ...process.env, PKG_CONFIG_PATH: at('moved/lib/pkgconfig') };
      const { stdout } = await run('pkg-config', ['--cflags', '--libs', '--static', 'example_net'], { env });
      await run('gcc', [
        at('user/user.c'),
        '-o',
        at('user/other'),
        ...stdout.trim().split(/\s+/),
        `-Wl,-rpath,${at('moved/lib')}`,
      ]);
      assert.equal(execute(at('user/other'), []).out, 'example, ok\n');
      if (shared === 'OFF') return;
      const symbols = (await run('nm', ['-D', '--defined-only', at('moved/lib/libexample_net.so')])).stdout;
      const names = symbols
        .trim()
        .split('\n')
        .map((line) => line.split(' ').at(-1) ?? '');
      assert.deepEqual(
        names.filter((name) => !name.startsWith('example_')),
        [],
      );
      assert.equal(names.length, 9);
    });
});
