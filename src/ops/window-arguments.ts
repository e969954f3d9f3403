// Caffe2's spellings of window arguments (operators/conv_pool_op_base.h; catalogue 2.1): lists, one number for both axes, or
// one argument per side; legacy_pad; global_pooling. The result is a plain Window with explicit pads that are never
// negative; what a negative pad crops is given apart.

import { type Dim, dimMin, dimToString, isStatic, type Shape } from '../ir/dim.js';
import type { Value } from '../ir/graph.js';
import type { ImportScope } from './caffe2-import.js';
import type { Window } from './window.js';

export type LegacyPad = 'none' | 'valid' | 'same' | 'caffe';

export interface WindowArguments {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
  readonly legacyPad: LegacyPad;
  readonly globalPooling: boolean;
  readonly group: number;
}

/** Arguments that change speed alone, for other devices or later versions. */
const kIgnored = [
  'algo',
  'convolution_transform_strategy',
  'ws_nbytes_limit',
  'exhaustive_search',
  'cudnn_exhaustive_search',
  'use_cudnn',
  'deterministic',
];

/** Reads all spellings; checks what Caffe2's constructor checks. */
export function readWindowArguments(scope: ImportScope): WindowArguments {
  scope.args.ignore(...kIgnored);
  const legacyPad = readLegacyPad(scope);
  const kernelGiven = readPair(scope, 'kernels', 'kernel');
  const kernel = kernelGiven.length === 0 ? [0, 0] : kernelGiven;
  const orElse = (list: readonly number[], count: number, fill: number): readonly number[] =>
    list.length === 0 ? new Array<number>(count).fill(fill) : list;
  const strides = orElse(readPair(scope, 'strides', 'stride'), kernel.length, 1);
  const dilations = orElse(readPair(scope, 'dilations', 'dilation'), kernel.length, 1);
  const pads = orElse(readPads(scope, legacyPad), 2 * kernel.length, 0);
  const globalPooling = scope.args.int('global_pooling', 0) !== 0;
  const group = scope.args.int('group', 1);
  scope.args.int('shared_buffer', 0);
  scope.args.bool('float16_compute', false);
  checkLengths(scope, 'strides', strides, kernel.length);
  checkLengths(scope, 'dilations', dilations, kernel.length);
  checkLengths(scope, 'pads', pads, 2 * kernel.length);
  if (globalPooling && (pads.some((p) => p !== 0) || strides.some((s) => s !== 1) || dilations.some((d) => d !== 1))) {
    scope.fail('global_pooling goes with pad 0, stride 1 and dilation 1 only', {
      got: `pads [${pads.join(',')}], strides [${strides.join(',')}], dilations [${dilations.join(',')}]`,
    });
  }
  return { kernel, strides, pads, dilations, legacyPad, globalPooling, group };
}

/** `kernels`, else `kernel` for two axes, else `kernel_h` with `kernel_w`; also adj, whose list is `adjs`. */
export function readPair(scope: ImportScope, list: string, scalar: string): readonly number[] {
  const { args } = scope;
  const values = args.ints(list);
  if (args.has(scalar)) return resized(values, 2, args.int(scalar, 0));
  if (args.has(`${scalar}_h`) && args.has(`${scalar}_w`)) {
    return [...values, args.int(`${scalar}_h`, 0), args.int(`${scalar}_w`, 0)];
  }
  args.ignore(`${scalar}_h`, `${scalar}_w`);
  return values;
}

/** `pads`, else `pad` for all four sides, else pad_t, pad_l, pad_b and pad_r, which count only together. */
export function readPads(scope: ImportScope, legacyPad: LegacyPad): readonly number[] {
  const { args } = scope;
  const sides = ['pad_t', 'pad_l', 'pad_b', 'pad_r'];
  const hasSides = sides.every((name) => args.has(name));
  if ((legacyPad === 'valid' || legacyPad === 'same') && (args.has('pads') || args.has('pad') || hasSides)) {
    scope.fail('legacy_pad VALID or SAME cannot go with explicit pads', { remedy: 'remove one of the two' });
  }
  const values = args.ints('pads');
  if (args.has('pad')) {
    args.ignore(...sides);
    return resized(values, 4, args.int('pad', 0));
  }
  if (hasSides) return [...values, ...sides.map((name) => args.int(name, 0))];
  args.ignore(...sides);
  return values;
}

export function readLegacyPad(scope: ImportScope): LegacyPad {
  const names: readonly LegacyPad[] = ['none', 'valid', 'same', 'caffe'];
  const value = scope.args.int('legacy_pad', 0);
  return names[value] ?? scope.fail('unknown legacy_pad', { expected: '0 to 3', got: String(value) });
}

/** std::vector::resize: a list that is longer is cut, one that is shorter is filled. */
function resized(list: readonly number[], count: number, fill: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => list[i] ?? fill);
}

function checkLengths(scope: ImportScope, name: string, list: readonly number[], expected: number): void {
  if (list.length !== expected) {
    scope.fail(`${name} and kernel do not agree`, {
      expected: `${expected} numbers in ${name}`,
      got: `[${list.join(',')}]`,
    });
  }
}

export interface PlacedWindow {
  readonly window: Window;
  /** What negative pads cut off, heads then tails; undefined when nothing. */
  readonly crop?: readonly number[];
}

/** The window over an image of the given spatial sizes: legacy pads made explicit, negative pads turned into a crop. */
export function placeWindow(scope: ImportScope, args: WindowArguments, spatial: Shape): PlacedWindow {
  if (args.globalPooling) return { window: globalWindow(scope, spatial) };
  const axes = args.kernel.length;
  if (axes !== spatial.length) {
    scope.fail('kernel and input do not agree', {
      expected: `an input with ${axes} spatial axes (kernel [${args.kernel.join(',')}])`,
      got: `${spatial.length} spatial axes [${spatial.map(dimToString).join(',')}]`,
    });
  }
  checkPositive(scope, 'kernel', args.kernel);
  checkPositive(scope, 'stride', args.strides);
  if (args.dilations.some((dilation) => dilation < 0)) {
    scope.fail('bad dilation', { expected: 'at least 0', got: `[${args.dilations.join(',')}]` });
  }
  const sides = spatial.map((size, axis) => explicitPads(scope, args, size, axis));
  const pads = [...sides.map(([head]) => head), ...sides.map(([, tail]) => tail)];
  const window = {
    kernel: args.kernel,
    strides: args.strides,
    pads: pads.map((pad) => Math.max(0, pad)),
    dilations: args.dilations,
  };
  const isRounded = args.legacyPad === 'same' || args.legacyPad === 'caffe';
  if (isRounded && args.dilations.some((dilation) => dilation !== 1)) {
    scope.fail('legacy_pad SAME and CAFFE_LEGACY_POOLING need dilation 1', { got: `[${args.dilations.join(',')}]` });
  }
  const crop = pads.map((pad) => Math.min(0, pad));
  return crop.some((pad) => pad < 0) ? { window, crop } : { window };
}

/** x without what negative pads cut off. */
export function cropped(scope: ImportScope, x: Value, crop: readonly number[] | undefined): Value {
  return crop === undefined ? x : scope.emitOne('Pad', [x], { pads: crop, mode: 'constant', value: 0 });
}

function globalWindow(scope: ImportScope, spatial: Shape): Window {
  const kernel = spatial.map((size) =>
    isStatic(size)
      ? size
      : scope.fail('global_pooling over an image whose size is known only at run time', {
          code: 'unsupported',
          got: dimToString(size),
          remedy: 'give the input a fixed height and width',
        }),
  );
  return {
    kernel,
    strides: kernel.map(() => 1),
    pads: [...kernel, ...kernel].map(() => 0),
    dilations: kernel.map(() => 1),
  };
}

function checkPositive(scope: ImportScope, name: string, list: readonly number[]): void {
  if (list.some((value) => value <= 0)) {
    scope.fail(`${name} is missing or not positive`, {
      expected: `${name}s, ${name}, or both ${name}_h and ${name}_w, at least 1`,
      got: `[${list.join(',')}]`,
    });
  }
}

/** Head and tail pad of one axis; the formulas of conv_pool_op_base.h. */
function explicitPads(scope: ImportScope, args: WindowArguments, size: Dim, axis: number): readonly [number, number] {
  const kernel = args.kernel[axis] ?? 1;
  const stride = args.strides[axis] ?? 1;
  const head = args.pads[axis] ?? 0;
  const tail = args.pads[axis + args.kernel.length] ?? 0;
  switch (args.legacyPad) {
    case 'none':
      return [head, tail];
    case 'valid': {
      // (in - span) / stride + 1 rounds towards zero: a window up to stride - 1 too wide still counts as one.
      const missing = (args.dilations[axis] ?? 1) * (kernel - 1) + 1 - dimMin(size);
      return [0, missing > 0 && missing < stride ? missing : 0];
    }
    case 'same': {
      // With stride 1 the need is kernel - 1 whatever the size.
      const known = stride === 1 ? 1 : staticSize(scope, size, 'legacy_pad SAME with a stride');
      const target = Math.floor((known + stride - 1) / stride);
      const need = (target - 1) * stride + kernel - known;
      const half = Math.trunc(need / 2);
      return [half, need - half];
    }
    case 'caffe':
      return caffePads(scope, size, kernel, stride, head);
  }
}

/** CAFFE_LEGACY_POOLING: the size is rounded up, and a last window that starts in the padding is dropped. */
function caffePads(
  scope: ImportScope,
  size: Dim,
  kernel: number,
  stride: number,
  head: number,
): readonly [number, number] {
  if (!isStatic(size) && head === 0) return [0, stride - 1];
  const known = staticSize(scope, size, 'CAFFE_LEGACY_POOLING with padding');
  const span = known + 2 * head - kernel;
  const rounded = Math.ceil(span / stride + 1);
  const count = head > 0 && (rounded - 1) * stride >= known + head ? rounded - 1 : rounded;
  return [head, head + stride * (count - Math.trunc(span / stride + 1))];
}

function staticSize(scope: ImportScope, size: Dim, what: string): number {
  if (isStatic(size)) return size;
  return scope.fail(`${what} over a size known only at run time`, {
    code: 'unsupported',
    got: dimToString(size),
    remedy: 'give the input a fixed height and width, or write the pads out',
  });
}
