// Linking an image for a machine without an operating system, and what it takes of the memory, read from the image.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../errors.js';
import { readElf } from './elf.js';
import { type FoundToolchain, runTool, type ToolPlace } from './toolchain.js';

export interface ImageSizes {
  /** Instructions, constants, vectors, initial values of variables; without weights. */
  readonly codeBytes: number;
  readonly weightBytes: number;
  /** Code and weights: all that must be programmed. */
  readonly flashBytes: number;
  /** Variables, the model's state among them. */
  readonly dataBytes: number;
  readonly stackBytes: number;
  readonly arenaBytes: number;
  /** Buffers of the inputs. */
  readonly ioBytes: number;
}

/** Links the objects with the generated linker script; nothing but libgcc is added. */
export async function linkImage(
  objects: readonly string[],
  output: string,
  toolchain: FoundToolchain,
  place: ToolPlace,
): Promise<ImageSizes> {
  const link = [
    '-nostdlib',
    '-nostartfiles',
    '-Wl,--gc-sections',
    '-Wl,--no-warn-rwx-segments',
    '-T',
    join('bare', 'link.ld'),
  ];
  const flags = [...(toolchain.commonFlags ?? []), ...(toolchain.linkFlags ?? [])];
  await runTool(toolchain.cc, [...flags, ...link, ...objects, '-lgcc', '-o', output], place).catch(explainLink);
  return imageSizes(output);
}

/** What the linker misses is the C library's. */
function explainLink(error: unknown): never {
  const text = error instanceof Error ? error.message : '';
  const missing = [...new Set([...text.matchAll(/undefined reference to [`']([^`']+)'/g)].map(([, name]) => name))];
  if (missing.length === 0) throw error;
  return fail('unsupported', `the net calls ${missing.join(', ')}, which an image without a C library does not have`, {
    remedy: 'use --emit library or source, and link it with a C library',
  });
}

/** Fails when the image exceeds its budget of flash. */
export function checkFlash(
  { codeBytes, weightBytes, flashBytes }: ImageSizes,
  { maxFlashBytes, largestWeights = '' }: { readonly maxFlashBytes?: number; readonly largestWeights?: string },
): void {
  if (maxFlashBytes === undefined || flashBytes <= maxFlashBytes) return;
  fail('mismatch', 'the image exceeds its budget of flash', {
    expected: `at most ${maxFlashBytes} bytes`,
    got:
      `${flashBytes} bytes, ${flashBytes - maxFlashBytes} too many: code ${codeBytes}, weights ${weightBytes}` +
      ` (${largestWeights})`,
    remedy: 'raise --max-flash, or use a smaller net',
  });
}

/** Sizes of the sections that the linker script makes. */
export function imageSizes(file: string): ImageSizes {
  const { sections } = readElf(readFileSync(file), file);
  const bytesOf = (...names: readonly string[]): number =>
    sections
      .filter(({ name }) => names.some((own) => name === own || name.startsWith(`${own}.`)))
      .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const codeBytes = bytesOf('.code', '.data');
  const weightBytes = bytesOf('.weights');
  return {
    codeBytes,
    weightBytes,
    flashBytes: codeBytes + weightBytes,
    dataBytes: bytesOf('.data', '.zero'),
    stackBytes: bytesOf('.stack'),
    arenaBytes: bytesOf('.arena'),
    ioBytes: bytesOf('.io'),
  };
}
