// The source package for machines without an operating system, built the way its users build it: Arduino's rules, CMake
// with a cross compiler, Zephyr's functions, CMSIS-Toolbox's list of files; and its example run in an emulated machine.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../../src/compile.js';
import { packageRoot } from '../../src/package-root.js';
import { execute } from '../build/places.js';
import { needTargetTools } from '../support/need-target-tools.js';

const kRoot = fileURLToPath(packageRoot);
/** Flags of Arduino's cores for C++, and for assembler. */
const kArduino = ['-std=gnu++17', '-fno-exceptions', '-fno-rtti', '-fno-threadsafe-statics'];
const kArduinoAssembler = ['-x', 'assembler-with-cpp'];
/** What every sketch gets before its own text, macros named as functions included. */
const kArduinoHeader = `#pragma once
#include <stdint.h>
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define abs(x) ((x) > 0 ? (x) : -(x))
#define round(x) ((x) >= 0 ? (long)((x) + 0.5) : (long)((x)-0.5))
unsigned long micros();
struct SerialPort {
  void begin(unsigned long);
  void print(const char*);
  void println(unsigned long);
  explicit operator bool();
};
extern SerialPort Serial;
void setup();
void loop();
`;
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
      // As Arduino does: from elsewhere, with absolute paths.
      const all = [...kCpu, '-Os', '-ffunction-sections', ...flags, `-I${join(source, 'src')}`];
      execute(compiler, [...all, '-c', resolve(source, file), '-o', object], folder);
      return object;
    };
    const paths = readdirSync(join(source, 'src'), { recursive: true }).map((name) => join('src', String(name)));
    const own = paths
      .filter((path) => /\.(cpp|S)$/.test(path))
      .sort()
      .map((path) =>
        path.endsWith('.S')
          ? compileFile('arm-none-eabi-gcc', path, kArduinoAssembler)
          : compileFile('arm-none-eabi-g++', path, kArduino),
      );
    assert.ok(own.length >= 7, `${own.length} sources`);
    const main = join(folder, 'main.c');
    writeFileSync(main, 'int digits_example(void);\nint main(void) { return digits_example(); }\n');
    const board = ['startup', 'semihosting', 'library', 'math_functions'].map((name) =>
      join(kRoot, 'runtime', 'bare', `${name}.cc`),
    );
    const around = [
      compileFile('arm-none-eabi-gcc', 'example/digits_example.c', ['-std=c99', '-Wall', '-Wextra', '-Werror']),
      compileFile('arm-none-eabi-gcc', main, []),
      ...board.map((file) =>
        compileFile('arm-none-eabi-g++', file, ['-std=c++17', '-fno-exceptions', '-ffreestanding']),
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

  it('the sketch compiles', () => {
    const sketch = join(folder, 'sketch');
    mkdirSync(sketch);
    writeFileSync(join(sketch, 'Arduino.h'), kArduinoHeader);
    const text = readFileSync(join(source, 'examples', 'digits', 'digits.ino'), 'utf8');
    writeFileSync(join(sketch, 'digits.ino.cpp'), `#include <Arduino.h>\n${text}`);
    const flags = [...kCpu, ...kArduino, '-Wall', '-Werror', `-I${sketch}`, `-I${join(source, 'src')}`];
    execute('arm-none-eabi-g++', [...flags, '-c', 'digits.ino.cpp', '-o', 'digits.ino.o'], sketch);
  });

  it('a core that compiles for an older C++ is told so', () => {
    const file = join(source, 'src', 'digits.cpp');
    const flags = [...kCpu, '-std=gnu++14', `-I${join(source, 'src')}`, '-fsyntax-only', '-fmax-errors=1'];
    assert.throws(
      () => execute('arm-none-eabi-g++', [...flags, file], folder),
      /compiler\.cpp\.extra_flags=-std=gnu\+\+17/,
    );
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
        'set(CMAKE_CXX_STANDARD 11)',
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
    for (const key of ['add-path', 'add-path-asm']) assert.match(layer, new RegExp(`^ {2}${key}:\\n {4}- src$`, 'm'));
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
