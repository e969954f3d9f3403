// Arena planning: gives every buffer an offset such that buffers alive at the same step never overlap. Offline dynamic
// storage allocation; several greedy strategies and a seeded local search run, and the smallest arena is kept.
// The bound is the largest sum of live bytes over all steps: no placement can be smaller.

import { fail } from '../errors.js';

export const kArenaAlignment = 64;

/** Rounds of the local search after each strategy; fewer where so many buffers would take seconds to place again. */
const kRounds = 24;
const kSearchTries = 4000;
const kMaxComparisons = 4e8;

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
    for (const plan of [
      improve(rounded, order, boundBytes, strategy.name),
      search(rounded, order, boundBytes, strategy.name),
    ]) {
      if (best === undefined || plan.sizeBytes < best.sizeBytes) best = plan;
      if (best.sizeBytes === boundBytes) return best;
    }
  }
  return best ?? fail('internal', 'no arena strategy');
}

/** Largest sum of live bytes over the steps. */
export function arenaBound(requests: readonly BufferRequest[]): number {
  return liveSums(requests).reduce((most, { live }) => Math.max(most, live), 0);
}

/** Sum of live bytes at each step where a buffer begins, ends or has just ended. */
export function liveSums(requests: readonly BufferRequest[]): { readonly step: number; readonly live: number }[] {
  const change = new Map<number, number>();
  const add = (step: number, bytes: number): void => void change.set(step, (change.get(step) ?? 0) + bytes);
  for (const { first, last, sizeBytes } of requests) {
    add(first, sizeBytes);
    add(last, 0);
    add(last + 1, -sizeBytes);
  }
  let live = 0;
  return [...change]
    .sort(([a], [b]) => a - b)
    .map(([step, bytes]) => {
      live += bytes;
      return { step, live };
    });
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
  const ends = new Set(all.flatMap(({ first, last }) => [first, last]));
  const pressure = liveSums(all).filter(({ step }) => ends.has(step));
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
  const rounds = Math.min(kRounds, Math.floor(kMaxComparisons / requests.length ** 2));
  for (let round = 0; round < rounds && best.sizeBytes > boundBytes; round++) {
    const top = best.offsetsBytes.map((offset, i) => offset + (requests[i]?.sizeBytes ?? 0));
    const sticksOut = (i: number): boolean => top[i] === best.sizeBytes;
    const moved = [...current.filter(sticksOut), ...current.filter((i) => !sticksOut(i))];
    const next = place(requests, moved);
    current = moved;
    if (next.sizeBytes < best.sizeBytes) best = next;
  }
  return { ...best, boundBytes, strategy: name };
}

/** Moves buffers within the order at random (seeded) and keeps every order that is no worse. */
function search(
  requests: readonly BufferRequest[],
  order: readonly number[],
  boundBytes: number,
  name: string,
): ArenaPlan {
  let current = order;
  let best = place(requests, current);
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const tries = Math.min(kSearchTries, Math.floor(kMaxComparisons / requests.length ** 2));
  for (let i = 0; i < tries && best.sizeBytes > boundBytes; i++) {
    const next = [...current];
    const [moved] = next.splice(random(next.length), 1);
    if (moved === undefined) break;
    next.splice(random(next.length + 1), 0, moved);
    const plan = place(requests, next);
    if (plan.sizeBytes > best.sizeBytes) continue;
    best = plan;
    current = next;
  }
  return { ...best, boundBytes, strategy: `${name}, searched` };
}

/** First fit at the lowest offset, in order. */
function place(
  requests: readonly BufferRequest[],
  order: readonly number[],
): { offsetsBytes: readonly number[]; sizeBytes: number } {
  const offsetsBytes = new Array<number>(requests.length).fill(0);
  /** What is placed, by offset. */
  const placed: Placed[] = [];
  let sizeBytes = 0;
  for (const index of order) {
    const request = requests[index];
    if (request === undefined) continue;
    const offset = lowestGap(placed, request);
    putPlaced(placed, request, offset);
    offsetsBytes[index] = offset;
    sizeBytes = Math.max(sizeBytes, offset + request.sizeBytes);
  }
  return { offsetsBytes, sizeBytes };
}

/** Adds a buffer to those placed, which are in order of their offsets. */
export function putPlaced(placed: Placed[], { first, last, sizeBytes }: BufferRequest, offset: number): void {
  placed.splice(firstAbove(placed, offset), 0, { first, last, start: offset, end: offset + sizeBytes });
}

/** Steps and bytes of a buffer that has its place. */
export interface Placed {
  readonly first: number;
  readonly last: number;
  readonly start: number;
  readonly end: number;
}

/** The lowest offset at which the buffer meets none of those placed. */
export function lowestGap(placed: readonly Placed[], { first, last, sizeBytes }: BufferRequest): number {
  let offset = 0;
  for (const other of placed) {
    if (other.first > last || first > other.last) continue;
    if (other.start - offset >= sizeBytes) return offset;
    offset = Math.max(offset, other.end);
  }
  return offset;
}

/** Where a buffer at `offset` belongs among those placed. */
function firstAbove(placed: readonly Placed[], offset: number): number {
  let [low, high] = [0, placed.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((placed[middle]?.start ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
