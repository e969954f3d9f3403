// The report as one HTML page that needs nothing else: pictures as SVG, the table, a style sheet and a little code for
// sorting and highlighting, all inside. Without code it still shows everything.

import { readFileSync } from 'node:fs';
import { render } from '../emit/template.js';
import { formatBytes, formatCount, formatTime } from '../format.js';
import { packageRoot } from '../package-root.js';
import { arenaPicture } from './arena-picture.js';
import { graphPicture } from './graph-picture.js';
import { layerTable } from './layer-table.js';
import type { ReportArena, ReportData } from './report-data.js';
import { element, escapeText, round } from './svg.js';
import { rooflinePicture, timePicture } from './time-picture.js';

/** Deterministic: the same data give the same bytes. */
export function reportPage(data: ReportData): string {
  const read = (name: string): string => readFileSync(new URL(`templates/report/${name}`, packageRoot), 'utf8');
  const { net, target, measured } = data;
  const where = measured === undefined ? '' : ` on ${measured.stats.cpu}, ${plural(measured.stats.threads, 'thread')}`;
  return render('report/page.html', {
    title: escapeText(net),
    subtitle: escapeText(`compiled for ${target}${where}`),
    version: escapeText(data.version),
    style: read('page.css'),
    script: read('page.js'),
    cards: cards(data)
      .map(([name, value, more]) => card(name, value, more))
      .join('\n'),
    shares: shares(data),
    sections: sections(data),
  });
}

interface Section {
  readonly id: string;
  readonly heading: string;
  readonly explanation: string;
  readonly kind: string;
  readonly body: string;
}

function sections(data: ReportData): readonly Section[] {
  const list: readonly (Omit<Section, 'body'> & { readonly body: string | undefined })[] = [
    {
      id: 'time',
      heading: 'Time per layer',
      explanation:
        'Columns in execution order. The dark part is what the machine needs at least for the layer’s flops and bytes.',
      kind: 'chart',
      body: timePicture(data),
    },
    {
      id: 'roofline',
      heading: 'Roofline',
      explanation:
        'Each disc is a layer, as large as its time. Above the peak: Winograd convolutions, which need fewer multiplications.',
      kind: 'chart',
      body: rooflinePicture(data),
    },
    {
      id: 'graph',
      heading: 'Graph',
      explanation:
        'The steps that run, with the operators fused into them and the kernel of each. Click one to find it everywhere.',
      kind: 'scroll',
      body: graphPicture(data),
    },
    ...data.arenas.map((arena) => ({
      id: arena.id,
      heading: arena.heading,
      explanation: `Where each buffer lies and how long it lives. The line is the sum of what lives: no plan can be smaller than its highest point, ${formatBytes(arena.boundBytes)}.`,
      kind: 'chart',
      body: arenaPicture(arena),
    })),
    { id: 'table', heading: 'Layers', explanation: 'Click a heading to sort.', kind: 'table', body: layerTable(data) },
  ];
  return list.flatMap(({ body, ...section }) => (body === undefined ? [] : [{ ...section, body }]));
}

function card(name: string, value: string, more: string): string {
  return `<div class="card"><span>${escapeText(name)}</span><b>${escapeText(value)}</b><small>${escapeText(more)}</small></div>`;
}

/** Name, number, explanation. */
function cards(data: ReportData): readonly (readonly [string, string, string])[] {
  const { measured, macs, layers, ops, arenas, weightBytes, rawWeightBytes } = data;
  const tensors = (list: ReportData['inputs']): string => list.map(({ name, type }) => `${name} ${type}`).join(', ');
  return [
    ...(measured === undefined ? [] : timeCards(macs, measured)),
    ['work', `${formatCount(macs)} MAC`, `${plural(ops, 'operator')} in ${plural(layers.length, 'step')}`],
    ['weights', formatBytes(weightBytes), `packed; ${formatBytes(rawWeightBytes)} in the model`],
    ...arenas.map(arenaCard),
    ...(measured === undefined
      ? []
      : ([
          ['memory', formatBytes(measured.stats.peak_resident_bytes), 'resident at most, of the whole process'],
        ] as const)),
    ['inputs', plural(data.inputs.length, 'tensor'), tensors(data.inputs)],
    ['outputs', plural(data.outputs.length, 'tensor'), tensors(data.outputs)],
  ];
}

function arenaCard({ heading, sizeBytes, boundBytes }: ReportArena): readonly [string, string, string] {
  const share = boundBytes === 0 ? 1 : sizeBytes / boundBytes;
  return [heading.toLowerCase(), formatBytes(sizeBytes), `${share.toFixed(3)} × the bound`];
}

function timeCards(
  macs: number,
  { stats, rates }: NonNullable<ReportData['measured']>,
): readonly (readonly [string, string, string])[] {
  const gflops = (2 * macs) / stats.min_ms / 1e6;
  const share = Math.round((100 * gflops) / rates.gflops);
  return [
    ['time', formatTime(stats.median_ms), `median of ${plural(stats.runs, 'run')}; least ${formatTime(stats.min_ms)}`],
    ['rate', `${gflops.toFixed(1)} GFLOP/s`, `${share} % of the measured peak, ${rates.gflops.toFixed(0)}`],
  ];
}

/** One bar of all kernels' shares, and what its colours mean. */
function shares({ kernels, measured }: ReportData): string {
  const sizeOf = (kernel: (typeof kernels)[number]): number => (measured === undefined ? kernel.macs : kernel.ms);
  const total = kernels.reduce((sum, kernel) => sum + sizeOf(kernel), 0);
  const percent = (kernel: (typeof kernels)[number]): number => (total === 0 ? 0 : (100 * sizeOf(kernel)) / total);
  const parts = kernels.map((kernel) =>
    element(
      'i',
      {
        class: `fill${kernel.color}`,
        style: `width:${round(percent(kernel))}%`,
        title: `${kernel.kernel}: ${percent(kernel).toFixed(1)} %`,
      },
      '',
    ),
  );
  const keys = kernels.map(
    (kernel) =>
      `<li><i class="key fill${kernel.color}"></i>${escapeText(kernel.kernel)} <b>${percent(kernel).toFixed(1)} %</b> <small>${plural(kernel.layers, 'layer')}</small></li>`,
  );
  const what = measured === undefined ? 'Shares of the multiply-adds (the net was not run)' : 'Shares of the time';
  return `<p class="explanation">${what}, by kernel</p><div class="shares">${parts.join('')}</div><ul class="keys">${keys.join('')}</ul>`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
