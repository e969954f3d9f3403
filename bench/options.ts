// The benchmark's command line.

import { Command, InvalidArgumentError, Option } from 'commander';
import { kPrecisions, type Precision } from '../src/ops/kernel-call.js';

export interface BenchOptions {
  readonly only?: readonly string[];
  readonly quick: boolean;
  readonly threads: readonly number[];
  readonly target: string;
  readonly precision: Precision;
  readonly profile: boolean;
  readonly startup: boolean;
  readonly layers: number;
  readonly save?: string;
  readonly compare?: string;
  readonly peer: boolean;
  readonly json: boolean;
}

export function readOptions(argv: readonly string[]): BenchOptions {
  const command = new Command('bench')
    .description('Times compiled nets against ONNX Runtime in one run.')
    .option('--only <nets>', 'names or parts of names, separated by commas', (text) => text.split(','))
    .option('--quick', 'fewer and shorter rounds', false)
    .option('--threads <list>', 'numbers of threads, such as 1,2', readThreads, [1, 2])
    .option('--target <name>', 'target to compile for', 'native')
    .addOption(
      new Option(
        '--precision <kind>',
        'how floats are held inside our nets; others than fp32 are timed against fp32 too',
      )
        .choices(kPrecisions)
        .default('fp32'),
    )
    .option('--profile', 'time per layer: GFLOP/s and share of the roofline', false)
    .option('--startup', 'time and memory of a process that runs the net once', false)
    .option('--layers <count>', 'layers that --profile shows per net', Number, 12)
    .option('--save <name>', 'keep this run in bench/results')
    .option('--compare <name>', 'compare with a kept run')
    .option('--no-peer', 'time our side alone')
    .option('--json', 'print one JSON line per net as well', false);
  return command.parse([...argv]).opts<BenchOptions>();
}

function readThreads(text: string): readonly number[] {
  const counts = text.split(',').map(Number);
  if (!counts.every((count) => Number.isInteger(count) && count >= 1 && count <= 256)) {
    throw new InvalidArgumentError('numbers from 1 to 256, separated by commas.');
  }
  return counts;
}
