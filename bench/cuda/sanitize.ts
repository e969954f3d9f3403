// Runs compiled nets under a sanitizer: NVIDIA's compute-sanitizer on a GPU (memory, races, barriers, uninitialized reads), or the
// emulation's own where there is none (--target cuda-sanitized, also with every test program of the device kernels).

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { loadTarget } from '../../src/build/target.js';
import { compile } from '../../src/compile.js';
import { fail } from '../../src/errors.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { kDevicePrecisions } from '../../src/ops/kernel-call.js';
import { packageRoot } from '../../src/package-root.js';
import { readArguments, runScript } from '../../test/support/script.js';
import { kBenchNets } from '../nets/index.js';

const kUsage = `usage: npm run sanitize -- [--target T] [--nets NET,NET] [--precisions fp32,tf32,fp16] [--tools memcheck,racecheck] [--size N]`;

const kTools = ['memcheck', 'racecheck', 'synccheck', 'initcheck'] as const;
const kDigits = 'digits';
const kRoot = fileURLToPath(packageRoot);
const kPrograms = ['/usr/local/cuda/bin/compute-sanitizer', 'compute-sanitizer'];
/** Tests whose deliberate mistakes would be found. */
const kDeathTests: readonly string[] = ['emulation_test', 'wgmma_emulation_test'];

const { values } = readArguments(kUsage, {
  options: {
    target: { type: 'string', default: 'cuda-sm90' },
    nets: { type: 'string', default: `${kDigits},squeezenet_1_1,mobilenet_v2` },
    precisions: { type: 'string', default: kDevicePrecisions.join(',') },
    tools: { type: 'string', default: kTools.join(',') },
    size: { type: 'string', default: '64' },
  },
});

async function main(): Promise<number> {
  const { toolchains } = loadTarget(values.target);
  const isEmulated = toolchains[0]?.deviceCompiler === undefined;
  const folder = mkdtempSync(join(tmpdir(), 'cortado-sanitize-'));
  let findings = 0;
  try {
    if (isEmulated) findings += await checkPrograms(folder);
    for (const precision of values.precisions.split(',')) {
      for (const net of values.nets.split(',')) {
        const program = await buildNet(net, precision, join(folder, `${net}-${precision}`));
        const ways = isEmulated ? [[]] : values.tools.split(',').map(underTool);
        for (const way of ways) findings += await check(`${net} in ${precision}`, [...way, program, '--random']);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${findings} findings`);
  return findings === 0 ? 0 : 1;
}

/** The command before a program's own. */
function underTool(tool: string): readonly string[] {
  const sanitizer = kPrograms.find((program) => existsSync(program)) ?? 'compute-sanitizer';
  return [sanitizer, '--tool', tool, '--error-exitcode', '9'];
}

/** The executable of a net; images are as small as --size says. */
async function buildNet(name: string, precision: string, outputFolder: string): Promise<string> {
  const common = { target: values.target, precision: known(precision), outputFolder };
  const file = (part: string): string => join(kRoot, 'models', kDigits, part);
  const make = kBenchNets.get(name);
  if (name !== kDigits && make === undefined)
    fail('bad-option', `no net ${name}`, { expected: [kDigits, ...kBenchNets.keys()].join(', ') });
  const net = make?.();
  const { build } = await compile(
    net === undefined
      ? {
          predictNet: file('predict_net.pb'),
          initNet: file('init_net.pb'),
          valueInfo: file('value_info.json'),
          ...common,
        }
      : {
          predictNet: encodeNetDef(net.predict),
          initNet: encodeNetDef(net.init, { packed: true }),
          inputs: [`${net.input.name}:1,3,${values.size},${values.size}`],
          name,
          ...common,
        },
  );
  if (build.executable === undefined) throw new Error(`${name} has no executable`);
  return build.executable;
}

function known(name: string): (typeof kDevicePrecisions)[number] {
  const precision = kDevicePrecisions.find((kind) => kind === name);
  if (precision === undefined) throw new Error(`expected a precision of ${kDevicePrecisions.join(', ')}`);
  return precision;
}

/** The device kernels' own tests, which compare values besides. */
async function checkPrograms(folder: string): Promise<number> {
  const sources = readdirSync(join(kRoot, 'runtime/cuda/test')).filter((name) => name.endsWith('_test.cu'));
  let findings = 0;
  for (const source of sources.map((name) => name.replace('.cu', '')).filter((name) => !kDeathTests.includes(name))) {
    const program = join(folder, source);
    const includes = ['include', 'test', 'cuda/include', 'cuda/test'].map((path) => `-Iruntime/${path}`);
    const defines = ['EMULATION', 'SANITIZER'].map((name) => `-DCORTADO_CUDA_${name}`);
    const flags = [
      '-std=c++17',
      '-O1',
      '-g',
      '-fsanitize=thread',
      '-fno-threadsafe-statics',
      '-DCORTADO_DEPENDENT_LAUNCH',
      ...defines,
      ...includes,
    ];
    execFileSync('g++', [...flags, '-x', 'c++', '-c', `runtime/cuda/test/${source}.cu`, '-o', `${program}.o`], {
      cwd: kRoot,
    });
    execFileSync('g++', [`${program}.o`, '-o', program]);
    findings += await check(source, [program]);
  }
  return findings;
}

/** Runs the command; 1 when something was found or it failed. */
async function check(about: string, [program = '', ...args]: readonly string[]): Promise<number> {
  const done = await execa(program, args, { reject: false, all: true });
  const isClean = done.exitCode === 0;
  const tool = args[0] === '--tool' ? `${args[1] ?? ''} ` : '';
  console.log(`${isClean ? 'clean' : 'FOUND'}  ${tool}${about}`);
  const said = String(done.all ?? done.shortMessage).split('\n');
  const lines = said.filter((line) => /sanitizer|=====|FAIL|emulation:/.test(line));
  if (!isClean) console.log((lines.length > 0 ? lines : said).slice(0, 24).join('\n'));
  return isClean ? 0 : 1;
}

await runScript(main);
