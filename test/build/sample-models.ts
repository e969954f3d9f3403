// Models for the tests of builds: a small net of a varying number of images with every kind of weight in it, made as a file
// a user would bring, and the digit classifier that the project ships.

import { fileURLToPath } from 'node:url';
import type { ModelOptions } from '../../src/compile.js';
import { encodeNetDef, parseNetDefText } from '../../src/frontend/caffe2/messages.js';
import { uniformNumbers } from '../../src/ops/constant-spelling.js';
import { packageRoot } from '../../src/package-root.js';

export const kClasses = 4;

const kVarying = `
  name: "varying" external_input: "data" external_input: "w" external_input: "b" external_input: "fw" external_input: "fb"
  external_output: "softmax" external_output: "pooled"
  op { input: "data" input: "w" input: "b" output: "conv" type: "Conv" arg { name: "kernel" i: 3 } arg { name: "pad" i: 1 } }
  op { input: "conv" output: "conv" type: "Relu" }
  op { input: "conv" output: "pooled" type: "AveragePool" arg { name: "global_pooling" i: 1 } }
  op { input: "pooled" input: "fw" input: "fb" output: "fc" type: "FC" }
  op { input: "fc" output: "softmax" type: "Softmax" }`;

/** softmax [n,4] and pooled [n,5,1,1] of data [n,3,6,6]; other seeds make other weights. */
export function varyingModel(inputs: readonly string[] = ['data:1..8,3,6,6'], seed = 1): ModelOptions {
  const init = [
    fill('w', [5, 3, 3, 3], seed),
    fill('b', [5], seed + 1),
    fill('fw', [kClasses, 5], seed + 2),
    fill('fb', [kClasses], seed + 3),
  ];
  return { predictNet: netBytes(kVarying), initNet: netBytes(init.join('\n')), inputs };
}

/** The digit classifier of models/digits. */
export function digitsModel(): ModelOptions {
  const file = (name: string): string => fileURLToPath(new URL(`models/digits/${name}`, packageRoot));
  return { predictNet: file('predict_net.pb'), initNet: file('init_net.pb'), valueInfo: file('value_info.json') };
}

export function netBytes(text: string): Uint8Array {
  return encodeNetDef(parseNetDefText(text));
}

/** A GivenTensorFill of numbers in [-0.5, 0.5). */
export function fill(name: string, shape: readonly number[], seed: number): string {
  const uniform = uniformNumbers(seed);
  const count = shape.reduce((product, dim) => product * dim, 1);
  const values = Array.from({ length: count }, () => `floats: ${(uniform() - 0.5).toFixed(4)}`).join(' ');
  const dims = shape.map((dim) => `ints: ${dim}`).join(' ');
  return `op { output: "${name}" type: "GivenTensorFill" arg { name: "shape" ${dims} } arg { name: "values" ${values} } }`;
}
