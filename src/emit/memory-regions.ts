// Memory of a machine without an operating system: regions of a target file, what each holds, and what is left for the
// arena. Regions are listed from fast to slow.

import { fail } from '../errors.js';

/** code: vectors, instructions, constants. data: variables and the stack. io: buffers of the inputs. */
export const kHoldings = ['code', 'weights', 'data', 'arena', 'io'] as const;
export type Holding = (typeof kHoldings)[number];

export interface MemoryRegion {
  readonly name: string;
  /** First address, as text since JSON has no hexadecimal numbers: `0x20000000`. */
  readonly origin: string;
  readonly bytes: number;
  readonly holds: readonly Holding[];
  /** Bytes that the arena leaves to the rest of the program. */
  readonly reservedBytes?: number;
}

/** The region for something there is one of. */
export function regionOf(regions: readonly MemoryRegion[], holding: Holding): MemoryRegion {
  return (
    regions.find((region) => region.holds.includes(holding)) ??
    fail('bad-option', `no memory region of the target holds ${holding}`, {
      remedy: 'add it to `holds` of one of them',
    })
  );
}

/** Regions that the arena may use, in order of preference. */
export function arenaRegions(
  regions: readonly MemoryRegion[],
): readonly { readonly name: string; readonly capacityBytes: number }[] {
  return regions
    .filter((region) => region.holds.includes('arena'))
    .map(({ name, bytes, reservedBytes = 0 }) => ({ name, capacityBytes: Math.max(0, bytes - reservedBytes) }));
}
