// Libraries as their users meet them: C99 and C++17 programs against the static and the shared library, two models of
// different targets in one program, weights linked, in a file and behind a pointer, CMake and pkg-config, the object and the
// source package. One program per story; each checks its numbers itself.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../../src/compile.js';
import { packageRoot } from '../../src/package-root.js';
import { skipBecause } from '../support/skip.js';
import { executables, execute, isInstalled, suiteFolder, walk } from './places.js';
import { digitsModel, varyingModel } from './sample-models.js';

const kPrograms = fileURLToPath(new URL('test/build/programs/', packageRoot));
const kStrict = ['-Wall', '-Wextra', '-Wconversion', '-pedantic', '-Werror'];

describe('libraries', function () {
  this.timeout(300_000);
  const folder = suiteFolder();
  const at = (name: string): string => path.join(folder, name);
  const cacheFolder = at('cache');

  before(async function () {
    const missing = ['g++', 'gcc', 'cmake', 'pkg-config'].filter((program) => !isInstalled(program));
    if (missing.length > 0) skipBecause(this, `${missing.join(', ')} not installed`);
    const two = { threads: 2, cacheFolder };
    const emit = ['library', 'object', 'source'] as const;
    await compile({ ...varyingModel(), ...two, target: 'x86-64', name: 'small', emit, outputFolder: at('small') });
    await compile({ ...digitsModel(), ...two, name: 'digits', emit: ['library'], outputFolder: at('digits') });
    for (const weights of ['file', 'pointer'] as const) {
      const name = `by_${weights}`;
      const model = varyingModel(undefined, weights === 'file' ? 1 : 50);
      await compile({ ...model, cacheFolder, threads: 1, name, weights, emit: ['library'], outputFolder: at(name) });
    }
  });

  /** Compiles and links a program of test/build/programs. */
  const build = (name: string, libraries: readonly string[], flags: readonly string[] = []): string => {
    const source = path.join(kPrograms, name);
    const program = at(`${name}${fs.readdirSync(folder).length}`);
    const isC = name.endsWith('.c');
    const standard = isC ? ['-std=c99', '-D_POSIX_C_SOURCE=200809L'] : ['-std=c++17'];
    const includes = ['small', 'digits', 'by_file', 'by_pointer'].map((net) => `-I${at(net)}/include`);
    execute(
      isC ? 'gcc' : 'g++',
      [...standard, ...kStrict, ...includes, ...flags, source, ...libraries, '-o', program, '-lm', '-lpthread'],
      folder,
    );
    return program;
  };
  const archive = (net: string): string => at(`${net}/lib/lib${net}.a`);

  it('leave no executable file and the expected ones', () => {
    assert.deepEqual(executables(at('small')), []);
    assert.deepEqual(
      walk(at('digits')).filter((name) => fs.statSync(at(`digits/${name}`)).isFile()),
      [
        'include/cortado/cortado.h',
        'include/cortado/cortado.hpp',
        'include/digits.h',
        'lib/cmake/digits/digits-config.cmake',
        'lib/libdigits.a',
        'lib/libdigits.so',
        'lib/pkgconfig/digits.pc',
        'share/digits/example.c',
      ],
    );
  });

  it('two models of different targets in one C99 program, from two threads at once', () => {
    assert.equal(execute(build('two-models.c', [archive('small'), archive('digits')]), [], folder), 'ok\n');
  });

  it('the same with the shared libraries', () => {
    const shared = ['small', 'digits'].flatMap((net) => [`-L${at(net)}/lib`, `-l${net}`, `-Wl,-rpath,${at(net)}/lib`]);
    assert.equal(execute(build('two-models.c', shared), [], folder), 'ok\n');
  });

  it('the same with an object', () => {
    assert.equal(execute(build('two-models.c', [at('small/small.o'), archive('digits')]), [], folder), 'ok\n');
  });

  it('a C++ program, with and without exceptions', () => {
    for (const flag of ['-fexceptions', '-fno-exceptions'])
      assert.equal(execute(build('wrapper.cc', [archive('small')], [flag]), [], folder), 'ok\n');
  });

  it('instances share weights; memory and arena of the caller; sizes out of bounds', () => {
    assert.equal(execute(build('instances.c', [archive('small')]), [], folder), 'ok\n');
  });

  it('weights by file and by pointer, and wrong ones', () => {
    const program = build('outside-weights.c', [archive('by_file'), archive('by_pointer')]);
    const [file, pointer] = [at('by_file/by_file.weights'), at('by_pointer/by_pointer.weights')];
    assert.ok(fs.statSync(file).size > 0 && fs.statSync(pointer).size > 0);
    assert.equal(execute(program, [file, pointer], folder), 'ok\n');
  });

  it('find_package and pkg-config', () => {
    fs.mkdirSync(at('user'));
    const lines = [
      'cmake_minimum_required(VERSION 3.13)',
      'project(user C)',
      'find_package(small REQUIRED)',
      'find_package(digits REQUIRED)',
      `add_executable(user ${path.join(kPrograms, 'two-models.c')})`,
      'target_compile_definitions(user PRIVATE _POSIX_C_SOURCE=200809L)',
      'target_link_libraries(user small::small digits::digits pthread)',
    ];
    fs.writeFileSync(at('user/CMakeLists.txt'), `${lines.join('\n')}\n`);
    for (const shared of ['OFF', 'ON']) {
      const prefix = `-DCMAKE_PREFIX_PATH=${at('small')};${at('digits')}`;
      execute('cmake', ['-S', at('user'), '-B', at(`user/${shared}`), prefix, `-DBUILD_SHARED_LIBS=${shared}`], folder);
      execute('cmake', ['--build', at(`user/${shared}`)], folder);
      assert.equal(execute(at(`user/${shared}/user`), [], folder), 'ok\n');
    }
    const env = { PKG_CONFIG_PATH: `${at('small')}/lib/pkgconfig` };
    const flags = execute('pkg-config', ['--cflags', '--libs', '--static', 'small'], folder, env).trim().split(/\s+/);
    const example = at('small/share/small/example.c');
    const rpath = `-Wl,-rpath,${at('small')}/lib`;
    execute('gcc', ['-std=c99', ...kStrict, example, ...flags, rpath, '-o', at('example')], folder);
    assert.match(execute(at('example'), [], folder), /^softmax: float32 of rank 2 0\.\d+/);
  });

  for (const [cc, cxx] of [
    ['gcc', 'g++'],
    ['clang-14', 'clang++-14'],
  ] as const) {
    it(`the source package builds offline with cmake and ${cxx}`, function () {
      if (!isInstalled(cxx)) return skipBecause(this, `${cxx} is not installed`);
      const source = at(`source-${cxx}`);
      fs.cpSync(at('small/small-source'), source, { recursive: true });
      const flags = [`-DCMAKE_C_COMPILER=${cc}`, `-DCMAKE_CXX_COMPILER=${cxx}`, `-DCMAKE_CXX_FLAGS=${kWarningFlags}`];
      execute('cmake', ['-S', source, '-B', path.join(source, 'build'), ...flags], folder);
      execute('cmake', ['--build', path.join(source, 'build'), '--parallel', '2'], folder);
      const run = execute(path.join(source, 'build', 'small'), ['--random', '--shape', 'data=3,3,6,6'], folder);
      assert.match(run, /^softmax: float32 \[3,4\]/m);
    });
  }
});

const kWarningFlags = '-Wall -Wextra -Wconversion -Werror';
