// cortado verify: the compiled net against the reference interpreter, or against recorded outputs.

import process from 'node:process';
import type { Command } from 'commander';
import { formatProblem } from '../errors.js';
import { readNpy } from '../files/npy.js';
import { formatError, formatTable } from '../format.js';
import type { Graph } from '../ir/graph.js';
import type { Tensor } from '../ir/tensor.js';
import { readTensorFile } from '../run/tensor-file.js';
import { type VariantReport, type VerifyReport, verifyNet } from '../verify/verify-net.js';
import {
  addModelOptions,
  cacheFolder,
  kCompiling,
  kRunning,
  listOption,
  type ModelFlags,
  modelOptions,
  parseCount,
  parseNumber,
  parsePositive,
} from './model-options.js';
import { addPixelOptions, type PixelFlags, pixelOptions } from './pixel-options.js';
import { Progress } from './progress.js';
import { reportWarnings } from './report-problems.js';
import { addRunnerOption, type RunnerFlags, runnerOf } from './runner-option.js';
import { assignFiles, splitInputs } from './tensor-arguments.js';

interface VerifyFlags extends ModelFlags, PixelFlags, RunnerFlags {
  readonly expect: readonly string[];
  readonly seed: number;
  readonly rtol?: number;
  readonly atol?: number;
  readonly layers?: boolean;
  readonly varied?: number;
  readonly scaleAtol: boolean;
  readonly optimizedOnly?: boolean;
  readonly json?: boolean;
}

export function addVerifyCommand(program: Command): void {
  const command = program
    .command('verify')
    .description('compare the compiled net, optimized and not, with the reference interpreter or recorded outputs')
    .argument('<predict_net>', 'NetDef (binary or text) or exported predictor')
    .addHelpText(
      'after',
      '\nInputs that are not given as --input data=FILE are made from the seed; --input data:1,3,64,64 chooses smaller sizes.',
    );
  addRunnerOption(addPixelOptions(addModelOptions(command, { ...kCompiling, input: kRunning.input })))
    .addOption(listOption('--expect <blob=file.npy>', 'a recorded output; without any, the interpreter computes them'))
    .option('--seed <n>', 'seed of inputs that are not given', parseCount, 1)
    .option('--rtol <r>', 'relative tolerance (default: 1e-4; 1e-2 for tf32 and fp16, 3e-2 for bf16)', parseNumber)
    .option(
      '--atol <a>',
      'absolute tolerance (default: 1e-5; 3e-3 for tf32 and fp16, 1e-2 for fp16 on CPUs, 3e-2 for bf16)',
      parseNumber,
    )
    .option('--layers', 'the error of every layer that a traced build tells of')
    .option(
      '--varied <n>',
      'of another --precision than fp32: on so many made-up inputs, how often is the largest output the same',
      parsePositive,
    )
    .option('--no-scale-atol', 'the absolute tolerance as it is, not as a share of the largest expected value')
    .option('--optimized-only', 'do not verify the unoptimized build as well')
    .option('--json', 'print the report as JSON')
    .action(runVerify);
}

async function runVerify(predictNet: string, flags: VerifyFlags): Promise<void> {
  const inputs = splitInputs(flags.input);
  const progress = new Progress();
  const pixels = pixelOptions(flags);
  const readInputs = (graph: Graph): ReadonlyMap<string, Tensor> => {
    const slots = graph.inputs.map(({ value, optional }) => ({ name: value.name, type: value.type, optional }));
    const files = assignFiles('--input', inputs.files, slots);
    return new Map(
      slots.flatMap(({ name, type }) => {
        const file = files.get(name);
        return file === undefined ? [] : [[name, readTensorFile(file, name, type, pixels)] as const];
      }),
    );
  };
  const expected = readExpected(flags.expect);
  const report = await verifyNet({
    ...modelOptions(predictNet, { ...flags, input: inputs.others, output: [...flags.output, ...expected.keys()] }),
    ...cacheFolder(flags),
    inputTensors: readInputs,
    seed: flags.seed,
    tolerance: {
      ...(flags.rtol === undefined ? {} : { rtol: flags.rtol }),
      ...(flags.atol === undefined ? {} : { atol: flags.atol }),
      scaleAtol: flags.scaleAtol,
    },
    layers: flags.layers === true,
    ...(flags.varied === undefined ? {} : { variedInputs: flags.varied }),
    ...(expected.size === 0 ? {} : { expected }),
    variants: flags.optimize ? (flags.optimizedOnly === true ? ['optimized'] : ['optimized', 'plain']) : ['plain'],
    runner: (own) => runnerOf(flags, own),
    onProgress: progress.report,
  }).finally(() => progress.end());
  reportWarnings(report.warnings);
  console.log(flags.json === true ? reportJson(report) : reportText(report));
  if (!report.pass) process.exitCode = 1;
}

function readExpected(values: readonly string[]): ReadonlyMap<string, Tensor> {
  const { files } = splitInputs(values);
  return new Map(
    files.map(({ name, file }) => {
      const tensor = readNpy(file);
      return [name ?? '', tensor] as const;
    }),
  );
}

/** JSON has no infinity: errors of incomparable tensors are null. */
function reportJson(report: VerifyReport): string {
  return JSON.stringify({ ...report, warnings: report.warnings.map(formatProblem) }, undefined, 2);
}

function reportText(report: VerifyReport): string {
  const what = report.reference === 'interpreter' ? 'the reference interpreter' : 'recorded outputs';
  const rows = report.variants.flatMap(({ variant, tensors }) =>
    tensors.map(({ name, pass, maxAbs, maxRel, badCount, count }) => [
      pass ? 'pass' : 'FAIL',
      variant,
      name,
      formatError(maxAbs),
      formatError(maxRel),
      `${badCount}/${count}`,
    ]),
  );
  const table = formatTable([['', 'build', 'tensor', 'max abs', 'max rel', 'bad'], ...rows], [3, 4, 5]);
  const layers = report.variants.flatMap(layerLines);
  const faults = report.variants.filter(({ pass }) => !pass).flatMap(faultLines);
  const verdict = report.pass ? 'verified' : 'NOT verified';
  const agreement = (report.agreement ?? []).map(({ name, same, rows, distinct }) => {
    return `${name}: largest where fp32 has it in ${same} of ${rows} rows (${distinct} different places)`;
  });
  return [
    table,
    ...layers,
    ...agreement,
    ...faults,
    `${verdict}: ${report.net} for ${report.target} against ${what}`,
  ].join('\n');
}

/** Errors as shares of each layer's largest value, in order of execution. */
function layerLines({ variant, layers = [] }: VariantReport): readonly string[] {
  if (layers.length === 0) return [];
  const rows = layers.map(({ opIndex, opType, op, comparison }) => [
    comparison.pass ? '' : 'FAIL',
    opIndex,
    opType === '' ? op : opType,
    comparison.name,
    formatError(comparison.maxAbs),
    formatError(comparison.maxScaled),
  ]);
  return [
    `\n${variant}, layer by layer`,
    formatTable([['', 'op', 'type', 'blob', 'max abs', 'of largest'], ...rows], [1, 4, 5]),
  ];
}

function faultLines({ variant, tensors, firstDifference }: VariantReport): readonly string[] {
  const details = tensors
    .filter(({ pass }) => !pass)
    .map(({ name, detail }) => `${variant}: ${name}: ${detail ?? 'differs'}`);
  if (firstDifference === undefined) {
    return [
      ...details,
      `${variant}: every traced operator agrees with the interpreter of the same graph; --check-values tests the passes`,
    ];
  }
  const { opIndex, opType, op, comparison, agreed } = firstDifference;
  const place = `op ${opIndex} ${opType}${op === opType ? '' : ` (${op})`}, blob ${comparison.name}`;
  return [
    ...details,
    `${variant}: first differing op: ${place}: ${comparison.detail ?? ''}; ${agreed} traced tensors before it agree`,
  ];
}
