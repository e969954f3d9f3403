// Finds the first installed toolchain of a target and says which package brings one when there is none.

import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { fail } from '../errors.js';
import type { Command, DeviceCompiler, Target, Toolchain } from './target.js';
import { folderVariable, words } from './tool-paths.js';

export interface FoundToolchain extends Toolchain {
  /** First line of `--version`: part of cache keys and of the manifest. */
  readonly version: string;
  /** The device's compiler as it was found. */
  readonly deviceProgram?: string;
}

const found = new Map<string, Promise<FoundToolchain>>();

/** The target's first toolchain that is installed. Fails with the packages to install. */
export function findToolchain(target: Target): Promise<FoundToolchain> {
  const key = JSON.stringify(target.toolchains.map((toolchain) => [toolchain, words(toolchain.cxx)]));
  const known = found.get(key);
  if (known !== undefined) return known;
  const search = searchToolchain(target);
  found.set(key, search);
  return search;
}

/** Whether findToolchain would find one. */
export async function hasToolchain(target: Target): Promise<boolean> {
  return findToolchain(target).then(
    () => true,
    () => false,
  );
}

async function searchToolchain(target: Target): Promise<FoundToolchain> {
  for (const toolchain of target.toolchains) {
    if (toolchain.needs?.every((file) => existsSync(file)) === false) continue;
    const variable = folderVariable(toolchain.cxx);
    if (variable !== undefined && variable.value === undefined) continue;
    const version = await versionOf(toolchain.cxx);
    if (version === undefined && variable !== undefined) failInFolder(variable, toolchain, target);
    if (version === undefined) continue;
    const { deviceCompiler } = toolchain;
    if (deviceCompiler === undefined) return { ...toolchain, version };
    const device = await findDeviceCompiler(deviceCompiler, target);
    return { ...toolchain, version: `${version}, ${device.version}`, deviceProgram: device.program };
  }
  return fail('toolchain', `no C++ compiler for target ${target.name}`, {
    expected: target.toolchains.map((toolchain) => words(toolchain.cxx).join(' ')).join(' or '),
    remedy: `install one: ${installCommands(target.toolchains.map((toolchain) => toolchain.package))}`,
  });
}

/** A variable that is set asks for what is below it: another toolchain in its stead would be a surprise. */
function failInFolder(
  variable: { readonly name: string; readonly value?: string; readonly path: string },
  toolchain: Toolchain,
  target: Target,
): never {
  const [program] = words(toolchain.cxx);
  const others = target.toolchains.filter(({ cxx }) => folderVariable(cxx) === undefined);
  return fail('toolchain', `${variable.name} holds no compiler for target ${target.name}`, {
    expected: `${variable.path} in ${variable.value}`,
    got: existsSync(program) ? 'a program that does not tell its version' : 'no such file',
    remedy: `let ${variable.name} name the right folder${others.length === 0 ? '' : `, or unset it to use ${words(others[0]?.cxx ?? '')[0]}`}`,
  });
}

/** `apt-get install a | b, or npm install c, or let NAME name its folder`. */
export function installCommands(packages: readonly string[]): string {
  const names = [...new Set(packages)];
  const fromNpm = names.filter((name) => name.startsWith('npm:')).map((name) => name.slice(4));
  const variables = names.filter((name) => name.startsWith('$')).map((name) => name.slice(1));
  const fromDebian = names.filter((name) => !/^(npm:|\$)/.test(name));
  return [
    ...(fromDebian.length === 0 ? [] : [`apt-get install ${fromDebian.join(' | ')}`]),
    ...(fromNpm.length === 0 ? [] : [`npm install ${fromNpm.join(' | ')}`]),
    ...variables.map((name) => `let ${name} name its folder`),
  ].join(', or ');
}

async function findDeviceCompiler(
  { programs, package: from }: DeviceCompiler,
  target: Target,
): Promise<{ readonly program: string; readonly version: string }> {
  for (const program of programs) {
    // nvcc tells its version in the last lines.
    const version = await versionOf(program, /^Cuda compilation tools.*$/m);
    if (version !== undefined) return { program, version };
  }
  return fail('toolchain', `no device compiler for target ${target.name}`, {
    expected: programs.join(' or '),
    remedy: `install NVIDIA's CUDA toolkit (Debian: apt-get install ${from}), or use --emit source`,
  });
}

/** What the program says of itself: the first line, or the one that matches. */
async function versionOf(command: Command, line = /^.*$/m): Promise<string | undefined> {
  const [program, ...args] = words(command);
  const result = await execa(program, [...args, '--version'], { reject: false, stdin: 'ignore' });
  return result.exitCode === 0 ? (line.exec(String(result.stdout))?.[0] ?? program) : undefined;
}

/** Where a tool runs and what brings it. */
export interface ToolPlace {
  /** Its working folder, and where it keeps its own temporary files. */
  readonly folder: string;
  /** Package of the toolchain. */
  readonly package: string;
  /** Ends the tool early. */
  readonly signal?: AbortSignal;
}

/** Runs a tool; a failure becomes a toolchain problem with the first lines of what it printed. */
export async function runTool(command: Command, args: readonly string[], place: ToolPlace): Promise<void> {
  const { folder, signal } = place;
  const [program, ...before] = words(command);
  const result = await execa(program, [...before, ...args], {
    cwd: folder,
    env: { TMPDIR: folder },
    reject: false,
    stdin: 'ignore',
    all: true,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  if (result.exitCode === 0) return;
  if (result.code === 'ENOENT') {
    fail('toolchain', `${program} is not installed`, { remedy: `${installCommands([place.package])} brings it` });
  }
  const output = String(result.all ?? '')
    .split('\n')
    .slice(0, 12)
    .join('\n');
  const reason = reasonOf(result);
  fail('toolchain', `${program} ${reason}`, output === '' ? {} : { got: `\n${output}` });
}

interface Ending {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
}

function reasonOf({ exitCode, signal, code }: Ending): string {
  if (exitCode !== undefined) return `exited with ${exitCode}`;
  return signal === undefined ? `could not be started: ${code ?? 'unknown reason'}` : `was ended by ${signal}`;
}
