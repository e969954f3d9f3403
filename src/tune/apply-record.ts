// A record of measurements at compile time: what of it fits the net, the target and the kernel table as it is now. The result
// depends on nothing but these, so that compiling stays deterministic; what does not fit is named in a warning and left out.

import { fail, type Problem } from '../errors.js';
import type { Graph } from '../ir/graph.js';
import type { KernelTarget, TunedKernel, Tuning } from '../ops/kernel-call.js';
import { kNarrowestVector } from '../plan/build-program.js';
import { isInSpace, type KernelSpace, tunableLayers } from '../plan/tuning-space.js';
import type { TunedLayer, TuningRecord } from './record.js';

export interface AppliedRecord {
  readonly tuning: Tuning;
  readonly warnings: readonly Problem[];
}

const kNamed = 3;

/** Choices for the layers of the graph. Fails when the record holds several CPUs of the target and none is named. */
export function applyRecord(
  record: TuningRecord,
  graph: Graph,
  target: KernelTarget,
  about: { readonly targetName: string; readonly cpu?: string },
): AppliedRecord {
  const measured = ofOneCpu(record, about);
  const tuning = new Map<string, readonly TunedKernel[]>();
  const warnings: Problem[] = [];
  // The plan may halve vectors for the whole net; measurements of any width may be asked for.
  for (let vectorFloats = target.vectorFloats; vectorFloats >= kNarrowestVector; vectorFloats /= 2) {
    for (const [layer, kernels] of tunableLayers(graph, { ...target, vectorFloats })) {
      const known = measured.get(layer);
      if (known === undefined) continue;
      const good = known.kernels.filter((tuned) => fits(tuned, kernels));
      if (good.length > 0) tuning.set(layer, good);
      for (const tuned of known.kernels) if (!good.includes(tuned)) warnings.push(staleWarning(layer, tuned));
    }
  }
  const missing = [...tunableLayers(graph, target).keys()].filter((layer) => !measured.has(layer));
  if (missing.length > 0 && tuning.size > 0) warnings.push(missingWarning(missing));
  if (tuning.size === 0 && missing.length > 0) warnings.push(uselessWarning(record, about.targetName));
  return { tuning, warnings };
}

function fits({ kernel, tile }: TunedKernel, kernels: readonly KernelSpace[]): boolean {
  const space = kernels.find((one) => one.kernel === kernel);
  return space !== undefined && isInSpace(space, tile);
}

function ofOneCpu(
  record: TuningRecord,
  { targetName, cpu }: { readonly targetName: string; readonly cpu?: string },
): ReadonlyMap<string, TunedLayer> {
  const ofTarget = record.filter(({ target }) => target === targetName);
  const cpus = [...new Set(ofTarget.map((layer) => layer.cpu))];
  if (cpu === undefined && cpus.length > 1) {
    fail('bad-option', `the tuning record has measurements of several CPUs for ${targetName}`, {
      expected: `--tuning-cpu with one of ${cpus.join(', ')}`,
    });
  }
  if (cpu !== undefined && !cpus.includes(cpu)) {
    fail('bad-option', `the tuning record has no measurements of ${cpu} for ${targetName}`, {
      expected: cpus.length === 0 ? 'a record made for this target' : cpus.join(' or '),
    });
  }
  return new Map(
    ofTarget.filter((layer) => cpu === undefined || layer.cpu === cpu).map((layer) => [layer.layer, layer]),
  );
}

function staleWarning(layer: string, { kernel, tile }: TunedKernel): Problem {
  const fields = Object.entries(tile).map(([name, value]) => `${name} ${value}`);
  return {
    code: 'mismatch',
    message: `the tuning record is stale: ${layer}: ${[kernel, ...fields].join(' ')} is no longer a choice`,
    remedy: 'run `cortado tune` again',
  };
}

function missingWarning(missing: readonly string[]): Problem {
  const more = missing.length > kNamed ? `; and ${missing.length - kNamed} more` : '';
  return {
    code: 'mismatch',
    message: `the tuning record does not know ${missing.length} of the net's layers, which the cost model decides: ${missing.slice(0, kNamed).join('; ')}${more}`,
  };
}

function uselessWarning(record: TuningRecord, targetName: string): Problem {
  const targets = [...new Set(record.map(({ target }) => target))];
  return {
    code: 'mismatch',
    message: 'the tuning record has nothing for this net and target, the cost model decides everything',
    expected: `measurements for ${targetName}`,
    got: targets.length === 0 ? 'an empty record' : `${record.length} layers for ${targets.join(', ')}`,
  };
}
