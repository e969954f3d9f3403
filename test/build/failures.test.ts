// When a build fails: a clear CompileError, an output folder as it was before, no temporary folder left behind.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type BuildRequest, compile } from '../../src/compile.js';
import { CompileError } from '../../src/errors.js';
import { skipBecause } from '../support/skip.js';
import { suiteFolder, walk } from './places.js';
import { varyingModel } from './sample-models.js';

const kTools = { name: 'own', cxx: 'g++', cc: 'gcc', ar: 'ar', strip: 'strip', package: 'g++', machineFlags: [] };

describe('a build that fails', function () {
  this.timeout(120_000);
  const folder = suiteFolder();
  const temp = path.join(folder, 'tmp');
  const at = (name: string): string => path.join(folder, name);
  let before: string | undefined;

  beforeEach(() => {
    before = process.env.TMPDIR;
    fs.mkdirSync(temp, { recursive: true });
    process.env.TMPDIR = temp;
  });
  afterEach(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    assert.deepEqual(fs.readdirSync(temp), [], 'temporary folders are left behind');
  });

  /** A target whose tools are programs of ours. */
  const targetWith = (tools: Partial<typeof kTools> & { readonly linkFlags?: readonly string[] }): string => {
    const name = `target${walk(folder).length}`;
    const toolchains = [{ ...kTools, ...tools }];
    fs.writeFileSync(
      at(`${name}.json`),
      JSON.stringify({ name, description: 'a trial', extends: 'x86-64', toolchains }),
    );
    return at(`${name}.json`);
  };

  const failure = async (request: Partial<BuildRequest>): Promise<CompileError> => {
    try {
      await compile({ ...varyingModel(), threads: 1, outputFolder: at('out'), cacheFolder: at('cache'), ...request });
    } catch (error) {
      if (error instanceof CompileError) return error;
      throw error;
    }
    return assert.fail('the build succeeded');
  };

  it('a missing compiler: says which package brings it', async () => {
    const target = targetWith({ cxx: 'no-such-compiler', package: 'g++-13' });
    const error = await failure({ target });
    assert.equal(error.problems[0]?.code, 'toolchain');
    assert.match(error.message, /no C\+\+ compiler.*no-such-compiler.*apt-get install g\+\+-13/);
    assert.equal(fs.existsSync(at('out')), false);
  });

  it('nothing on the PATH', async () => {
    const path = process.env.PATH;
    process.env.PATH = at('empty');
    try {
      // A target of its own: a compiler that was found once is remembered.
      const error = await failure({ target: targetWith({ name: 'fresh' }) });
      assert.match(error.message, /no C\+\+ compiler.*apt-get install g\+\+/);
    } finally {
      process.env.PATH = path;
    }
  });

  for (const tool of ['cc', 'ar'] as const) {
    it(`a missing ${tool}: says what could not be started`, async () => {
      const error = await failure({ target: targetWith({ [tool]: `no-such-${tool}` }), emit: ['library'] });
      assert.equal(error.problems[0]?.code, 'toolchain');
      assert.match(error.message, new RegExp(`no-such-${tool}`));
      assert.doesNotMatch(error.message, /\n\s+at /);
      assert.match(error.message, /apt-get install g\+\+/);
    });
  }

  it('a compiler that reports an error: its words', async () => {
    const cxx = script(
      'failing-g++',
      'if [ "$1" = --version ]; then echo failing 1; exit 0; fi; echo "x.cc:1: error: no" >&2; exit 1',
    );
    const error = await failure({ target: targetWith({ cxx }) });
    assert.equal(error.problems[0]?.code, 'toolchain');
    assert.match(error.message, /failing-g\+\+ exited with 1.*x\.cc:1: error: no/s);
    assert.equal(fs.existsSync(at('out')), false);
  });

  it('a compiler that dies of a signal', async () => {
    const cxx = script('dying-g++', 'if [ "$1" = --version ]; then echo dying 1; exit 0; fi; kill -9 $$');
    const error = await failure({ target: targetWith({ cxx }) });
    assert.match(error.message, /dying-g\+\+.*SIGKILL/s);
  });

  it('a linker that fails', async () => {
    const error = await failure({ target: targetWith({ linkFlags: ['-lno_such_library'] }) });
    assert.match(error.message, /gcc exited with 1.*no_such_library/s);
    assert.equal(fs.existsSync(at('out')), false);
  });

  it('keeps what a good build left in the folder, and what others put there', async () => {
    const out = at('kept');
    await compile({ ...varyingModel(), threads: 1, outputFolder: out, cacheFolder: at('cache') });
    fs.writeFileSync(path.join(out, 'notes.txt'), 'mine');
    const bytes = fs.readFileSync(path.join(out, 'varying'));
    await failure({
      outputFolder: out,
      target: targetWith({ linkFlags: ['-lno_such_library'] }),
      emit: ['source', 'executable'],
    });
    assert.deepEqual(walk(out), ['notes.txt', 'varying']);
    assert.deepEqual(fs.readFileSync(path.join(out, 'varying')), bytes);
  });

  it('a folder that is a file', async () => {
    fs.writeFileSync(at('taken'), 'mine');
    const error = await failure({ outputFolder: at('taken') });
    assert.equal(error.problems[0]?.code, 'bad-option');
    assert.match(error.message, /taken is a file; name another folder/);
    assert.equal(fs.readFileSync(at('taken'), 'utf8'), 'mine');
  });

  it('a folder below a file', async () => {
    fs.writeFileSync(at('below'), 'mine');
    const error = await failure({ outputFolder: at('below/out') });
    assert.equal(error.problems[0]?.code, 'bad-option');
    assert.match(error.message, /output folder .*below\/out cannot be made/);
  });

  it('a folder that cannot be written', async function () {
    const out = at('locked');
    fs.mkdirSync(out);
    fs.chmodSync(out, 0o555);
    if (canWrite(out)) return skipBecause(this, 'this user may write anywhere');
    const error = await failure({ outputFolder: out });
    assert.equal(error.problems[0]?.code, 'bad-option');
    assert.match(error.message, /output folder .*locked cannot be written/);
  });

  it('a folder on a file system that takes nothing', async function () {
    if (!fs.existsSync('/proc/self')) return skipBecause(this, 'no /proc');
    const error = await failure({ outputFolder: '/proc/self/cortado' });
    assert.equal(error.problems[0]?.code, 'bad-option');
    assert.match(error.message, /output folder \/proc\/self\/cortado cannot be made/);
    const existing = await failure({ outputFolder: '/proc/self' });
    assert.equal(existing.problems[0]?.code, 'bad-option');
    assert.match(existing.message, /output folder \/proc\/self cannot be written/);
  });

  it('no room for temporary files', async () => {
    process.env.TMPDIR = at('no/such/folder');
    const error = await failure({});
    assert.notEqual(error.problems[0]?.code, 'internal');
    assert.match(error.message, /no\/such\/folder/);
    assert.equal(fs.existsSync(at('out')), false);
  });

  it('a result in the way of a folder of the same name', async () => {
    const out = at('in-the-way');
    fs.mkdirSync(path.join(out, 'varying'), { recursive: true });
    fs.writeFileSync(path.join(out, 'varying', 'thesis.txt'), 'mine');
    const error = await failure({ outputFolder: out });
    assert.equal(error.problems[0]?.code, 'bad-option');
    assert.match(error.message, /varying is a folder/);
    assert.deepEqual(walk(out), ['varying', 'varying/thesis.txt']);
  });

  it('a cache that cannot be written is no error', async () => {
    fs.writeFileSync(at('cache-file'), '');
    await compile({ ...varyingModel(), threads: 1, outputFolder: at('fine'), cacheFolder: at('cache-file') });
    assert.deepEqual(walk(at('fine')), ['varying']);
  });

  function script(name: string, text: string): string {
    fs.writeFileSync(at(name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return at(name);
  }
});

function canWrite(folder: string): boolean {
  try {
    fs.writeFileSync(path.join(folder, 'trial'), '');
    fs.rmSync(path.join(folder, 'trial'));
    return true;
  } catch {
    return false;
  }
}
