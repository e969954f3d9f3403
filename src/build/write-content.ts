// Writes the content of a file, which may be text or bytes in pieces.

import { createWriteStream, mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { FileContent } from '../emit/package-files.js';

/** Writes a file in pieces. */
export async function writeContent(file: string, content: FileContent): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
  if (typeof content === 'string') await writeFile(file, content);
  else await pipeline(content, createWriteStream(file));
}
