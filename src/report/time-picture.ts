// Where the time goes: a column per layer in execution order, its lower part what the machine needs at least; and the
// roofline itself, each layer a disc at its arithmetic intensity and rate, as large as its time.

import { formatTime } from '../format.js';
import type { MachineRates } from '../run/machine-rates.js';
import { gflopsOf, layerLines } from './layer-text.js';
import type { ReportData, ReportLayer } from './report-data.js';
import { element, label, picture, round, tooltip } from './svg.js';
import { logTicks, niceTicks } from './ticks.js';

const kWidth = 1000;
const kLeft = 62;
const kRight = 12;

/** Columns of milliseconds; undefined where the net was not run. */
export function timePicture({ layers, measured }: ReportData): string | undefined {
  if (measured === undefined || layers.length === 0) return undefined;
  const [top, height, bottom] = [10, 200, 26];
  const most = Math.max(...layers.map(({ ms }) => ms ?? 0), 1e-6);
  const ticks = niceTicks(most, 4);
  const scale = height / Math.max(most, ticks.at(-1) ?? most);
  const step = (kWidth - kLeft - kRight) / layers.length;
  const base = top + height;
  const grid = ticks.flatMap((value) => [
    element('line', {
      x1: kLeft,
      x2: kWidth - kRight,
      y1: base - value * scale,
      y2: base - value * scale,
      class: 'grid',
    }),
    label(kLeft - 6, base - value * scale + 4, value === 0 ? '0' : formatTime(value), {
      'text-anchor': 'end',
      class: 'quiet',
    }),
  ]);
  const columns = layers.map((layer, i) => {
    const { ms = 0, rooflineMs = 0, color, index } = layer;
    const x = kLeft + i * step + step * 0.08;
    const width = step * 0.84;
    const bar = (value: number, name: string): string =>
      element('rect', { x, y: base - value * scale, width, height: value * scale, class: name });
    const whole = element('rect', { x: kLeft + i * step, y: top, width: step, height, class: 'hit' });
    const bars = [whole, bar(ms, `fill${color} pale`), bar(Math.min(ms, rooflineMs), `fill${color}`)];
    return element('g', { class: 'column', 'data-layer': index }, tooltip(layerLines(layer)), ...bars);
  });
  const caption = label(kLeft, base + 18, 'layers in execution order →', { class: 'quiet' });
  return picture(kWidth, base + bottom, 'time of each layer', ...grid, ...columns, caption);
}

/** GFLOP/s over flops per byte, both logarithmic; undefined where the net was not run or multiplies nothing. */
export function rooflinePicture({ layers, measured }: ReportData): string | undefined {
  if (measured === undefined) return undefined;
  const { rates } = measured;
  const points = layers.flatMap((layer) => {
    const gflops = gflopsOf(layer);
    return gflops === undefined ? [] : [{ layer, gflops, intensity: (2 * layer.macs) / Math.max(1, layer.bytes) }];
  });
  if (points.length === 0) return undefined;
  const [top, height] = [16, 330];
  const xs = logAxis(
    points.map(({ intensity }) => intensity).concat(rates.gflops / rates.memoryGbps),
    kLeft,
    kWidth - kRight,
  );
  const ys = logAxis(points.map(({ gflops }) => gflops).concat(rates.gflops * 1.2), top + height, top);
  const most = Math.max(...layers.map(({ ms }) => ms ?? 0));
  const discs = [...points]
    .sort((a, b) => (b.layer.ms ?? 0) - (a.layer.ms ?? 0))
    .map(({ layer, gflops, intensity }) => disc(layer, xs.at(intensity), ys.at(gflops), most));
  const grid = [
    ...xs.ticks.flatMap((value) => [
      element('line', { x1: xs.at(value), x2: xs.at(value), y1: top, y2: top + height, class: 'grid' }),
      label(xs.at(value), top + height + 16, round(value), { 'text-anchor': 'middle', class: 'quiet' }),
    ]),
    ...ys.ticks.flatMap((value) => [
      element('line', { x1: kLeft, x2: kWidth - kRight, y1: ys.at(value), y2: ys.at(value), class: 'grid' }),
      label(kLeft - 6, ys.at(value) + 4, round(value), { 'text-anchor': 'end', class: 'quiet' }),
    ]),
  ];
  const captions = [
    label((kLeft + kWidth) / 2, top + height + 34, 'floating-point operations per byte', {
      'text-anchor': 'middle',
      class: 'quiet',
    }),
    label(kLeft - 50, 12, 'GFLOP/s', { class: 'quiet' }),
  ];
  return picture(kWidth, top + height + 42, 'roofline', ...grid, ...roofs(rates, xs, ys), ...discs, ...captions);
}

function disc(layer: ReportLayer, cx: number, cy: number, most: number): string {
  const r = 3 + 15 * Math.sqrt((layer.ms ?? 0) / most);
  const circle = element('circle', { cx, cy, r, class: `fill${layer.color} disc` });
  return element('g', { 'data-layer': layer.index }, tooltip(layerLines(layer)), circle);
}

interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  at(value: number): number;
}

function logAxis(values: readonly number[], from: number, to: number): Axis {
  const low = Math.min(...values) / 1.4;
  const high = Math.max(...values) * 1.4;
  const at = (value: number): number => from + ((to - from) * Math.log(value / low)) / Math.log(high / low);
  return { low, high, ticks: logTicks(low, high), at };
}

/** The peak, and what each level of memory lets through. */
function roofs(rates: MachineRates, xs: Axis, ys: Axis): readonly string[] {
  const levels = [
    ['memory', rates.memoryGbps],
    ['8 MB', rates.l3Gbps],
    ['L2', rates.l2Gbps],
  ] as const;
  const slopes = levels.flatMap(([name, gbps]) => {
    const begin = Math.max(xs.low, ys.low / gbps);
    const end = Math.min(xs.high, rates.gflops / gbps);
    if (begin >= end) return [];
    const line = { x1: xs.at(begin), y1: ys.at(begin * gbps), x2: xs.at(end), y2: ys.at(end * gbps), class: 'roof' };
    const where = { x: xs.at(begin) + 8, y: ys.at(begin * gbps) + 14 };
    return [element('line', line), label(where.x, where.y, `${name} ${gbps.toFixed(0)} GB/s`, { class: 'quiet' })];
  });
  const peak = ys.at(rates.gflops);
  const ridge = Math.max(xs.low, rates.gflops / rates.l2Gbps);
  const title = `peak ${rates.gflops.toFixed(0)} GFLOP/s`;
  return [
    ...slopes,
    element('line', { x1: xs.at(ridge), x2: xs.at(xs.high), y1: peak, y2: peak, class: 'roof' }),
    label(xs.at(ridge) + 6, peak - 6, title, { class: 'quiet' }),
  ];
}
