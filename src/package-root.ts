// The folder of this package as a file: URL: templates, runtime and targets are found below it, wherever it is installed.

import { existsSync } from 'node:fs';

/** Ends with a slash. From dist/src two levels up, from a bundle one. */
export const packageRoot: URL =
  ['../../', '../', './']
    .map((up) => new URL(up, import.meta.url))
    .find((folder) => existsSync(new URL('package.json', folder))) ?? new URL('../../', import.meta.url);
