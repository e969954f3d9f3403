#!/usr/bin/env node
// npm run demo: sets the project up where needed (npm ci, npm run build), compiles both shipped nets for this machine and
// runs the executables: a photograph becomes a cartoon, 1,000 digits are classified. Needs Node 20 and g++ only; nothing
// from node_modules is imported here, since it may not be there yet.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, 'out', 'demo');
const shown = (file) => relative(root, file);

class DemoError extends Error {}

function run(title, program, args, { quiet = true } = {}) {
  const start = performance.now();
  const result = spawnSync(program, args, { cwd: root, encoding: 'utf8', stdio: quiet ? 'pipe' : 'inherit' });
  if (result.error !== undefined) throw new DemoError(`${title}: ${program} could not be started: ${result.error.message}`);
  if (result.status !== 0) throw new DemoError(`${title} failed:\n${result.stdout ?? ''}${result.stderr ?? ''}`);
  console.log(`${title}  (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return result.stdout ?? '';
}

/** Newest change of the TypeScript sources below a folder, in ms. */
function newestSource(folder) {
  return readdirSync(folder, { withFileTypes: true }).reduce((newest, entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return Math.max(newest, newestSource(path));
    return entry.name.endsWith('.ts') ? Math.max(newest, statSync(path).mtimeMs) : newest;
  }, 0);
}

function setUp() {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  if (!existsSync(join(root, 'node_modules', 'commander'))) run('npm ci', npm, ['ci', '--no-audit', '--no-fund']);
  const built = join(root, 'dist', '.tsbuildinfo');
  const isStale = !existsSync(join(root, 'dist/src/cli/main.js')) || !existsSync(built);
  if (isStale || statSync(built).mtimeMs < newestSource(join(root, 'src'))) run('npm run build', npm, ['run', 'build']);
}

/** Compiles a shipped net for this machine; returns the executable. */
function compile(name, ...more) {
  const folder = join(root, 'models', name);
  const args = ['bin/cortado.js', 'compile', join(folder, 'predict_net.pb'), '--init', join(folder, 'init_net.pb')];
  const text = run(`compile ${name} for this machine`, process.execPath, [...args, '-o', out, ...more]);
  console.log(text.trimEnd().replace(/^/gm, '    '));
  return join(out, name);
}

/** Type, dims and data of a .npy file that NumPy or Cortado wrote. */
function readNpy(file) {
  const bytes = readFileSync(file);
  const offset = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, offset);
  const dims = /'shape': \(([^)]*)\)/.exec(header)[1].split(',').filter((dim) => dim.trim() !== '').map(Number);
  const Type = { '|u1': Uint8Array, '<f4': Float32Array, '<i8': BigInt64Array }[/'descr': '([^']*)'/.exec(header)[1]];
  const data = bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + bytes.length);
  return { dims, data: new Type(data) };
}

function writeNpy(file, dims, floats) {
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${dims.join(', ')}), }`;
  const header = Buffer.from(`${dictionary.padEnd(117)}\n`, 'latin1');
  const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  writeFileSync(file, Buffer.concat([head, header, Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength)]));
}

function cartoon() {
  const executable = compile('cartoon');
  const [picture, tensor, stats] = ['cat-cartoon.png', 'cat-cartoon.npy', 'cartoon-stats.json'].map((name) => join(out, name));
  const photo = join(root, 'models/cartoon/cat.png');
  run(`run   ${shown(executable)} --input ${shown(photo)} --output ${shown(picture)}`, executable, [
    '--input', photo, '--output', picture, '--warmup', '1', '--repeat', '3', '--stats', stats,
  ]);
  run('      once more, into a .npy file', executable, ['--input', photo, '--output', tensor]);
  const expected = readNpy(join(root, 'models/cartoon/expected_bgra.npy')).data;
  const got = readNpy(tensor).data;
  const steps = expected.map((value, i) => Math.abs(value - got[i]));
  const [different, largest] = [steps.filter((step) => step > 0).length, steps.reduce((a, b) => Math.max(a, b), 0)];
  const { median_ms: time, arena_bytes: arena } = JSON.parse(readFileSync(stats, 'utf8'));
  console.log(`\nThe photograph as a cartoon: ${shown(picture)}`);
  console.log(`    ${time.toFixed(1)} ms per picture, ${(arena / 1e6).toFixed(1)} MB of memory`);
  console.log(`    ${different} of ${expected.length} bytes differ from what Caffe2 gives, by at most ${largest}\n`);
  if (got.length !== expected.length || largest > 1) throw new DemoError('the picture is not the expected one');
}

const kBatch = 100;

function digits() {
  const executable = compile('digits', '--input', `data:1..${kBatch},1,28,28`);
  const images = readNpy(join(root, 'models/digits/test_images.npy'));
  const labels = readNpy(join(root, 'models/digits/test_labels.npy')).data;
  const [input, output, stats] = ['digits.npy', 'digits-softmax.npy', 'digits-stats.json'].map((name) => join(out, name));
  let [correct, timeMs] = [0, 0];
  for (let first = 0; first < labels.length; first += kBatch) {
    const count = Math.min(kBatch, labels.length - first);
    writeNpy(input, [count, 1, 28, 28], Float32Array.from(images.data.subarray(first * 784, (first + count) * 784), (v) => v / 255));
    const args = ['--input', input, '--output', output, '--stats', stats];
    const { status, stderr } = spawnSync(executable, args, { encoding: 'utf8' });
    if (status !== 0) throw new DemoError(`${shown(executable)} failed: ${stderr}`);
    const { data } = readNpy(output);
    for (let i = 0; i < count; i++) {
      const row = Array.from(data.subarray(i * 10, (i + 1) * 10));
      if (row.indexOf(Math.max(...row)) === Number(labels[first + i])) correct++;
    }
    timeMs += JSON.parse(readFileSync(stats, 'utf8')).median_ms;
  }
  const share = (100 * correct) / labels.length;
  console.log(`\nDigits: ${correct} of ${labels.length} held-out digits are right: ${share.toFixed(1)} % (${timeMs.toFixed(1)} ms for all, batches of ${kBatch})`);
  if (share < 96.5) throw new DemoError('the accuracy is below the expected 96.8 %');
}

try {
  setUp();
  mkdirSync(out, { recursive: true });
  cartoon();
  digits();
} catch (error) {
  if (!(error instanceof DemoError)) throw error;
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
}
