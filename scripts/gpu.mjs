// npm run gpu: makes a fresh clone usable, then does everything that needs a GPU (bench/cuda/main.ts tells the options).

import { join } from 'node:path';
import { prepare, root, run } from './prepare.mjs';

prepare();
process.exit(run(process.execPath, [join(root, 'dist', 'bench', 'cuda', 'main.js'), ...process.argv.slice(2)]));
