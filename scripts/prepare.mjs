// Makes a fresh clone usable: npm packages and the compiled TypeScript. Plain Node.js, nothing installed before it.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Runs a program in the project's folder; ends the process when it fails. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error !== undefined) {
    console.error(`${program} could not be started: ${result.error.message}`);
    process.exit(1);
  }
  return result.status ?? 1;
}

function mustRun(program, args) {
  const status = run(program, args);
  if (status !== 0) process.exit(status);
}

/** npm packages when they are missing or older than the lock file, then the build when a source is newer than it. */
export function prepare() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) {
    console.error(`Cortado needs Node.js 20 or later; this is ${process.version}`);
    process.exit(1);
  }
  const marker = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(marker) || statSync(marker).mtimeMs < statSync(join(root, 'package-lock.json')).mtimeMs) {
    console.error('installing npm packages');
    mustRun('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  const built = join(root, 'dist', '.tsbuildinfo');
  const isStale = !existsSync(built) || newestSource() > statSync(built).mtimeMs;
  if (isStale) {
    console.error('building');
    mustRun(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json']);
  }
}

function newestSource() {
  const files = ['tsconfig.json', 'package.json'].map((name) => join(root, name));
  for (const folder of ['src', 'test', 'bench']) {
    if (!existsSync(join(root, folder))) continue;
    for (const name of readdirSync(join(root, folder), { recursive: true })) {
      if (String(name).endsWith('.ts') && !String(name).includes('node_modules')) files.push(join(root, folder, String(name)));
    }
  }
  return Math.max(...files.map((file) => statSync(file).mtimeMs));
}

/** Debian packages, when apt and the right to use it are at hand; else says what to install. */
export function installDebianPackages(wanted) {
  const isThere = ({ program, file }) => (file === undefined ? spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0 : existsSync(file));
  const missing = wanted.filter((item) => !isThere(item));
  if (missing.length === 0) return;
  const names = missing.map((item) => item.package).join(' ');
  const isRoot = process.getuid?.() === 0;
  const prefix = isRoot ? [] : ['sudo', '-n'];
  const canInstall = spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0 && (isRoot || spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0);
  if (!canInstall) {
    console.error(`missing: ${names}; what needs them is skipped (apt-get install ${names})`);
    return;
  }
  console.error(`installing Debian packages: ${names}`);
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  const apt = (args) => {
    const [program, ...rest] = [...prefix, 'apt-get', ...args];
    return run(program, rest, quiet);
  };
  if (apt(['update', '-qq']) !== 0 || apt(['install', '-y', '-qq', '--no-install-recommends', ...missing.map((item) => item.package)]) !== 0) {
    console.error('some packages could not be installed; what needs them is skipped');
  }
}
