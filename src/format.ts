// Numbers and tables as people read them.

/** `512 B`, `10.2 kB`, `4.94 MB`. */
export function formatBytes(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${formatScaled(bytes)}B`;
}

/** `349 M`, `1.24 M`, `512`. */
export function formatCount(count: number): string {
  return formatScaled(count).trimEnd();
}

function formatScaled(value: number): string {
  const units: readonly (readonly [number, string])[] = [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ];
  const unit = units.find(([size]) => value >= size);
  return unit === undefined ? `${value} ` : `${Number((value / unit[0]).toPrecision(3))} ${unit[1]}`;
}

export function formatTime(ms: number): string {
  if (ms < 1) return `${(ms * 1000).toFixed(0)} µs`;
  return ms < 1000 ? `${ms.toPrecision(3)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** 3.2e-7; 0 and ∞ as they are. */
export function formatError(value: number): string {
  return value === 0 || !Number.isFinite(value) ? String(value) : value.toExponential(1);
}

/** Columns as wide as their widest cell; all but those named in `right` flush left. */
export function formatTable(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths = (rows[0] ?? []).map((_, c) => Math.max(...rows.map((row) => [...(row[c] ?? '')].length)));
  return rows
    .map((row) =>
      row
        .map((cell, c) => (right.includes(c) ? cell.padStart(widths[c] ?? 0) : cell.padEnd(widths[c] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
