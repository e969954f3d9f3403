// Skipping with a reason: what a test needs and this machine lacks.

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Mocha from 'mocha';
import { packageRoot } from '../../src/package-root.js';

/** The folder of `npm test`: where its processes gather the reasons, one a line. */
const kFolder = process.env.CORTADO_TEST_FOLDER;
const kGathered = kFolder === undefined ? undefined : join(kFolder, 'skipped');

/** Skips the running test or suite and records why. */
export function skipBecause(context: Mocha.Context, reason: string): never {
  if (kGathered !== undefined) appendFileSync(kGathered, `${reason}\n`);
  return context.skip();
}

/** What has been recorded, in order. */
export function skipReasons(): readonly string[] {
  if (kGathered === undefined || !existsSync(kGathered)) return [];
  return readFileSync(kGathered, 'utf8').split('\n').slice(0, -1);
}

/** The shared data beside the checkout; undefined where there is none (a user's clone). */
export function sharedFolder(): string | undefined {
  const folder = fileURLToPath(new URL('../shared/', packageRoot));
  return existsSync(folder) ? folder : undefined;
}
