// Arenas over several memory regions: what goes where, that nothing overlaps or leaves its region, and what does not fit.

import assert from 'node:assert/strict';
import { checkArena } from '../../src/plan/arena.js';
import {
  type ArenaRegion,
  checkRegions,
  locateArena,
  planRegions,
  type RegionRequest,
} from '../../src/plan/arena-regions.js';

function buffer(name: string, sizeBytes: number, first: number, last: number, accesses = 0): RegionRequest {
  return { name, sizeBytes, first, last, accesses };
}

const kFast: ArenaRegion = { name: 'dtcm', capacityBytes: 1024 };
const kSlow: ArenaRegion = { name: 'sram', capacityBytes: 8192 };

describe('arena over memory regions', () => {
  it('is one piece in the fastest region when all of it fits there', () => {
    const plan = planRegions([buffer('a', 512, 0, 1), buffer('b', 512, 1, 2)], [kFast, kSlow]);
    assert.deepEqual(plan.parts, [{ region: 'dtcm', sizeBytes: 1024 }]);
  });

  it('is one piece without name and limit where there are no regions', () => {
    const plan = planRegions([buffer('a', 1 << 20, 0, 0)], []);
    assert.deepEqual(plan.parts, [{ region: '', sizeBytes: 1 << 20 }]);
  });

  it('puts the busiest bytes into the fastest region', () => {
    const requests = [buffer('idle', 1024, 0, 2, 1000), buffer('busy', 512, 0, 2, 5000)];
    const plan = planRegions(requests, [kFast, kSlow]);
    assert.deepEqual(
      requests.map((_, i) => plan.parts[locateArena(plan.parts, plan.offsetsBytes[i] ?? 0).part]?.region),
      ['sram', 'dtcm'],
    );
  });

  it('moves more accesses to the fastest region than buffers by density would take there', () => {
    const requests = [
      buffer('dense', 640, 0, 2, 6400),
      buffer('one', 512, 0, 2, 4800),
      buffer('other', 512, 0, 2, 4800),
    ];
    const plan = planRegions(requests, [kFast, kSlow]);
    assert.deepEqual(
      requests.map((_, i) => plan.parts[locateArena(plan.parts, plan.offsetsBytes[i] ?? 0).part]?.region),
      ['sram', 'dtcm', 'dtcm'],
    );
  });

  it('shares bytes over time in each region', () => {
    const requests = [0, 1, 2, 3].map((i) => buffer(`b${i}`, 1024, 2 * i, 2 * i + 1, 10));
    const rest = buffer('rest', 4096, 0, 7, 1);
    const plan = planRegions([...requests, rest], [kFast, kSlow]);
    assert.deepEqual(plan.parts, [
      { region: 'dtcm', sizeBytes: 1024 },
      { region: 'sram', sizeBytes: 4096 },
    ]);
  });

  it('keeps buffers apart and inside one region, whatever they are', () => {
    let state = 7;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    let split = 0;
    for (let round = 0; round < 60; round++) {
      const requests = Array.from({ length: 3 + random(12) }, (_, i) => {
        const first = random(8);
        return buffer(`b${i}`, 1 + random(900), first, first + random(4), random(5000));
      });
      const regions = [kFast, kSlow];
      const plan = planRegions(requests, regions);
      checkArena(requests, plan.offsetsBytes, plan.sizeBytes);
      checkRegions(requests, plan, regions);
      assert.ok(plan.sizeBytes >= plan.boundBytes);
      if (plan.parts.length > 1) split++;
    }
    assert.ok(split > 10, `${split} of 60 plans use both regions`);
  });

  it('says what does not fit, and the sizes', () => {
    assert.throws(
      () => planRegions([buffer('large', 20_000, 0, 0)], [kFast, kSlow]),
      /does not fit the memory.*at most 9216 bytes \(dtcm 1024, sram 8192\).*20032/s,
    );
  });

  it('the check finds a buffer across two parts', () => {
    const requests = [buffer('a', 128, 0, 0)];
    const parts = [
      { region: 'dtcm', sizeBytes: 64 },
      { region: 'sram', sizeBytes: 128 },
    ];
    const plan = { offsetsBytes: [0], sizeBytes: 192, boundBytes: 128, strategy: 'made up', parts };
    assert.throws(() => checkRegions(requests, plan, [kFast, kSlow]), /across two parts/);
  });
});
