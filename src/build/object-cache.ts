// A content-addressed cache of object files: compiler, flags, source and headers decide the name. Safe to delete; written
// atomically, so several compilers may share it; each entry ends in its own hash, so a damaged one is compiled again.

import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
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

const kHashBytes = 32;

function hashOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

export class ObjectCache {
  constructor(private readonly folder: string | undefined) {}

  /** Copies the cached object to `target`; false when there is no sound one. */
  async fetch(key: string, target: string): Promise<boolean> {
    if (this.folder === undefined) return false;
    const entry = await readFile(this.pathOf(key)).catch(() => undefined);
    if (entry === undefined || entry.length < kHashBytes) return false;
    const object = entry.subarray(0, -kHashBytes);
    if (!entry.subarray(-kHashBytes).equals(hashOf(object))) return false;
    await writeFile(target, object);
    return true;
  }

  /** Keeps an object; a cache that cannot be written is no error. */
  async keep(key: string, object: string): Promise<void> {
    if (this.folder === undefined) return;
    const file = this.pathOf(key);
    const draft = `${file}.${process.pid}.tmp`;
    try {
      await mkdir(join(file, '..'), { recursive: true });
      const bytes = await readFile(object);
      await writeFile(draft, Buffer.concat([bytes, hashOf(bytes)]));
      await rename(draft, file);
    } catch {
      await rm(draft, { force: true }).catch(() => undefined);
    }
  }

  private pathOf(key: string): string {
    return join(this.folder ?? '', 'objects', key.slice(0, 2), `${key}.object`);
  }
}
