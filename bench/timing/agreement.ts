// How often two builds of a net name the same class first, over inputs that differ as pictures do: waves, a square, noise. Nets with
// made-up weights prefer a few classes whatever they see; the same question of the scores less their mean over all inputs has
// many answers, and is the harder one.

import { variedInput } from '../../src/verify/varied-inputs.js';
import type { OurNet } from './ours.js';

export interface Agreement {
  readonly inputs: number;
  /** Inputs whose best class is the same, and how many best classes there are. */
  readonly top: number;
  readonly classes: number;
  /** The same of the scores less their mean over the inputs. */
  readonly centeredTop: number;
  readonly centeredClasses: number;
  /** Root mean square of the scores' errors, in units of their standard deviation over the inputs. */
  readonly scoreError: number;
}

const kInputs = 32;
const kSmallest = 1e-30;

/** Outputs are taken for probabilities; scores are their logarithms, less the mean of each input's. */
export async function measureAgreement(ours: OurNet, exact: OurNet, shape: readonly number[]): Promise<Agreement> {
  const [mine, theirs]: [Float64Array[], Float64Array[]] = [[], []];
  for (let seed = 1; seed <= kInputs; seed++) {
    const input = variedInput(shape, seed);
    mine.push(scoresOf(await ours.answer(input)));
    theirs.push(scoresOf(await exact.answer(input)));
  }
  const mean = meanOf(theirs);
  const best = theirs.map((scores) => bestOf(scores));
  const centeredBest = theirs.map((scores) => bestOf(scores, mean));
  let [errors, variation] = [0, 0];
  theirs.forEach((scores, k) => {
    scores.forEach((score, i) => {
      errors += (score - (mine[k]?.[i] ?? Number.NaN)) ** 2;
      variation += (score - (mean[i] ?? 0)) ** 2;
    });
  });
  return {
    inputs: kInputs,
    top: mine.filter((scores, k) => bestOf(scores) === best[k]).length,
    classes: new Set(best).size,
    centeredTop: mine.filter((scores, k) => bestOf(scores, mean) === centeredBest[k]).length,
    centeredClasses: new Set(centeredBest).size,
    scoreError: Math.sqrt(errors / variation),
  };
}

function scoresOf(probabilities: Float32Array): Float64Array {
  const logs = Float64Array.from(probabilities, (p) => Math.log(Math.max(p, kSmallest)));
  const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
  return logs.map((value) => value - mean);
}

function meanOf(rows: readonly Float64Array[]): Float64Array {
  const sum = (i: number): number => rows.reduce((total, row) => total + (row[i] ?? 0), 0);
  return Float64Array.from({ length: rows[0]?.length ?? 0 }, (_, i) => sum(i) / rows.length);
}

function bestOf(scores: Float64Array, mean?: Float64Array): number {
  const at = (i: number): number => (scores[i] ?? 0) - (mean?.[i] ?? 0);
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (at(i) > at(best)) best = i;
  return best;
}
