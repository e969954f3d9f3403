// Skips tests of a target whose compiler, emulator or CPU is missing, with the reason.

import type Mocha from 'mocha';
import { loadTarget, type Target } from '../../src/build/target.js';
import { findToolchain } from '../../src/build/toolchain.js';
import { problemsOf } from '../../src/errors.js';
import type { Precision } from '../../src/ops/kernel-call.js';
import { isInstalled } from '../build/places.js';
import { skipBecause } from './skip.js';

export interface Needs {
  readonly precision?: Precision;
  /** The result is run, too; true by default. */
  readonly runs?: boolean;
}

/** Goes on only if this machine can compile for the target and, where that is needed, run the result. */
export async function needTargetTools(context: Mocha.Context, name: string, needs: Needs = {}): Promise<void> {
  const { precision = 'fp32', runs = true } = needs;
  const { toolchains, runner, ...target } = nativeOrNamed(context, name, precision);
  const found = await findToolchain({ ...target, toolchains, runner }).catch(() => undefined);
  if (found === undefined) skipBecause(context, `${toolchains[0]?.package ?? 'a compiler'} is not installed`);
  const [emulator] = runner.kind === 'qemu-system' ? ['qemu-system-arm'] : (runner.command ?? []);
  if (runs && emulator !== undefined && !isInstalled(emulator)) {
    skipBecause(context, `${runner.package ?? emulator} is not installed`);
  }
}

/** `native` may have no target for the precision on this CPU: that is a reason to skip, an unknown name is not. */
function nativeOrNamed(context: Mocha.Context, name: string, precision: Precision): Target {
  if (name !== 'native') return loadTarget(name, precision);
  try {
    return loadTarget(name, precision);
  } catch (error) {
    const [problem] = problemsOf(error);
    return skipBecause(context, `${problem?.message ?? error}; ${problem?.expected ?? ''}`);
  }
}
