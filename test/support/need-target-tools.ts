// Skips tests of a target whose compiler or emulator is not installed, with the reason.

import type Mocha from 'mocha';
import { loadTarget } from '../../src/build/target.js';
import { findToolchain } from '../../src/build/toolchain.js';
import { isInstalled } from '../build/places.js';
import { skipBecause } from './skip.js';

/** Goes on only if this machine can compile for the target and run the result. */
export async function needTargetTools(context: Mocha.Context, name: string): Promise<void> {
  const { toolchains, runner, ...target } = loadTarget(name);
  const found = await findToolchain({ ...target, toolchains, runner }).catch(() => undefined);
  if (found === undefined) skipBecause(context, `${toolchains[0]?.package ?? 'a compiler'} is not installed`);
  const [emulator] = runner.kind === 'qemu-system' ? ['qemu-system-arm'] : (runner.command ?? []);
  if (emulator !== undefined && !isInstalled(emulator)) {
    skipBecause(context, `${runner.package ?? emulator} is not installed`);
  }
}
