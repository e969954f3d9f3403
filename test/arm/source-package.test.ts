// The source package for another machine: built with CMake and a toolchain file alone, as on a machine without Cortado.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../../src/compile.js';
import { execute, isInstalled, suiteFolder } from '../build/places.js';
import { digitsModel } from '../build/sample-models.js';
import { needTargetTools } from '../support/need-target-tools.js';
import { skipBecause } from '../support/skip.js';

describe('source package for ARM', function () {
  this.timeout(300_000);
  const folder = suiteFolder();

  it('builds with a CMake toolchain file and runs', async function () {
    await needTargetTools(this, 'aarch64-linux');
    if (!isInstalled('cmake')) skipBecause(this, 'cmake is not installed');
    await compile({ ...digitsModel(), target: 'aarch64-linux', outputFolder: folder, emit: ['source'] });
    writeFileSync(
      join(folder, 'aarch64.cmake'),
      `set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
`,
    );
    // An empty home and no Node.js on the PATH: nothing of Cortado can take part.
    const env = { PATH: '/usr/bin:/bin', HOME: folder };
    const build = join(folder, 'build');
    const source = join(folder, 'digits-source');
    execute('cmake', ['-S', source, '-B', build, `-DCMAKE_TOOLCHAIN_FILE=${folder}/aarch64.cmake`], folder, env);
    execute('cmake', ['--build', build, '--parallel', '2'], folder, env);
    const text = execute('qemu-aarch64', [join(build, 'digits'), '--random'], folder, env);
    assert.match(text, /softmax: float32 \[1,10\]/);
    const expected = await compile({ ...digitsModel(), target: 'aarch64-linux', outputFolder: join(folder, 'own') });
    const own = execute('qemu-aarch64', [expected.build.executable ?? '', '--random'], folder, env);
    const values = (output: string): string => output.slice(0, output.indexOf('time'));
    assert.equal(values(text), values(own));
  });
});
