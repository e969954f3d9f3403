// The README's commands are run as they stand, in a temporary folder that has the project's bin/ and models/.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../src/package-root.js';
import { skipBecause } from './support/skip.js';

const kRoot = fileURLToPath(packageRoot);

describe('README', () => {
  const text = readFileSync(join(kRoot, 'README.md'), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? '');
  const commands = blocks.flatMap((block) => block.split('\n')).filter((line) => line.trim() !== '');
  let folder = '';

  before(function () {
    if (spawnSync('g++', ['--version']).status !== 0) skipBecause(this, 'g++ is not installed');
    folder = mkdtempSync(join(tmpdir(), 'cortado-readme-'));
    for (const name of ['bin', 'models']) symlinkSync(join(kRoot, name), join(folder, name));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('has commands to run', () => assert.ok(commands.length >= 8));
  for (const command of commands) {
    it(command, () => {
      const result = spawnSync('bash', ['-c', command], { cwd: folder, encoding: 'utf8' });
      assert.equal(result.status, 0, `${result.stdout}${result.stderr}`);
    });
  }
});
