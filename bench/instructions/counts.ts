// What the counting plugin writes (count_instructions.cc), read: the counts at each reading of the clock, and hot blocks.

export interface Counts {
  readonly total: number;
  readonly multiplies: number;
  readonly loads: number;
  readonly stores: number;
}

/** Readings of the clock in order, and the text of hot blocks. */
export function parseCounts(text: string): {
  readonly readings: readonly Counts[];
  readonly blocks: readonly string[];
} {
  const lines = text.split('\n');
  const readings = lines.flatMap((line): readonly Counts[] => {
    const [word, total = 0, multiplies = 0, loads = 0, stores = 0] = line
      .split(' ')
      .map((part, i) => (i === 0 ? part : Number(part)));
    return word === 'clock'
      ? [{ total: Number(total), multiplies: Number(multiplies), loads: Number(loads), stores: Number(stores) }]
      : [];
  });
  return { readings, blocks: lines.filter((line) => line !== '' && !line.startsWith('clock ')) };
}

/**
 * One profiled run: the clock is read twice while the model is made, before and after the run, and around each layer.
 * Fails when there are other readings: then a layer ran more or less than once.
 */
export function readReport(
  readings: readonly Counts[],
  layerCount: number,
): { readonly run: Counts; readonly perLayer: readonly Counts[] } {
  const [, , begin, ...rest] = readings;
  const end = rest.pop();
  if (begin === undefined || end === undefined || rest.length !== 2 * layerCount) {
    throw new Error(`the clock was read ${readings.length} times; ${2 * layerCount + 4} times are expected`);
  }
  const perLayer = Array.from({ length: layerCount }, (_, i) =>
    difference(rest[2 * i] ?? begin, rest[2 * i + 1] ?? end),
  );
  return { run: difference(begin, end), perLayer };
}

function difference(from: Counts, to: Counts): Counts {
  return {
    total: to.total - from.total,
    multiplies: to.multiplies - from.multiplies,
    loads: to.loads - from.loads,
    stores: to.stores - from.stores,
  };
}
