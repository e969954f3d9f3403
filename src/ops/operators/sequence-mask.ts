// SequenceMask: overwrites what lies outside a sequence, a window or a triangle (attention masks).

import {
  type Dim,
  dimEquals,
  dimFloorDiv,
  dimMax,
  dimMin,
  type Shape,
  shapeSize,
  shapeToString,
} from '../../ir/dim.js';
import { getNumber, makeTensor } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { float, int, text } from '../attributes.js';
import { sizeFromAxis, sizeToAxis } from '../axes.js';
import { numeric } from '../builder.js';
import type { ImportScope } from '../caffe2-import.js';
import { defineOp } from '../define.js';
import { readAxis } from '../read-arguments.js';
import { partsFor } from '../strided-copy.js';

/** What is overwritten at (row, column), by mode; `at` is the row's length or centre. */
const kModes: { readonly [mode: string]: (row: number, column: number, at: number, radius: number) => boolean } = {
  sequence: (_row, column, at) => column >= at,
  window: (_row, column, at, radius) => column < at - radius || column > at + radius,
  upper: (row, column) => column > row,
  lower: (row, column) => column < row,
  upperdiag: (row, column) => column >= row,
  lowerdiag: (row, column) => column <= row,
};

const kModeNames = Object.keys(kModes);

interface Split {
  readonly axis: number;
  readonly batch: number;
  readonly repeat: number;
}

/** Rows of one batch, elements of a row and elements that share a column: x is [batches][rows][columns][shared]. */
function planeOf(shape: Shape, { axis, batch, repeat }: Split): Shape {
  const rows = dimFloorDiv(sizeToAxis(shape, axis), batch < 0 ? 1 : sizeToAxis(shape, batch + 1));
  return [rows, sizeFromAxis(shape, axis), repeat < 0 ? 1 : sizeFromAxis(shape, repeat)];
}

/** Whether there surely is one number for each row; Caffe2 does not read further ones. */
function coversRows(count: Dim, rows: Dim): boolean {
  return dimEquals(count, rows) || dimMin(count) >= dimMax(rows);
}

export const sequenceMask = defineOp({
  name: 'SequenceMask',
  doc: 'y = x, or fill where mode says so: by column and length or centre of the row, or by row and column',
  source: 'caffe2/operators/boolean_mask_ops.cc',
  inputs: [
    { name: 'x', doc: 'f32, seen as rows (dims before axis) and columns' },
    { name: 'at', doc: 'i32, length (sequence) or centre (window) of each row', optional: true },
  ],
  outputs: [{ name: 'y', doc: 'shaped as x' }],
  attrs: {
    mode: text(kModeNames.join(', ')),
    axis: int('first dim of the columns', 1),
    batch: int('rows count anew behind this dim; -1: never', -1),
    repeat: int('from this dim on all elements share a column; -1: none do', -1),
    radius: int('window: how far it reaches to either side', 10),
    fill: float('what is written', Number.NEGATIVE_INFINITY),
  },
  infer: (request) => {
    const x = request.type(0);
    const { mode } = request.attrs;
    if (x.dtype !== 'f32') request.fail('SequenceMask needs floats', { input: 0, expected: 'f32' });
    if (mode !== 'sequence' && mode !== 'window') return [x];
    const at = request.type(1);
    const [rows = 0] = planeOf(x.shape, request.attrs);
    if (at.dtype !== 'i32' || !coversRows(shapeSize(at.shape), rows)) {
      request.fail('there must be one int32 for each row', {
        input: 1,
        expected: `i32${shapeToString([rows])} or more`,
      });
    }
    return [tensorType(x.dtype, x.shape)];
  },
  reference: (request) => {
    const x = numeric(request.tensor(0));
    const at = request.inputs[1] === undefined ? undefined : numeric(request.tensor(1));
    const { mode, radius, fill } = request.attrs;
    const isMasked = kModes[mode] ?? request.fault(`unknown mode ${mode}`);
    const [rows = 1, elements = 1, shared = 1] = planeOf(x.dims, request.attrs).map(Number);
    const y = makeTensor('f32', x.dims);
    for (let i = 0; i < y.data.length; i++) {
      const row = Math.floor(i / elements) % rows;
      const column = Math.floor((i % elements) / shared);
      const place = at === undefined ? 0 : getNumber(at, row);
      y.data[i] = isMasked(row, column, place, radius) ? fill : getNumber(x, i);
    }
    return [y];
  },
  lower: (request, attrs) => {
    const { mode, radius, fill } = attrs;
    const shape = request.node.inputs[0]?.type.shape ?? [];
    return {
      header: 'cortado/sequence_mask.h',
      fn: 'sequence_mask',
      template: [{ kind: 'type', cpp: `cortado::MaskMode::k${mode.charAt(0).toUpperCase()}${mode.slice(1)}` }],
      args: [
        { kind: 'input', index: 0 },
        { kind: 'input', index: 1 },
        { kind: 'output', index: 0 },
        { kind: 'extent', dim: shapeSize(shape) },
        { kind: 'dims', shape: planeOf(shape, attrs) },
        { kind: 'extent', dim: radius },
        { kind: 'literal', value: fill, dtype: 'f32' },
      ],
      parts: partsFor(shape, request),
    };
  },
  caffe2: {
    SequenceMask: (scope) => {
      scope.expectInputs(1, 2);
      scope.expectOutputs(1);
      const { args } = scope;
      const mode = args.text('mode', '');
      if (!kModeNames.includes(mode)) scope.fail('unknown mode', { expected: kModeNames.join(', '), got: mode });
      const x = scope.input(0);
      const rank = x.type.shape.length;
      const axis = readAxis(scope, 'axis', 1, rank);
      const batch = args.has('batch') ? readAxis(scope, 'batch', 0, rank) : -1;
      if (batch >= axis) scope.fail('batch must lie before axis', { got: `batch ${batch}, axis ${axis}` });
      const repeat = args.has('repeat_from_axis') ? readAxis(scope, 'repeat_from_axis', -1, rank) : -1;
      if (repeat >= 0) checkRepeat(scope, mode, axis, repeat);
      const fill = args.bool('grad', false) ? 0 : args.float('fill_val', Number.NEGATIVE_INFINITY);
      const needsPlaces = mode === 'sequence' || mode === 'window';
      const inputs = needsPlaces ? [x, scope.input(1)] : [x];
      const attrs = { mode, axis, batch, repeat, radius: args.int('radius', 10), fill };
      return [scope.emitOne('SequenceMask', inputs, attrs)];
    },
  },
  examples: [
    { attrs: { mode: 'upper', axis: 2, batch: 0, fill: -1 }, inputs: [{ dims: [2, 3, 4], range: [-1, 1] }] },
    {
      attrs: { mode: 'sequence', repeat: 2, fill: 9 },
      inputs: [
        { dims: [2, 3, 2], range: [-1, 1] },
        { dtype: 'i32', dims: [2], values: [2, 0] },
      ],
    },
    {
      attrs: { mode: 'window', radius: 1, fill: 5 },
      inputs: [
        { dims: [4, 5], range: [-1, 1] },
        { dtype: 'i32', dims: [4], values: [2, 0, 4, 3] },
      ],
    },
  ],
});

function checkRepeat(scope: ImportScope, mode: string, axis: number, repeat: number): void {
  if (mode !== 'sequence') scope.fail('repeat_from_axis has a meaning in mode sequence only', { got: mode });
  if (scope.args.has('batch')) scope.fail('repeat_from_axis and batch cannot be given together');
  if (repeat < axis) scope.fail('repeat_from_axis must not lie before axis', { got: `${repeat}, axis ${axis}` });
}
