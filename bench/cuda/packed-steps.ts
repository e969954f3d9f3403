// What `npm run gpu -- --pack DIR` prepares, and the order in which run_packed.py works through it: values first, then the times that
// matter most. Nothing here runs anything.

import type { DevicePrecision } from '../../src/ops/kernel-call.js';

/** Programmatic dependent launch; Hopper's own instructions. */
export type PackedVariant = 'overlap' | 'wgmma';

/** A net for one shape and precision: a program that tells its output and its times. */
export interface PackedNet {
  readonly net: string;
  /** Images, channels, height, width. */
  readonly shape: readonly number[];
  readonly precision: DevicePrecision;
  readonly variant?: PackedVariant;
  /** Place in the order: 0 for what comes first. */
  readonly rank: number;
}

export type PackedStep =
  /** Ends with exit code 0 when all is right. */
  | { readonly kind: 'test'; readonly name: string; readonly program: string }
  /** Values and times of a net. */
  | { readonly kind: 'net'; readonly name: string; readonly program: string }
  /** The same net in PyTorch; `compiled`: with max-autotune, which takes minutes. */
  | {
      readonly kind: 'peer';
      readonly name: string;
      readonly program: string;
      readonly precision: DevicePrecision;
      readonly compiled: boolean;
    }
  | { readonly kind: 'sanitizer'; readonly name: string; readonly program: string; readonly tool: string };

const kSize = [3, 224, 224] as const;
const kTools = ['memcheck', 'racecheck', 'initcheck', 'synccheck'] as const;

function packed(
  rank: number,
  net: string,
  images: number,
  precision: DevicePrecision,
  variant?: PackedVariant,
): PackedNet {
  return { rank, net, shape: [images, ...kSize], precision, ...(variant === undefined ? {} : { variant }) };
}

export const kPackedNets: readonly PackedNet[] = [
  packed(0, 'squeezenet_1_1', 1, 'fp16'),
  packed(0, 'resnet50', 1, 'fp16'),
  packed(1, 'resnet50', 1, 'fp16', 'overlap'),
  packed(1, 'resnet50', 256, 'fp16'),
  packed(1, 'resnet50', 256, 'fp16', 'wgmma'),
  packed(2, 'squeezenet_1_1', 1, 'fp32'),
  packed(2, 'squeezenet_1_1', 1, 'tf32'),
  packed(2, 'resnet50', 1, 'tf32'),
  packed(2, 'resnet50', 1, 'fp32'),
  packed(3, 'resnet50', 32, 'fp16'),
  packed(3, 'resnet50', 32, 'fp16', 'wgmma'),
  packed(3, 'resnet50', 256, 'tf32'),
  packed(3, 'resnet50', 256, 'tf32', 'wgmma'),
  packed(3, 'mobilenet_v2', 1, 'fp16'),
  packed(3, 'squeezenet_1_1', 1, 'fp16', 'overlap'),
  packed(3, 'squeezenet_1_1', 256, 'fp16'),
];

export function programName({ net, shape, precision, variant }: PackedNet): string {
  return `${net}-b${shape[0]}-${precision}${variant === undefined ? '' : `-${variant}`}`;
}

/** All steps in order, of the tests and programs that were packed. */
export function packedSteps(tests: readonly string[], nets: readonly PackedNet[]): readonly PackedStep[] {
  const first = tests.map((name): PackedStep => ({ kind: 'test', name, program: name }));
  const ranks = [...new Set(nets.map(({ rank }) => rank))].sort((a, b) => a - b);
  const ranked = ranks.flatMap((rank) => {
    const now = nets.filter((net) => net.rank === rank);
    return [
      ...now.map(valuesStep),
      ...now.filter((net) => net.variant === undefined).map((net) => peerStep(net, false)),
    ];
  });
  const small = nets.find(({ net, shape }) => net === 'squeezenet_1_1' && shape[0] === 1);
  const isTimedLast = ({ net, precision, variant }: PackedNet): boolean =>
    net === 'resnet50' && precision === 'fp16' && variant === undefined;
  const last = nets.filter(isTimedLast);
  return [
    ...first,
    ...ranked,
    ...(small === undefined ? [] : kTools.map((tool) => sanitizerStep(small, tool))),
    ...last.map((net) => peerStep(net, true)),
  ];
}

function valuesStep(net: PackedNet): PackedStep {
  return { kind: 'net', name: programName(net), program: programName(net) };
}

function peerStep(net: PackedNet, compiled: boolean): PackedStep {
  const name = `${programName(net)}-pytorch${compiled ? '-compiled' : ''}`;
  return { kind: 'peer', name, program: programName(net), precision: net.precision, compiled };
}

function sanitizerStep(net: PackedNet, tool: string): PackedStep {
  return { kind: 'sanitizer', name: `${tool}-${programName(net)}`, program: programName(net), tool };
}
