// What has to be done on a machine with a GPU, in steps of a few minutes each: every step is a command whose output goes into the
// report. Nothing here runs anything.

import { kDevicePrecisions } from '../../src/ops/kernel-call.js';

export interface GpuStep {
  readonly name: string;
  readonly title: string;
  /** Arguments of node, from the project's folder. */
  readonly args: readonly string[];
}

export interface StepOptions {
  /** Folder with `golden/ops` and `golden/nets`; undefined: what needs it is left out. */
  readonly shared: string | undefined;
  /** Recorded nets in it. */
  readonly nets: readonly string[];
  readonly target: string;
}

const kCorpusParts = 12;
const kBatches = [1, 8, 32, 256] as const;

/** Net, precisions, input shapes. */
const kBench: readonly (readonly [net: string, shapes: readonly string[]])[] = [
  ...['resnet50', 'squeezenet_1_1', 'mobilenet_v1', 'mobilenet_v2', 'vgg16'].map(
    (net) => [net, kBatches.map((n) => `${n},3,224,224`)] as const,
  ),
  ['style_johnson', ['1,3,256,256', '1,3,1080,1920']],
];

/** All steps in order: right first, then fast. */
export function gpuSteps({ shared, nets, target }: StepOptions): readonly GpuStep[] {
  return [
    ...kDevicePrecisions.map((precision): GpuStep => digitsStep(target, precision)),
    ...(shared === undefined ? [] : corpusSteps(shared, target)),
    ...(shared === undefined ? [] : netSteps(shared, nets, target)),
    { name: 'sanitizer', title: 'compute-sanitizer', args: ['dist/bench/cuda/sanitize.js', '--target', target] },
    ...benchSteps(target),
  ];
}

function digitsStep(target: string, precision: string): GpuStep {
  const model = ['models/digits/predict_net.pb', '--init', 'models/digits/init_net.pb'];
  const args = ['bin/cortado.js', 'verify', ...model, '--target', target, '--precision', precision, '--layers'];
  return { name: `digits-${precision}`, title: `digits in ${precision}, layer by layer`, args };
}

function corpusSteps(shared: string, target: string): readonly GpuStep[] {
  return Array.from({ length: kCorpusParts }, (_, i): GpuStep => {
    const slice = `${i + 1}/${kCorpusParts}`;
    const forms = ['--forms', 'optimized', '--slice', slice, '--list-failures'];
    return {
      name: `corpus-${i + 1}`,
      title: `operator corpus, part ${slice}`,
      args: ['dist/test/corpus/main.js', `${shared}/golden/ops`, '--target', target, ...forms],
    };
  });
}

function netSteps(shared: string, nets: readonly string[], target: string): readonly GpuStep[] {
  return kDevicePrecisions.flatMap((precision) =>
    nets.map((net): GpuStep => {
      const args = [`${shared}/golden`, '--only', net, '--target', target, '--precision', precision];
      return {
        name: `net-${net}-${precision}`,
        title: `recorded net ${net} in ${precision}`,
        args: ['dist/test/nets/main.js', ...args],
      };
    }),
  );
}

function benchSteps(target: string): readonly GpuStep[] {
  return kBench.flatMap(([net, shapes]) =>
    shapes.flatMap((shape) =>
      (['fp16', 'fp32'] as const).map((precision): GpuStep => {
        const args = ['--net', net, '--shape', shape, '--precision', precision, '--target', target];
        return {
          name: `bench-${net}-${shape.replaceAll(',', 'x')}-${precision}`,
          title: `${net} [${shape}] in ${precision}`,
          args: ['dist/bench/cuda/bench.js', ...args],
        };
      }),
    ),
  );
}
