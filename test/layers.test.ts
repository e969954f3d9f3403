// Layers go one way only: errors ← ir ← ops ← {frontends, passes} ← plan ← emit ← build ← compile ← cli. And `process`,
// console output and the like live in src/cli alone.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../src/package-root.js';

const kSource = fileURLToPath(new URL('src/', packageRoot));

/** What each layer may import besides itself. */
const kBelow: { readonly [layer: string]: readonly string[] } = {
  errors: [],
  version: ['package-root'],
  'package-root': [],
  ir: ['errors'],
  files: ['errors', 'ir'],
  ops: ['errors', 'ir'],
  frontend: ['errors', 'ir', 'files', 'ops'],
  passes: ['errors', 'ir', 'ops'],
  plan: ['errors', 'ir', 'ops'],
  emit: ['errors', 'ir', 'ops', 'plan', 'package-root'],
  build: ['errors', 'emit', 'plan', 'ops', 'package-root'],
};
const kTop = 'everything but cli';

function files(): readonly string[] {
  return readdirSync(kSource, { recursive: true })
    .map((name) => String(name).replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts'));
}

function layerOf(file: string): string {
  return (file.split('/')[0] ?? '').replace(/\.ts$/, '');
}

describe('layers', () => {
  it('imports go one way only', () => {
    const wrong: string[] = [];
    for (const file of files()) {
      const layer = layerOf(file);
      const text = readFileSync(join(kSource, file), 'utf8');
      for (const match of text.matchAll(/^(?:import|export)[^;]*?from '(\.[^']+)'/gm)) {
        const target = layerOf(posix.join(posix.dirname(file), match[1] ?? '').replace(/\.js$/, '.ts'));
        if (target === layer || layer === 'cli') continue;
        const allowed = kBelow[layer];
        const fits = allowed === undefined ? target !== 'cli' : allowed.includes(target);
        if (!fits) wrong.push(`${file} imports ${target} (allowed: ${allowed?.join(', ') ?? kTop})`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  it('only cli touches the process and the console', () => {
    const wrong = files().filter((file) => {
      const code = readFileSync(join(kSource, file), 'utf8').replace(/\/\/.*$|\/\*[\s\S]*?\*\//gm, '');
      return layerOf(file) !== 'cli' && /\b(process\.(?!pid\b)|console\.)/.test(code);
    });
    assert.deepEqual(wrong, []);
  });
});
