// Arenas over several memory regions: which buffer lies in which, and where. Offsets count through all parts of the arena,
// first region to last; each part is a contiguous piece of its region. Regions come fastest first: buffers with the most
// work per byte go there, as far as they fit beside each other over time, the others to the next.

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

export interface ArenaRegion {
  readonly name: string;
  readonly capacityBytes: number;
}

/** A buffer, and the multiply-adds or bytes of all steps that use it. */
export interface RegionRequest extends BufferRequest {
  readonly work: number;
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
  for (const { name, order } of orders(rounded)) {
    const chosen = assign(rounded, order, regions);
    if (chosen !== undefined) return compact(rounded, chosen, regions, name);
  }
  const capacity = regions.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0);
  return fail('mismatch', 'the arena does not fit the memory of the target', {
    expected: `at most ${capacity} bytes (${regions.map((r) => `${r.name} ${r.capacityBytes}`).join(', ')})`,
    got: `${whole.sizeBytes} bytes in one piece (no plan can be below ${arenaBound(rounded)}), or no split fits`,
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
    by('busiest-bytes-first', ({ work, sizeBytes }) => work / sizeBytes),
    by('largest-first', ({ sizeBytes }) => sizeBytes),
    by('longest-area-first', ({ sizeBytes, first, last }) => sizeBytes * (last - first + 1)),
    by('smallest-first', ({ sizeBytes }) => -sizeBytes),
  ];
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
