// Concatenations, splits and slices of channels on the device are views: which of them leave a copy behind, and that kernels read and
// write ranges of an image's channels rightly.

import assert from 'node:assert/strict';
import path from 'node:path';
import { compileModel, type ModelOptions } from '../../src/compile.js';
import { verifyNet } from '../../src/verify/verify-net.js';
import { isInstalled, suiteFolder } from '../build/places.js';
import { fill, netBytes } from '../build/sample-models.js';
import { skipBecause } from '../support/skip.js';

/** A 1×1 or 3×3 convolution with a bias; weights and bias are named after the output. */
interface Conv {
  readonly from: string;
  readonly to: string;
  readonly channels: readonly [number, number];
  readonly kernel?: 1 | 3;
  readonly groups?: number;
}

/** Operators with `x` [n, c, h, w] as input and `y` as output; convolutions get their weights here. */
function model(ops: readonly (Conv | string)[], input = 'x:2,16,6,5'): ModelOptions {
  const init: string[] = [];
  const text = ops.map((op) => {
    if (typeof op === 'string') return op;
    const { from, to, channels, kernel = 1, groups = 1 } = op;
    const [read, made] = channels;
    init.push(fill(`${to}_w`, [made, read / groups, kernel, kernel], init.length + 1));
    init.push(fill(`${to}_b`, [made], init.length + 1));
    const args = `arg { name: "kernel" i: ${kernel} } arg { name: "pad" i: ${(kernel - 1) / 2} } arg { name: "group" i: ${groups} }`;
    return `external_input: "${to}_w" external_input: "${to}_b"
      op { input: "${from}" input: "${to}_w" input: "${to}_b" output: "${to}" type: "Conv" ${args} }`;
  });
  const net = `name: "channels" external_input: "x" external_output: "y" ${text.join('\n')}`;
  return { predictNet: netBytes(net), initNet: netBytes(init.join('\n')), inputs: [input] };
}

function concat(from: readonly string[], to: string): string {
  return `op { ${from.map((name) => `input: "${name}"`).join(' ')} output: "${to}" output: "${to}_sizes" type: "Concat" }`;
}

function op(type: string, from: readonly string[], to: readonly string[], args = ''): string {
  const blobs = [...from.map((name) => `input: "${name}"`), ...to.map((name) => `output: "${name}"`)];
  return `op { ${blobs.join(' ')} type: "${type}" ${args} }`;
}

/** Kernels and types of the steps, conversions at the borders apart. */
function steps(net: ModelOptions): readonly string[] {
  const { program } = compileModel({ ...net, target: 'cuda-sm80' });
  return program.layers.flatMap(({ kernel, type }) => (/^to_/.test(kernel) ? [] : [`${kernel} ${type}`]));
}

const kA: Conv = { from: 'x', to: 'a', channels: [16, 24] };
const kB: Conv = { from: 'x', to: 'b', channels: [16, 8], kernel: 3 };

/** Every kind of place, reader and writer that ranges of channels have. */
const kEverything = model([
  kA,
  kB,
  op('MaxPool', ['a'], ['p'], 'arg { name: "kernel" i: 3 } arg { name: "pad" i: 1 }'),
  concat(['a', 'b', 'p'], 'm'),
  op('Split', ['m'], ['s', 't'], 'arg { name: "axis" i: 1 } arg { name: "split" ints: 32 ints: 24 }'),
  { from: 's', to: 'c', channels: [32, 24] },
  op('Add', ['c', 't'], ['r']),
  concat(['m', 'r'], 'n'),
  op('Sigmoid', ['n'], ['q']),
  op(
    'Slice',
    ['q'],
    ['u'],
    'arg { name: "starts" ints: 0 ints: 8 ints: 0 ints: 0 } arg { name: "ends" ints: -1 ints: 40 ints: -1 ints: -1 }',
  ),
  { from: 'u', to: 'd', channels: [32, 32], kernel: 3, groups: 32 },
  { from: 'u', to: 'g', channels: [32, 16], kernel: 3, groups: 8 },
  op('AveragePool', ['d'], ['e'], 'arg { name: "kernel" i: 3 } arg { name: "pad" i: 1 }'),
  op('LRN', ['g'], ['l'], 'arg { name: "size" i: 3 } arg { name: "alpha" f: 0.5 } arg { name: "beta" f: 0.75 }'),
  { from: 'q', to: 'o', channels: [80, 5] },
  concat(['d', 'd', 'e', 'l', 'b', 'o'], 'v'),
  op('Split', ['v'], ['i', 'j'], 'arg { name: "axis" i: 1 } arg { name: "split" ints: 50 ints: 75 }'),
  concat(['j', 'i'], 'k'),
  op(
    'Slice',
    ['k'],
    ['y'],
    'arg { name: "starts" ints: 0 ints: 3 ints: 0 ints: 0 } arg { name: "ends" ints: -1 ints: 121 ints: -1 ints: -1 }',
  ),
]);

describe('ranges of channels on the device', function () {
  this.timeout(600_000);

  it('pieces of a concatenation are made in place, and read there', () => {
    const pool = op('MaxPool', ['b'], ['p'], 'arg { name: "kernel" i: 3 } arg { name: "pad" i: 1 }');
    assert.deepEqual(steps(model([kA, kB, pool, concat(['a', 'b', 'p'], 'm'), op('Relu', ['m'], ['y'])])), [
      'conv2d_gemm f32[2,24,6,5] c24 of 40',
      'conv2d_gemm f32[2,8,6,5] c8 of 40',
      'pool2d_image f32[2,8,6,5] c8 of 40',
      'map f32[2,40,6,5] c40',
    ]);
  });

  it('nested concatenations share the image of the outermost', () => {
    const inner = concat(['a', 'b'], 'm');
    const net = model([kA, kB, inner, { from: 'm', to: 'c', channels: [32, 8] }, concat(['m', 'c'], 'y')]);
    assert.deepEqual(steps(net), [
      'conv2d_gemm f32[2,24,6,5] c24 of 40',
      'conv2d_gemm f32[2,8,6,5] c8 of 40',
      'conv2d_gemm f32[2,8,6,5] c8 of 40',
    ]);
  });

  it('what has two places is copied to the second', () => {
    const twice = model([kA, concat(['a', 'a'], 'y')]);
    assert.deepEqual(steps(twice), ['conv2d_gemm f32[2,24,6,5] c24 of 48', 'copy_image f32[2,24,6,5] c24 of 48']);
  });

  it('parts are read in place, fused operands from a copy', () => {
    const parts = op('Split', ['x'], ['s', 't'], 'arg { name: "axis" i: 1 }');
    const net = model([
      { ...kA, to: 'x1', channels: [16, 16] },
      parts.replace('"x"', '"x1"'),
      { from: 's', to: 'c', channels: [8, 8] },
      op('Add', ['c', 't'], ['y']),
    ]);
    assert.deepEqual(steps(net), [
      'conv2d_gemm f32[2,16,6,5] c16',
      'copy_image f32[2,8,6,5] c8',
      'conv2d_gemm f32[2,8,6,5] c8',
    ]);
  });

  it('a range that ends inside a pack is moved channel by channel', () => {
    const net = model([{ ...kA, channels: [16, 20] }, kB, concat(['a', 'b'], 'y')]);
    assert.ok(steps(net).includes('concat_image f32[2,28,6,5] c32'));
  });

  it('values are right', async function () {
    if (!isInstalled('g++')) skipBecause(this, 'g++ is not installed');
    const cacheFolder = path.join(suiteFolder(), 'cache');
    const report = await verifyNet({
      ...kEverything,
      target: 'cuda-emulated',
      precision: 'fp16',
      variants: ['optimized'],
      cacheFolder,
    });
    assert.ok(report.pass, JSON.stringify(report.variants));
  });
});
