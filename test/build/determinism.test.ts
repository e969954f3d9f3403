// The same model gives the same bytes: every artifact, in another folder, from another place, with a cold cache; and nothing
// in them tells where or when they were made.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { kArtifacts } from '../../src/build/artifacts.js';
import { compile, compileModel } from '../../src/compile.js';
import { packageRoot } from '../../src/package-root.js';
import { executables, suiteFolder, walk } from './places.js';
import { digitsModel } from './sample-models.js';

const kMain = fileURLToPath(new URL('bin/cortado.js', packageRoot));

describe('two compilations', function () {
  this.timeout(300_000);
  const folder = suiteFolder();
  const first = path.join(folder, 'first');
  const second = path.join(folder, 'quite', 'another', 'second');

  it('generate the same text', () => {
    for (const weights of ['linked', 'file', 'pointer'] as const) {
      const text = (): readonly unknown[] => {
        const { files } = compileModel({ ...digitsModel(), target: 'x86-64-v3', weights });
        return [...files.generated, ...files.runtime].map(([name, content]) => [
          name,
          typeof content === 'string' ? content : Buffer.concat(content).toString('base64'),
        ]);
      };
      assert.deepEqual(text(), text(), weights);
    }
  });

  it('build the same bytes: elsewhere, by the command line, with another cache', async () => {
    const emit = [...kArtifacts];
    await compile({
      ...digitsModel(),
      name: 'digits',
      target: 'native',
      emit,
      outputFolder: first,
    });
    const models = path.join(folder, 'models');
    fs.cpSync(path.dirname(String(digitsModel().predictNet)), models, { recursive: true });
    const temp = path.join(folder, 'a temporary folder');
    fs.mkdirSync(temp);
    const args = ['predict_net.pb', '--init', 'init_net.pb', '--name', 'digits', '--emit', emit.join(), '-o', second];
    const env = { ...process.env, TMPDIR: temp, XDG_CACHE_HOME: path.join(folder, 'cache'), TZ: 'Asia/Tokyo' };
    for (const turn of ['cold cache', 'warm cache']) {
      const done = spawnSync(process.execPath, [kMain, 'compile', ...args], { cwd: models, env, encoding: 'utf8' });
      assert.equal(done.status, 0, done.stderr);
      assert.deepEqual(contents(second), contents(first), turn);
    }
    assert.deepEqual(fs.readdirSync(temp), []);
  });

  it('leave one executable file: the net', () => {
    assert.deepEqual(executables(first), ['digits']);
    assert.deepEqual(
      fs.readdirSync(first).filter((name) => name.startsWith('.')),
      [],
    );
  });

  it('name no folder, host, user or date', () => {
    const secrets = [folder, os.tmpdir(), os.homedir(), fileURLToPath(packageRoot), os.hostname(), '/cortado-'];
    const today = new Date().toISOString().slice(0, 10);
    const telling = [...secrets.filter((text) => text.length > 3 && text !== '/'), today];
    for (const name of walk(first)) {
      const file = path.join(first, name);
      if (!fs.statSync(file).isFile()) continue;
      const bytes = fs.readFileSync(file).toString('latin1');
      for (const text of telling) {
        if (text === os.tmpdir()) assert.ok(!bytes.includes(`${text}/`), `${name} names ${text}`);
        else assert.ok(!bytes.includes(text), `${name} names ${text}`);
      }
    }
  });
});

/** Path, mode and digestible content of every file. */
function contents(folder: string): readonly string[] {
  return walk(folder).map((name) => {
    const about = fs.statSync(path.join(folder, name));
    if (!about.isFile()) return name;
    return `${name} ${(about.mode & 0o777).toString(8)} ${fs.readFileSync(path.join(folder, name)).toString('base64')}`;
  });
}
