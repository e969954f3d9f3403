#!/usr/bin/env node
// The command line of Cortado; everything is in src/cli.

import { existsSync } from 'node:fs';

const main = new URL('../dist/src/cli/main.js', import.meta.url);
if (existsSync(main)) {
  const { runCommandLine } = await import(main.href);
  await runCommandLine(process.argv.slice(2));
} else {
  console.error('cortado: not built yet; run: npm ci && npm run build');
  process.exitCode = 1;
}
