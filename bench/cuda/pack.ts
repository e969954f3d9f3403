// npm run gpu -- --pack DIR: everything that the first minutes on a GPU need, compiled here: a machine with a GPU then needs neither Node.js
// nor nvcc, only Python (run_packed.py, with numpy; PyTorch for its part). Programs and weights are compressed by xz; the weights of
// nets are ±σ of each layer, so that they become small. Values are compared with those of the CPU target.

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { defaultCacheFolder } from '../../src/build/object-cache.js';
import { loadTarget } from '../../src/build/target.js';
import { findToolchain } from '../../src/build/toolchain.js';
import { compile } from '../../src/compile.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import type { NetDef } from '../../src/frontend/caffe2/net-def.js';
import { makeTensor, setNumber, type Tensor } from '../../src/ir/tensor.js';
import { packageRoot } from '../../src/package-root.js';
import { runExecutable } from '../../src/run/run-executable.js';
import { toleranceOf } from '../../src/verify/compare-tensors.js';
import { uniform } from '../../src/verify/seeded-inputs.js';
import { kBenchNets } from '../nets/index.js';
import type { BenchNet } from '../nets/net-builder.js';
import { buildKernelTest, kKernelTests, kWgmmaTest } from './kernel-test.js';
import { netJson } from './net-json.js';
import { kPackedNets, type PackedNet, type PackedVariant, packedSteps, programName } from './packed-steps.js';

const kRoot = fileURLToPath(packageRoot);
const kTests = [...kKernelTests, kWgmmaTest];
const kSeed = 1;

export interface PackOptions {
  readonly folder: string;
  readonly target: string;
  /** Beginnings of the names of programs; undefined: all. */
  readonly only: readonly string[] | undefined;
  /** Images of that size instead of the list's, for a trial on the emulated GPU. */
  readonly size?: number;
}

/** Fills the folder; what is already there is kept, so that an interrupted run goes on. */
export async function pack(options: PackOptions): Promise<void> {
  const { folder } = options;
  mkdirSync(folder, { recursive: true });
  const isWanted = (name: string): boolean => options.only?.some((part) => name.startsWith(part)) ?? true;
  const nets = kPackedNets.filter((net) => isWanted(programName(net)));
  const tests = kTests.filter(isWanted);
  for (const test of tests) await once(join(folder, `${test}.xz`), () => packTest(test, options));
  for (const net of nets) await once(join(folder, `${programName(net)}.json`), () => packNet(net, options));
  writeFileSync(join(folder, 'steps.json'), JSON.stringify(packedSteps(tests, nets), undefined, 1));
  for (const file of ['run_packed.py', 'torch_peer.py'])
    copyFileSync(join(kRoot, 'bench/cuda', file), join(folder, file));
}

async function once(made: string, make: () => Promise<void>): Promise<void> {
  if (existsSync(made)) return;
  const begin = performance.now();
  await make();
  console.log(`${basename(made)} (${((performance.now() - begin) / 1000).toFixed(0)} s)`);
}

/** A test of the kernels as a program for the device. */
async function packTest(name: string, { folder, target }: PackOptions): Promise<void> {
  const program = join(folder, name);
  await buildKernelTest(name, variantOf(target, name === kWgmmaTest ? 'wgmma' : undefined), program);
  compress(program);
}

/** The target that differs in the variant; on the emulated GPU launches do not overlap. */
function variantOf(target: string, variant: PackedVariant | undefined): string {
  if (variant === undefined) return target;
  const isEmulated = loadTarget(target).toolchains[0]?.deviceCompiler === undefined;
  if (variant === 'wgmma') return isEmulated ? 'cuda-emulated-sm90a' : `${target}a`;
  return isEmulated ? target : `${target}-overlap`;
}

async function packNet(packed: PackedNet, { folder, target, size }: PackOptions): Promise<void> {
  const name = programName(packed);
  const net = coarse((kBenchNets.get(packed.net) ?? unknownNet(packed.net))());
  const [n = 1, ...image] = packed.shape;
  const shape = size === undefined ? image : [image[0] ?? 3, size, size];
  const work = mkdtempSync(join(tmpdir(), 'cortado-pack-'));
  try {
    const model = {
      predictNet: encodeNetDef(net.predict),
      initNet: encodeNetDef(net.init, { packed: true }),
      cacheFolder: defaultCacheFolder(process.env),
    };
    const { files, build } = await compile({
      ...model,
      inputs: [`${net.input.name}:${[n, ...shape].join(',')}`],
      name: packed.net,
      target: variantOf(target, packed.variant),
      precision: packed.precision,
      weights: 'file',
      emit: ['library'],
      outputFolder: join(work, 'library'),
    });
    await linkTimer(files.prefix, join(work, 'library'), target, join(folder, name));
    const weights = [...build.files.values()].flat().find((file) => file.endsWith('.weights')) ?? '';
    const kept = `${packed.net}-${packed.precision}.weights`;
    if (!existsSync(join(folder, `${kept}.xz`))) {
      copyFileSync(join(work, 'library', weights), join(folder, kept));
      compress(join(folder, kept));
    }
    const wanted = await expectedOf(packed.net, net, shape, model, folder, work);
    writeFileSync(join(folder, `${name}.net.json`), netJson(net, [n, ...shape]));
    const { rtol, atol } = toleranceOf(packed.precision);
    const about = { ...wanted, weights: kept, images: n, macs: net.macs * n, rtol, atol };
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(about));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function unknownNet(name: string): never {
  throw new Error(`no net ${name}`);
}

/** The program of time_net.cc for the library. */
async function linkTimer(prefix: string, library: string, target: string, program: string): Promise<void> {
  const { cxx, deviceProgram, commonFlags = [] } = await findToolchain(loadTarget(target));
  const own = deviceProgram === undefined ? commonFlags : [];
  const names = [
    '-Iruntime/cuda/include',
    `-DNET=${prefix}`,
    `-DNET_HEADER="${prefix}.h"`,
    `-I${join(library, 'include')}`,
  ];
  const source = join(kRoot, 'bench/cuda/time_net.cc');
  const archive = join(library, 'lib', `lib${prefix}.a`);
  await execa(
    deviceProgram ?? String(cxx),
    ['-std=c++17', '-O2', ...own, ...names, source, archive, '-lpthread', '-o', program],
    { cwd: kRoot },
  );
  compress(program);
}

/** Input and output of one image as files of floats, the output by the CPU in fp32; made once for all programs of a net. */
async function expectedOf(
  name: string,
  net: BenchNet,
  image: readonly number[],
  model: { readonly predictNet: Uint8Array; readonly initNet: Uint8Array; readonly cacheFolder: string },
  folder: string,
  work: string,
): Promise<{ readonly input: string; readonly expected: string }> {
  const about = `${name}-${image.join('x')}`;
  const names = { input: `${about}.input`, expected: `${about}.expected` };
  if (existsSync(join(folder, names.expected))) return names;
  const x = makeTensor('f32', [1, ...image]);
  const random = uniform(kSeed, name);
  for (let i = 0; i < x.data.length; i++) setNumber(x, i, random() * 2 - 1);
  const inputs = [`${net.input.name}:1,${image.join(',')}`];
  const { program, target, build } = await compile({ ...model, inputs, name, outputFolder: join(work, 'cpu') });
  const [output] = program.outputs;
  if (build.executable === undefined || output === undefined) throw new Error(`${name} has no program for the CPU`);
  const run = { executable: build.executable, runner: target.runner, threads: 1 };
  const { outputs } = await runExecutable({ ...run, inputs: new Map([[net.input.name, x]]), outputs: [output.name] });
  writeFloats(join(folder, names.input), x);
  writeFloats(join(folder, names.expected), outputs.get(output.name));
  return names;
}

function writeFloats(file: string, tensor: Tensor | undefined): void {
  if (!(tensor?.data instanceof Float32Array)) throw new Error(`${file} is for floats`);
  writeFileSync(file, new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
}

/** The net with its large weights replaced by plus or minus their root mean square. */
function coarse(net: BenchNet): BenchNet {
  const ops = net.init.ops.map((op) => ({
    ...op,
    args: op.args.map((arg) => ({ ...arg, floats: signs(arg.floats) })),
  }));
  const init: NetDef = { ...net.init, ops };
  return { ...net, init };
}

const kSmall = 4096;

function signs(floats: Float32Array): Float32Array {
  if (floats.length < kSmall) return floats;
  let sum = 0;
  for (const value of floats) sum += value * value;
  const sigma = Math.fround(Math.sqrt(sum / floats.length));
  return floats.map((value) => (value < 0 ? -sigma : sigma));
}

/** FILE becomes FILE.xz. */
function compress(file: string): void {
  execFileSync('xz', ['-f', '-T2', '-6', file]);
}
