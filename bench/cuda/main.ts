// Everything that needs a GPU: values in every precision, the operator corpus, recorded nets, compute-sanitizer, the benchmark
// against PyTorch. Works through steps of at most ten minutes, adds each one's result to the report as soon as it is there, and skips
// what the report already has: run it again to go on. `--minutes` ends early. Says `skipped: no GPU` where there is none.
// `--dry` runs the steps without one, for the emulated target. `--pack` compiles what the first minutes on a GPU need, for a machine that
// has neither Node.js nor nvcc (pack.ts).

import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../src/package-root.js';
import { gpuNames } from '../../test/support/gpu.js';
import { readArguments, runScript } from '../../test/support/script.js';
import { pack } from './pack.js';
import { type GpuStep, gpuSteps } from './steps.js';

const kUsage = `usage: npm run gpu -- [--shared DIR] [--target T] [--only PART[,PART]] [--minutes N] [--report FILE] [--again]
       [--list] [--pack DIR [--size N]] [--dry]`;

const kStepMs = 590_000;
const kRoot = fileURLToPath(packageRoot);

const { values } = readArguments(kUsage, {
  options: {
    shared: { type: 'string', default: '../shared' },
    target: { type: 'string' },
    only: { type: 'string' },
    minutes: { type: 'string', default: '1000' },
    report: { type: 'string', default: 'gpu-report.md' },
    again: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    pack: { type: 'string' },
    size: { type: 'string' },
    dry: { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  if (values.pack !== undefined) {
    await pack({
      folder: values.pack,
      target: values.target ?? 'cuda-sm90',
      only: values.only?.split(','),
      ...(values.size === undefined ? {} : { size: Number(values.size) }),
    });
    return 0;
  }
  const shared = existsSync(`${values.shared}/golden`) ? values.shared : undefined;
  const nets = shared === undefined ? [] : readdirSync(`${shared}/golden/nets`).sort();
  const steps = gpuSteps({
    shared,
    nets,
    target: values.target ?? (values.dry ? 'cuda-emulated' : bestTarget()),
  }).filter(isWanted);
  if (values.list) {
    for (const step of steps) console.log(`${step.name}: node ${step.args.join(' ')}`);
    return 0;
  }
  const gpus = values.dry ? ['no GPU: the emulated one'] : gpuNames();
  if (gpus.length === 0) {
    console.log('skipped: no GPU');
    return 0;
  }
  if (shared === undefined) console.log(`${values.shared}/golden is not there: corpus and recorded nets are left out`);
  if (values.again || !existsSync(values.report)) writeFileSync(values.report, `# On ${gpus.join(', ')}\n`);
  const end = Date.now() + 60_000 * Number(values.minutes);
  let failed = 0;
  for (const step of steps) {
    if (readFileSync(values.report, 'utf8').includes(`\n## ${step.name}:`)) continue;
    if (Date.now() > end) break;
    if (!runStep(step)) failed++;
  }
  console.log(`${failed} steps failed; see ${values.report}`);
  return failed === 0 ? 0 : 1;
}

function isWanted({ name }: GpuStep): boolean {
  return values.only === undefined || values.only.split(',').some((part) => name.startsWith(part));
}

/** The newest target that the GPU runs natively. */
function bestTarget(): string {
  const asked = spawnSync('nvidia-smi', ['--query-gpu=compute_cap', '--format=csv,noheader'], { encoding: 'utf8' });
  return Number.parseFloat(asked.stdout || '8.0') >= 9 ? 'cuda-sm90' : 'cuda-sm80';
}

/** Runs the step and notes what it printed; false when it failed. */
function runStep(step: GpuStep): boolean {
  const begin = Date.now();
  const result = spawnSync(process.execPath, [...step.args], {
    cwd: kRoot,
    encoding: 'utf8',
    timeout: kStepMs,
    maxBuffer: 1 << 28,
  });
  const seconds = ((Date.now() - begin) / 1000).toFixed(0);
  const verdict =
    result.status === 0 ? 'ok' : result.error === undefined ? `FAILED (${result.status})` : 'FAILED (too slow)';
  const text = `${result.stdout}${result.stderr}`.trimEnd();
  appendFileSync(
    values.report,
    `\n## ${step.name}: ${step.title}: ${verdict}, ${seconds} s\n\n\`\`\`\n${text}\n\`\`\`\n`,
  );
  console.log(`${verdict.padEnd(8)} ${step.name} (${seconds} s)`);
  return result.status === 0;
}

await runScript(main);
