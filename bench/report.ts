// What the benchmark prints: the machine, one line per net and number of threads, per-layer profiles, the comparison with a
// saved run, and the geometric mean.

import { type MachineRates, rooflineMs } from '../src/run/machine-rates.js';
import type { NetResult, ThreadResult } from './timing/measure.js';
import type { LayerStats } from './timing/ours.js';

export function machineLines(cpu: string, rates: readonly MachineRates[]): readonly string[] {
  const line = ({ threads, gflops, l2Gbps, l3Gbps, memoryGbps }: MachineRates): string =>
    `  ${threads} thread${threads === 1 ? ' ' : 's'}: FMA peak ${gflops.toFixed(1)} GFLOP/s, reads L2 ${l2Gbps.toFixed(1)}, ` +
    `8 MB ${l3Gbps.toFixed(1)}, memory ${memoryGbps.toFixed(1)} GB/s`;
  return [`CPU ${cpu}`, ...rates.map(line)];
}

export const kTableHead =
  'net               MMAC T |  ours ms   median  GFLOP/s  peak% |  peer ms   median  GFLOP/s  peak% |  ratio  median | max err  relative';

/** One line per number of threads. */
export function netLines(result: NetResult, rates: readonly MachineRates[]): readonly string[] {
  const error =
    result.maxError === undefined
      ? ''
      : `${result.maxError.toExponential(1)}   ${(result.relativeError ?? 0).toExponential(1)}`;
  const lines = result.results.map((run) => {
    const peak = ratesFor(rates, run.threads).gflops;
    const ours = sideText(run.ours, result.macs, peak);
    const peer = run.peer === undefined ? ''.padEnd(35) : sideText(run.peer, result.macs, peak);
    const ratio =
      run.peer === undefined
        ? ''.padEnd(15)
        : `${fixed(ratioOf(run), 7)} ${fixed(run.peer.medianMs / run.ours.medianMs, 7)}`;
    const macs = (result.macs / 1e6).toFixed(0);
    return `${result.net.padEnd(16)} ${macs.padStart(5)} ${run.threads} |${ours} |${peer} |${ratio} | ${error}`;
  });
  return [...lines, ...precisionLines(result)];
}

/** Against our own fp32: times, and how often the best class is the same. */
function precisionLines({ results, agreement }: NetResult): readonly string[] {
  const times = results.flatMap(({ threads, ours, fp32 }) => {
    if (fp32 === undefined) return [];
    const [ratio, medians] = [fp32.minMs / ours.minMs, fp32.medianMs / ours.medianMs].map((x) => x.toFixed(2));
    const on = `${threads} thread${threads === 1 ? '' : 's'}`;
    return [`  our fp32, ${on}: ${fp32.minMs.toFixed(3)} ms, ratio ${ratio}, of medians ${medians}`];
  });
  if (agreement === undefined) return times;
  const { inputs, top, classes, centeredTop, centeredClasses, scoreError } = agreement;
  return [
    ...times,
    `  top-1 as our fp32: ${top}/${inputs} (${classes} classes); of scores less their mean over the inputs ${centeredTop}/${inputs} ` +
      `(${centeredClasses} classes); rms error of scores ${scoreError.toExponential(1)} of their variation`,
  ];
}

function sideText(times: ThreadResult['ours'], macs: number, peak: number): string {
  const gflops = (2 * macs) / times.minMs / 1e6;
  return `${fixed(times.minMs, 9, 3)}${fixed(times.medianMs, 9, 3)}${fixed(gflops, 9, 1)}${fixed((100 * gflops) / peak, 7, 1)}`;
}

/** Peer's minimum by ours: above 1, ours is faster. */
export function ratioOf(run: ThreadResult): number {
  return run.peer === undefined ? Number.NaN : run.peer.minMs / run.ours.minMs;
}

/** Layers with GFLOP/s and share of the roofline, the largest loss first. */
export function profileLines(result: NetResult, rates: readonly MachineRates[], count: number): readonly string[] {
  return result.results.flatMap((run) => {
    const layers = run.layers ?? [];
    const total = layers.reduce((sum, { ms }) => sum + ms, 0);
    const machine = ratesFor(rates, run.threads);
    const loss = (layer: LayerStats): number => layer.ms - rooflineMs(machine, layer.macs, layer.bytes);
    const worst = [...layers].sort((a, b) => loss(b) - loss(a)).slice(0, count);
    const title = `${result.net}, ${run.threads} thread${run.threads === 1 ? '' : 's'}: ${total.toFixed(3)} ms in ${layers.length} layers; largest loss against the roofline:`;
    return [
      title,
      '   op type           blob                     kernel                   ms  share  GFLOP/s   GB/s  roof%  loss ms',
      ...worst.map((layer) => layerLine(layer, total, loss(layer))),
    ];
  });
}

function layerLine(layer: LayerStats, total: number, lossMs: number): string {
  const { op, type, blob, kernel, macs, bytes, ms } = layer;
  const roof = (100 * (ms - lossMs)) / ms;
  const name = `${String(op).padStart(5)} ${type.padEnd(14)} ${blob.slice(0, 24).padEnd(24)} ${kernel.padEnd(20)}`;
  const rates = `${fixed((2 * macs) / ms / 1e6, 9, 1)}${fixed(bytes / ms / 1e6, 7, 1)}`;
  return `${name}${fixed(ms, 9, 4)}${fixed((100 * ms) / total, 6, 1)}%${rates}${fixed(roof, 7, 1)}${fixed(lossMs, 9, 4)}`;
}

/** What the first answer of a fresh process takes beyond a warm run, and what its memory holds beyond weights and arena. */
export function startupLines({ weightBytes, arenaBytes, results }: NetResult): readonly string[] {
  return results.flatMap(({ threads, ours, startup }) => {
    if (startup === undefined) return [];
    const { processMs, residentBytes } = startup;
    const own = (residentBytes - weightBytes - arenaBytes) / 1e6;
    const times = `process ${processMs.toFixed(2)} ms, ${(processMs - ours.minMs).toFixed(2)} more than a warm run`;
    return [
      `  start-up, ${threads} thread${threads === 1 ? '' : 's'}: ${times}; resident ${(residentBytes / 1e6).toFixed(1)} MB, weights + arena + ${own.toFixed(1)}`,
    ];
  });
}

/** Change of our minimum since a saved run: `-5.0%` is faster. */
export function comparisonLines(now: readonly NetResult[], saved: readonly NetResult[]): readonly string[] {
  return now.flatMap((result) => {
    const before = saved.find(({ net }) => net === result.net);
    return result.results.flatMap((run) => {
      const old = before?.results.find(({ threads }) => threads === run.threads);
      if (old === undefined) return [];
      const change = 100 * (run.ours.minMs / old.ours.minMs - 1);
      const ratios =
        run.peer === undefined || old.peer === undefined
          ? ''
          : `, ratio ${ratioOf(old).toFixed(2)} -> ${ratioOf(run).toFixed(2)}`;
      return [
        `${result.net.padEnd(16)} ${run.threads} thread${run.threads === 1 ? ' ' : 's'} ${old.ours.minMs.toFixed(3)} -> ${run.ours.minMs.toFixed(3)} ms (${change > 0 ? '+' : ''}${change.toFixed(1)}%)${ratios}`,
      ];
    });
  });
}

/** `geomean 1T R 2T R`: mean ratio over the convolution nets for each number of threads, `-` where there is no peer. */
export function geomeanLine(results: readonly NetResult[], threads: readonly number[]): string {
  const parts = threads.map((count) => {
    const ratios = results
      .filter(({ isConvolutional }) => isConvolutional)
      .flatMap((result) =>
        result.results.filter((run) => run.threads === count && run.peer !== undefined).map(ratioOf),
      );
    const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
    return `${count}T ${ratios.length === 0 ? '-' : mean.toFixed(2)}`;
  });
  return `geomean ${parts.join(' ')}`;
}

function ratesFor(rates: readonly MachineRates[], threads: number): MachineRates {
  return (
    rates.find((one) => one.threads === threads) ?? {
      threads,
      gflops: Number.NaN,
      l2Gbps: Number.NaN,
      l3Gbps: Number.NaN,
      memoryGbps: Number.NaN,
    }
  );
}

function fixed(value: number, width: number, digits = 2): string {
  return value.toFixed(digits).padStart(width);
}
