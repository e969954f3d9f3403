// Folders of a test suite, and programs that are run in them.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A fresh folder that is removed after the suite. */
export function suiteFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cortado-build-test-'));
  after(() => {
    for (const name of walk(folder).filter((file) => fs.statSync(path.join(folder, file)).isDirectory()))
      fs.chmodSync(path.join(folder, name), 0o755);
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Every file and folder below, as relative paths in a fixed order. */
export function walk(folder: string): readonly string[] {
  return fs.readdirSync(folder, { recursive: true }).map(String).sort();
}

/** Files below the folder that have an execute bit. */
export function executables(folder: string): readonly string[] {
  return walk(folder).filter((name) => {
    const about = fs.statSync(path.join(folder, name));
    return about.isFile() && (about.mode & 0o111) !== 0;
  });
}

export function isInstalled(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** What the program printed; fails with all of it unless it ended well. */
export function execute(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): string {
  const result = spawnSync(program, [...args], { cwd, encoding: 'utf8', env: { ...process.env, ...env } });
  if (result.status !== 0) {
    const how = result.error?.message ?? `exit code ${result.status}, signal ${result.signal}`;
    throw new Error(`${program} ${args.join(' ')}: ${how}\n${result.stdout}${result.stderr}`);
  }
  return result.stdout;
}
