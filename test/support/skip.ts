// Skipping with a reason: what a test needs and this machine lacks.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type Mocha from 'mocha';
import { packageRoot } from '../../src/package-root.js';

const reasons: string[] = [];

/** Skips the running test or suite and remembers why. */
export function skipBecause(context: Mocha.Context, reason: string): never {
  reasons.push(reason);
  return context.skip();
}

export function skipReasons(): readonly string[] {
  return reasons;
}

/** The shared data beside the checkout; undefined where there is none (a user's clone). */
export function sharedFolder(): string | undefined {
  const folder = fileURLToPath(new URL('../shared/', packageRoot));
  return existsSync(folder) ? folder : undefined;
}
