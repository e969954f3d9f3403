// Small nets for the importer's tests, written as protobuf text; and what becomes of them.

import assert from 'node:assert/strict';
import { CompileError, formatProblem } from '../../src/errors.js';
import { parseInputSpecs } from '../../src/frontend/caffe2/import-input-spec.js';
import {
  type Caffe2Model,
  type ImportedModel,
  type ImportOptions,
  importCaffe2,
} from '../../src/frontend/caffe2/import-net.js';
import { parseNetDefText } from '../../src/frontend/caffe2/messages.js';
import type { Graph } from '../../src/ir/graph.js';
import type { Tensor } from '../../src/ir/tensor.js';
import { toNumbers } from '../../src/ir/tensor.js';
import { typeToString } from '../../src/ir/type.js';
import { interpret } from '../../src/ops/interpret.js';

export interface SampleOptions extends Omit<ImportOptions, 'inputShapes'> {
  readonly init?: string;
  readonly inputs?: readonly string[];
  readonly model?: Partial<Caffe2Model>;
}

/** Imports a net given as text; `inputs` are --input texts. */
export function importText(predict: string, options: SampleOptions = {}): ImportedModel {
  const { init, inputs = [], model = {}, ...rest } = options;
  return importCaffe2(
    {
      predict: parseNetDefText(predict),
      ...(init === undefined ? {} : { inits: [parseNetDefText(init)] }),
      ...model,
    },
    { ...rest, inputShapes: parseInputSpecs(inputs) },
  );
}

/** Each problem of a net that must be refused, as the user reads it. */
export function refusals(predict: string, options: SampleOptions = {}): readonly string[] {
  try {
    importText(predict, options);
  } catch (error) {
    if (error instanceof CompileError) return error.problems.map(formatProblem);
    throw error;
  }
  return assert.fail('the net was accepted');
}

/** `x f32[2,3]` for each input of the graph. */
export function inputTexts(graph: Graph): readonly string[] {
  return graph.inputs.map(({ value }) => `${value.name} ${typeToString(value.type)}`);
}

/** The values of the graph's first output. */
export function run(graph: Graph, inputs: { readonly [name: string]: Tensor }): readonly number[] {
  const [result] = interpret(graph, new Map(Object.entries(inputs))).values();
  return result === undefined ? assert.fail('no output') : toNumbers(result);
}
