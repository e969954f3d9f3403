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

/** The benchmark's steps that matter most: they come before the long lists of values. */
const kEarly = ['1', '32', '256'].map((images) => `bench-resnet50-${images}x3x224x224-fp16`);

/** All steps in order: a few values and times that matter most, then every value, then every time. */
export function gpuSteps({ shared, nets, target }: StepOptions): readonly GpuStep[] {
  const times = benchSteps(target);
  const isEarly = ({ name }: GpuStep): boolean => kEarly.includes(name);
  return [
    ...kDevicePrecisions.map((precision): GpuStep => digitsStep(target, precision)),
    ...(shared === undefined
      ? []
      : netSteps(
          shared,
          nets.filter((net) => net === 'squeezenet'),
          target,
        )),
    ...times.filter(isEarly),
    ...wgmmaSteps(target),
    ...overlapSteps(target),
    ...sanitizerSteps(target),
    ...(shared === undefined ? [] : corpusSteps(shared, target)),
    ...(shared === undefined
      ? []
      : netSteps(
          shared,
          nets.filter((net) => net !== 'squeezenet'),
          target,
        )),
    ...times.filter((step) => !isEarly(step)),
    ...compiledPeerSteps(target),
  ];
}

/** Hopper's own instructions, where the target has that variant: values, then the times that they are to shorten. */
function wgmmaSteps(target: string): readonly GpuStep[] {
  if (target !== 'cuda-sm90') return [];
  const variant = `${target}a`;
  const timed = (images: string, precision: string, by: string): GpuStep => {
    const shape = `${images},3,224,224`;
    const args = ['--net', 'resnet50', '--shape', shape, '--precision', precision, '--target', by];
    return {
      name: `wgmma-${by === variant ? 'with' : 'without'}-resnet50-${images}-${precision}`,
      title: `resnet50 [${shape}] in ${precision}, with${by === variant ? '' : 'out'} wgmma`,
      args: ['dist/bench/cuda/bench.js', ...args],
    };
  };
  // Times without it in fp16 are among the benchmark's own.
  const times = ['32', '256'].flatMap((images) => [
    timed(images, 'fp16', variant),
    timed(images, 'tf32', variant),
    timed(images, 'tf32', target),
  ]);
  const kernels = ['dist/bench/cuda/kernel-test-main.js', 'conv_wgmma_test', '--target', variant];
  return [{ name: 'wgmma-kernels', title: 'kernels with wgmma', args: kernels }, ...times];
}

/** Programmatic dependent launch, where the target has that variant: values, then the time that it is to shorten. */
function overlapSteps(target: string): readonly GpuStep[] {
  if (target !== 'cuda-sm90') return [];
  const overlap = `${target}-overlap`;
  const args = ['--net', 'resnet50', '--shape', '1,3,224,224', '--precision', 'fp16', '--target', overlap];
  return [
    { ...digitsStep(overlap, 'fp16'), name: 'overlap-digits-fp16' },
    {
      name: 'overlap-resnet50',
      title: 'resnet50 [1,3,224,224], launches overlap',
      args: ['dist/bench/cuda/bench.js', ...args],
    },
  ];
}

/** One net and precision at a time: compute-sanitizer slows programs down up to a hundredfold. */
function sanitizerSteps(target: string): readonly GpuStep[] {
  return ['squeezenet_1_1', 'digits', 'mobilenet_v2'].flatMap((net) =>
    kDevicePrecisions.map((precision): GpuStep => {
      const args = ['--target', target, '--nets', net, '--precisions', precision];
      return {
        name: `sanitizer-${net}-${precision}`,
        title: `compute-sanitizer on ${net} in ${precision}`,
        args: ['dist/bench/cuda/sanitize.js', ...args],
      };
    }),
  );
}

/** PyTorch's compiler with max-autotune takes minutes for each net. */
function compiledPeerSteps(target: string): readonly GpuStep[] {
  return ['1', '256'].map((images): GpuStep => {
    const shape = `${images},3,224,224`;
    const args = [
      '--net',
      'resnet50',
      '--shape',
      shape,
      '--precision',
      'fp16',
      '--target',
      target,
      '--peers',
      'compiled',
    ];
    return {
      name: `compiled-peer-${images}`,
      title: `resnet50 [${shape}] in fp16 against PyTorch compiled`,
      args: ['dist/bench/cuda/bench.js', ...args],
    };
  });
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
