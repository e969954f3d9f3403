// The table of all layers: sortable in the browser by the numbers that each cell carries; times with a bar, the dark part of
// which is what the machine needs at least.

import { formatBytes, formatTime } from '../format.js';
import { gflopsOf, layerLines } from './layer-text.js';
import type { ReportData, ReportLayer } from './report-data.js';
import { element, escapeText, round } from './svg.js';

interface Column {
  readonly title: string;
  readonly explanation: string;
  /** What rows are sorted by; text is compared as text. */
  key(layer: ReportLayer): number | string;
  /** Markup of the cell. */
  cell(layer: ReportLayer): string;
  readonly kind?: 'number' | 'bar' | 'code';
}

export function layerTable(data: ReportData): string {
  const columns = data.measured === undefined ? kPlanColumns : [...kPlanColumns, ...timeColumns(data)];
  const head = columns.map(({ title, explanation, kind = 'text' }, i) =>
    element('th', { class: kind, title: explanation, 'data-column': i, tabindex: 0 }, escapeText(title)),
  );
  const rows = data.layers.map((layer) => {
    const cells = columns.map(({ key, cell, kind = 'text' }) =>
      element(
        'td',
        { class: kind, 'data-key': typeof key(layer) === 'number' ? exact(key(layer)) : String(key(layer)) },
        cell(layer),
      ),
    );
    return element('tr', { 'data-layer': layer.index, title: layerLines(layer).join('\n') }, ...cells);
  });
  return element(
    'table',
    { id: 'layers' },
    `<thead><tr>${head.join('')}</tr></thead>`,
    `<tbody>${rows.join('\n')}</tbody>`,
  );
}

function exact(value: number | string): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(6))) : value;
}

const kPlanColumns: readonly Column[] = [
  {
    title: '#',
    explanation: 'step, in execution order',
    key: ({ index }) => index,
    cell: ({ index }) => String(index),
    kind: 'number',
  },
  {
    title: 'op',
    explanation: 'operator of the net as published; empty for steps of the compiler',
    key: ({ op }) => (op === '' ? -1 : Number.parseInt(op, 10)),
    cell: ({ op }) => escapeText(op),
    kind: 'number',
  },
  { title: 'type', explanation: 'operator', key: ({ type }) => type, cell: ({ type }) => escapeText(type) },
  {
    title: 'blob',
    explanation: 'what it writes',
    key: ({ blob }) => blob,
    cell: ({ blob }) => escapeText(blob),
    kind: 'code',
  },
  {
    title: 'kernel',
    explanation: 'the kernel that was chosen, and what is fused into it',
    key: ({ kernel }) => kernel,
    cell: ({ kernel, fused, color, tile }) =>
      `<i class="key fill${color}"></i>${escapeText(kernel)}${fused === '' ? '' : ` <small>${escapeText(fused)}</small>`}${tile === '' ? '' : `<br><small>${escapeText(tile)}</small>`}`,
  },
  {
    title: 'result',
    explanation: 'type and shape',
    key: ({ result }) => result,
    cell: ({ result }) => escapeText(result),
    kind: 'code',
  },
  {
    title: 'MMAC',
    explanation: 'million multiply-adds',
    key: ({ macs }) => macs,
    cell: ({ macs }) => (macs === 0 ? '' : (macs / 1e6).toFixed(3)),
    kind: 'number',
  },
  {
    title: 'bytes',
    explanation: 'inputs, weights and outputs',
    key: ({ bytes }) => bytes,
    cell: ({ bytes }) => formatBytes(bytes),
    kind: 'number',
  },
];

function timeColumns({ layers }: ReportData): readonly Column[] {
  const total = layers.reduce((sum, { ms = 0 }) => sum + ms, 0);
  const most = Math.max(...layers.map(({ ms = 0 }) => ms), 1e-9);
  return [
    {
      title: 'time',
      explanation: 'of one run; the dark part is what the machine needs at least (roofline)',
      key: ({ ms = 0 }) => ms,
      cell: ({ ms = 0, rooflineMs = 0, color }) =>
        `<span class="bar"><i class="fill${color} pale" style="width:${round((100 * ms) / most)}%"></i><i class="fill${color}" style="width:${round((100 * Math.min(ms, rooflineMs)) / most)}%"></i></span><b>${formatTime(ms)}</b>`,
      kind: 'bar',
    },
    {
      title: 'share',
      explanation: 'of the time of all layers',
      key: ({ ms = 0 }) => ms / total,
      cell: ({ ms = 0 }) => (total === 0 ? '' : `${((100 * ms) / total).toFixed(1)} %`),
      kind: 'number',
    },
    {
      title: 'GFLOP/s',
      explanation: 'two operations per multiply-add; Winograd convolutions count those of the direct form',
      key: (layer) => gflopsOf(layer) ?? 0,
      cell: (layer) => gflopsOf(layer)?.toFixed(1) ?? '',
      kind: 'number',
    },
    {
      title: 'roofline',
      explanation:
        'the least possible time as a share of the time taken; more for Winograd convolutions, which multiply less',
      key: ({ ms = 0, rooflineMs = 0 }) => (ms === 0 ? 0 : rooflineMs / ms),
      cell: ({ ms = 0, rooflineMs = 0 }) => (ms === 0 ? '' : `${((100 * rooflineMs) / ms).toFixed(0)} %`),
      kind: 'number',
    },
    {
      title: 'loss',
      explanation: 'time beyond the roofline: where there is something to gain',
      key: ({ ms = 0, rooflineMs = 0 }) => Math.max(0, ms - rooflineMs),
      cell: ({ ms = 0, rooflineMs = 0 }) => formatTime(Math.max(0, ms - rooflineMs)),
      kind: 'number',
    },
  ];
}
