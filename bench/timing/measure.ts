// Times one net on both sides in turn: ours, peer, ours, peer, …, so that a change of the machine's speed meets both.
// The peer's JavaScript call (measured with a net that does nothing) is taken off its times.

import { join } from 'node:path';
import type { Precision } from '../../src/ops/kernel-call.js';
import type { BenchNet } from '../nets/net-builder.js';
import { uniformValues } from '../nets/weights.js';
import { exportOnnx } from '../onnx/export-onnx.js';
import { type Agreement, measureAgreement } from './agreement.js';
import { compileOurs, type LayerStats, type OurNet, type RunTimes, type StartUp } from './ours.js';
import type { Peer, PeerNet } from './peer.js';

export interface MeasureOptions {
  readonly folder: string;
  readonly target: string;
  readonly precision: Precision;
  readonly threads: readonly number[];
  readonly rounds: number;
  /** Time that one side takes of one round, about. */
  readonly roundMs: number;
  readonly profile: boolean;
  readonly startup: boolean;
  /** Milliseconds of a peer call that computes nothing. */
  readonly peerCallMs: number;
  onProgress(message: string): void;
}

export interface ThreadResult {
  readonly threads: number;
  readonly ours: RunTimes;
  /** Our fp32, where `ours` is of another precision. */
  readonly fp32?: RunTimes;
  readonly peer?: RunTimes;
  readonly layers?: readonly LayerStats[];
  readonly startup?: StartUp;
}

export interface NetResult {
  readonly net: string;
  readonly isConvolutional: boolean;
  readonly macs: number;
  readonly compileMs: number;
  readonly arenaBytes: number;
  readonly weightBytes: number;
  /** Largest difference between the sides, absolute and relative to the largest value. */
  readonly maxError?: number;
  readonly relativeError?: number;
  /** With our fp32 on varied inputs, where `ours` is of another precision. */
  readonly agreement?: Agreement;
  readonly results: readonly ThreadResult[];
}

/** Where sides differ by more than this of the largest value, times would be of different nets. */
const kMaxRelativeError = { fp32: 1e-3, tf32: 3e-2, fp16: 3e-2, bf16: 1e-1 } as const;

const kProfileRuns = 12;
const kProfileRunMs = 20;

export async function measureNet(net: BenchNet, peer: Peer | undefined, options: MeasureOptions): Promise<NetResult> {
  const { folder, target, precision, threads, onProgress } = options;
  const input = uniformValues(
    net.input.shape.reduce((a, b) => a * b, 1),
    1,
    -1.7,
    1.7,
  );
  onProgress(`${net.name}: compiling`);
  const most = Math.max(...threads);
  const ours = await compileOurs(net, input, { folder, target, threads: most, precision });
  const exact =
    precision === 'fp32'
      ? undefined
      : await compileOurs(net, input, { folder: join(folder, 'fp32'), target, threads: most, precision: 'fp32' });
  const model = peer === undefined ? undefined : exportOnnx(net);
  let errors: Pick<NetResult, 'maxError' | 'relativeError'> = {};
  const results: ThreadResult[] = [];
  for (const count of threads) {
    const peerNet = model === undefined ? undefined : await peer?.load(model, net.input, input, net.output, count);
    if (peerNet !== undefined && results.length === 0)
      errors = compareAnswers(await ours.answer(), await peerNet.run(), kMaxRelativeError[precision]);
    onProgress(`${net.name}: ${count} thread${count === 1 ? '' : 's'}`);
    const times = await interleave(ours, exact, peerNet, count, options);
    await peerNet?.close();
    const layers = options.profile ? await profileLayers(ours, count, times.ours.minMs) : undefined;
    const startup = options.startup ? { startup: ours.startup(count) } : {};
    results.push({ threads: count, ...times, ...(layers === undefined ? {} : { layers }), ...startup });
  }
  const { name, isConvolutional, macs } = net;
  const { compileMs, arenaBytes, weightBytes } = ours;
  const agreement = exact === undefined ? {} : { agreement: await measureAgreement(ours, exact, net.input.shape) };
  return { net: name, isConvolutional, macs, compileMs, arenaBytes, weightBytes, ...errors, ...agreement, results };
}

/** Milliseconds of a call of the peer that computes nothing: a Relu of one value. */
export async function measurePeerCall(peer: Peer, empty: BenchNet): Promise<number> {
  const net = await peer.load(exportOnnx(empty), empty.input, new Float32Array(1), empty.output, 1);
  const { minMs } = await timePeer(net, 2000);
  await net.close();
  return minMs;
}

function compareAnswers(
  ours: Float32Array,
  peer: Float32Array,
  maxRelativeError: number,
): { readonly maxError: number; readonly relativeError: number } {
  if (ours.length !== peer.length) throw new Error(`${ours.length} values against the peer's ${peer.length}`);
  let [maxError, largest] = [0, 0];
  ours.forEach((value, i) => {
    const expected = peer[i] ?? 0;
    const error = Math.abs(value - expected);
    maxError = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(maxError, error);
    largest = Math.max(largest, Math.abs(expected));
  });
  const relativeError = maxError / largest;
  if (!(relativeError <= maxRelativeError))
    throw new Error(`the sides differ by ${maxError} where values reach ${largest}`);
  return { maxError, relativeError };
}

async function interleave(
  ours: OurNet,
  exact: OurNet | undefined,
  peer: PeerNet | undefined,
  threads: number,
  { rounds, roundMs, peerCallMs }: MeasureOptions,
): Promise<{ readonly ours: RunTimes; readonly fp32?: RunTimes; readonly peer?: RunTimes }> {
  const first = await ours.time(threads, 3);
  const exactFirst = await exact?.time(threads, 3);
  const peerFirst = peer === undefined ? undefined : await timePeer(peer, 3);
  const [our, fp32, their]: [RunTimes[], RunTimes[], RunTimes[]] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    our.push(await ours.time(threads, repeatsFor(first.minMs, roundMs)));
    if (exact !== undefined) fp32.push(await exact.time(threads, repeatsFor(exactFirst?.minMs ?? 1, roundMs)));
    if (peer !== undefined) their.push(await timePeer(peer, repeatsFor(peerFirst?.minMs ?? 1, roundMs)));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    ours: summarize(our, 0),
    ...(exact === undefined ? {} : { fp32: summarize(fp32, 0) }),
    ...(peer === undefined ? {} : { peer: summarize(their, peerCallMs) }),
  };
}

/** Each layer's lowest mean over short runs, so that a busy moment spoils one of them only. */
async function profileLayers(ours: OurNet, threads: number, oneMs: number): Promise<readonly LayerStats[]> {
  const runs: (readonly LayerStats[])[] = [];
  for (let i = 0; i < kProfileRuns; i++) runs.push(await ours.profile(threads, repeatsFor(oneMs, kProfileRunMs)));
  return (runs[0] ?? []).map((layer, k) => ({ ...layer, ms: Math.min(...runs.map((run) => run[k]?.ms ?? layer.ms)) }));
}

function repeatsFor(oneMs: number, roundMs: number): number {
  return Math.max(2, Math.min(5000, Math.round(roundMs / oneMs)));
}

async function timePeer(peer: PeerNet, repeat: number): Promise<RunTimes> {
  for (let i = 0; i < Math.max(3, repeat / 10); i++) await peer.run();
  const times: number[] = [];
  for (let i = 0; i < repeat; i++) {
    const begin = performance.now();
    await peer.run();
    times.push(performance.now() - begin);
  }
  return { minMs: Math.min(...times), medianMs: median(times) };
}

/** Minimum of the minima, median of the medians. */
function summarize(rounds: readonly RunTimes[], callMs: number): RunTimes {
  const minMs = Math.min(...rounds.map((round) => round.minMs)) - callMs;
  return { minMs, medianMs: median(rounds.map((round) => round.medianMs)) - callMs };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}
