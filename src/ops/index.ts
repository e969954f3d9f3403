// Loads every operator definition below operators/: a new operator is one new file there and nothing else. Importing
// this module (rather than define.js) guarantees that the registry is complete.

import { readdirSync } from 'node:fs';

const folder = new URL('./operators/', import.meta.url);
const files = readdirSync(folder, { recursive: true })
  .map((name) => String(name).replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.js'))
  .sort();
await Promise.all(files.map((name) => import(new URL(name, folder).href)));

export * from './define.js';
