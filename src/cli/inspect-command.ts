// cortado inspect: a net as numbers and tables.

import type { Command } from 'commander';
import type { ImageSizes } from '../build/bare-image.js';
import { compileModel, importModel } from '../compile.js';
import { formatProblem } from '../errors.js';
import { formatBytes, formatCount, formatTable } from '../format.js';
import { type NetReport, netReport, type TensorReport } from '../inspect.js';
import { measureImage } from '../inspect-image.js';
import { writeReport } from '../report/write-report.js';
import { imageRows } from './image-rows.js';
import { addModelOptions, cacheFolder, type ModelFlags, modelOptions } from './model-options.js';
import { Progress } from './progress.js';
import { reportWarnings } from './report-problems.js';

interface InspectFlags extends ModelFlags {
  readonly json?: boolean;
  readonly layers?: boolean;
  readonly report?: string;
}

export function addInspectCommand(program: Command): void {
  const command = program
    .command('inspect')
    .description('inputs, outputs, operators, work, memory and kernels of a net')
    .argument('<predict_net>', 'NetDef (binary or text) or exported predictor');
  addModelOptions(command)
    .option('--layers', 'a table of all layers with their kernels')
    .option('--report <file.html>', 'write the plan as a page with pictures; `run --report` adds times')
    .option('--json', 'print everything as JSON')
    .action(runInspect);
}

async function runInspect(predictNet: string, flags: InspectFlags): Promise<void> {
  const progress = new Progress();
  const options = { ...modelOptions(predictNet, flags), onProgress: progress.report };
  const imported = importModel(options);
  const compiled = compileModel(options, imported);
  const report = netReport(imported, compiled);
  if (flags.report !== undefined) await writeReport(flags.report, compiled, undefined);
  const image = await measureImage({ ...options, ...cacheFolder(flags) }, imported).finally(() => progress.end());
  if (flags.json === true) {
    const all = { ...report, ...(image === undefined ? {} : { image }) };
    console.log(JSON.stringify({ ...all, warnings: report.warnings.map(formatProblem) }, undefined, 2));
    return;
  }
  reportWarnings(report.warnings);
  console.log(summary(report, image));
  if (flags.layers === true) console.log(`\n${layerTable(report)}`);
}

function summary(report: NetReport, image: ImageSizes | undefined): string {
  const { weights, arena } = report;
  const share = arena.boundBytes === 0 ? 1 : arena.bytes / arena.boundBytes;
  return formatTable([
    ['net', `${report.net} for ${report.target}`],
    ...report.inputs.map((tensor) => ['input', tensorText(tensor)]),
    ...report.outputs.map((tensor) => ['output', tensorText(tensor)]),
    ['ops', `${report.ops} (${counts(report.opHistogram)})`],
    ['steps', `${report.steps} (${counts(report.kernels)})`],
    ['parameters', `${report.parameters}`],
    ['MACs', `${report.macs} (${formatCount(report.macs)})`],
    ['weights', `${weights.packedBytes} bytes packed (${formatBytes(weights.packedBytes)}), ${weights.rawBytes} raw`],
    [
      'arena',
      `${arena.bytes} bytes (${formatBytes(arena.bytes)}), ${share.toFixed(3)} x the bound of ${arena.boundBytes}, ${arena.strategy}`,
    ],
    ...deviceRows(report),
    ['largest', arena.largest.map(({ name, bytes }) => `${name} ${formatBytes(bytes)}`).join(', ')],
    ...(image === undefined ? [] : imageRows(arena.parts, image)),
  ]);
}

function deviceRows({ device }: NetReport): readonly (readonly string[])[] {
  if (device === undefined) return [];
  const { steps, hostSteps, copies, arenaBytes, arenaBoundBytes } = device;
  const share = arenaBoundBytes === 0 ? 1 : arenaBytes / arenaBoundBytes;
  return [
    ['device', `${steps} steps, ${hostSteps} on the host, ${copies} copies between them`],
    ['', `arena ${arenaBytes} bytes (${formatBytes(arenaBytes)}), ${share.toFixed(3)} x the bound`],
  ];
}

function tensorText({ name, dtype, shape, optional }: TensorReport): string {
  return `${name} ${dtype} [${shape.join(',')}]${optional === true ? ' optional' : ''}`;
}

function counts(histogram: { readonly [name: string]: number }): string {
  return Object.entries(histogram)
    .map(([name, count]) => (count === 1 ? name : `${name} ${count}`))
    .join(', ');
}

function layerTable({ layers, device }: NetReport): string {
  const hasDevice = device !== undefined;
  const onHost = (runsOn: string): readonly string[] => (hasDevice ? [runsOn] : []);
  const rows = layers.map(({ opIndex, opType, blob, kernel, tile, fused, type, macs, runsOn }) => [
    opIndex,
    opType,
    blob,
    kernel,
    fused,
    type,
    macs === 0 ? '' : (macs / 1e6).toFixed(3),
    tile,
    ...onHost(runsOn),
  ]);
  const head = ['op', 'type', 'blob', 'kernel', 'fused', 'result', 'MMAC', 'tile', ...onHost('runs on')];
  return formatTable([head, ...rows], [0, 6]);
}
