// npm run check: types, format and lint, stale generated documents. Layers are a test (test/layers.test.ts).

import { join } from 'node:path';
import { prepare, root, run } from './prepare.mjs';

prepare();
const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
const steps = [
  ['types', process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json', '--noEmit']],
  ['format and lint', process.execPath, [biome, 'check', '--error-on-warnings', '--diagnostic-level=warn']],
  ['documents', process.execPath, [join(root, 'scripts', 'docs.mjs'), '--check']],
];
let failed = 0;
for (const [name, program, args] of steps) {
  const status = run(program, args);
  if (status !== 0) {
    console.error(`check failed: ${name}`);
    failed += 1;
  }
}
process.exit(failed === 0 ? 0 : 1);
