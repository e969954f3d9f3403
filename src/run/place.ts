// Where executables run: this machine (directly or through an emulator), a board behind ssh, a device behind adb. A place
// knows what its files are called there, takes files, and brings back what a run wrote.

import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { basename, resolve } from 'node:path';
import { execa } from 'execa';
import type { Runner } from '../build/target.js';
import { installCommands } from '../build/toolchain.js';
import { fail } from '../errors.js';

/** How a program ended. */
export interface Ending {
  readonly program: string;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Place {
  /** Makes a file of this machine known there; returns its path there. */
  give(file: string): Promise<string>;
  /** Path there of a file or folder that the run will write. */
  expect(file: string): string;
  run(executable: string, args: readonly string[]): Promise<Ending>;
  /** Brings back everything that was expected. */
  fetch(): Promise<void>;
  /** Removes what was put there. */
  close(): Promise<void>;
}

/** Opens the place of a target's runner. */
export async function openPlace(runner: Runner): Promise<Place> {
  switch (runner.kind) {
    case 'host':
      return new Here([], runner);
    case 'command':
      return new Here(isDirect(runner) ? [] : (runner.command ?? []), runner);
    case 'ssh':
      return DistantPlace.open(sshLink(runner));
    case 'adb':
      return DistantPlace.open(adbLink(runner));
    case 'qemu-system':
      return fail('internal', 'images without an operating system know no command lines');
    case 'none':
      if (isDirect(runner)) return new Here([], runner);
      return fail('unsupported', 'executables of this target cannot be run from here', {
        remedy: 'copy the executable to such a machine and run it there, or name a runner with --runner',
      });
  }
}

function isDirect({ directOn }: Runner): boolean {
  return directOn === `${platform()}-${arch()}`;
}

/** Fails where a shell tried to read the program of another machine as its script, which systems do that cannot start it. */
function checkRead(path: string, stderr: string): void {
  if (!stderr.startsWith(`${path}: `) || !/: (syntax error|not found)/i.test(stderr)) return;
  fail('bad-option', 'is no program of this machine', {
    where: { file: path },
    remedy: 'name the target it was compiled for with --target, or another --runner',
  });
}

/** This machine: every path is what it is. */
class Here implements Place {
  constructor(
    private readonly command: readonly string[],
    private readonly runner: Runner,
  ) {}

  async give(file: string): Promise<string> {
    return resolve(file);
  }

  expect(file: string): string {
    return resolve(file);
  }

  async run(executable: string, args: readonly string[]): Promise<Ending> {
    const path = resolve(executable);
    const [program = path, ...before] = [...this.command, path];
    const ending = await runProgram(program, [...before, ...args], this.runner.package);
    if (this.command.length === 0 && ending.exitCode !== 0) checkRead(path, ending.stderr);
    return ending;
  }

  async fetch(): Promise<void> {}

  async close(): Promise<void> {}
}

/** How a distant machine is spoken to. */
interface Link {
  readonly name: string;
  /** Package that brings the client. */
  readonly package: string;
  /** Runs a line of its shell. */
  shell(line: string): readonly [program: string, ...args: string[]];
  push(from: string, to: string): readonly [program: string, ...args: string[]];
  pull(from: string, to: string): readonly [program: string, ...args: string[]];
  readonly makeFolder: string;
}

function sshLink({ device }: Runner): Link {
  const host = device ?? fail('bad-option', 'the runner ssh needs a host', { expected: 'ssh:user@host' });
  if (host.startsWith('-')) return fail('bad-option', `${host} is no host`, { expected: 'ssh:user@host' });
  return {
    name: host,
    package: 'openssh-client',
    shell: (line) => ['ssh', '-o', 'BatchMode=yes', host, line],
    push: (from, to) => ['scp', '-q', '-B', '-r', from, `${host}:${to}`],
    pull: (from, to) => ['scp', '-q', '-B', '-r', `${host}:${from}`, to],
    makeFolder: 'mktemp -d /tmp/cortado-XXXXXX',
  };
}

function adbLink({ device }: Runner): Link {
  const select = device === undefined ? [] : ['-s', device];
  return {
    name: device ?? 'the Android device',
    package: 'adb',
    shell: (line) => ['adb', ...select, 'shell', line],
    push: (from, to) => ['adb', ...select, 'push', from, to],
    pull: (from, to) => ['adb', ...select, 'pull', from, to],
    makeFolder: 'mktemp -d /data/local/tmp/cortado-XXXXXX',
  };
}

/** A machine that files must be copied to and from; everything lies in one folder there. */
class DistantPlace implements Place {
  private readonly expected = new Map<string, string>();
  private names = 0;

  private constructor(
    private readonly link: Link,
    private readonly folder: string,
  ) {}

  static async open(link: Link): Promise<DistantPlace> {
    const { stdout } = await demand(link, link.shell(link.makeFolder));
    const folder = stdout.trim().split('\n').at(-1) ?? '';
    if (!/^\/[\w./-]+$/.test(folder)) fail('toolchain', `${link.name} made no folder for the run`, { got: stdout });
    return new DistantPlace(link, folder);
  }

  async give(file: string): Promise<string> {
    await stat(file).catch(() => fail('bad-option', 'no such file', { where: { file } }));
    return this.push(file, this.nameFor(file));
  }

  expect(file: string): string {
    const there = `${this.folder}/${this.nameFor(file)}`;
    this.expected.set(resolve(file), there);
    return there;
  }

  async run(executable: string, args: readonly string[]): Promise<Ending> {
    const name = basename(executable);
    const program = await this.push(executable, name);
    // An executable whose weights are outside looks for them beside itself.
    const weights = `${executable}.weights`;
    if (existsSync(weights)) await this.push(weights, `${name}.weights`);
    const line = [program, ...args].map(quoted).join(' ');
    const [client, ...rest] = this.link.shell(`chmod 755 ${quoted(program)} && ${line}`);
    return { ...(await runProgram(client, rest, this.link.package)), program: name };
  }

  async fetch(): Promise<void> {
    for (const [path, there] of this.expected) await demand(this.link, this.link.pull(there, path));
  }

  async close(): Promise<void> {
    await demand(this.link, this.link.shell(`rm -rf ${quoted(this.folder)}`));
  }

  private async push(file: string, name: string): Promise<string> {
    const there = `${this.folder}/${name}`;
    await demand(this.link, this.link.push(resolve(file), there));
    return there;
  }

  /** Unlike any other in the folder, with the file's own ending. */
  private nameFor(file: string): string {
    return `${this.names++}-${basename(file).replaceAll(/[^\w.-]/g, '_')}`;
  }
}

/** A word of the distant shell. */
function quoted(word: string): string {
  return /^[\w./:=,@+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

async function demand(link: Link, [program, ...args]: readonly [string, ...string[]]): Promise<Ending> {
  const ending = await runProgram(program, args, link.package);
  if (ending.exitCode === 0) return ending;
  return fail('toolchain', `${link.name}: ${program} ${args[0] ?? ''} failed`, {
    got: ending.stderr.trim() === '' ? `exit code ${ending.exitCode}` : ending.stderr.trim(),
  });
}

async function runProgram(program: string, args: readonly string[], packageName?: string): Promise<Ending> {
  const result = await execa(program, [...args], { reject: false, stdin: 'ignore' });
  const { exitCode, signal } = result;
  if (exitCode === undefined && signal === undefined) {
    const isMissing = 'code' in result && result.code === 'ENOENT';
    return fail('toolchain', `${program} could not be started`, {
      got: isMissing ? 'no such program' : (result.shortMessage ?? 'unknown'),
      ...(packageName === undefined ? {} : { remedy: `install it: ${installCommands([packageName])}` }),
    });
  }
  return { program, exitCode, signal, stdout: result.stdout, stderr: result.stderr };
}
