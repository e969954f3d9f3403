// The source package for machines without an operating system, built the way its users build it: Arduino's rules, CMake
// with a cross compiler, Zephyr's functions, CMSIS-Toolbox's list of files; and its example run in an emulated machine.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../../src/compile.js';
import { packageRoot } from '../../src/package-root.js';
import { execute } from '../build/places.js';
import { needTargetTools } from '../support/need-target-tools.js';

const kRoot = fileURLToPath(packageRoot);
/** Flags of Arduino's cores for C++. */
const kArduino = ['-std=gnu++17', '-fno-exceptions', '-fno-rtti', '-fno-threadsafe-statics', '-Isrc'];
const kCpu = ['-mcpu=cortex-m4', '-mthumb', '-mfloat-abi=hard', '-mfpu=fpv4-sp-d16'];

describe('source packages for Cortex-M', function () {
  this.timeout(300_000);
  let folder = '';
  let source = '';
  let linkerScript = '';
  before(async function () {
    await needTargetTools(this, 'cortex-m4');
    folder = mkdtempSync(join(tmpdir(), 'cortado-package-'));
    const model = join(kRoot, 'models', 'digits');
    const { files } = await compile({
      predictNet: join(model, 'predict_net.pb'),
      initNet: join(model, 'init_net.pb'),
      valueInfo: join(model, 'value_info.json'),
      target: 'cortex-m4',
      outputFolder: folder,
      cacheFolder: join(folder, 'cache'),
      emit: ['source', 'library'],
    });
    source = join(folder, 'digits-source');
    linkerScript = String(files.generated.get('bare/link.ld'));
  });
  after(() => {
    if (folder !== '') rmSync(folder, { recursive: true });
  });

  const toolchainFile = (): string => {
    const file = join(folder, 'arm.cmake');
    const flags = kCpu.join(' ');
    writeFileSync(
      file,
      [
        'set(CMAKE_SYSTEM_NAME Generic)',
        'set(CMAKE_SYSTEM_PROCESSOR arm)',
        'set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)',
        'set(CMAKE_C_COMPILER arm-none-eabi-gcc)',
        'set(CMAKE_CXX_COMPILER arm-none-eabi-g++)',
        ...['C', 'CXX', 'ASM'].map((language) => `set(CMAKE_${language}_FLAGS_INIT "${flags}")`),
      ].join('\n'),
    );
    return file;
  };

  it('everything below src compiles with src as the only include path, and the example runs', () => {
    const objects = join(folder, 'objects');
    mkdirSync(objects);
    const compileFile = (compiler: string, file: string, flags: readonly string[]): string => {
      const object = join(objects, `${file.replace(/[^A-Za-z0-9]/g, '_')}.o`);
      execute(compiler, [...kCpu, '-Os', '-ffunction-sections', ...flags, '-c', file, '-o', object], source);
      return object;
    };
    const paths = readdirSync(join(source, 'src'), { recursive: true }).map((name) => join('src', String(name)));
    const own = paths
      .filter((path) => /\.(cpp|S)$/.test(path))
      .sort()
      .map((path) => compileFile('arm-none-eabi-g++', path, kArduino));
    assert.ok(own.length >= 7, `${own.length} sources`);
    const main = join(folder, 'main.c');
    writeFileSync(main, 'int digits_example(void);\nint main(void) { return digits_example(); }\n');
    const board = ['startup', 'semihosting', 'library'].map((name) => join(kRoot, 'runtime', 'bare', `${name}.cc`));
    const around = [
      compileFile('arm-none-eabi-gcc', 'example/digits_example.c', [
        '-std=c99',
        '-Wall',
        '-Wextra',
        '-Werror',
        '-Isrc',
      ]),
      compileFile('arm-none-eabi-gcc', main, []),
      ...board.map((file) =>
        compileFile('arm-none-eabi-g++', file, ['-std=c++17', '-fno-exceptions', '-ffreestanding', '-Isrc']),
      ),
    ];
    const script = join(folder, 'link.ld');
    writeFileSync(script, linkerScript);
    const image = join(folder, 'example.elf');
    const link = ['-nostdlib', '-nostartfiles', '-Wl,--gc-sections', '-Wl,--no-warn-rwx-segments', '-T', script];
    execute('arm-none-eabi-gcc', [...kCpu, ...link, ...own, ...around, '-lgcc', '-o', image], folder);
    const quiet = ['-display', 'none', '-monitor', 'none', '-serial', 'null', '-nodefaults'];
    const semihosting = ['-semihosting-config', 'enable=on,target=native'];
    execute('qemu-system-arm', ['-M', 'mps2-an386', ...quiet, ...semihosting, '-kernel', image], folder);
  });

  it('CMake builds a library with a toolchain file', () => {
    const build = join(folder, 'cmake');
    execute('cmake', ['-S', source, '-B', build, `-DCMAKE_TOOLCHAIN_FILE=${toolchainFile()}`], folder);
    execute('cmake', ['--build', build], folder);
    const symbols = execute('arm-none-eabi-nm', ['-g', join(build, 'libdigits.a')], folder);
    assert.match(symbols, / T digits_run$/m);
  });

  it('a Zephyr build that sets the option compiles it', () => {
    const project = join(folder, 'zephyr-app');
    mkdirSync(project);
    writeFileSync(
      join(project, 'CMakeLists.txt'),
      [
        'cmake_minimum_required(VERSION 3.20)',
        'project(app LANGUAGES C CXX ASM)',
        'set(CMAKE_CXX_STANDARD 17)',
        'set(CONFIG_CORTADO_DIGITS y)',
        `include(${join(kRoot, 'test', 'mcu', 'zephyr-functions.cmake')})`,
        `add_subdirectory(${join(source, 'zephyr')} digits)`,
      ].join('\n'),
    );
    const build = join(folder, 'zephyr-build');
    execute('cmake', ['-S', project, '-B', build, `-DCMAKE_TOOLCHAIN_FILE=${toolchainFile()}`], folder);
    execute('cmake', ['--build', build], folder);
    assert.ok(existsSync(join(build, 'digits', 'libdigits.a')));
    assert.match(readFileSync(join(source, 'zephyr', 'Kconfig'), 'utf8'), /^config CORTADO_DIGITS$/m);
    assert.match(readFileSync(join(source, 'zephyr', 'module.yml'), 'utf8'), /^ {2}cmake: zephyr$/m);
  });

  it('the CMSIS layer and the Arduino library name files that are there', () => {
    const layer = readFileSync(join(source, 'digits.clayer.yml'), 'utf8');
    const files = [...layer.matchAll(/- file: (\S+)$/gm)].map(([, file = '']) => file);
    assert.ok(files.length >= 7);
    assert.deepEqual(
      files.filter((file) => !existsSync(join(source, file))),
      [],
    );
    const properties = readFileSync(join(source, 'library.properties'), 'utf8');
    for (const key of ['name', 'version', 'author', 'maintainer', 'sentence', 'paragraph', 'category', 'architectures'])
      assert.match(properties, new RegExp(`^${key}=.+$`, 'm'));
    assert.ok(existsSync(join(source, 'src', /^includes=(.+)$/m.exec(properties)?.[1] ?? '')));
  });

  it('the library artifact is a static one with nothing shared', () => {
    assert.deepEqual(
      readdirSync(join(folder, 'lib')).filter((name) => name.startsWith('lib')),
      ['libdigits.a'],
    );
  });
});
