// nvcc takes the generated sources of all architectures without a warning, links only the CUDA runtime, and the executable says
// what is missing on a machine without a GPU.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../../src/compile.js';
import { packageRoot } from '../../src/package-root.js';
import { execute, isInstalled, suiteFolder } from '../build/places.js';
import { digitsModel } from '../build/sample-models.js';
import { skipBecause } from '../support/skip.js';

describe('nvcc', function () {
  this.timeout(600_000);
  const folder = suiteFolder();
  const at = (name: string): string => path.join(folder, name);

  before(function () {
    if (!isInstalled('nvcc') && !existsSync('/usr/local/cuda/bin/nvcc')) skipBecause(this, 'nvcc is not installed');
  });

  /** The target with warnings as errors. */
  const strict = (name: string): string => {
    const source = fileURLToPath(new URL(`targets/${name}.json`, packageRoot));
    const target = JSON.parse(readFileSync(source, 'utf8')) as {
      extends: string;
      toolchains: { deviceCompiler: { flags: string[] } }[];
    };
    for (const { deviceCompiler } of target.toolchains) deviceCompiler.flags.push('-Werror', 'all-warnings');
    const file = at(`${name}-strict.json`);
    writeFileSync(file, JSON.stringify(target));
    return file;
  };

  for (const [name, precision] of [
    ['cuda-sm80', 'fp16'],
    ['cuda-sm90', 'tf32'],
    ['cuda-sm90-overlap', 'fp16'],
    ['cuda-sm90a', 'fp16'],
  ] as const) {
    it(`compiles digits for ${name} in ${precision} without a warning`, async () => {
      const outputFolder = at(name);
      await compile({ ...digitsModel(), target: strict(name), precision, outputFolder });
      const program = path.join(outputFolder, 'digits');
      const libraries = execute('ldd', [program], folder);
      assert.doesNotMatch(libraries, /cudnn|cublas|stdc\+\+/);
      const run = spawnSync(program, ['--random'], { encoding: 'utf8' });
      if (run.status !== 0) assert.match(run.stderr, /there is no device that the net was compiled for/);
    });
  }
});
