// Which kernel named layers of known nets get without a tuning record, as `inspect` tells it.

import assert from 'node:assert/strict';
import { squeezenet } from '../../bench/nets/concat-nets.js';
import type { BenchNet } from '../../bench/nets/net-builder.js';
import { mobilenetV1 } from '../../bench/nets/plain-nets.js';
import { styleCaffe2Go } from '../../bench/nets/style-nets.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { inspectNet, type LayerReport } from '../../src/inspect.js';

function layersOf(net: BenchNet, target: string): readonly LayerReport[] {
  const { layers } = inspectNet({
    predictNet: encodeNetDef(net.predict),
    initNet: encodeNetDef(net.init, { packed: true }),
    inputs: [`${net.input.name}:${net.input.shape.join(',')}`],
    target,
  });
  return layers;
}

/** Kernels of the layers that the test names, by index of the operator. */
function kernelsAt(layers: readonly LayerReport[], ops: readonly number[]): readonly (string | undefined)[] {
  return ops.map((op) => layers.find(({ opIndex }) => opIndex === String(op))?.kernel);
}

describe('kernels of known layers', () => {
  it('SqueezeNet: three channels first, 1×1 direct, 3×3 as Winograd 4×4 of either form', () => {
    for (const target of ['x86-64-v4', 'x86-64-v3']) {
      const layers = layersOf(squeezenet(), target);
      assert.deepEqual(kernelsAt(layers, [0, 3, 5, 62]), [
        'conv2d_first',
        'conv2d_direct',
        'conv2d_direct',
        'conv2d_direct',
      ]);
      for (const kernel of kernelsAt(layers, [7, 22, 51])) assert.match(kernel ?? '', /^conv2d_winograd_4x4(_raw)?$/);
      for (const { kernel, tile } of layers) assert.equal(tile !== '', kernel.startsWith('conv2d'), kernel);
    }
  });

  it('MobileNet: depthwise and 1×1 convolutions in turn, packed weights for the last layer', () => {
    const layers = layersOf(mobilenetV1(), 'x86-64-v4').filter(({ opType }) => opType === 'Conv' || opType === 'FC');
    const kernels = layers.map(({ kernel }) => kernel);
    const pairs = Array.from({ length: 13 }, () => ['conv2d_depthwise', 'conv2d_direct']).flat();
    assert.deepEqual(kernels, ['conv2d_first', ...pairs, 'fully_connected']);
  });

  it('style transfer: transposed convolutions to few channels have lanes along pixels', () => {
    const layers = layersOf(styleCaffe2Go(), 'x86-64-v4').filter(({ opType }) => opType === 'ConvTranspose');
    assert.deepEqual(
      layers.map(({ kernel }) => kernel),
      ['conv2d_few', 'conv2d_few'],
    );
  });
});
