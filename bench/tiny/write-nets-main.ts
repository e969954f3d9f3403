// The command line of write-nets.ts.

import process from 'node:process';
import { writeTinyNets } from './write-nets.js';

const [folder, ...names] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: npm run tiny-nets -- DIR [NET...]');
  process.exitCode = 2;
} else writeTinyNets(folder, names.length === 0 ? undefined : names);
