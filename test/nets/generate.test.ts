// The net zoo's generator: values worked out with its published formula by another implementation.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { loadModelFiles } from '../../src/frontend/caffe2/load-model-files.js';
import { Workplace } from '../cli/command-line.js';
import { inputTensor, type TensorSpec, writeInitNet } from './generate.js';

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

describe('net zoo generator', () => {
  it('writes the init net of the published tool, bit for bit', () => {
    const place = new Workplace();
    const specs: readonly TensorSpec[] = [
      { name: 'conv1_w', shape: [2, 3, 3, 3], kind: 'weight', gain: 1.3 },
      { name: 'b', shape: [4], kind: 'bn_var' },
      { name: 't', shape: [4, 2, 3, 3], kind: 'weight_t', stride: 2 },
      { name: 'u', shape: [3], kind: 'uniform', scale: 3, offset: -1 },
      { name: 'v', shape: [2], kind: 'values', values: [0.1, 2] },
    ];
    try {
      const file = place.path('init.pb');
      writeInitNet(file, 't', specs);
      assert.equal(digest(readFileSync(file)), '3dfc951d02411393');
      const { predict } = loadModelFiles({ predictNet: file });
      assert.deepEqual(
        predict.ops.map((op) => op.outputs),
        specs.map(({ name }) => [name]),
      );
    } finally {
      place.remove();
    }
  });

  it('makes the inputs of the published tool, bit for bit', () => {
    const mean = [104, 117, 123];
    const floats = inputTensor({
      name: 'd/x',
      shape: [2, 3, 5, 7],
      dtype: 'float32',
      kind: 'image',
      mean,
      scale: 0.017,
    });
    assert.equal(digest(new Uint8Array(floats.data.buffer)), '0ba3fc9791f7c8d6');
    const bytes = inputTensor({ name: 'u', shape: [2, 5, 6, 4], dtype: 'uint8', kind: 'image' });
    assert.equal(digest(new Uint8Array(bytes.data.buffer)), 'a72db41f9ebd6c62');
  });
});
