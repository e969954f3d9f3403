// What the developer's scripts share: their command lines, and errors without a stack trace.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { CompileError } from '../../src/errors.js';

/** What the script was given. `--help` prints its usage and ends it with 0; a wrong option prints both and ends it with 2. */
export function readArguments<T extends ParseArgsConfig>(usage: string, config: T): ReturnType<typeof parseArgs<T>> {
  if (process.argv.slice(2).includes('--help')) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    const [message] = (error instanceof Error ? error.message : String(error)).split('. ');
    console.error(message);
    endWithUsage(usage);
  }
}

export function endWithUsage(usage: string): never {
  console.error(usage);
  process.exit(2);
}

/** Runs a script that gives its exit status. Problems and files that are not there are told in words; other errors are bugs. */
export async function runScript(main: () => number | Promise<number>): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof CompileError) && !isSystemError(error)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}

/** An error of the operating system: its message names the file. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}
