// What 32-bit processes can hold: a net beyond it would be compiled without complaint and then not load, or not start.

import { fail } from '../errors.js';
import type { Program } from '../plan/program.js';
import type { Target } from './target.js';

const kGiB = 2 ** 30;
/** The C library gives no larger piece: differences of pointers must stay positive. */
const kPieceBytes = 2 * kGiB - 1;
/** Linux keeps the last quarter for itself. */
const kProcessBytes = 3 * kGiB;

/** Fails when arena and weights cannot lie in the memory of one process of the target. */
export function checkAddressSpace({ arenaBytes, weightBytes }: Program, { isa, name }: Target): void {
  if (isa !== 'armv7') return;
  if (Math.max(arenaBytes, weightBytes) <= kPieceBytes && arenaBytes + weightBytes < kProcessBytes) return;
  fail('mismatch', `the net does not fit the 32-bit address space of target ${name}`, {
    expected: `arena and weights of at most ${kPieceBytes} bytes each, and less than ${kProcessBytes} together`,
    got: `an arena of ${arenaBytes} bytes and weights of ${weightBytes}`,
    remedy: 'take a 64-bit target, or smaller inputs',
  });
}
