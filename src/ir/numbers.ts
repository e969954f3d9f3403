// Numbers as C++ has them: rounding to even, the shortest text of a float32.

/** Nearest integer, ties to even: 0.5 gives 0, 1.5 gives 2, -0.5 gives -0. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  if (floor === -1) return -0;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The shortest decimal that reads back to the same float32. */
export function shortestFloat(value: number): number {
  const target = Math.fround(value);
  for (let digits = 1; digits < 10; digits++) {
    const candidate = Number(target.toPrecision(digits));
    if (Math.fround(candidate) === target) return candidate;
  }
  return target;
}
