// The import of a Caffe2 operator with one input and one output whose arguments all sit in the IR's attributes.

import type { Attrs } from '../ir/graph.js';
import type { ArgReader, Caffe2Import } from './caffe2-import.js';

/** Importer for `y = Op(x)`; `readAttrs` reads the arguments. `order` never matters elementwise. */
export function importUnary(op: string, readAttrs: (args: ArgReader) => Attrs = () => ({})): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    scope.args.ignore('order', 'cudnn_exhaustive_search', 'exhaustive_search', 'use_cudnn');
    return [scope.emitOne(op, [scope.input(0)], readAttrs(scope.args))];
  };
}
