// Who computes the nets of the corpus. The runner imports each case and hands graphs in batches to an Executor: the
// interpreter takes them one by one; an executor of compiled code can compile a whole batch into one program.

import { type Problem, problemsOf } from '../../src/errors.js';
import type { Graph } from '../../src/ir/graph.js';
import type { Tensor } from '../../src/ir/tensor.js';
import { interpret } from '../../src/ops/interpret.js';

export interface Job {
  /** Unique within a batch; letters, digits and _ only. */
  readonly id: string;
  readonly graph: Graph;
  /** By name of the graph's inputs. */
  readonly inputs: ReadonlyMap<string, Tensor>;
}

export type Outcome =
  | { readonly kind: 'outputs'; readonly outputs: ReadonlyMap<string, Tensor> }
  /** A clean refusal at run time (status code, fault); a crash must be a problem with code `internal`. */
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] };

/** The message of the problem of a net whose buffers do not fit the target's memory: it counts as excluded. */
export const kTooLarge = 'more memory than the board has';

export interface Executor {
  readonly name: string;
  /** Most jobs to hand over at once. */
  readonly batchSize: number;
  /** False: compiled code, whose C interface has no strings. */
  readonly hasStrings: boolean;
  /** One outcome per job, in order. */
  run(jobs: readonly Job[]): Promise<readonly Outcome[]>;
}

export const interpreterExecutor: Executor = {
  name: 'interpreter',
  batchSize: 1,
  hasStrings: true,
  run: async (jobs) => jobs.map(interpretJob),
};

export function interpretJob(job: Job): Outcome {
  try {
    return { kind: 'outputs', outputs: interpret(job.graph, job.inputs) };
  } catch (error) {
    return { kind: 'problems', problems: problemsOf(error) };
  }
}
