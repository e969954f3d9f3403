// Pooling over 1 to 3 spatial axes: the largest element, the mean, or the p-norm of each window. Windows are clipped to
// the image; the mean divides by the elements that are left, unlike Caffe's own, which counts padding.

import type { Dim } from '../../ir/dim.js';
import { dimMax, shapeMaxSize } from '../../ir/dim.js';
import type { Value } from '../../ir/graph.js';
import { typeToString } from '../../ir/type.js';
import type { AttrSpecs, AttrsOf } from '../attributes.js';
import { float } from '../attributes.js';
import type { Caffe2Import, Caffe2Imports, ImportScope } from '../caffe2-import.js';
import { checkDType, checkRank } from '../check-input.js';
import { defineOp, type Example, type OpDef } from '../define.js';
import { channelsFirst, readOrder, restoreOrder } from '../image-order.js';
import {
  biasedFunctor,
  extentArg,
  floatArg,
  imageDims,
  inputArg,
  kFunctorArg,
  kRowParts,
  lowerOutput,
  lowerType,
  outputArg,
  structArg,
  threeDims,
} from '../kernel-arguments.js';
import type { KernelCall, KernelRequest, StructValue } from '../kernel-call.js';
import { floatData, floatOutput, sizeOf } from '../reference-tensors.js';
import { inferWindow, kWindowAttrs, type Window, windowAxis } from '../window.js';
import { cropped, placeWindow, readWindowArguments } from '../window-arguments.js';

/** Pools have no dilation. */
const kPoolAttrs = { kernel: kWindowAttrs.kernel, strides: kWindowAttrs.strides, pads: kWindowAttrs.pads };

type PoolAttrs = Omit<Window, 'dilations'>;

interface PoolSpec<S extends AttrSpecs> {
  readonly name: string;
  readonly doc: string;
  readonly source: string;
  readonly attrs: S;
  readonly maxAxes: number;
  /** The result of one window from its elements, in row-major order. */
  reduce(values: readonly number[], attrs: AttrsOf<S>): number;
  lower(request: KernelRequest, attrs: PoolAttrs & AttrsOf<S>): KernelCall;
  readonly caffe2: Caffe2Imports;
  readonly examples: readonly Example[];
}

function definePool<const S extends AttrSpecs>(spec: PoolSpec<S>): OpDef {
  return defineOp({
    name: spec.name,
    doc: spec.doc,
    source: spec.source,
    inputs: [{ name: 'x', doc: '[n, c, spatial...]' }],
    outputs: [{ name: 'y', doc: '[n, c, spatial...]' }],
    attrs: { ...kPoolAttrs, ...spec.attrs } as typeof kPoolAttrs & S,
    infer: (request) => {
      const window = windowOf(request.attrs as unknown as PoolAttrs);
      const x = checkDType(request, 0, 'the image');
      checkRank(request, 0, 'the image', 3, 2 + spec.maxAxes);
      const [n = 1, c = 1, ...spatial] = x.shape;
      return [{ ...x, shape: [n, c, ...inferWindow(request, spatial, window)] }];
    },
    reference: (request) => {
      const x = request.tensor(0);
      const y = floatOutput(request);
      const attrs = request.attrs as unknown as PoolAttrs & AttrsOf<S>;
      const windows = windowElements(x.dims.slice(2), y.tensor.dims.slice(2), windowOf(attrs));
      const source = floatData(x);
      const pixels = sizeOf(x.dims, 2);
      const planes = sizeOf(x.dims, 0, 2);
      for (let plane = 0; plane < planes; plane++) {
        windows.forEach((offsets, at) => {
          const values = offsets.map((offset) => source[plane * pixels + offset] ?? 0);
          y.data[plane * windows.length + at] = spec.reduce(values, attrs);
        });
      }
      return [y.tensor];
    },
    macs: ({ outputs, attrs }) =>
      shapeMaxSize(outputs[0]?.shape ?? []) * sizeOf((attrs as unknown as PoolAttrs).kernel),
    lower: (request, attrs) => spec.lower(request, attrs as unknown as PoolAttrs & AttrsOf<S>),
    caffe2: spec.caffe2,
    examples: spec.examples,
  }) as unknown as OpDef;
}

function windowOf(attrs: PoolAttrs): Window {
  return { kernel: attrs.kernel, strides: attrs.strides, pads: attrs.pads, dilations: attrs.kernel.map(() => 1) };
}

/** For each output position, the offsets in the plane that its clipped window covers. */
function windowElements(
  input: readonly number[],
  output: readonly number[],
  window: Window,
): readonly (readonly number[])[] {
  let lists: readonly (readonly number[])[] = [[0]];
  output.forEach((count, i) => {
    const size = input[i] ?? 1;
    const axis = windowAxis(window, i);
    const ranges = Array.from({ length: count }, (_, o) => {
      const begin = Math.max(0, o * axis.stride - axis.head);
      const end = Math.min(size, o * axis.stride - axis.head + axis.kernel);
      return Array.from({ length: Math.max(0, end - begin) }, (_, k) => begin + k);
    });
    lists = lists.flatMap((outer) => ranges.map((range) => outer.flatMap((o) => range.map((k) => o * size + k))));
  });
  return lists;
}

/** PoolDims of runtime/include/cortado/pool.h. */
function poolDims(request: KernelRequest, attrs: PoolAttrs): readonly (readonly [string, StructValue])[] {
  const x = imageDims(lowerType(request, 0).shape);
  const axes = attrs.kernel.length;
  return [
    ['channels', x.c],
    ['in', threeDims(x.spatial, 1)],
    ['out', threeDims<Dim>(lowerOutput(request).shape.slice(2), 1)],
    ['kernel', threeDims(attrs.kernel, 1)],
    ['stride', threeDims(attrs.strides, 1)],
    ['pad', threeDims(attrs.pads.slice(0, axes), 0)],
  ];
}

function lowerPool(reduce: string): (request: KernelRequest, attrs: PoolAttrs) => KernelCall {
  return (request, attrs) => ({
    header: 'cortado/pool.h',
    fn: 'pool_generic',
    template: [{ kind: 'type', cpp: reduce }],
    args: [
      extentArg(imageDims(lowerType(request, 0).shape).n),
      structArg('PoolDims', poolDims(request, attrs)),
      inputArg(0),
      outputArg(),
      kFunctorArg,
    ],
    ...biasedFunctor(request, 1),
    parts: kRowParts,
  });
}

function importPool(
  op: string,
  readMore: (scope: ImportScope) => { readonly [name: string]: number } = () => ({}),
): Caffe2Import {
  return (scope) => {
    scope.expectInputs(1);
    scope.expectOutputs(1);
    scope.args.ignore('count_include_pad');
    const order = readOrder(scope);
    const args = readWindowArguments(scope);
    checkPoolArguments(scope, args);
    const x = scope.input(0);
    if (x.type.shape.length < 3 || x.type.shape.some((dim) => dimMax(dim) === 0)) {
      scope.fail('the image has no spatial axes or is empty', { blob: x.name, got: typeToString(x.type) });
    }
    const image = channelsFirst(scope, x, order);
    const { window, crop } = placeWindow(scope, args, image.type.shape.slice(2));
    const { kernel, strides, pads } = window;
    const y = scope.emitOne(op, [cropped(scope, image, crop)], { kernel, strides, pads, ...readMore(scope) });
    return [restoreOrder(scope, y, order)] satisfies readonly Value[];
  };
}

/** What the constructor of Caffe2's pools refuses. */
function checkPoolArguments(
  scope: ImportScope,
  args: {
    readonly kernel: readonly number[];
    readonly pads: readonly number[];
    readonly dilations: readonly number[];
    readonly globalPooling: boolean;
  },
): void {
  if (args.dilations.some((dilation) => dilation !== 1)) {
    scope.fail('pooling has no dilation', { expected: 'dilation 1', got: `[${args.dilations.join(',')}]` });
  }
  const axes = args.kernel.length;
  if (!args.globalPooling && args.pads.some((pad, i) => pad >= (args.kernel[i % axes] ?? 0))) {
    scope.fail('every pad must be smaller than the kernel', {
      expected: `pads below kernel [${args.kernel.join(',')}]`,
      got: `pads [${args.pads.join(',')}]`,
      remedy: 'a pool needs kernel, kernels, both kernel_h and kernel_w, or global_pooling',
    });
  }
}

function imports(type: string, op: string): Caffe2Imports {
  const run = importPool(op);
  return { [type]: run, [`${type}1D`]: run, [`${type}2D`]: run, [`${type}3D`]: run };
}

const kExamples: readonly Example[] = [
  {
    attrs: { kernel: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] },
    inputs: [{ dims: [2, 3, 7, 6], range: [-1, 1] }],
  },
  {
    note: 'one spatial axis',
    attrs: { kernel: [3], strides: [2], pads: [1, 1] },
    inputs: [{ dims: [1, 2, 9], range: [-1, 1] }],
  },
  {
    note: 'three spatial axes',
    attrs: { kernel: [2, 3, 1], strides: [1, 2, 2], pads: [0, 1, 0, 1, 1, 0] },
    inputs: [{ dims: [1, 2, 3, 5, 4], range: [-1, 1] }],
  },
];

export const maxPool = definePool({
  name: 'MaxPool',
  doc: 'the largest element of each window; NaN is skipped, and a window of NaN alone gives the lowest float',
  source: 'caffe2/operators/pool_op.cc',
  attrs: {},
  maxAxes: 3,
  reduce: (values) => values.reduce((largest, value) => (value > largest ? value : largest), -3.4028234663852886e38),
  lower: lowerPool('MaxReduce'),
  caffe2: imports('MaxPool', 'MaxPool'),
  examples: kExamples,
});

export const averagePool = definePool({
  name: 'AveragePool',
  doc: 'the mean of the elements of each window that lie inside the image',
  source: 'caffe2/operators/pool_op.cc',
  attrs: {},
  maxAxes: 3,
  reduce: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  lower: lowerPool('AverageReduce'),
  caffe2: imports('AveragePool', 'AveragePool'),
  examples: kExamples,
});

export const lpPool = definePool({
  name: 'LpPool',
  doc: '(sum of |x|^p over each window)^(1/p)',
  source: 'caffe2/operators/lp_pool_op.cc',
  attrs: { p: float('the norm', 2) },
  maxAxes: 2,
  reduce: (values, { p }) => values.reduce((sum, value) => sum + Math.abs(value) ** p, 0) ** (1 / p),
  lower: (request, attrs) => ({
    header: 'cortado/lp_pool.h',
    fn: 'lp_pool',
    template: [],
    args: [
      extentArg(imageDims(lowerType(request, 0).shape).n),
      structArg('PoolDims', poolDims(request, attrs)),
      floatArg(attrs.p),
      inputArg(0),
      outputArg(),
    ],
    parts: kRowParts,
  }),
  caffe2: { LpPool: importLpPool },
  examples: [
    {
      attrs: { kernel: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1], p: 3 },
      inputs: [{ dims: [2, 3, 7, 6], range: [-1, 1] }],
    },
  ],
});

function importLpPool(scope: ImportScope): readonly (Value | undefined)[] {
  if (scope.inputCount > 0 && scope.inputType(0).shape.length !== 4) {
    scope.fail('LpPool needs an image [n, c, h, w]', { got: typeToString(scope.inputType(0)) });
  }
  return importPool('LpPool', ({ args }) => ({ p: args.float('p', 2) }))(scope);
}
