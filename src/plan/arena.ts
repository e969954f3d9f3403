// Arena planning: gives every buffer an offset such that buffers alive at the same step never overlap. Offline dynamic
// storage allocation; several greedy strategies and a seeded local search run, and the smallest arena is kept.
// The bound is the largest sum of live bytes over all steps: no placement can be smaller.

import { fail } from '../errors.js';

export const kArenaAlignment = 64;

/** A buffer and the inclusive range of steps in which it must keep its bytes. */
export interface BufferRequest {
  readonly name: string;
  readonly sizeBytes: number;
  readonly first: number;
  readonly last: number;
}

export interface ArenaPlan {
  /** One offset per request, in order. */
  readonly offsetsBytes: readonly number[];
  readonly sizeBytes: number;
  readonly boundBytes: number;
  readonly strategy: string;
}

interface Strategy {
  readonly name: string;
  order(requests: readonly BufferRequest[]): readonly number[];
}

const kStrategies: readonly Strategy[] = [
  { name: 'largest-first', order: (all) => sortedBy(all, (a, b) => b.sizeBytes - a.sizeBytes) },
  { name: 'longest-area-first', order: (all) => sortedBy(all, (a, b) => area(b) - area(a)) },
  { name: 'earliest-first', order: (all) => sortedBy(all, (a, b) => a.first - b.first || b.sizeBytes - a.sizeBytes) },
  { name: 'busiest-step-first', order: orderByPressure },
];

/** Plans the arena; sizes are rounded up to the alignment. */
export function planArena(requests: readonly BufferRequest[]): ArenaPlan {
  const rounded = requests.map((request) => ({ ...request, sizeBytes: roundUp(request.sizeBytes) }));
  const boundBytes = arenaBound(rounded);
  let best: ArenaPlan | undefined;
  for (const strategy of kStrategies) {
    const order = strategy.order(rounded);
    const plan = improve(rounded, order, boundBytes, strategy.name);
    if (best === undefined || plan.sizeBytes < best.sizeBytes) best = plan;
    if (best.sizeBytes === boundBytes) break;
  }
  return best ?? fail('internal', 'no arena strategy');
}

/** Largest sum of live bytes over the steps. */
export function arenaBound(requests: readonly BufferRequest[]): number {
  const change = new Map<number, number>();
  for (const { first, last, sizeBytes } of requests) {
    change.set(first, (change.get(first) ?? 0) + sizeBytes);
    change.set(last + 1, (change.get(last + 1) ?? 0) - sizeBytes);
  }
  let live = 0;
  let most = 0;
  for (const step of [...change.keys()].sort((a, b) => a - b)) {
    live += change.get(step) ?? 0;
    most = Math.max(most, live);
  }
  return most;
}

/** Independent check: fails when two buffers that are alive together share a byte, or one leaves the arena. */
export function checkArena(
  requests: readonly BufferRequest[],
  offsetsBytes: readonly number[],
  sizeBytes: number,
): void {
  requests.forEach((a, i) => {
    const start = offsetsBytes[i] ?? -1;
    const end = start + a.sizeBytes;
    if (start < 0 || start % kArenaAlignment !== 0 || end > sizeBytes)
      fail('internal', `buffer ${a.name} leaves the arena`);
    for (let j = 0; j < i; j++) {
      const b = requests[j];
      if (b === undefined || a.first > b.last || b.first > a.last) continue;
      const other = offsetsBytes[j] ?? -1;
      if (start < other + b.sizeBytes && other < end)
        fail('internal', `buffers ${a.name} and ${b.name} overlap in the arena`);
    }
  });
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / kArenaAlignment) * kArenaAlignment;
}

function area(request: BufferRequest): number {
  return request.sizeBytes * (request.last - request.first + 1);
}

function sortedBy(
  all: readonly BufferRequest[],
  compare: (a: BufferRequest, b: BufferRequest) => number,
): readonly number[] {
  const indexed = all.map((request, index) => ({ request, index }));
  return indexed.sort((a, b) => compare(a.request, b.request) || a.index - b.index).map(({ index }) => index);
}

/** Buffers of the step with the largest live sum first, then of the next, …; large ones first within a step. */
function orderByPressure(all: readonly BufferRequest[]): readonly number[] {
  const steps = new Set(all.flatMap(({ first, last }) => [first, last]));
  const pressure = [...steps].map((step) => ({
    step,
    live: all.reduce((sum, r) => sum + (r.first <= step && step <= r.last ? r.sizeBytes : 0), 0),
  }));
  pressure.sort((a, b) => b.live - a.live || a.step - b.step);
  const rank = all.map((r) => pressure.findIndex(({ step }) => r.first <= step && step <= r.last));
  const indexed = all.map((request, index) => ({ request, index }));
  const byRank = (index: number): number => rank[index] ?? 0;
  indexed.sort(
    (a, b) => byRank(a.index) - byRank(b.index) || b.request.sizeBytes - a.request.sizeBytes || a.index - b.index,
  );
  return indexed.map(({ index }) => index);
}

/** Places in the given order; then moves the buffers that stick out to the front of the order while that helps. */
function improve(
  requests: readonly BufferRequest[],
  order: readonly number[],
  boundBytes: number,
  name: string,
): ArenaPlan {
  let current = order;
  let best = place(requests, current);
  for (let round = 0; round < 24 && best.sizeBytes > boundBytes; round++) {
    const top = best.offsetsBytes.map((offset, i) => offset + (requests[i]?.sizeBytes ?? 0));
    const peak = current.filter((i) => top[i] === best.sizeBytes);
    const moved = [...peak, ...current.filter((i) => !peak.includes(i))];
    const next = place(requests, moved);
    current = moved;
    if (next.sizeBytes < best.sizeBytes) best = next;
  }
  return { ...best, boundBytes, strategy: name };
}

/** First fit at the lowest offset, in order. */
function place(
  requests: readonly BufferRequest[],
  order: readonly number[],
): { offsetsBytes: readonly number[]; sizeBytes: number } {
  const offsetsBytes = new Array<number>(requests.length).fill(0);
  const placed: number[] = [];
  let sizeBytes = 0;
  for (const index of order) {
    const request = requests[index];
    if (request === undefined) continue;
    const busy = placed
      .map((other) => ({ start: offsetsBytes[other] ?? 0, request: requests[other] }))
      .filter(({ request: r }) => r !== undefined && r.first <= request.last && request.first <= r.last)
      .map(({ start, request: r }) => ({ start, end: start + (r?.sizeBytes ?? 0) }))
      .sort((a, b) => a.start - b.start);
    const offset = lowestGap(busy, request.sizeBytes);
    offsetsBytes[index] = offset;
    placed.push(index);
    sizeBytes = Math.max(sizeBytes, offset + request.sizeBytes);
  }
  return { offsetsBytes, sizeBytes };
}

function lowestGap(busy: readonly { start: number; end: number }[], sizeBytes: number): number {
  let offset = 0;
  for (const { start, end } of busy) {
    if (start - offset >= sizeBytes) return offset;
    offset = Math.max(offset, end);
  }
  return offset;
}
