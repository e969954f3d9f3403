// Arenas over several memory regions: which buffer lies in which, and where. Offsets count through all parts of the arena,
// first region to last; each part is a contiguous piece of its region. Regions come fastest first: buffers whose bytes are read
// and written most often go there, as far as they fit beside each other over time, the others to the next. A seeded search over the
// order in which buffers choose moves accesses to faster regions, and then makes the parts smaller.

import { fail } from '../errors.js';
import {
  type ArenaPlan,
  arenaBound,
  type BufferRequest,
  kArenaAlignment,
  lowestGap,
  type Placed,
  planArena,
  putPlaced,
} from './arena.js';
import { peakText } from './memory-peaks.js';

export interface ArenaRegion {
  readonly name: string;
  readonly capacityBytes: number;
}

/** A buffer, and how many numbers all steps read from and write to it. */
export interface RegionRequest extends BufferRequest {
  readonly accesses: number;
}

/** A part of the arena, as planned. */
export interface ArenaPart {
  readonly region: string;
  readonly sizeBytes: number;
}

export interface RegionPlan extends ArenaPlan {
  readonly parts: readonly ArenaPart[];
}

/** Plans all buffers; fails where they do not fit the regions. Without regions: one part without limit. */
export function planRegions(requests: readonly RegionRequest[], regions: readonly ArenaRegion[]): RegionPlan {
  const whole = planArena(requests);
  const [first] = regions;
  if (first === undefined || whole.sizeBytes <= first.capacityBytes) {
    return { ...whole, parts: [{ region: first?.name ?? '', sizeBytes: whole.sizeBytes }] };
  }
  const rounded = requests.map((r) => ({
    ...r,
    sizeBytes: Math.ceil(r.sizeBytes / kArenaAlignment) * kArenaAlignment,
  }));
  const best = searchOrders(rounded, regions);
  if (best !== undefined) return compact(rounded, best.assigned, regions, best.name);
  const capacity = regions.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0);
  return fail('mismatch', 'the arena does not fit the memory of the target', {
    expected: `at most ${capacity} bytes (${regions.map((r) => `${r.name} ${r.capacityBytes}`).join(', ')})`,
    got:
      `${whole.sizeBytes} bytes in one piece (no plan can be below ${arenaBound(rounded)}), or no split fits; ` +
      `at once live ${peakText(rounded)}`,
    remedy: 'use smaller inputs, or give the arena more memory in a target file of your own',
  });
}

interface Order {
  readonly name: string;
  readonly order: readonly number[];
}

/** The order that suits speed, then ones that waste less room. */
function orders(requests: readonly RegionRequest[]): readonly Order[] {
  const by = (name: string, key: (request: RegionRequest) => number): Order => ({
    name,
    order: requests.map((_, i) => i).sort((a, b) => keyOf(b, key) - keyOf(a, key) || a - b),
  });
  const keyOf = (i: number, key: (request: RegionRequest) => number): number => {
    const request = requests[i];
    return request === undefined ? 0 : key(request);
  };
  return [
    by('busiest-bytes-first', ({ accesses, sizeBytes }) => accesses / sizeBytes),
    by('largest-first', ({ sizeBytes }) => sizeBytes),
    by('longest-area-first', ({ sizeBytes, first, last }) => sizeBytes * (last - first + 1)),
    by('smallest-first', ({ sizeBytes }) => -sizeBytes),
  ];
}

/** Tries of the search; fewer where so many buffers would take seconds to place again. */
const kSearchTries = 1000;
const kMaxComparisons = 1e8;

interface Candidate {
  readonly name: string;
  readonly assigned: Assigned;
  /** Accesses to each region, each as much slower as there are faster ones. */
  readonly slowAccesses: number;
  /** Of all parts together. */
  readonly sizeBytes: number;
}

/** The best of all orders and of what random moves of single buffers make of them; undefined where nothing fits. */
function searchOrders(requests: readonly RegionRequest[], regions: readonly ArenaRegion[]): Candidate | undefined {
  const tries = Math.min(kSearchTries, Math.floor(kMaxComparisons / requests.length ** 2));
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let best: Candidate | undefined;
  for (const { name, order } of orders(requests)) {
    let current = order;
    let candidate = candidateOf(requests, order, regions, name);
    for (let i = 0; i < tries; i++) {
      const next = [...current];
      const [moved] = next.splice(random(next.length), 1);
      if (moved === undefined) break;
      next.splice(random(next.length + 1), 0, moved);
      const changed = candidateOf(requests, next, regions, `${name}, searched,`);
      if (changed === undefined || (candidate !== undefined && isBetter(candidate, changed))) continue;
      if (candidate === undefined || isBetter(changed, candidate)) candidate = changed;
      current = next;
    }
    if (candidate !== undefined && (best === undefined || isBetter(candidate, best))) best = candidate;
  }
  return best;
}

function isBetter(a: Candidate, b: Candidate): boolean {
  return a.slowAccesses < b.slowAccesses || (a.slowAccesses === b.slowAccesses && a.sizeBytes < b.sizeBytes);
}

function candidateOf(
  requests: readonly RegionRequest[],
  order: readonly number[],
  regions: readonly ArenaRegion[],
  name: string,
): Candidate | undefined {
  const assigned = assign(requests, order, regions);
  if (assigned === undefined) return undefined;
  const ends = regions.map(() => 0);
  let slowAccesses = 0;
  requests.forEach(({ accesses, sizeBytes }, i) => {
    const region = assigned.regionOf[i] ?? 0;
    slowAccesses += region * accesses;
    ends[region] = Math.max(ends[region] ?? 0, (assigned.offsetOf[i] ?? 0) + sizeBytes);
  });
  return { name, assigned, slowAccesses, sizeBytes: ends.reduce((sum, end) => sum + end, 0) };
}

/** Region and offset of each buffer: the first region with room, or undefined where one has none anywhere. */
interface Assigned {
  readonly regionOf: readonly number[];
  readonly offsetOf: readonly number[];
}

function assign(
  requests: readonly RegionRequest[],
  order: readonly number[],
  regions: readonly ArenaRegion[],
): Assigned | undefined {
  const placed = regions.map((): Placed[] => []);
  const regionOf = new Array<number>(requests.length).fill(0);
  const offsetOf = new Array<number>(requests.length).fill(0);
  for (const index of order) {
    const request = requests[index];
    if (request === undefined) continue;
    const found = regions.findIndex(({ capacityBytes }, r) => {
      const offset = lowestGap(placed[r] ?? [], request);
      if (offset + request.sizeBytes > capacityBytes) return false;
      putPlaced(placed[r] ?? [], request, offset);
      offsetOf[index] = offset;
      return true;
    });
    if (found < 0) return undefined;
    regionOf[index] = found;
  }
  return { regionOf, offsetOf };
}

/** Plans each region's own buffers once more, which may shrink it, and lines the parts up. */
function compact(
  requests: readonly RegionRequest[],
  { regionOf, offsetOf }: Assigned,
  regions: readonly ArenaRegion[],
  name: string,
): RegionPlan {
  const offsetsBytes = [...offsetOf];
  const parts: ArenaPart[] = [];
  let start = 0;
  regions.forEach((region, r) => {
    const own = requests.flatMap((request, index) => (regionOf[index] === r ? [{ request, index }] : []));
    if (own.length === 0) return;
    const again = planArena(own.map(({ request }) => request));
    const asPlaced = Math.max(...own.map(({ request, index }) => (offsetOf[index] ?? 0) + request.sizeBytes));
    const isSmaller = again.sizeBytes < asPlaced;
    own.forEach(({ index }, k) => {
      offsetsBytes[index] = start + (isSmaller ? (again.offsetsBytes[k] ?? 0) : (offsetOf[index] ?? 0));
    });
    const sizeBytes = isSmaller ? again.sizeBytes : asPlaced;
    parts.push({ region: region.name, sizeBytes });
    start += sizeBytes;
  });
  const boundBytes = arenaBound(requests);
  return { offsetsBytes, sizeBytes: start, boundBytes, strategy: `${name} over ${parts.length} regions`, parts };
}

/** Independent check: no buffer lies across two parts, no part exceeds its region. */
export function checkRegions(
  requests: readonly BufferRequest[],
  plan: RegionPlan,
  regions: readonly ArenaRegion[],
): void {
  requests.forEach(({ name, sizeBytes }, i) => {
    const at = locateArena(plan.parts, plan.offsetsBytes[i] ?? 0);
    const part = plan.parts[at.part];
    if (part === undefined || at.offsetBytes + sizeBytes > part.sizeBytes)
      fail('internal', `buffer ${name} lies across two parts of the arena`);
  });
  for (const { region, sizeBytes } of plan.parts) {
    const known = regions.find(({ name }) => name === region);
    if (known !== undefined && sizeBytes > known.capacityBytes) fail('internal', `the arena exceeds region ${region}`);
  }
}

/** The part that an offset lies in, and the offset within. */
export function locateArena(
  parts: readonly ArenaPart[],
  offsetBytes: number,
): { readonly part: number; readonly offsetBytes: number } {
  let rest = offsetBytes;
  let part = 0;
  for (; part + 1 < parts.length && rest >= (parts[part]?.sizeBytes ?? 0); part++) rest -= parts[part]?.sizeBytes ?? 0;
  return { part, offsetBytes: rest };
}
