// --runner: where executables run, in place of the target's own way.

import type { Command } from 'commander';
import type { Runner } from '../build/target.js';
import { fail } from '../errors.js';

export interface RunnerFlags {
  readonly runner?: string;
}

const kForms = 'host, ssh:user@host, adb, adb:SERIAL, or a command such as "qemu-aarch64 -cpu cortex-a53"';

export function addRunnerOption(command: Command): Command {
  return command.option('--runner <how>', `where the executable runs (default: the target's): ${kForms}`);
}

/** The runner that the option names, or the target's own. */
export function runnerOf({ runner }: RunnerFlags, own: Runner): Runner {
  if (runner === undefined) return own;
  const [kind = '', device] = split(runner.trim());
  if (kind === 'host' && device === undefined) return { kind };
  if (kind === 'ssh' && device !== undefined) return { kind, device };
  if (kind === 'adb') return device === undefined ? { kind } : { kind, device };
  const command = runner.split(/\s+/).filter((word) => word !== '');
  if (command.length === 0 || kind === 'ssh' || kind === 'host') {
    return fail('bad-option', `--runner ${runner} names no runner`, { expected: kForms });
  }
  return { kind: 'command', command };
}

/** `ssh:me@board` in two; a second colon belongs to the device. */
function split(text: string): readonly [string, string?] {
  const colon = text.indexOf(':');
  if (colon < 0) return [text];
  const device = text.slice(colon + 1);
  return device === '' ? [text.slice(0, colon)] : [text.slice(0, colon), device];
}
