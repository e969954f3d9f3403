// The source package of the net written by hand in runtime/test: it builds, installs and is found by CMake and pkg-config.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { render } from '../../src/emit/template.js';
import { isInstalled } from '../build/places.js';
import { skipBecause } from '../support/skip.js';
import { execute, kHarnessSources, kModelSources, kRuntime, run, temporaryFolder } from './build.js';

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
    if (missing.length > 0) skipBecause(this, `${missing.join(', ')} not installed`);
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
