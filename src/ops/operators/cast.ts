// Cast: element type conversion with C++'s static_cast rules.

import { type DType, dtypeFromCaffe2, isDType } from '../../ir/dtype.js';
import { arg, cast as castTo } from '../../ir/expr.js';
import { text } from '../attributes.js';
import type { Caffe2Import, ImportScope } from '../caffe2-import.js';
import { defineElementwise } from '../define-elementwise.js';

const kCastTypes: readonly DType[] = ['f32', 'f64', 'i8', 'u8', 'i16', 'u16', 'i32', 'i64', 'bool'];

/** Caffe2's TensorProto.DataType names. */
const kNames: { readonly [name: string]: number } = {
  FLOAT: 1,
  INT32: 2,
  BYTE: 3,
  STRING: 4,
  BOOL: 5,
  UINT8: 6,
  INT8: 7,
  UINT16: 8,
  INT16: 9,
  INT64: 10,
  FLOAT16: 12,
  DOUBLE: 13,
};

/** The dtype that an argument names by number or by name; FLOAT when absent. */
export function readDataType(scope: ImportScope, name: string): DType {
  const isName = scope.args.hasScalar(name, 'text');
  const given = isName ? scope.args.text(name, '').toUpperCase() : String(scope.args.int(name, 1));
  const dtype = dtypeFromCaffe2(isName ? (kNames[given] ?? -1) : Number(given));
  if (dtype === undefined) {
    return scope.fail(`the argument ${name} names no data type`, {
      expected: 'a TensorProto.DataType number or name such as 1 or FLOAT',
      got: given,
    });
  }
  return dtype;
}

/** Importer of a conversion between two given types. */
function importConversion(from: DType, to: DType): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    const x = scope.input(0);
    if (x.type.dtype !== from) scope.fail(`${scope.type} cannot take ${x.type.dtype}`, { expected: from });
    return [scope.emitOne('Cast', [x], { to })];
  };
}

export const cast = defineElementwise({
  name: 'Cast',
  doc: 'y = x converted to another element type: floats truncate toward zero, non-zero is true',
  source: 'caffe2/operators/cast_op.cc',
  inputs: [{ name: 'x', doc: 'any shape' }],
  attrs: { to: text('dtype of the result') },
  dtypes: [...kCastTypes, 'f16'],
  scalar: ({ to }) => castTo(isDType(to) ? to : 'f32', arg(0)),
  caffe2: {
    FloatToHalf: importConversion('f32', 'f16'),
    HalfToFloat: importConversion('f16', 'f32'),
    Cast: (scope) => {
      scope.expectInputs(1);
      scope.expectOutputs(1);
      const to = readDataType(scope, 'to');
      if (!kCastTypes.includes(to)) {
        scope.fail(`casting to ${to} is not supported`, { expected: kCastTypes.join(', '), code: 'unsupported' });
      }
      scope.args.ignore('from_type');
      return [scope.emitOne('Cast', [scope.input(0)], { to })];
    },
  },
  examples: [
    { attrs: { to: 'i32' }, inputs: [{ dims: [4], values: [-2.75, -0.5, 1.5, 100] }] },
    { attrs: { to: 'bool' }, inputs: [{ dtype: 'i64', dims: [3], values: [-3, 0, 2] }] },
  ],
});
