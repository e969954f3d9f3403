// Targets: one JSON file per hardware target in targets/, checked against a schema; `extends` inherits, user files are
// accepted by path. `native` resolves to the best shipped target whose CPU flags this machine has.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { kHoldings, type MemoryRegion } from '../emit/memory-regions.js';
import { CompileError, fail, type Problem } from '../errors.js';
import { type KernelTarget, kPrecisions, type Precision } from '../ops/kernel-call.js';
import { packageRoot } from '../package-root.js';

/** A program, or a program and its first arguments: `["zig", "c++"]`. tool-paths.ts says where it may lie. */
export type Command = string | readonly string[];

export interface Toolchain {
  readonly name: string;
  readonly cxx: Command;
  readonly cc: Command;
  readonly ar: Command;
  readonly strip: string;
  /** What brings the compiler: Debian's package, `npm:NAME`, or `$NAME`, a variable that names its folder. */
  readonly package: string;
  /** Files of this machine without which the compiler is of no use: headers of a cross C library. */
  readonly needs?: readonly string[];
  /** Flags that choose the CPU, for generated code only. */
  readonly machineFlags: readonly string[];
  /** Flags for every file (a sysroot, a triple). */
  readonly commonFlags?: readonly string[];
  /** For executables. */
  readonly linkFlags?: readonly string[];
  /** For executables and shared libraries. */
  readonly linkerFlags?: readonly string[];
  /** Its C library is not the system's: libraries and objects for others to link cannot be made with it. */
  readonly executablesOnly?: boolean;
  /** The device's compiler, for targets that have one; without it the host's compiler takes its sources (emulation). */
  readonly deviceCompiler?: DeviceCompiler;
}

export interface DeviceCompiler {
  /** Where it may be: a name to look for in PATH, or a path. */
  readonly programs: readonly string[];
  readonly flags: readonly string[];
  /** Debian package that brings it. */
  readonly package: string;
}

export interface Runner {
  /** `qemu-system`: an image without an operating system in an emulated machine. */
  readonly kind: 'host' | 'command' | 'ssh' | 'adb' | 'qemu-system' | 'none';
  /** For `command`: program and arguments before the executable (an emulator). */
  readonly command?: readonly string[];
  /** For `command`: `<platform>-<arch>` of machines that run the executables without it, as Node.js spells them. */
  readonly directOn?: string;
  /** For `ssh` the host (`user@board`), for `adb` the device's serial number; whatever is the default when absent. */
  readonly device?: string;
  readonly package?: string;
  /** For `qemu-system`: the emulated board, and the frequency of its SysTick clock. */
  readonly machine?: string;
  readonly clockHz?: number;
}

export interface Target extends Omit<KernelTarget, 'threads' | 'precision' | 'winograd'> {
  readonly name: string;
  readonly description: string;
  readonly system: string;
  readonly isa: string;
  readonly cpuFeatures: readonly string[];
  /** What it can compute in; fp32 alone where the file does not say. */
  readonly precisions: readonly Precision[];
  readonly toolchains: readonly Toolchain[];
  readonly runner: Runner;
  /** Of a system `none`, fastest first. */
  readonly memory?: readonly MemoryRegion[];
  /** Room for the stack; by default what the call graph needs. */
  readonly stackBytes?: number;
}

interface TargetFile extends Partial<Target> {
  readonly name: string;
  readonly description: string;
  readonly extends?: string;
  readonly resolve?: Candidates;
}

type Candidates = readonly { readonly target: string; readonly cpuFlags: readonly string[] }[];

const folder = fileURLToPath(new URL('targets/', packageRoot));

const kText = { type: 'string', minLength: 1 } as const;
const kTexts = { type: 'array', items: { type: 'string' } } as const;
const kCommand = { anyOf: [kText, { type: 'array', minItems: 1, items: kText }] } as const;
const kPositive = { type: 'integer', minimum: 1 } as const;
const kMemorySchema = {
  type: 'array',
  minItems: 1,
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['name', 'origin', 'bytes', 'holds'],
    properties: {
      name: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
      origin: { type: 'string', pattern: '^0x[0-9a-fA-F]{1,8}$' },
      bytes: kPositive,
      holds: { type: 'array', minItems: 1, uniqueItems: true, items: { enum: kHoldings } },
      reservedBytes: { type: 'integer', minimum: 0 },
    },
  },
} as const;
const kSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'description'],
  properties: {
    name: kText,
    description: kText,
    extends: kText,
    resolve: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['target', 'cpuFlags'],
        properties: { target: kText, cpuFlags: kTexts },
      },
    },
    system: kText,
    isa: kText,
    vectorFloats: { enum: [1, 4, 8, 16] },
    vectorRegisters: kPositive,
    fma: { type: 'boolean' },
    laneMultiply: { type: 'boolean' },
    byteDotProduct: { type: 'boolean' },
    winogradTransformCost: { type: 'number', exclusiveMinimum: 0 },
    l1Bytes: kPositive,
    l2Bytes: kPositive,
    cpuFeatures: kTexts,
    device: {
      type: 'object',
      additionalProperties: false,
      required: ['kind', 'architecture', 'multiprocessors', 'sharedBytes'],
      properties: {
        kind: { enum: ['cuda'] },
        architecture: kPositive,
        multiprocessors: kPositive,
        sharedBytes: kPositive,
        wgmma: { type: 'boolean' },
      },
    },
    precisions: { type: 'array', items: { enum: kPrecisions }, contains: { const: 'fp32' } },
    toolchains: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'cxx', 'cc', 'ar', 'strip', 'package', 'machineFlags'],
        properties: {
          name: kText,
          cxx: kCommand,
          cc: kCommand,
          ar: kCommand,
          strip: kText,
          package: kText,
          machineFlags: kTexts,
          commonFlags: kTexts,
          linkFlags: kTexts,
          linkerFlags: kTexts,
          needs: kTexts,
          executablesOnly: { type: 'boolean' },
          deviceCompiler: {
            type: 'object',
            additionalProperties: false,
            required: ['programs', 'flags', 'package'],
            properties: { programs: kTexts, flags: kTexts, package: kText },
          },
        },
      },
    },
    memory: kMemorySchema,
    stackBytes: kPositive,
    runner: {
      type: 'object',
      additionalProperties: false,
      required: ['kind'],
      properties: {
        kind: { enum: ['host', 'command', 'ssh', 'adb', 'qemu-system', 'none'] },
        command: kTexts,
        directOn: kText,
        device: kText,
        package: kText,
        machine: kText,
        clockHz: kPositive,
      },
    },
  },
} as const;

const kComplete = [
  'system',
  'isa',
  'vectorFloats',
  'vectorRegisters',
  'fma',
  'l1Bytes',
  'l2Bytes',
  'cpuFeatures',
  'toolchains',
  'runner',
] as const;

/** What the planner is told of a target that was loaded for the precision. */
export function kernelTarget(target: Target, threads: number, precision: Precision = 'fp32'): KernelTarget {
  const { device, ...host } = target;
  if (device === undefined) return { ...host, threads, precision };
  if (precision === 'bf16') return fail('bad-option', `target ${target.name}: its device does not compute in bf16`);
  return { ...host, threads, device: { ...device, precision } };
}

/** Names of the shipped targets. */
export function targetNames(): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => basename(name, '.json'))
    .sort();
}

/** A target by name, or by path of a user's JSON file. Fails when it does not have the precision. */
export function loadTarget(nameOrFile: string, precision: Precision = 'fp32'): Target {
  const target = resolveTarget(nameOrFile, precision, new Set());
  if (target.precisions.includes(precision)) return target;
  const able = targetsWith(precision);
  return fail('bad-option', `target ${target.name} has no precision ${precision}`, {
    expected: target.precisions.join(' or '),
    ...(able.length === 0 ? {} : { remedy: `targets that do: ${able.join(', ')}` }),
  });
}

function targetsWith(precision: Precision): readonly string[] {
  return targetNames().filter((name) => computesIn(join(folder, `${name}.json`), precision));
}

/** Does a target file that stands for itself offer the precision? */
function computesIn(file: string, precision: Precision): boolean {
  const own = readTargetFile(file);
  return own.resolve === undefined && resolveTarget(file, precision, new Set()).precisions.includes(precision);
}

/** Description of a target without resolving it for this machine. */
export function describeTarget(name: string): { readonly name: string; readonly description: string } {
  const { name: own, description } = readTargetFile(join(folder, `${name}.json`));
  return { name: own, description };
}

function resolveTarget(nameOrFile: string, precision: Precision, seen: ReadonlySet<string>): Target {
  const file = locate(nameOrFile);
  if (seen.has(file)) return fail('bad-option', `target file ${file} extends itself`);
  const own = readTargetFile(file);
  const within = new Set([...seen, file]);
  const relative = (name: string): string => (name.endsWith('.json') ? join(dirname(file), name) : name);
  if (own.resolve !== undefined) return resolveForThisCpu(own.name, own.resolve, relative, precision, within);
  const base = own.extends === undefined ? {} : resolveTarget(relative(own.extends), precision, within);
  const { extends: _extends, ...rest } = own;
  const merged: Partial<Target> = { precisions: ['fp32'], ...base, ...rest };
  const missing = kComplete.filter((key) => merged[key] === undefined);
  if (missing.length > 0) {
    fail('bad-option', `target file lacks ${missing.join(', ')}`, {
      where: { file },
      remedy: 'add them or extend a shipped target',
    });
  }
  return merged as Target;
}

/** The first candidate that computes in the precision and that this CPU can run. */
function resolveForThisCpu(
  name: string,
  candidates: Candidates,
  relative: (name: string) => string,
  precision: Precision,
  seen: ReadonlySet<string>,
): Target {
  const able = candidates
    .map(({ target, cpuFlags }) => ({ target: resolveTarget(relative(target), precision, seen), cpuFlags }))
    .filter(({ target }) => target.precisions.includes(precision));
  const flags = cpuFlags();
  const choice = able.find((candidate) => candidate.cpuFlags.every((flag) => flags.has(flag)));
  if (choice !== undefined) return choice.target;
  if (able.length === 0) {
    return fail('bad-option', `target ${name}: no CPU of its kind computes in ${precision}`, {
      expected: `a target that does: ${targetsWith(precision).join(', ')}`,
    });
  }
  const missing = able.map(({ target, cpuFlags }) => {
    return `${target.name} needs ${cpuFlags.filter((flag) => !flags.has(flag)).join(', ')}`;
  });
  return fail('bad-option', `target ${name}: no target that this CPU can run has precision ${precision}`, {
    expected: `CPU features this machine lacks: ${missing.join('; ')}`,
    remedy: 'name the target to compile for another machine',
  });
}

function locate(nameOrFile: string): string {
  const isFile = nameOrFile.endsWith('.json');
  const file = isFile ? nameOrFile : join(folder, `${nameOrFile}.json`);
  if ((isFile || /^[A-Za-z0-9._-]+$/.test(nameOrFile)) && existsSync(file)) return file;
  return fail('bad-option', `unknown target ${nameOrFile}`, {
    expected: isFile ? 'an existing target file' : `one of ${targetNames().join(', ')}, or the path of a .json file`,
  });
}

function readTargetFile(file: string): TargetFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return fail('bad-option', `target file is not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      where: { file },
    });
  }
  const validate = new Ajv({ allErrors: true }).compile(kSchema);
  if (!validate(parsed)) {
    const problems = (validate.errors ?? []).map((error): Problem => {
      const extra = error.params.additionalProperty;
      const subject = `${error.instancePath === '' ? 'target file' : error.instancePath} ${error.message ?? 'is wrong'}`;
      return {
        code: 'bad-option',
        message: extra === undefined ? subject : `${subject}: ${String(extra)}`,
        where: { file },
      };
    });
    throw new CompileError(problems);
  }
  return parsed as TargetFile;
}

/** Feature flags of this machine's CPU as Linux spells them; empty where it does not tell. */
function cpuFlags(): ReadonlySet<string> {
  try {
    const line = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
    return new Set(line.trim().split(/\s+/));
  } catch {
    return new Set();
  }
}
