// What one import shares over all its nets: the problems found so far, the names in use, the importers by operator type.
// A frame is one net being imported: its builder and its blobs by name. Caffe2's blobs are variables; a frame's map gives
// the value that a name stands for at this point of the net, which is what makes the graph SSA.

import type { Problem, Where } from '../../errors.js';
import type { Origin, Value } from '../../ir/graph.js';
import type { Tensor } from '../../ir/tensor.js';
import { GraphBuilder, whereOf } from '../../ops/builder.js';
import type { Caffe2Import } from '../../ops/caffe2-import.js';
import { allOps } from '../../ops/index.js';

/** What a blob name stands for. Poisoned: its maker failed, and the problem has been reported there. */
export type Binding =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'poisoned' }
  /** Declared by an operator that leaves it empty (Dropout's mask), or made on one path of an If only. */
  | { readonly kind: 'unset'; readonly reason: string };

export const kPoisoned: Binding = { kind: 'poisoned' };

export class ImportSession {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly importers: ReadonlyMap<string, Caffe2Import> = collectImporters();
  readonly randomSeed: number | undefined;

  constructor(randomSeed: number | undefined) {
    this.randomSeed = randomSeed;
  }
}

/** A net by itself, an init net (all of it is computed now) or a branch (may never run). */
export type FrameKind = 'predict' | 'init' | 'branch';

export interface FrameOptions {
  readonly kind: FrameKind;
  readonly name: string;
  /** Shown in problems where several nets have the same operator indices. */
  readonly net?: string;
  /** `111.else.` for nested nets. */
  readonly opPrefix?: string;
  readonly usedNames: Set<string>;
  /** Of the net whose graph this one joins; a builder of its own by default. */
  readonly builder?: GraphBuilder;
  /** Finds a blob that this net does not make. */
  resolveOuter(name: string): Binding | undefined;
  /** See ImportScope.implicitInput; gives undefined when the net cannot have further inputs. */
  readonly implicitInput?: (name: string, type: Value['type']) => Value;
}

export class NetFrame {
  readonly session: ImportSession;
  readonly options: FrameOptions;
  readonly builder: GraphBuilder;
  /** Names that operators of this net have written, with their latest binding, and outer ones already looked up. */
  private readonly blobs = new Map<string, Binding>();
  private readonly written = new Set<string>();

  constructor(session: ImportSession, options: FrameOptions) {
    this.session = session;
    this.options = options;
    this.builder = options.builder ?? new GraphBuilder(options.name, options.usedNames);
  }

  lookUp(name: string): Binding | undefined {
    const own = this.blobs.get(name);
    if (own !== undefined) return own;
    const outer = this.options.resolveOuter(name);
    if (outer !== undefined) this.blobs.set(name, outer);
    return outer;
  }

  /** Binds a name without counting it as written by an operator. */
  provide(name: string, binding: Binding): void {
    this.blobs.set(name, binding);
  }

  write(name: string, binding: Binding): void {
    this.blobs.set(name, binding);
    this.written.add(name);
  }

  writtenNames(): readonly string[] {
    return [...this.written];
  }

  constantOf(value: Value): Tensor | undefined {
    return this.builder.constantOf(value);
  }

  report(problem: Problem, where: Where = {}): void {
    this.session.problems.push({ ...problem, where: { ...this.place(), ...where, ...problem.where } });
  }

  warn(problem: Problem): void {
    this.session.warnings.push({ ...problem, where: { ...this.place(), ...problem.where } });
  }

  /** Where a problem of an operator sits. */
  whereOp(origin: Origin): Where {
    return { ...this.place(), ...whereOf(origin) };
  }

  private place(): Where {
    return this.options.net === undefined ? {} : { net: this.options.net };
  }
}

function collectImporters(): ReadonlyMap<string, Caffe2Import> {
  const importers = new Map<string, Caffe2Import>();
  for (const op of allOps()) for (const [type, run] of Object.entries(op.caffe2 ?? {})) importers.set(type, run);
  return importers;
}
