// Runs an image without an operating system in an emulated machine: inputs and results go through files (semihosting). The
// emulator counts instructions: its clock moves by a fixed time with each, and the image reads the clock.

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import type { Runner } from '../build/target.js';
import { makeTempFolder, removeTempFolder } from '../build/temp-folders.js';
import type { ImageInfo } from '../emit/bare-files.js';
import { fail } from '../errors.js';
import { readNpy, writeNpy } from '../files/npy.js';
import { isDType } from '../ir/dtype.js';
import type { NumericTensor } from '../ir/tensor.js';
import { type ImageResult, readOutput, readResult, readTrace, writeRequest } from './image-exchange.js';
import { readImageInfo } from './image-info.js';
import { randomInput } from './random-input.js';
import type { RunRequest, RunResult, RunStats } from './run-executable.js';

/** Virtual nanoseconds of one instruction are 2^kShift: enough for the board's clock to tell single instructions. */
const kShift = 6;
const kTimeLimitMs = 15 * 60 * 1000;

/** Runs the image; fails with what it or the emulator said. */
export async function runImage(request: RunRequest): Promise<RunResult> {
  checkOptions(request);
  const info = readImageInfo(request.executable);
  if (request.traceFolder !== undefined && !info.trace)
    fail('bad-option', 'this image was compiled without tracing', { remedy: 'compile it with --trace' });
  const folder = await makeTempFolder(tmpdir(), 'cortado-image-');
  try {
    const runs = request.repeat ?? 1;
    copyFileSync(request.executable, join(folder, 'image'));
    writeRequest(folder, { runs, warmup: request.warmup ?? 0, inputs: inputsOf(info, request) });
    const printed = await emulate(request.runner, folder);
    const result = readResult(folder, info.layers.length);
    if (result === undefined)
      return fail('invalid-model', printed === '' ? 'the image ended without a result' : printed);
    if (result.status !== 0) return fail('invalid-model', `${info.net}: ${result.fault}`);
    if (request.traceFolder !== undefined) writeTraceFolder(folder, request.traceFolder);
    const outputs = info.outputs.map(({ name }, i) => [name, readOutput(folder, i)] as const);
    const stats = statsOf(info, result, request.runner, runs);
    return { outputs: new Map(outputs), stats, text: profileText(stats) };
  } finally {
    await removeTempFolder(folder);
  }
}

function checkOptions({ threads, affinity, weightsFile }: RunRequest): void {
  if (threads !== undefined && threads > 1)
    fail('bad-option', 'an image without an operating system has one thread', { got: `--threads ${threads}` });
  if (affinity !== undefined)
    fail('bad-option', 'an image without an operating system has one CPU', { got: `--affinity ${affinity}` });
  if (weightsFile !== undefined)
    fail('bad-option', 'an image without an operating system reads no weight file', { remedy: 'link the weights' });
}

function inputsOf(info: ImageInfo, { inputs, random, seed }: RunRequest): readonly (NumericTensor | undefined)[] {
  for (const name of inputs.keys()) {
    if (!info.inputs.some((input) => input.name === name))
      fail('bad-option', `${name} is no input of the net`, {
        expected: info.inputs.map((input) => input.name).join(' or '),
      });
  }
  return info.inputs.map(({ name, dtype, dims, optional }, index) => {
    const given = inputs.get(name);
    const tensor = typeof given === 'string' ? readNpy(given) : given;
    if (tensor !== undefined) {
      if (tensor.dtype === 'str' || tensor.dtype !== dtype)
        return fail('bad-option', `input ${name} has another type`, { expected: dtype, got: tensor.dtype });
      return tensor;
    }
    if (optional) return undefined;
    if (random !== true || !isDType(dtype) || dtype === 'str') return fail('bad-option', `no value for input ${name}`);
    const sizes = dims.map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 ? Math.max(1, dim[0]) : dim[1]));
    return randomInput(dtype, sizes, seed ?? 0, index);
  });
}

/** Starts the emulator in the folder with the image and its files; what was printed. */
async function emulate({ machine, package: debian }: Runner, folder: string): Promise<string> {
  const program = 'qemu-system-arm';
  const quiet = ['-display', 'none', '-monitor', 'none', '-serial', 'null', '-parallel', 'null', '-nodefaults'];
  const args = ['-M', machine ?? fail('bad-option', 'the runner of the target names no machine'), ...quiet];
  const counted = ['-semihosting-config', 'enable=on,target=native', '-icount', `shift=${kShift},sleep=off`];
  const result = await execa(program, [...args, ...counted, '-kernel', 'image'], {
    cwd: folder,
    reject: false,
    stdin: 'ignore',
    all: true,
    timeout: kTimeLimitMs,
  });
  if (result.timedOut) return fail('invalid-model', `the image did not end within ${kTimeLimitMs / 60000} minutes`);
  if (result.exitCode === undefined && result.signal === undefined) {
    return fail('toolchain', `${program} could not be started`, {
      remedy: `install it: apt-get install ${debian ?? 'qemu-system-arm'}`,
    });
  }
  return String(result.all ?? '')
    .trim()
    .split('\n')
    .slice(0, 4)
    .join(' / ');
}

const kNoTimes = {
  min_ms: Number.NaN,
  median_ms: Number.NaN,
  create_ms: Number.NaN,
  peak_resident_bytes: Number.NaN,
} as const;

function statsOf(info: ImageInfo, result: ImageResult, { clockHz, machine }: Runner, runs: number): RunStats {
  const nanosecondsPerTick = 1e9 / (clockHz ?? fail('bad-option', 'the runner of the target has no clockHz'));
  const instructions = (ticks: number): number => Math.round((ticks * nanosecondsPerTick) / 2 ** kShift);
  const sorted = [...result.runTicks].sort((a, b) => a - b);
  return {
    net: info.net,
    target: info.target,
    cpu: `emulated ${machine ?? ''}`.trimEnd(),
    threads: 1,
    runs,
    arena_bytes: info.arenaBytes,
    weight_bytes: info.weightBytes,
    ...kNoTimes,
    instructions: instructions(sorted[Math.floor(runs / 2)] ?? 0),
    stack_used_bytes: result.stackUsedBytes,
    layers: info.layers.map(({ op, type, blob, kernel, macs }, i) => ({
      op: Number.parseInt(op === '' ? '-1' : op, 10),
      type,
      blob,
      kernel,
      macs,
      ms: Number.NaN,
      instructions: instructions((result.layerTicks[i] ?? 0) / runs),
    })),
  };
}

/** A table of layers: instructions, their share, and how many for each multiply-add. */
function profileText({ layers, instructions = 0 }: RunStats): string {
  const cell = (text: string, width: number): string => (width < 0 ? text.padStart(-width) : text.padEnd(width));
  const row = (cells: readonly string[]): string =>
    cells.map((text, i) => cell(text, [-5, 18, 28, 24, -12, -6, -10][i] ?? 0)).join('  ');
  const perMac = (count: number, macs: number): string => (macs === 0 ? '' : (count / macs).toFixed(3));
  const lines = layers.map(({ op, type, blob, kernel, macs, instructions: own = 0 }) => {
    const share = ((100 * own) / Math.max(1, instructions)).toFixed(1);
    return row([String(op), type, blob, kernel, String(own), share, perMac(own, macs)]);
  });
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
  const all = row(['', 'all', '', '', String(instructions), '100.0', perMac(instructions, macs)]);
  return [row(['op', 'type', 'blob', 'kernel', 'instructions', '%', 'per MAC']), ...lines, all].join('\n');
}

/** The trace as executables write it: numbered .npy files and index.tsv. */
function writeTraceFolder(from: string, to: string): void {
  mkdirSync(resolve(to), { recursive: true });
  const lines = readTrace(from).map(({ op, blob, tensor }, i) => {
    const file = `${String(i).padStart(4, '0')}.${blob.replace(/[^A-Za-z0-9_.-]/g, '_').slice(0, 159)}.npy`;
    writeNpy(join(to, file), tensor);
    return `${file}\t${op}\t${blob}\n`;
  });
  writeFileSync(join(to, 'index.tsv'), lines.join(''));
}
