// A content-addressed cache of object files: compiler, flags, source and headers decide the name. Safe to delete; written
// atomically, so several compilers may share it.

import { createHash } from 'node:crypto';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** $XDG_CACHE_HOME/cortado, or ~/.cache/cortado. */
export function defaultCacheFolder(environment: Readonly<Record<string, string | undefined>>): string {
  const base = environment.XDG_CACHE_HOME;
  return join(base !== undefined && base !== '' ? base : join(homedir(), '.cache'), 'cortado');
}

export function cacheKey(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('hex');
}

export class ObjectCache {
  constructor(private readonly folder: string | undefined) {}

  /** Copies the cached object to `target`; false when there is none. */
  async fetch(key: string, target: string): Promise<boolean> {
    if (this.folder === undefined) return false;
    const file = this.pathOf(key);
    if ((await stat(file).catch(() => undefined)) === undefined) return false;
    await copyFile(file, target);
    return true;
  }

  /** Keeps an object; a cache that cannot be written is no error. */
  async keep(key: string, object: string): Promise<void> {
    if (this.folder === undefined) return;
    const file = this.pathOf(key);
    const draft = `${file}.${process.pid}.tmp`;
    try {
      await mkdir(join(file, '..'), { recursive: true });
      await copyFile(object, draft);
      await rename(draft, file);
    } catch {
      await rm(draft, { force: true }).catch(() => undefined);
    }
  }

  private pathOf(key: string): string {
    return join(this.folder ?? '', 'objects', key.slice(0, 2), `${key}.o`);
  }
}
