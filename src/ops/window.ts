// Sliding windows of convolutions and pools: attributes and the size formula. A window has one entry per spatial axis;
// pads are all heads, then all tails: [t, l, b, r] in 2-D. Pads are never negative here: importers crop with Pad.

import { type Dim, dimAdd, dimFloorDiv, dimMin, dimToString, type Shape } from '../ir/dim.js';
import { ints } from './attributes.js';
import type { InferRequest } from './define.js';

export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  /** Heads of all axes, then tails. */
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
}

export const kWindowAttrs = {
  kernel: ints('window size per spatial axis'),
  strides: ints('step per spatial axis'),
  pads: ints('zeros before each axis, then after each axis'),
  dilations: ints('distance of taps per spatial axis; 0: all taps read the same element'),
};

/** One spatial axis of a window. */
export interface WindowAxis {
  readonly kernel: number;
  readonly stride: number;
  readonly head: number;
  readonly tail: number;
  readonly dilation: number;
}

export function windowAxis(window: Window, axis: number): WindowAxis {
  return {
    kernel: window.kernel[axis] ?? 1,
    stride: window.strides[axis] ?? 1,
    head: window.pads[axis] ?? 0,
    tail: window.pads[axis + window.kernel.length] ?? 0,
    dilation: window.dilations[axis] ?? 1,
  };
}

/** Elements that the window spans: dilation * (kernel - 1) + 1. */
export function windowSpan(axis: WindowAxis): number {
  return axis.dilation * (axis.kernel - 1) + 1;
}

/** Windows along one axis: floor((in + head + tail - span) / stride) + 1; 7 wide, 3 window, stride 2, pads 1+1: 4. */
export function windowCount(input: Dim, axis: WindowAxis): Dim {
  return dimAdd(dimFloorDiv(dimAdd(input, axis.head + axis.tail - windowSpan(axis)), axis.stride), 1);
}

/** Checks a window against the image and gives the output's spatial sizes. */
export function inferWindow<A>(request: InferRequest<A>, spatial: Shape, window: Window): Shape {
  checkWindow(request, window, spatial.length);
  return spatial.map((size, i) => {
    const axis = windowAxis(window, i);
    if (dimMin(size) + axis.head + axis.tail < windowSpan(axis)) {
      request.fail(`the window is larger than the padded image along spatial axis ${i}`, {
        input: 0,
        expected: `at least ${windowSpan(axis)} elements`,
        got: `${dimToString(size)} with padding ${axis.head}+${axis.tail}`,
      });
    }
    return windowCount(size, axis);
  });
}

/** Fails unless the window has an entry for each spatial axis and every entry makes sense. */
export function checkWindow<A>(request: InferRequest<A>, window: Window, axes: number): void {
  const { kernel, strides, pads, dilations } = window;
  const counts = [kernel.length, strides.length, pads.length / 2, dilations.length];
  if (counts.some((count) => count !== axes)) {
    request.fail(`the window has ${kernel.length} axes, the image ${axes}`, {
      input: 0,
      expected: `kernel, strides and dilations of ${axes} numbers and pads of ${2 * axes}`,
      got: `${kernel.length}, ${strides.length}, ${dilations.length} and ${pads.length}`,
    });
  }
  checkEntries(request, 'kernel', kernel, 1);
  checkEntries(request, 'stride', strides, 1);
  checkEntries(request, 'pad', pads, 0);
  checkEntries(request, 'dilation', dilations, 0);
}

function checkEntries<A>(request: InferRequest<A>, name: string, list: readonly number[], min: number): void {
  if (list.some((value) => value < min)) {
    request.fail(`bad ${name}`, { expected: `at least ${min}`, got: `[${list.join(',')}]` });
  }
}

/** The range of window indices whose tap `offset` (dilation * tap) falls inside an image of `input` elements. */
export function insideRange(
  input: number,
  count: number,
  axis: WindowAxis,
  offset: number,
): { readonly begin: number; readonly end: number } {
  const begin = Math.max(0, Math.ceil((axis.head - offset) / axis.stride));
  const end = Math.min(count, Math.floor((input - 1 + axis.head - offset) / axis.stride) + 1);
  return { begin, end };
}
