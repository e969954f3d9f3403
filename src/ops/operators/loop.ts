// Loop: runs its body again and again. While, ONNXWhile and RecurrentNetwork all become it. The body takes the carried
// values and the captured ones, and gives the next carried ones; a time step is a carried value like any other.

import { shapeMaxSize } from '../../ir/dim.js';
import { getNumber, type Tensor } from '../../ir/tensor.js';
import { typeEquals, typeToString } from '../../ir/type.js';
import { bool, int } from '../attributes.js';
import { defineOp } from '../define.js';

export const loop = defineOp({
  name: 'Loop',
  doc: 'while the first carried value is true (conditional) and fewer than limit runs are done: carried = body(carried, captured)',
  source: 'caffe2/operators/while_op.h, onnx_while_op.h, rnn/recurrent_network_op.h',
  inputs: [
    { name: 'limit', doc: 'i32 or i64, one element: the most iterations; absent means no limit', optional: true },
    { name: 'values', doc: 'initial carried values, then captured ones', variadic: true },
  ],
  outputs: [{ name: 'y', doc: 'the last carried values', variadic: true }],
  attrs: {
    carried: int('number of carried values'),
    conditional: bool('the first carried value is a bool tested before each iteration', false),
  },
  regions: ['body'],
  carried: (attrs) => attrs.carried,
  infer: (request) => {
    const { carried, conditional } = request.attrs;
    const [limit] = request.inputs;
    if (limit !== undefined && (!['i32', 'i64'].includes(limit.dtype) || shapeMaxSize(limit.shape) !== 1)) {
      request.fail('the number of iterations must be one integer', { input: 0, expected: 'i32 or i64, one element' });
    }
    if (limit === undefined && !conditional) request.fail('a loop needs a limit or a condition', { code: 'internal' });
    const next = request.regionOutputs[0] ?? [];
    const types = Array.from({ length: carried }, (_, i) => request.type(i + 1));
    if (next.length !== carried) request.fail('the body gives another number of values', { code: 'internal' });
    const [condition] = types;
    if (conditional && (condition?.dtype !== 'bool' || shapeMaxSize(condition.shape) !== 1)) {
      request.fail('the condition must be one bool', { input: 1, expected: 'bool with one element' });
    }
    types.forEach((type, i) => {
      const made = next[i];
      if (made !== undefined && typeEquals(type, made)) return;
      request.fail('a blob must keep its type and its dims from one iteration of a loop to the next', {
        input: i + 1,
        expected: typeToString(type),
        got: made === undefined ? 'nothing' : typeToString(made),
      });
    });
    return types;
  },
  reference: (request) => {
    const { carried, conditional } = request.attrs;
    const limit = request.inputs[0] === undefined ? Number.POSITIVE_INFINITY : getNumber(request.tensor(0), 0);
    const captured = request.inputs.slice(carried + 1).map((_, i) => request.tensor(carried + 1 + i));
    let values: readonly Tensor[] = Array.from({ length: carried }, (_, i) => request.tensor(i + 1));
    const goesOn = (): boolean => {
      const [condition] = values;
      return !conditional || (condition !== undefined && getNumber(condition, 0) !== 0);
    };
    for (let i = 0; i < limit && goesOn(); i++) values = request.runRegion(0, [...values, ...captured]);
    return values;
  },
  examples: [],
});
