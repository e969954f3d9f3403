// The version of the compiler, from package.json.

import { readFileSync } from 'node:fs';
import { packageRoot } from './package-root.js';

const manifest = JSON.parse(readFileSync(new URL('package.json', packageRoot), 'utf8')) as { readonly version: string };

export const kVersion: string = manifest.version;
