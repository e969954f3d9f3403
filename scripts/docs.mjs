// npm run docs: writes the generated documents; with --check fails when one is stale.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

prepare();
const table = execFileSync(process.execPath, [join(root, 'bin', 'cortado.js'), 'ops', '--markdown'], { encoding: 'utf8', maxBuffer: 1 << 26 });
const text = `# Operators\n\nGenerated from the definitions in \`src/ops/operators\` by \`npm run docs\`. \`cortado ops TYPE\` says more about one.\n\n${table}`;
const file = join(root, 'docs', 'operators.md');
const isFresh = existsSync(file) && readFileSync(file, 'utf8') === text;
if (process.argv.includes('--check')) {
  if (!isFresh) console.error('docs/operators.md is stale; run `npm run docs`');
  process.exit(isFresh ? 0 : 1);
}
if (!isFresh) {
  mkdirSync(join(root, 'docs'), { recursive: true });
  writeFileSync(file, text);
  console.error('wrote docs/operators.md');
}
