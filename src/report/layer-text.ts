// A layer in words: the lines of its tooltip, the same in every picture.

import { formatBytes, formatCount, formatTime } from '../format.js';
import type { ReportLayer } from './report-data.js';

/** `12 Conv conv2`, `ToBlocked pool1`. */
export function layerName({ op, type, blob }: ReportLayer): string {
  return [op, type, blob].filter((part) => part !== '').join(' ');
}

/** 10⁹ floating-point operations per second. */
export function gflopsOf({ macs, ms }: ReportLayer): number | undefined {
  return ms === undefined || ms === 0 || macs === 0 ? undefined : (2 * macs) / ms / 1e6;
}

export function layerLines(layer: ReportLayer): readonly string[] {
  const { kernel, tile, fused, result, reads, macs, bytes, ms, rooflineMs } = layer;
  const gflops = gflopsOf(layer);
  const time =
    ms === undefined || rooflineMs === undefined || ms === 0
      ? ''
      : `${formatTime(ms)}, ${Math.round((100 * rooflineMs) / ms)} % of the roofline`;
  return [
    layerName(layer),
    `${kernel}${fused === '' ? '' : `, fused ${fused}`}`,
    tile,
    `${result}${reads.length === 0 ? '' : ` from ${reads.join(', ')}`}`,
    `${macs === 0 ? '' : `${formatCount(macs)} MAC, `}${formatBytes(bytes)}`,
    `${time}${gflops === undefined ? '' : `, ${gflops.toFixed(1)} GFLOP/s`}`,
  ].filter((line) => line !== '');
}
