// Which scalar expressions the runtime can also compute on vectors of floats. Planner (how wide a map is) and emitter (how
// its functor is written) must agree on it.

import type { DType } from './dtype.js';
import type { ScalarExpr } from './expr.js';

/** All values are float32 and conditions occur only inside selects: the functor can run on vectors. */
export function runsOnVectors(expr: ScalarExpr, args: readonly DType[]): boolean {
  const floats = (e: ScalarExpr): boolean => {
    switch (e.kind) {
      case 'arg':
        return args[e.index] === 'f32';
      case 'const':
        return e.dtype === 'f32';
      case 'cast':
        return false;
      case 'unary':
        return e.op !== 'not' && floats(e.x);
      case 'binary':
        return e.op !== 'and' && e.op !== 'or' && e.op !== 'xor' && floats(e.a) && floats(e.b);
      case 'compare':
        return false;
      case 'select':
        return e.test.kind === 'compare' && floats(e.test.a) && floats(e.test.b) && floats(e.yes) && floats(e.no);
    }
  };
  return floats(expr) && args.every((dtype) => dtype === 'f32');
}
