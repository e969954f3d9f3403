// The arena as a map: time from left to right (one column per step), addresses from bottom to top; a rectangle per buffer for
// the steps in which it must keep its bytes. Above it, the bytes that live at each step.

import { formatBytes } from '../format.js';
import type { ReportArena, ReportBuffer } from './report-data.js';
import { element, label, picture, round, shorten, tooltip } from './svg.js';
import { niceTicks } from './ticks.js';

const kLeft = 66;
const kRight = 12;
const kHeight = 360;
const kTop = 12;
const kLetter = 6.3;

export function arenaPicture({ buffers, regions, sizeBytes }: ReportArena): string | undefined {
  if (buffers.length === 0 || sizeBytes === 0) return undefined;
  const steps = Math.max(...buffers.map(({ last }) => last)) + 1;
  const column = Math.max(7, (1000 - kLeft - kRight) / steps);
  const width = kLeft + kRight + steps * column;
  const scale = kHeight / sizeBytes;
  const y = (bytes: number): number => kTop + kHeight - bytes * scale;
  const ticks = niceTicks(sizeBytes, 5).filter((value) => value <= sizeBytes * 1.001);
  const grid = ticks.flatMap((value) => [
    element('line', { x1: kLeft, x2: width - kRight, y1: y(value), y2: y(value), class: 'grid' }),
    label(kLeft - 6, y(value) + 4, formatBytes(value), { 'text-anchor': 'end', class: 'quiet' }),
  ]);
  const boxes = buffers.map((buffer) => {
    const x = kLeft + buffer.first * column;
    const rect = {
      x: x + 0.5,
      y: y(buffer.offsetBytes + buffer.sizeBytes),
      width: (buffer.last - buffer.first + 1) * column - 1,
      height: Math.max(0.8, buffer.sizeBytes * scale - 0.6),
    };
    return element('g', { class: 'buffer' }, tooltip(bufferLines(buffer)), rectangle(buffer, rect), name(buffer, rect));
  });
  const caption = label(kLeft, kTop + kHeight + 18, `steps 0 to ${steps - 1} →`, { class: 'quiet' });
  const live = element('path', { d: liveLine(buffers, steps, column, y), class: 'live' });
  const svg = picture(
    width,
    kTop + kHeight + 26,
    'arena map',
    ...grid,
    ...boxes,
    live,
    ...borders(regions, width, y),
    caption,
  );
  return width > 1000 ? svg.replace('<svg ', `<svg style="min-width:${round(width)}px" `) : svg;
}

/** Where memory regions begin. */
function borders(regions: ReportArena['regions'], width: number, y: (bytes: number) => number): readonly string[] {
  let start = 0;
  return regions.flatMap(({ name: region, sizeBytes }) => {
    const at = y(start);
    start += sizeBytes;
    return [
      element('line', { x1: kLeft, x2: width - kRight, y1: at, y2: at, class: 'roof' }),
      label(width - kRight - 4, at - 5, `from here: ${region}`, { class: 'quiet', 'text-anchor': 'end' }),
    ];
  });
}

type Rect = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };

function rectangle({ name: own, color }: ReportBuffer, rect: Rect): string {
  return element('rect', { ...rect, class: own.startsWith('scratch of') ? 'scratch' : `fill${color} buffer-fill` });
}

/** The buffer's name where it fits. */
function name({ name: own }: ReportBuffer, { x, y, width, height }: Rect): string {
  const letters = Math.floor((width - 6) / kLetter);
  if (height < 12 || letters < 3) return '';
  return label(x + 3, y + height / 2 + 4, shorten(own, letters), { class: 'inside' });
}

function bufferLines({ name: own, offsetBytes, sizeBytes, first, last }: ReportBuffer): readonly string[] {
  return [
    own,
    `${formatBytes(sizeBytes)} at ${offsetBytes}`,
    first === last ? `in step ${first}` : `from step ${first} to ${last}`,
  ];
}

/** Sum of live bytes, step by step. */
function liveLine(
  buffers: readonly ReportBuffer[],
  steps: number,
  column: number,
  y: (bytes: number) => number,
): string {
  const live = Array.from({ length: steps }, (_, at) =>
    buffers.reduce((sum, { first, last, sizeBytes }) => (first <= at && at <= last ? sum + sizeBytes : sum), 0),
  );
  const parts = live.map((bytes, at) => {
    const [from, to, height] = [kLeft + at * column, kLeft + (at + 1) * column, y(bytes)].map(round);
    return `${at === 0 ? 'M' : 'L'}${from} ${height}L${to} ${height}`;
  });
  return parts.join('');
}
