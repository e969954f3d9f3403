// What a net takes on a machine without an operating system: an image is built and measured, and thrown away.

import { tmpdir } from 'node:os';
import type { ImageSizes } from './build/bare-image.js';
import { kBareSystem } from './build/bare-target.js';
import { loadTarget } from './build/target.js';
import { makeTempFolder, removeTempFolder } from './build/temp-folders.js';
import { hasToolchain } from './build/toolchain.js';
import { type CompileOptions, compile, type ImportedNet } from './compile.js';

/** Sizes of the image; undefined for other targets, and where the compiler is not installed. */
export async function measureImage(
  options: CompileOptions & { readonly cacheFolder?: string },
  known?: ImportedNet,
): Promise<ImageSizes | undefined> {
  const target = loadTarget(options.target ?? 'native');
  if (target.system !== kBareSystem || !(await hasToolchain(target))) return undefined;
  const outputFolder = await makeTempFolder(tmpdir(), 'cortado-image-');
  try {
    const { build } = await compile({ ...options, outputFolder, emit: ['executable'] }, known);
    return build.image;
  } finally {
    await removeTempFolder(outputFolder);
  }
}
