// How often a net of lower precision answers as the same net in fp32 does: the index of the largest value, row by row, of every
// float output with rows.

import { getNumber, type Tensor } from '../ir/tensor.js';

export interface Agreement {
  readonly name: string;
  /** Rows whose largest value has the same index, of all; and how many different indices fp32 gave. */
  readonly same: number;
  readonly rows: number;
  readonly distinct: number;
}

export type Outputs = ReadonlyMap<string, Tensor>;

/** Agreement of each float output of rank 2 or more with at least two values in a row; the runs are in the same order. */
export function countAgreement(lower: readonly Outputs[], exact: readonly Outputs[]): readonly Agreement[] {
  return [...(exact[0]?.keys() ?? [])].flatMap((name) => {
    const mine = lower.flatMap((outputs) => largestOfRows(outputs.get(name)));
    const theirs = exact.flatMap((outputs) => largestOfRows(outputs.get(name)));
    if (theirs.length === 0) return [];
    const same = theirs.filter((index, row) => index === mine[row]).length;
    return [{ name, same, rows: theirs.length, distinct: new Set(theirs).size }];
  });
}

/** Index of the largest value of each row (all that follows the first dim); none where rows hold one value or no floats. */
function largestOfRows(tensor: Tensor | undefined): readonly number[] {
  if (tensor?.dtype !== 'f32' || tensor.dims.length < 2) return [];
  const [rows = 0, ...rest] = tensor.dims;
  const size = rest.reduce((a, b) => a * b, 1);
  if (size < 2) return [];
  return Array.from({ length: rows }, (_, row) => {
    const value = (i: number): number => getNumber(tensor, row * size + i);
    let best = 0;
    for (let i = 1; i < size; i++) if (value(i) > value(best)) best = i;
    return best;
  });
}
