// The run path of executables: allocates nothing (every allocator is wrapped and aborts), and its threads race for nothing
// (thread sanitizer).

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadTarget } from '../../src/build/target.js';
import { compileModel, type ModelOptions } from '../../src/compile.js';
import { type NetFiles, packageFiles } from '../../src/emit/package-files.js';
import { parseGraph } from '../../src/ops/parse-graph.js';
import { packageRoot } from '../../src/package-root.js';
import { runPasses } from '../../src/passes/pipeline.js';
import { buildProgram } from '../../src/plan/build-program.js';
import { kVersion } from '../../src/version.js';
import { skipBecause } from '../support/skip.js';
import { buildPackage } from './package-build.js';
import { execute, isInstalled, suiteFolder } from './places.js';
import { digitsModel, varyingModel } from './sample-models.js';

const kRoot = fileURLToPath(packageRoot);
const kAllocators = ['malloc', 'calloc', 'realloc', 'aligned_alloc', 'posix_memalign', 'mmap'];
const kTrap = {
  compiler: 'g++',
  compile: ['-O2', '-DCORTADO_TRAP_ALLOCATIONS=1'],
  link: kAllocators.map((name) => `-Wl,--wrap=${name}`),
  machine: loadTarget('native').toolchains[0]?.machineFlags ?? [],
};
const kRaces = { ...kTrap, compile: ['-O1', '-g', '-fsanitize=thread'], link: ['-fsanitize=thread'] };

describe('the run path', function () {
  this.timeout(300_000);
  const folder = suiteFolder();

  before(function () {
    if (!isInstalled('g++')) skipBecause(this, 'g++ is not installed');
  });

  const nets: readonly (readonly [title: string, files: () => NetFiles, args: readonly string[]])[] = [
    ['digits', () => modelFiles(digitsModel(), 1), []],
    ['digits with two threads', () => modelFiles({ ...digitsModel(), name: 'digits2' }, 2), ['--threads', '2']],
    ['the cartoon net', () => modelFiles(modelIn('cartoon'), 1), []],
    ['a number of images that varies', () => modelFiles(varyingModel(), 1), ['--shape', 'data=3,3,6,6']],
    ['branches', () => graphFiles('if-in-if', 1), []],
  ];
  for (const [title, files, args] of nets) {
    it(`allocates nothing: ${title}`, async () => {
      const program = await buildPackage(path.join(folder, 'trap'), files(), kTrap);
      const text = execute(program, ['--random', '--repeat', '3', '--profile', ...args], folder);
      assert.match(text, /^time /m);
      // The plan knows the multiply-adds of sizes that do not vary only.
      const rate = args.includes('--shape') ? /^ +all +[\d.]+ +100\.0 +-$/m : /^ +all +[\d.]+ +100\.0 +[\d.]+$/m;
      assert.match(text, rate);
    });
  }

  it('the trap works: a net that allocates is caught', async () => {
    const files = modelFiles({ ...varyingModel(), name: 'leaky' }, 1);
    const name = 'src/leaky.cc';
    const source = String(files.generated.get(name));
    const spoiled = source
      .replace('#include "cortado/model.h"', '#include "cortado/model.h"\n#include <cstdlib>\nvoid* volatile kept;')
      .replace('void run_net(RunContext& run) {', 'void run_net(RunContext& run) {\n  kept = std::malloc(64);');
    assert.notEqual(spoiled, source);
    const program = await buildPackage(
      path.join(folder, 'trap'),
      { ...files, generated: new Map([...files.generated, [name, spoiled]]) },
      kTrap,
    );
    assert.throws(() => execute(program, ['--random'], folder), /malloc/);
  });

  it('threads race for nothing', async () => {
    const program = await buildPackage(path.join(folder, 'tsan'), graphFiles('large-enough-for-threads', 2), kRaces);
    const text = execute(program, ['--random', '--threads', '2', '--repeat', '5'], folder, {
      TSAN_OPTIONS: 'halt_on_error=1',
    });
    assert.match(text, /2 threads/);
  });
});

function modelIn(name: string): ModelOptions {
  const file = (part: string): string => path.join(kRoot, 'models', name, part);
  return { predictNet: file('predict_net.pb'), initNet: file('init_net.pb'), valueInfo: file('value_info.json') };
}

function modelFiles(model: ModelOptions, threads: number): NetFiles {
  return compileModel({ ...model, target: 'native', threads }).files;
}

function graphFiles(name: string, threads: number): NetFiles {
  const text = fs.readFileSync(path.join(kRoot, 'test', 'plan', 'nets', `${name}.ir`), 'utf8');
  const target = loadTarget('native');
  const graph = runPasses(parseGraph(text, name), { optimize: true });
  const program = buildProgram(graph, { target: { ...target, threads }, optimize: true, opCount: graph.nodes.length });
  const { cpuFeatures } = target;
  return packageFiles(program, {
    targetName: target.name,
    cpuFeatures,
    weights: 'linked',
    trace: false,
    version: kVersion,
  });
}
