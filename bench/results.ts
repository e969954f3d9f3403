// Saved runs: one JSON line per net under bench/results, the last run as `last`, others by name.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../src/package-root.js';
import type { NetResult } from './timing/measure.js';

const kFolder = fileURLToPath(new URL('bench/results/', packageRoot));

function fileOf(name: string): string {
  if (!/^[A-Za-z0-9._-]+$/.test(name))
    throw new Error(`'${name}' is no name of a run: letters, digits, dots and dashes`);
  return `${kFolder}${name}.jsonl`;
}

export function saveRun(name: string, cpu: string, results: readonly NetResult[]): string {
  const file = fileOf(name);
  mkdirSync(kFolder, { recursive: true });
  writeFileSync(file, results.map((result) => `${JSON.stringify({ cpu, ...result })}\n`).join(''));
  return file;
}

export function loadRun(name: string): readonly NetResult[] {
  const file = fileOf(name);
  if (!existsSync(file)) throw new Error(`no run is kept as ${file}; --save ${name} keeps one`);
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as NetResult);
}
