// Fills: constants in the graph wherever the shape is known; Fill writes one value into a tensor whose dims vary.

import { isStaticShape, type Shape } from '../../ir/dim.js';
import { type DType, isDType } from '../../ir/dtype.js';
import type { Value } from '../../ir/graph.js';
import { elementCount, makeTensor, setNumber, type Tensor } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { float, ints, text } from '../attributes.js';
import type { Caffe2Import, Caffe2Imports, ImportScope } from '../caffe2-import.js';
import { defineOp } from '../define.js';
import { checkComputable, readComputedFillShape, readFillShape, readKnownFillShape } from '../fill-shape.js';
import { partsFor } from '../strided-copy.js';
import { readDataType } from './cast.js';

/** Beyond this (a megabyte of floats) a fill of the predict net is done at run time. */
const kMaxStoredElements = 2 ** 18;

type NumericDType = Exclude<DType, 'str'>;
type FillValue = number | bigint | Uint8Array;

const kFillTypes: readonly DType[] = ['f32', 'f64', 'i8', 'u8', 'i16', 'u16', 'i32', 'i64', 'bool', 'str'];

function filledTensor(dtype: NumericDType, dims: readonly number[], value: number | bigint): Tensor {
  const tensor = makeTensor(dtype, dims);
  if (tensor.data instanceof BigInt64Array) tensor.data.fill(BigInt(value));
  else for (let i = 0; i < tensor.data.length; i++) setNumber(tensor, i, Number(value));
  return tensor;
}

/** dtype and value of ConstantFill and DiagonalFill: by `dtype`, else by the field that `value` is in. */
function readFillValue(scope: ImportScope): readonly [DType, FillValue] {
  const { args } = scope;
  const isInt = args.hasScalar('value', 'int') && !args.hasScalar('value', 'float');
  const dtype = args.has('dtype') ? readDataType(scope, 'dtype') : isInt ? 'i64' : 'f32';
  if (!kFillTypes.includes(dtype)) scope.fail(`cannot fill a tensor of ${dtype}`, { expected: kFillTypes.join(', ') });
  if (dtype === 'f32' || dtype === 'f64') return [dtype, args.float('value', 0)];
  if (dtype === 'str') return [dtype, new TextEncoder().encode(args.text('value', ''))];
  if (dtype === 'bool') return [dtype, args.bool('value', false) ? 1 : 0];
  return [dtype, dtype === 'i64' ? args.int64('value', 0n) : args.int('value', 0)];
}

const importConstantFill: Caffe2Import = (scope) => {
  const [dtype, value] = readFillValue(scope);
  const shape = readFillShape(scope);
  if (dtype === 'str' || typeof value === 'object') return [scope.constant(stringTensor(scope, shape, value))];
  if (isStaticShape(shape)) return [filledValue(scope, dtype, shape, value)];
  const extra = scope.args.ints('extra_shape');
  return [scope.emitOne('Fill', [scope.input(0)], { value: Number(value), dtype, extra })];
};

/** A constant; a Fill where it is large, so that no weight file holds a gigabyte of one value. */
function filledValue(scope: ImportScope, dtype: NumericDType, dims: readonly number[], value: number | bigint): Value {
  const isExact = typeof value === 'number' || Number.isSafeInteger(Number(value));
  if (isExact && elementCount(dims) > kMaxStoredElements) {
    const scalar = scope.constant(filledTensor(dtype, [], value));
    return scope.emitOne('Fill', [scalar], { value: Number(value), dtype, extra: dims });
  }
  checkComputable(scope, dims);
  return scope.constant(filledTensor(dtype, dims, value));
}

function stringTensor(scope: ImportScope, shape: Shape, value: FillValue): Tensor {
  if (!isStaticShape(shape) || typeof value !== 'object')
    return scope.fail('strings of a varying shape', { code: 'unsupported' });
  checkComputable(scope, shape);
  return { dtype: 'str', dims: shape, data: new Array<Uint8Array>(elementCount(shape)).fill(value) };
}

const importDiagonalFill: Caffe2Import = (scope) => {
  const [dtype, value] = readFillValue(scope);
  const dims = readComputedFillShape(scope);
  if (dtype === 'str' || typeof value === 'object')
    return scope.fail('DiagonalFill of strings', { code: 'unsupported' });
  if (dims.length < 2 || (dims.length > 2 && dims.some((dim) => dim !== dims[0]))) {
    scope.fail('DiagonalFill needs rank 2, or equal dims beyond', { got: `[${dims.join(',')}]` });
  }
  const tensor = makeTensor(dtype, dims);
  for (let i = 0; i < Math.min(...dims); i++) {
    const at = dims.reduce((offset, dim) => offset * dim + i, 0);
    tensor.data[at] = (dtype === 'i64' ? BigInt(value) : Number(value)) as never;
  }
  return [scope.constant(tensor)];
};

const importRangeFill: Caffe2Import = (scope) => {
  const dims = readComputedFillShape(scope);
  const tensor = makeTensor('f32', dims);
  for (let i = 0; i < tensor.data.length; i++) tensor.data[i] = i;
  return [scope.constant(tensor)];
};

/** Importer of a GivenTensor fill of a dtype (GivenTensorFill: of the dtype that its argument names). */
function importGiven(fixed?: DType): Caffe2Import {
  return (scope) => {
    const dtype = fixed ?? (scope.args.has('dtype') ? readDataType(scope, 'dtype') : 'f32');
    const values = readValues(scope, dtype);
    const dims = readKnownFillShape(scope);
    if (values.length !== elementCount(dims)) {
      scope.fail('the number of values does not agree with the shape', {
        expected: `${elementCount(dims)} for [${dims.join(',')}]`,
        got: String(values.length),
      });
    }
    if (dtype === 'str') return [scope.constant({ dtype, dims, data: values as readonly Uint8Array[] })];
    const tensor = makeTensor(dtype, dims);
    if (values instanceof BigInt64Array && tensor.data instanceof BigInt64Array) tensor.data.set(values);
    else if (values instanceof Float32Array && tensor.data instanceof Float32Array) tensor.data.set(values);
    else for (let i = 0; i < values.length; i++) setNumber(tensor, i, Number(values[i]));
    return [scope.constant(tensor)];
  };
}

function readValues(scope: ImportScope, dtype: DType): Float32Array | BigInt64Array | readonly Uint8Array[] {
  if (!scope.args.has('values')) scope.fail(`${scope.type} needs the argument values`);
  if (dtype === 'str') return scope.args.strings('values');
  return dtype === 'f16' || dtype === 'f32' || dtype === 'f64'
    ? scope.args.floats('values')
    : scope.args.int64s('values');
}

/** Halves of one value; it never has an input. */
const importHalfFill: Caffe2Import = (scope) => {
  scope.expectInputs(0);
  const dims = readComputedFillShape(scope);
  return [scope.constant(filledTensor('f16', dims, scope.args.float('value', 0)))];
};

/** Bytes given as one string. */
const importByteString: Caffe2Import = (scope) => {
  const [bytes, ...others] = scope.args.strings('values');
  const dims = readKnownFillShape(scope);
  if (bytes === undefined || others.length > 0 || bytes.length !== elementCount(dims)) {
    return scope.fail('the values must be one string with a byte for each element', {
      expected: `${elementCount(dims)} bytes for [${dims.join(',')}]`,
      got:
        bytes === undefined || others.length > 0
          ? `${scope.args.strings('values').length} strings`
          : `${bytes.length} bytes`,
    });
  }
  return [scope.constant(makeTensor('u8', dims, Uint8Array.from(bytes)))];
};

/** Importer of a random float fill; `draw` makes one value from uniform numbers. */
function importRandom(
  readDraw: (scope: ImportScope, dims: readonly number[]) => (uniform: () => number) => number,
  dtype: NumericDType = 'f32',
): Caffe2Import {
  return (scope) => {
    const dims = readComputedFillShape(scope);
    const draw = readDraw(scope, dims);
    const uniform = scope.random();
    const tensor = makeTensor(dtype, dims);
    for (let i = 0; i < tensor.data.length; i++) setNumber(tensor, i, draw(uniform));
    return [scope.constant(tensor)];
  };
}

/** Box-Muller: one normal number from two uniform ones. */
function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

function readIntRange(scope: ImportScope): readonly [number, number] {
  const low = scope.args.int('min', 0);
  const high = scope.args.int('max', 1);
  if (low > high) scope.fail('min must not exceed max', { got: `${low} and ${high}` });
  return [low, high];
}

const importUniqueUniform: Caffe2Import = (scope) => {
  const dims = readComputedFillShape(scope);
  const [low, high] = readIntRange(scope);
  const dtype = scope.args.has('dtype') ? readDataType(scope, 'dtype') : 'i32';
  const count = elementCount(dims);
  if (high - low + 1 < count) scope.fail('there are fewer values than elements', { got: `${low} to ${high}` });
  if (dtype !== 'i32' && dtype !== 'i64') return scope.fail('UniqueUniformFill gives int32 or int64', { got: dtype });
  const uniform = scope.random();
  const drawn = new Set<number>();
  while (drawn.size < count) drawn.add(low + Math.floor(uniform() * (high - low + 1)));
  const tensor = makeTensor(dtype, dims);
  [...drawn].forEach((value, i) => void setNumber(tensor, i, value));
  return [scope.constant(tensor)];
};

const kRandomFills: Caffe2Imports = {
  UniformFill: importRandom(({ args }) => {
    const low = args.float('min', 0);
    const high = args.float('max', 1);
    return (uniform) => low + (high - low) * uniform();
  }),
  UniformIntFill: importRandom((scope) => {
    const [low, high] = readIntRange(scope);
    return (uniform) => low + Math.floor(uniform() * (high - low + 1));
  }, 'i32'),
  GaussianFill: importRandom(({ args }) => {
    const mean = args.float('mean', 0);
    const deviation = args.float('std', 1);
    return (uniform) => mean + deviation * normal(uniform);
  }),
  XavierFill: importRandom((_scope, dims) => {
    const bound = Math.sqrt((3 * (dims[0] ?? 1)) / elementCount(dims));
    return (uniform) => bound * (2 * uniform() - 1);
  }),
  MSRAFill: importRandom((_scope, dims) => {
    const deviation = Math.sqrt((2 * (dims[1] ?? 1)) / elementCount(dims));
    return (uniform) => deviation * normal(uniform);
  }),
  UniqueUniformFill: importUniqueUniform,
};

function fillDType(name: string): NumericDType {
  return isDType(name) && name !== 'str' ? name : 'f32';
}

const likeShape = (like: Value | undefined): Shape => like?.type.shape ?? [];

export const fill = defineOp({
  name: 'Fill',
  doc: 'y = value everywhere; shaped as `like` with further dims behind',
  source: 'caffe2/operators/filler_op.h',
  inputs: [{ name: 'like', doc: 'gives its dims; its values are not read' }],
  outputs: [{ name: 'y', doc: 'the filled tensor' }],
  attrs: { value: float('the value'), dtype: text('its dtype'), extra: ints('dims behind those of like', []) },
  infer: (request) => {
    const { dtype, extra } = request.attrs;
    return [tensorType(fillDType(dtype), [...request.type(0).shape, ...extra])];
  },
  reference: (request) => {
    const { dtype, value, extra } = request.attrs;
    return [filledTensor(fillDType(dtype), [...request.tensor(0).dims, ...extra], value)];
  },
  lower: (request, attrs) => {
    const dtype = fillDType(attrs.dtype);
    const shape = [...likeShape(request.node.inputs[0]), ...attrs.extra];
    return {
      header: 'cortado/extents.h',
      fn: 'fill',
      template: [{ kind: 'dtype', dtype }],
      args: [
        { kind: 'output', index: 0 },
        { kind: 'dims', shape: shape.length === 0 ? [1] : shape },
        { kind: 'literal', value: attrs.value, dtype },
      ],
      parts: partsFor(shape, request),
    };
  },
  caffe2: {
    ConstantFill: importConstantFill,
    DiagonalFill: importDiagonalFill,
    RangeFill: importRangeFill,
    GivenTensorFill: importGiven(),
    GivenTensorDoubleFill: importGiven('f64'),
    GivenTensorBoolFill: importGiven('bool'),
    GivenTensorIntFill: importGiven('i32'),
    GivenTensorInt64Fill: importGiven('i64'),
    GivenTensorStringFill: importGiven('str'),
    GivenTensorFp16Fill: importGiven('f16'),
    GivenTensorByteStringToUInt8Fill: importByteString,
    Float16ConstantFill: importHalfFill,
    ...kRandomFills,
  },
  examples: [
    { attrs: { value: 2.5, dtype: 'f32', extra: [2] }, inputs: [{ dims: [3], range: [0, 1] }] },
    { attrs: { value: -7, dtype: 'i64' }, inputs: [{ dims: [2, 2], range: [0, 1] }] },
  ],
});
