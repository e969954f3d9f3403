// The commands in the documents' `sh` blocks are run as they stand, each document's in a folder with the project's bin/ and
// models/. Blocks without a language show commands that need files or devices of the reader's own.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Mocha from 'mocha';
import { kPrecisions } from '../src/ops/kernel-call.js';
import { packageRoot } from '../src/package-root.js';
import { needTargetTools } from './support/need-target-tools.js';

const kRoot = fileURLToPath(packageRoot);
const kCommand = 'node bin/cortado.js';
/** Subcommands that run what they compile. */
const kRunning = ['run', 'verify', 'tune'];
/** The least number of commands that a document must have. */
const kDocuments: { readonly [file: string]: number } = {
  'README.md': 8,
  'docs/arm.md': 2,
  'docs/cuda.md': 2,
  'docs/microcontrollers.md': 4,
  'docs/precision.md': 3,
  'docs/tuning.md': 4,
};

interface Block {
  readonly language: string;
  readonly lines: readonly string[];
}

function blocksOf(file: string): readonly Block[] {
  const text = readFileSync(join(kRoot, file), 'utf8');
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)].map(([, language = '', body = '']) => ({
    language,
    lines: body.split('\n').filter((line) => line.trim() !== ''),
  }));
}

/** Skips where the compiler, the emulator or the CPU that the command's target needs is missing. */
async function needTools(context: Mocha.Context, command: string): Promise<void> {
  const words = command.split(/\s+/);
  const option = (...names: readonly string[]): string | undefined =>
    words.find((_, i) => names.includes(words[i - 1] ?? ''));
  const precision = kPrecisions.find((one) => one === option('--precision')) ?? 'fp32';
  const runs = kRunning.some((name) => command.startsWith(`${kCommand} ${name} `));
  await needTargetTools(context, option('-t', '--target') ?? 'native', { precision, runs });
}

describe('documents', () => {
  it('all have their place in this test', () => {
    const generated = ['docs/operators.md'];
    const docs = readdirSync(join(kRoot, 'docs')).map((name) => `docs/${name}`);
    assert.deepEqual([...Object.keys(kDocuments), ...generated].sort(), ['README.md', ...docs].sort());
  });

  for (const [file, least] of Object.entries(kDocuments)) {
    describe(file, () => {
      const blocks = blocksOf(file);
      const commands = blocks.flatMap(({ language, lines }) => (language === 'sh' ? lines : []));
      let folder = '';

      before(() => {
        folder = mkdtempSync(join(tmpdir(), 'cortado-documents-'));
        for (const name of ['bin', 'models']) symlinkSync(join(kRoot, name), join(folder, name));
      });
      after(() => rmSync(folder, { recursive: true, force: true }));

      it('has its commands in blocks that are run', () => {
        assert.ok(commands.length >= least, `${commands.length} commands`);
        const others = blocks.flatMap(({ language, lines }) => (language === 'sh' ? [] : lines));
        assert.deepEqual(
          others.filter((line) => line.includes(kCommand)),
          [],
        );
      });
      for (const command of commands) {
        it(command, async function () {
          await needTools(this, command);
          const result = spawnSync('bash', ['-c', command], { cwd: folder, encoding: 'utf8' });
          assert.equal(result.status, 0, `${result.stdout}${result.stderr}`);
        });
      }
    });
  }
});
