// The object cache gives back what was put in, or nothing.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheKey, ObjectCache } from '../../src/build/object-cache.js';

describe('object cache', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cortado-cache-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const [object, copy] = [join(folder, 'a.o'), join(folder, 'b.o')];
  const key = cacheKey(['source', 'flags']);
  const cache = new ObjectCache(join(folder, 'cache'));

  /** The one entry's file. */
  function entry(): string {
    const [name = ''] = readdirSync(join(folder, 'cache'), { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.includes(key),
    );
    return join(folder, 'cache', name);
  }

  it('gives nothing before, the same bytes after', async () => {
    writeFileSync(object, 'machine code');
    assert.equal(await cache.fetch(key, copy), false);
    await cache.keep(key, object);
    assert.equal(await cache.fetch(key, copy), true);
    assert.equal(readFileSync(copy, 'utf8'), 'machine code');
    assert.equal(await cache.fetch(cacheKey(['source', 'other']), copy), false);
  });

  const damages: readonly (readonly [string, (sound: Buffer) => Uint8Array])[] = [
    ['empty', () => Buffer.alloc(0)],
    ['truncated', (sound) => sound.subarray(0, sound.length - 5)],
    ['changed', (sound) => Buffer.concat([Buffer.from('X'), sound.subarray(1)])],
    ['zeroed', (sound) => Buffer.alloc(sound.length)],
  ];
  for (const [name, damage] of damages) {
    it(`an entry that is ${name} counts as absent and is replaced`, async () => {
      writeFileSync(entry(), damage(readFileSync(entry())));
      assert.equal(await cache.fetch(key, copy), false);
      await cache.keep(key, object);
      assert.equal(await cache.fetch(key, copy), true);
    });
  }

  it('a folder in the place of an entry, or a file in the place of the cache, does no harm', async () => {
    const file = entry();
    rmSync(file);
    mkdirSync(file);
    assert.equal(await cache.fetch(key, copy), false);
    await cache.keep(key, object);
    const blocked = new ObjectCache(object);
    assert.equal(await blocked.fetch(key, copy), false);
    await blocked.keep(key, object);
  });
});
