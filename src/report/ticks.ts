// Numbers to write along an axis: 1, 2 or 5 times powers of ten.

/** 0 and about `count` even steps, up to the first that is no less than `most`. niceTicks(0.7, 4): 0, 0.2, 0.4, 0.6, 0.8. */
export function niceTicks(most: number, count: number): readonly number[] {
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((value) => value * power >= rough) ?? 10;
  const steps = Math.ceil(most / (factor * power) - 1e-9);
  return Array.from({ length: steps + 1 }, (_, i) => Number((i * factor * power).toPrecision(6)));
}

/** Those of 1, 2, 5 times powers of ten that lie between. */
export function logTicks(low: number, high: number): readonly number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of [1, 2, 5]) {
      const value = Number((factor * 10 ** power).toPrecision(3));
      if (value >= low && value <= high) ticks.push(value);
    }
  }
  return ticks;
}
