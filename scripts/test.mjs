// npm test: installs what is missing, builds, runs all tests that need no device, ends with `N passed, N failed, N skipped`.
// Arguments are handed to mocha (`npm test -- --grep arena`).

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installDebianPackages, prepare, root, run } from './prepare.mjs';

prepare();
installDebianPackages([
  { program: 'g++', package: 'g++' },
  { program: 'cmake', package: 'cmake' },
  { program: 'clang++-14', package: 'clang-14' },
  { file: '/usr/lib/llvm-14/lib/clang/14.0.6/lib/linux/libclang_rt.tsan-x86_64.a', package: 'libclang-rt-14-dev' },
  { program: 'pkg-config', package: 'pkg-config' },
  { program: 'aarch64-linux-gnu-g++', package: 'g++-aarch64-linux-gnu' },
  { program: 'arm-linux-gnueabihf-g++', package: 'g++-arm-linux-gnueabihf' },
  { program: 'riscv64-linux-gnu-g++', package: 'g++-riscv64-linux-gnu' },
  { program: 'qemu-aarch64', package: 'qemu-user' },
  { program: 'arm-none-eabi-g++', package: 'gcc-arm-none-eabi' },
  { file: '/usr/include/newlib/c++', package: 'libstdc++-arm-none-eabi-dev' },
  { program: 'qemu-system-arm', package: 'qemu-system-arm' },
]);
/** Those that take minutes: started first, so that neither of the two processes is left with one of them at the end. */
const kLongest = ['runtime.test.js', 'cuda/device-kernels.test.js', 'cli/commands.test.js', 'documents.test.js', 'corpus.test.js'];
/** Those that have a source: what an older build has left is not run. */
const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => name.replace(/ts$/, 'js'))
  .filter((name) => !kLongest.includes(name));
const folder = mkdtempSync(join(tmpdir(), 'cortado-tests-'));
// Ctrl-C ends mocha; this process then removes the folder.
process.on('SIGINT', () => undefined);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
const status = run(
  process.execPath,
  [
    mocha,
    '--parallel',
    '--jobs',
    '2',
    '--reporter',
    join(root, 'dist', 'test', 'support', 'summary-reporter.js'),
    '--timeout',
    '600000',
    ...[...kLongest, ...files.sort()].map((name) => join(root, 'dist', 'test', name)),
    ...process.argv.slice(2),
  ],
  { env: { ...process.env, CORTADO_TEST_FOLDER: folder } },
);
process.exit(status);
