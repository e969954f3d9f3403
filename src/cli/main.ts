// The command line: commander declares it, src/cli/*-command.ts run it, everything that is thrown ends here in a line per
// problem and an exit code. 0: fine; 1: the model, the toolchain or a comparison failed; 2: wrong usage.

import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { removeAllTempFolders, watchTempFolders } from '../build/temp-folders.js';
import { kVersion } from '../version.js';
import { addCompileCommand } from './compile-command.js';
import { addInspectCommand } from './inspect-command.js';
import { addOpsCommand, addTargetsCommand } from './ops-command.js';
import { reportError } from './report-problems.js';
import { addRunCommand } from './run-command.js';
import { addTuneCommand } from './tune-command.js';
import { addVerifyCommand } from './verify-command.js';

/** Runs one command and sets the exit code of the process. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  cleanUpOnSignals();
  process.stdout.on('error', endOnClosedPipe);
  const program = new Command('cortado')
    .description('Compiles Caffe2 nets ahead of time: predict_net + init_net in; an executable, a library or C++ out.')
    .version(kVersion)
    .showHelpAfterError('(--help lists commands and options)')
    .addHelpText('after', kExamples);
  for (const add of [
    addCompileCommand,
    addRunCommand,
    addVerifyCommand,
    addInspectCommand,
    addTuneCommand,
    addOpsCommand,
    addTargetsCommand,
  ]) {
    add(program);
  }
  program.exitOverride();
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : reportError(error);
  }
}

const kExamples = `
Examples:
  cortado compile predict_net.pb --init init_net.pb -o out     an executable, out/<net>
  cortado run predict_net.pb --init init_net.pb --random       compile and try it
  cortado verify predict_net.pb --init init_net.pb             compare it with the reference
  cortado compile --help                                       the options of a command`;

const kSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const kSignalNumbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/** Handlers exist only while there is something to remove, so that Ctrl-C ends long computations at once. */
function cleanUpOnSignals(): void {
  const handler = (signal: keyof typeof kSignalNumbers): void => {
    removeAllTempFolders();
    process.exit(128 + kSignalNumbers[signal]);
  };
  let isArmed = false;
  watchTempFolders((count) => {
    if (count > 0 === isArmed) return;
    isArmed = count > 0;
    for (const signal of kSignals) {
      if (isArmed) process.on(signal, handler);
      else process.off(signal, handler);
    }
  });
}

/** `cortado ops | head` ends quietly. */
function endOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
}
