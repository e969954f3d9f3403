// Where the programs of target files lie: names are looked for in the PATH, `npm:PACKAGE/FILE` in installed packages, and
// `$NAME/PATH` below the folder that the environment variable NAME holds; a part `*` of it is the first folder there.

import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { env } from 'node:process';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../package-root.js';
import type { Command } from './target.js';

/** The program as it can be started, and its first arguments. */
export function words(command: Command): readonly [program: string, ...args: string[]] {
  const [program = '', ...args] = typeof command === 'string' ? [command] : command;
  if (program.startsWith('npm:')) return [packageFile(program.slice('npm:'.length)), ...args];
  const folder = folderVariable(command)?.value;
  return [folder === undefined ? program : firstMatch(folder, program.split('/').slice(1)), ...args];
}

/** The environment variable that a program is looked for below; without a value when it is not set. */
export function folderVariable(
  command: Command,
): { readonly name: string; readonly value?: string; readonly path: string } | undefined {
  const [program = ''] = typeof command === 'string' ? [command] : command;
  const [, name, path] = /^\$(\w+)\/(.+)$/.exec(program) ?? [];
  if (name === undefined || path === undefined) return undefined;
  const value = env[name];
  return { name, path, ...(value === undefined || value === '' ? {} : { value: resolve(value) }) };
}

/** Of a package beside Cortado or in the working folder; the name itself when there is none. */
function packageFile(name: string): string {
  for (const folder of [fileURLToPath(packageRoot), resolve('.')]) {
    const file = join(folder, 'node_modules', name);
    if (existsSync(file)) return file;
  }
  return name;
}

function firstMatch(folder: string, parts: readonly string[]): string {
  return parts.reduce((path, part) => join(path, part === '*' ? (firstFolder(path) ?? part) : part), folder);
}

function firstFolder(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()[0];
}
