// What tuning knows of one layer: the times of the candidates that were tried, the best of them, and what to try next.

import type { TileFields, TunedKernel } from '../ops/kernel-call.js';
import type { KernelSpace } from '../plan/tuning-space.js';

export interface Candidate {
  readonly kernel: string;
  readonly tile: TileFields;
}

/** A candidate must be this much faster than what the cost model chooses to take its place: measurements vary. */
const kWorthwhile = 0.98;
/** Kernels slower than this many times the fastest are not refined. */
const kHopeless = 1.25;

/** Times of the candidates of one layer. */
export class LayerTimes {
  readonly tried = new Map<string, TunedKernel>();

  constructor(
    readonly layer: string,
    readonly kernels: readonly KernelSpace[],
    readonly chosenKernel: string,
    readonly count: number,
  ) {}

  get model(): Candidate {
    const space = this.kernels.find(({ kernel }) => kernel === this.chosenKernel);
    return { kernel: this.chosenKernel, tile: space?.tiles?.chosen ?? {} };
  }

  add({ kernel, tile }: Candidate, ms: number): void {
    const key = keyOf({ kernel, tile });
    const before = this.tried.get(key);
    this.tried.set(key, { kernel, tile, ms: Math.min(ms, before?.ms ?? ms) });
  }

  timeOf(candidate: Candidate): TunedKernel | undefined {
    return this.tried.get(keyOf(candidate));
  }

  /** The fastest form of each kernel, fastest first; what the model chooses wins unless others are clearly faster. */
  best(): readonly TunedKernel[] {
    const of = (kernel: KernelSpace): TunedKernel | undefined => {
      const all = [...this.tried.values()].filter((one) => one.kernel === kernel.kernel);
      const fastest = [...all].sort((a, b) => a.ms - b.ms)[0];
      const usual = this.timeOf({ kernel: kernel.kernel, tile: kernel.tiles?.chosen ?? {} });
      return usual !== undefined && fastest !== undefined && fastest.ms > kWorthwhile * usual.ms ? usual : fastest;
    };
    const found = this.kernels.map(of).filter((one): one is TunedKernel => one !== undefined);
    const weight = ({ kernel, ms }: TunedKernel): number => (kernel === this.chosenKernel ? kWorthwhile * ms : ms);
    return found.sort((a, b) => weight(a) - weight(b));
  }

  /**
   * What to try along one axis, starting from the best so far. Kernels that the model would not choose are tried as they are
   * first, and refined only where they come close.
   */
  candidates(axis: number): readonly Candidate[] {
    const known = this.best();
    const list = this.kernels.flatMap(({ kernel, tiles }): readonly Candidate[] => {
      const base = known.find((one) => one.kernel === kernel);
      if (base === undefined) return [{ kernel, tile: tiles?.chosen ?? {} }];
      if (base.ms > kHopeless * (known[0]?.ms ?? 0)) return [];
      const options = axis === 0 ? (tiles?.axes[0] ?? []) : near(tiles?.axes[axis] ?? [], base.tile);
      return options.map((fields) => ({ kernel, tile: { ...base.tile, ...fields } }));
    });
    return list.filter(
      (one, i) => this.timeOf(one) === undefined && list.findIndex((o) => keyOf(o) === keyOf(one)) === i,
    );
  }
}

/** Of sizes along an axis, those next to the present one, two on either side. */
function near(axis: readonly TileFields[], tile: TileFields): readonly TileFields[] {
  const sizeOf = (fields: TileFields): number => Object.values(fields)[0] ?? 0;
  const [name = ''] = Object.keys(axis[0] ?? {});
  const present = tile[name] ?? 0;
  const sorted = [...axis].sort((a, b) => sizeOf(a) - sizeOf(b));
  const below = sorted.filter((fields) => sizeOf(fields) < present);
  const above = sorted.filter((fields) => sizeOf(fields) > present);
  return [...below.slice(-2), ...above.slice(0, 2)];
}

/** The same for the same fields in any order. */
function keyOf({ kernel, tile }: Candidate): string {
  const fields = Object.entries(tile).sort(([a], [b]) => (a < b ? -1 : 1));
  return [kernel, ...fields.map(([name, value]) => `${name} ${value}`)].join(' ');
}
