// The runtime without its kernels: its C and C++ tests under each compiler and sanitizer.

import assert from 'node:assert/strict';
import { skipBecause } from '../support/skip.js';
import {
  Build,
  hasCompiler,
  kCompilers,
  kExample,
  kFileSources,
  kModelSources,
  kPoolSources,
  kRuntime,
  linkTwoNets,
  run,
  temporaryFolder,
} from './build.js';

async function passes(executable: string, args: readonly string[] = []): Promise<void> {
  const failingMalloc = 'allocator_may_return_null=1';
  const env = { ...process.env, ASAN_OPTIONS: failingMalloc, TSAN_OPTIONS: failingMalloc };
  const { stdout } = await run(executable, args, { cwd: kRuntime, env });
  assert.match(stdout, /^[1-9]\d* checks, 0 failures$/m);
}

for (const compiler of kCompilers) {
  describe(`runtime with ${compiler.cxx}`, function () {
    this.timeout(300_000);
    const variants: readonly (readonly [string, readonly string[]])[] = [
      ['plain', ['-O2']],
      ['ASan and UBSan', ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']],
      ['TSan', ['-O1', '-fsanitize=thread']],
    ];

    before(function () {
      if (!hasCompiler(compiler)) skipBecause(this, `${compiler.cxx} is not installed`);
    });

    for (const [title, flags] of variants) {
      describe(title, () => {
        const build = new Build(compiler, temporaryFolder(), flags);
        it('C interface', async () =>
          passes(await build.link('api', ['test/api_test.c', ...kExample]), ['test/example_net.weights']));
        it('thread pool', async () => passes(await build.link('pool', ['test/thread_pool_test.cc', ...kPoolSources])));
        it('CPUs', async () => {
          const program = await build.link('cpus', ['test/cpus_test.cc', ...kPoolSources], [], ['-lstdc++']);
          await passes(program, [temporaryFolder()]);
        });
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
