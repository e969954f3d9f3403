// Temporary folders and half-written output folders, all in one list, so that whoever handles Ctrl-C can remove them.
// Nothing here listens for signals; src/cli does while the list is not empty.

import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const listed = new Set<string>();
let notify: (count: number) => void = () => undefined;

/** Calls `listener` with the number of listed folders whenever it changes. */
export function watchTempFolders(listener: (count: number) => void): void {
  notify = listener;
}

/**
 * A fresh folder `<parent>/<prefix>XXXXXX`, as an absolute path: tools run in other folders. Whoever handles signals is told
 * before it is made and finds it listed afterwards: none comes between.
 */
export async function makeTempFolder(parent: string, prefix: string): Promise<string> {
  notify(listed.size + 1);
  try {
    const folder = mkdtempSync(join(resolve(parent), prefix));
    listed.add(folder);
    return folder;
  } finally {
    notify(listed.size);
  }
}

/** Lists a folder that must go unless it is released. */
export function listTempFolder(folder: string): void {
  listed.add(folder);
  notify(listed.size);
}

/** The folder stays. */
export function keepFolder(folder: string): void {
  listed.delete(folder);
  notify(listed.size);
}

/** Removes a folder; a compiler that still writes into it is waited for a little. */
export async function removeTempFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  keepFolder(folder);
}

/** Removes all of them at once, for the end of the process. */
export function removeAllTempFolders(): void {
  for (const folder of listed) rmSync(folder, { recursive: true, force: true });
  listed.clear();
}
