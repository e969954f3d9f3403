// Arena plans: hand-made cases, seeded random interval sets, and the real nets that are beside the project. The judge of
// every plan is a brute-force one of this file, which shares nothing with the planner or its checker.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { compileModel } from '../../src/compile.js';
import { CompileError } from '../../src/errors.js';
import { uniformNumbers } from '../../src/ops/constant-spelling.js';
import {
  type ArenaPlan,
  arenaBound,
  type BufferRequest,
  checkArena,
  kArenaAlignment,
  planArena,
} from '../../src/plan/arena.js';
import { sharedFolder, skipBecause } from '../support/skip.js';

const kRandomSets = 300;
/** What the planner may waste on sets made to be hard; real nets get 1.05. */
const kRandomWaste = 1.25;
const kWaste = 1.05;

describe('arena plans', () => {
  it('nothing needs nothing', () => {
    const plan = planArena([]);
    assert.deepEqual([plan.sizeBytes, plan.boundBytes, plan.offsetsBytes], [0, 0, []]);
  });

  it('sizes are rounded up to the alignment', () => {
    const plan = planArena([buffer('a', 1, 0, 0), buffer('b', 65, 0, 0)]);
    assert.equal(plan.sizeBytes, 3 * kArenaAlignment);
    assert.equal(plan.boundBytes, plan.sizeBytes);
  });

  it('buffers that never live together share bytes', () => {
    const plan = planArena([buffer('a', 640, 0, 1), buffer('b', 640, 2, 3), buffer('c', 320, 4, 4)]);
    assert.equal(plan.sizeBytes, 640);
  });

  it('the last step of one and the first of another are the same step: they live together', () => {
    assert.equal(planArena([buffer('a', 640, 0, 2), buffer('b', 640, 2, 3)]).sizeBytes, 1280);
  });

  it('a chain of growing buffers reaches the bound', () => {
    const chain = Array.from({ length: 12 }, (_, i) => buffer(`b${i}`, 64 * (i + 1), i, i + 1));
    const plan = planArena(chain);
    assert.equal(plan.sizeBytes, plan.boundBytes);
    assert.equal(plan.boundBytes, 64 * (11 + 12));
  });

  it('the bound is the largest sum over the steps', () => {
    const set = [buffer('a', 100, 0, 4), buffer('b', 50, 1, 2), buffer('c', 70, 2, 3), buffer('d', 10, 9, 9)];
    assert.equal(arenaBound(set), 220);
  });

  it('random sets: sound, never below the bound, little above it, the same every time', () => {
    for (let seed = 1; seed <= kRandomSets; seed++) {
      const set = randomSet(seed);
      const plan = planArena(set);
      assert.deepEqual(overlaps(set, plan), [], `seed ${seed}`);
      checkArena(set, plan.offsetsBytes, plan.sizeBytes);
      assert.ok(plan.sizeBytes >= plan.boundBytes, `seed ${seed}: below the bound`);
      assert.equal(plan.boundBytes, slowBound(set), `seed ${seed}: bound`);
      assert.ok(
        plan.sizeBytes <= kRandomWaste * plan.boundBytes,
        `seed ${seed}: ${plan.sizeBytes} of ${plan.boundBytes}`,
      );
      assert.deepEqual(planArena(set), plan, `seed ${seed}: differs the second time`);
    }
  });
});

describe('the checker of arena plans', () => {
  const set = [buffer('a', 128, 0, 2), buffer('b', 64, 1, 3), buffer('c', 64, 3, 4)];
  const refuses = (offsets: readonly number[], sizeBytes: number, message: RegExp): void =>
    assert.throws(
      () => checkArena(set, offsets, sizeBytes),
      (error: unknown) => error instanceof CompileError && message.test(error.message),
    );

  it('accepts a sound plan', () => checkArena(set, [0, 128, 0], 192));
  it('rejects an overlap', () => refuses([0, 64, 0], 192, /buffers b and a overlap/));
  it('rejects an overlap in one step only', () => refuses([0, 128, 128], 192, /buffers c and b overlap/));
  it('rejects a buffer that ends past the arena', () => refuses([0, 192, 0], 192, /buffer b leaves the arena/));
  it('rejects a negative offset', () => refuses([-64, 128, 0], 192, /buffer a leaves the arena/));
  it('rejects an odd offset', () => refuses([0, 130, 0], 256, /buffer b leaves the arena/));
  it('rejects a missing offset', () => refuses([0, 128], 192, /buffer c leaves the arena/));

  it('rejects random plans in which one buffer was moved onto another', () => {
    let tampered = 0;
    for (let seed = 1; seed <= kRandomSets; seed++) {
      const random = randomSet(seed);
      const plan = planArena(random);
      const pair = random.flatMap((a, i) =>
        random.slice(0, i).flatMap((b, j) => (meet(a, b) ? [[i, j] as const] : [])),
      )[0];
      if (pair === undefined) continue;
      const [i, j] = pair;
      const offsets = plan.offsetsBytes.map((offset, k) => (k === i ? (plan.offsetsBytes[j] ?? 0) : offset));
      assert.throws(() => checkArena(random, offsets, plan.sizeBytes + 1e6), CompileError, `seed ${seed}`);
      tampered++;
    }
    assert.ok(tampered > kRandomSets / 2);
  });
});

describe('arenas of real nets', function () {
  this.timeout(120_000);

  for (const target of ['x86-64', 'x86-64-v4']) {
    it(`at most ${kWaste} x the bound, ${target}`, function () {
      const folder = sharedFolder();
      if (folder === undefined) return skipBecause(this, 'no recorded nets beside the project');
      const nets = path.join(folder, 'golden', 'nets');
      const small = fs.readdirSync(nets).filter((net) => fs.existsSync(path.join(nets, net, 'init_net.pb')));
      assert.ok(small.length > 0);
      for (const net of small) {
        const files = ['predict_net.pb', 'init_net.pb', 'value_info.json'].map((file) => path.join(nets, net, file));
        const [predictNet = '', initNet = '', valueInfo = ''] = files;
        const { program } = compileModel({ predictNet, initNet, valueInfo, target });
        const share = program.arenaBytes / program.arenaBoundBytes;
        assert.ok(share >= 1 && share <= kWaste, `${net}: ${share}`);
        const plan = { offsetsBytes: program.arena.map((entry) => entry.offsetBytes), sizeBytes: program.arenaBytes };
        assert.deepEqual(overlaps(program.arena, plan), [], net);
        assert.equal(slowBound(program.arena), program.arenaBoundBytes, net);
      }
    });
  }
});

function buffer(name: string, sizeBytes: number, first: number, last: number): BufferRequest {
  return { name, sizeBytes, first, last };
}

/** Mostly short lives with some long ones, sizes over three powers of ten: what nets look like, but worse. */
function randomSet(seed: number): readonly BufferRequest[] {
  const uniform = uniformNumbers(seed);
  const count = 1 + Math.floor(uniform() * 60);
  const steps = 2 + Math.floor(uniform() * count);
  return Array.from({ length: count }, (_, i) => {
    const first = Math.floor(uniform() * steps);
    const length = uniform() < 0.2 ? Math.floor(uniform() * steps) : Math.floor(uniform() * 3);
    const sizeBytes = 1 + Math.floor(10 ** (1 + 3 * uniform()));
    return buffer(`b${i}`, sizeBytes, first, Math.min(steps - 1, first + length));
  });
}

function meet(a: BufferRequest, b: BufferRequest): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Pairs that share a byte while both live, by looking at each step. */
function overlaps(
  set: readonly BufferRequest[],
  plan: Pick<ArenaPlan, 'offsetsBytes' | 'sizeBytes'>,
): readonly string[] {
  const found: string[] = [];
  const range = (i: number): readonly [number, number] => {
    const start = plan.offsetsBytes[i] ?? -1;
    return [start, start + (set[i]?.sizeBytes ?? 0)];
  };
  const lastStep = Math.max(0, ...set.map((request) => request.last));
  for (let step = 0; step <= lastStep; step++) {
    const live = set.flatMap((request, i) => (request.first <= step && step <= request.last ? [i] : []));
    live.sort((a, b) => range(a)[0] - range(b)[0]);
    live.forEach((index, k) => {
      const [start, end] = range(index);
      const next = live[k + 1];
      if (start < 0 || end > plan.sizeBytes) found.push(`${set[index]?.name} leaves the arena`);
      if (next !== undefined && range(next)[0] < end)
        found.push(`${set[index]?.name} and ${set[next]?.name}, step ${step}`);
    });
  }
  return found;
}

function slowBound(set: readonly BufferRequest[]): number {
  const rounded = (bytes: number): number => Math.ceil(bytes / kArenaAlignment) * kArenaAlignment;
  const lastStep = Math.max(0, ...set.map((request) => request.last));
  const sums = Array.from({ length: lastStep + 1 }, (_, step) =>
    set.reduce((sum, r) => sum + (r.first <= step && step <= r.last ? rounded(r.sizeBytes) : 0), 0),
  );
  return Math.max(0, ...sums);
}
