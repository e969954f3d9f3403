// Each Int8 operator from Caffe2 text to numbers worked out by hand (catalogue 2.15), and what must be refused.

import assert from 'node:assert/strict';
import { floatTensor } from '../../src/ir/tensor.js';
import { importText, refusals, run } from '../frontend/import-sample.js';
import { type ArgValue, bytesFill, intFill, netText, opText, scaled } from './int8-text.js';

type Args = { readonly [name: string]: ArgValue };

const kNhwc: Args = { order: 'NHWC' };

/** The bytes that an operator makes of the given blobs, which are filled by `fills`. */
function bytesOf(type: string, inputs: readonly string[], args: Args, fills: readonly string[]): readonly number[] {
  const ops = [...fills, opText({ type, inputs, outputs: ['y'], args })];
  return run(importText(netText(ops, [], ['y'])).graph, {});
}

function refusalOf(type: string, inputs: readonly string[], args: Args, fills: readonly string[]): string {
  return refusals(netText([...fills, opText({ type, inputs, outputs: ['y'], args })], [], ['y'])).join('\n');
}

const image = (bytes: readonly number[], shape: readonly number[], scale = 0.5, zeroPoint = 0): string =>
  bytesFill('x', shape, bytes, scale, zeroPoint);

describe('Int8Quantize and Int8Dequantize', () => {
  it('round halves to even and clamp', () => {
    const quantize = opText({ type: 'Int8Quantize', inputs: ['x'], outputs: ['q'], args: scaled(0.5, 10) });
    const back = opText({ type: 'Int8Dequantize', inputs: ['q'], outputs: ['y'] });
    const values = floatTensor([6], [1.25, 1.75, -0.25, -9, 200, 0]);
    const { graph } = importText(netText([quantize], ['x'], ['q']), { inputs: ['x:6'] });
    // 2.5 -> 2, 3.5 -> 4, -0.5 -> 0, -18 below, 400 above.
    assert.deepEqual(run(graph, { x: values }), [12, 14, 10, 0, 255, 10]);
    const round = importText(netText([quantize, back], ['x'], ['y']), { inputs: ['x:6'] }).graph;
    assert.deepEqual(run(round, { x: values }), [1, 2, 0, -5, 122.5, 0]);
  });

  it('a fill keeps all 256 bytes', () => {
    const bytes = Array.from({ length: 256 }, (_, i) => i);
    const back = opText({ type: 'Int8Dequantize', inputs: ['x'], outputs: ['y'] });
    const { graph } = importText(netText([image(bytes, [256], 1, 128), back], [], ['y']));
    assert.deepEqual(
      run(graph, {}),
      bytes.map((byte) => byte - 128),
    );
  });
});

describe('Int8Conv', () => {
  const fills = [
    image([1, 2, 3, 4], [1, 2, 2, 1]),
    bytesFill('w', [1, 2, 2, 1], [1, 0, 0, 3], 0.5, 1),
    intFill('b', [8]),
  ];
  const window = { ...kNhwc, kernel: 2 };

  it('sums (x - zx)(w - zw) + b, times zx-scale * w-scale / y-scale', () => {
    // (1)(0) + (2)(-1) + (3)(-1) + (4)(2) + 8 = 11; 11 * 0.25 / 0.5 = 5.5 -> 6; + 3.
    assert.deepEqual(bytesOf('Int8Conv', ['x', 'w', 'b'], { ...window, ...scaled(0.5, 3) }, fills), [9]);
  });

  it('padding counts as the zero point of x; Relu cuts at that of y', () => {
    const padded = [
      image([100, 110], [1, 1, 2, 1], 0.5, 100),
      bytesFill('w', [1, 1, 3, 1], [2, 1, 3], 0.5, 2),
      intFill('b', [-4]),
    ];
    // Differences 0 10; weights 0 -1 1: 0*-1 + 10*1 - 4 = 6, and 10*-1 - 4 = -14; halved: 3 and -7; + 20.
    const args = { ...kNhwc, kernel_h: 1, kernel_w: 3, pad_t: 0, pad_l: 1, pad_b: 0, pad_r: 1, ...scaled(0.5, 20) };
    assert.deepEqual(bytesOf('Int8Conv', ['x', 'w', 'b'], args, padded), [23, 13]);
    assert.deepEqual(bytesOf('Int8ConvRelu', ['x', 'w', 'b'], args, padded), [23, 20]);
  });

  it('groups', () => {
    const grouped = [
      image([1, 2, 3, 4], [1, 1, 1, 4]),
      bytesFill('w', [2, 1, 1, 2], [1, 1, 1, 2], 0.5),
      intFill('b', [1, 1]),
    ];
    // (1 + 2 + 1) / 2 and (3 + 8 + 1) / 2.
    assert.deepEqual(
      bytesOf('Int8Conv', ['x', 'w', 'b'], { ...kNhwc, kernel: 1, group: 2, ...scaled(0.5) }, grouped),
      [2, 6],
    );
  });

  it('Int8FC flattens at axis 1', () => {
    const dense = [
      image([1, 2, 3, 4], [1, 2, 2, 1]),
      bytesFill('w', [2, 4], [1, 1, 1, 1, 0, 0, 0, 2], 0.5),
      intFill('b', [0, 1]),
    ];
    assert.deepEqual(bytesOf('Int8FC', ['x', 'w', 'b'], scaled(0.5), dense), [5, 5]);
  });

  it('Int8ConvTranspose spreads pixels; the filter is [c, kh, kw, m]', () => {
    const spread = [
      image([2, 4], [1, 1, 2, 1], 1),
      bytesFill('w', [1, 1, 2, 2], [1, 2, 3, 4], 0.5),
      intFill('b', [0, 2]),
    ];
    // Pixels 2 and 4 by taps (1,2) and (3,4): columns 2*(1,2), 2*(3,4), 4*(1,2), 4*(3,4); + b, halved.
    const args = { ...kNhwc, kernel_h: 1, kernel_w: 2, stride_h: 1, stride_w: 2, ...scaled(1) };
    assert.deepEqual(bytesOf('Int8ConvTranspose', ['x', 'w', 'b'], args, spread), [1, 3, 3, 5, 2, 5, 6, 9]);
  });

  it('refuses what Caffe2 refuses', () => {
    const refuse = (args: Args, inputs = ['x', 'w', 'b']): string => refusalOf('Int8Conv', inputs, args, fills);
    assert.match(refuse({ kernel: 2, ...scaled(0.5) }), /needs order NHWC/);
    assert.match(refuse({ ...window, ...scaled(0.25) }), /scales do not fit.*\[2\^-32, 1\).*got 1\)/);
    assert.match(refuse({ ...window, ...scaled(0.5, 300) }), /zero point in 0\.\.255/);
    assert.match(refuse({ ...window, ...scaled(0.5) }, ['x', 'w']), /wrong number of inputs/);
    assert.match(refuse({ ...window, ...scaled(0.5) }, ['x', 'w', 'w']), /bias must be int32/);
  });
});

describe('Int8Add and Int8Sum', () => {
  const fills = [image([10, 0, 255], [3], 0.5, 5), bytesFill('z', [3], [8, 8, 255], 0.25, 8)];

  it('adds real values and rescales', () => {
    // Reals 2.5 + 0, -2.5 + 0, 125 + 61.75; in steps of 0.5 around 40: 45, 35, 413 -> 255.
    for (const type of ['Int8Add', 'Int8Sum'])
      assert.deepEqual(bytesOf(type, ['x', 'z'], scaled(0.5, 40), fills), [45, 35, 255]);
    for (const type of ['Int8AddRelu', 'Int8SumRelu']) {
      assert.deepEqual(bytesOf(type, ['x', 'z'], scaled(0.5, 40), fills), [45, 40, 255]);
    }
  });

  it('takes two inputs of one shape', () => {
    assert.match(refusalOf('Int8Sum', ['x', 'z', 'z'], scaled(1), fills), /wrong number of inputs/);
    assert.match(refusalOf('Int8Sum', ['x', 'v'], scaled(1), [...fills, bytesFill('v', [1], [3], 1)]), /one shape/);
  });
});

describe('Int8 pools', () => {
  const fills = [image([1, 2, 3, 4, 5, 200], [1, 2, 3, 1], 0.5, 2)];

  it('average: the sum of differences times a float factor, halves to even', () => {
    const args = { ...kNhwc, kernel: 2 };
    // Differences -1 0 | 2 3 -> 4 / 4 = 1; 0 1 | 3 198 -> 202 / 4 = 50.5 -> 50; + 2.
    assert.deepEqual(bytesOf('Int8AveragePool', ['x'], { ...args, ...scaled(0.5, 2) }, fills), [3, 52]);
    // With twice the step: 0.5 -> 0, 25.25 -> 25; + 7.
    assert.deepEqual(bytesOf('Int8AveragePool', ['x'], { ...args, ...scaled(1, 7) }, fills), [7, 32]);
    assert.deepEqual(
      bytesOf('Int8AveragePool', ['x'], { ...kNhwc, global_pooling: 1, ...scaled(0.5, 2) }, fills),
      [36],
    );
  });

  it('maximum', () => {
    const args = { ...kNhwc, kernel: 2, ...scaled(0.5, 2) };
    assert.deepEqual(bytesOf('Int8MaxPool', ['x'], args, fills), [5, 200]);
    assert.deepEqual(bytesOf('Int8MaxPoolRelu', ['x'], { ...args, kernel: 1 }, fills), [2, 2, 3, 4, 5, 200]);
    assert.match(
      refusalOf('Int8MaxPool', ['x'], { ...kNhwc, kernel: 2, ...scaled(0.5) }, fills),
      /does not rescale.*q\(0\.5,2\)/,
    );
  });
});

describe('Int8 functions of one byte', () => {
  it('Relu and LeakyRelu keep the quantization', () => {
    const fills = [image([0, 75, 100, 130], [4], 0.5, 100)];
    assert.deepEqual(bytesOf('Int8Relu', ['x'], scaled(0.5, 100), fills), [100, 100, 100, 130]);
    const leaky = bytesOf('Int8LeakyRelu', ['x'], { alpha: { float: 0.25 }, ...scaled(0.5, 100) }, fills);
    // -100 / 4 = -25; -25 / 4 = -6.25 -> -6.
    assert.deepEqual(leaky, [75, 94, 100, 130]);
    assert.match(refusalOf('Int8Relu', ['x'], scaled(0.25, 100), fills), /does not rescale/);
  });

  it('Sigmoid has scale 1/256', () => {
    const fills = [image([0, 100, 102, 255], [4], 0.5, 100)];
    // sigmoid(-50) = 0, sigmoid(0) = 128 / 256, sigmoid(1) = 187.15 / 256, sigmoid(77.5) -> 256 -> 255.
    assert.deepEqual(bytesOf('Int8Sigmoid', ['x'], scaled(0.00390625), fills), [0, 128, 187, 255]);
    assert.match(refusalOf('Int8Sigmoid', ['x'], scaled(0.5), fills), /does not rescale.*q\(0\.00390625,0\)/);
  });

  it('Softmax has scale 1/256', () => {
    // e^0 : e^-1 : e^-1 = 0.5761, 0.2119, 0.2119 of 256.
    const fills = [image([12, 10, 10, 7, 7, 7], [2, 3], 0.5)];
    assert.deepEqual(bytesOf('Int8Softmax', ['x'], scaled(0.00390625), fills), [147, 54, 54, 85, 85, 85]);
    assert.deepEqual(bytesOf('Int8Softmax', ['x'], scaled(0.00390625), [image([9], [1, 1])]), [255]);
  });
});

describe('Int8 operators that move bytes', () => {
  const same = scaled(0.5, 9);
  const fills = [image([1, 2, 3, 4, 5, 6], [1, 1, 2, 3], 0.5, 9), bytesFill('z', [1, 1, 2, 1], [7, 8], 0.5, 9)];
  const move = (type: string, args: Args, inputs = ['x']): readonly number[] =>
    bytesOf(type, inputs, { ...args, ...same }, fills);

  it('Concat, Slice, Transpose, Reshape, Flatten, ChannelShuffle, ResizeNearest', () => {
    assert.deepEqual(move('Int8Concat', kNhwc, ['x', 'z']), [1, 2, 3, 7, 4, 5, 6, 8]);
    assert.deepEqual(move('Int8Slice', { starts: [0, 0, 0, 1], ends: [-1, -1, -1, 3] }), [2, 3, 5, 6]);
    assert.deepEqual(move('Int8Slice', { dim: 2, start_idx: 1, end_idx: 2 }), [4, 5, 6]);
    assert.deepEqual(move('Int8Transpose', { axes: [0, 3, 1, 2] }), [1, 4, 2, 5, 3, 6]);
    assert.deepEqual(move('Int8Flatten', {}), [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(move('Int8ChannelShuffle', { ...kNhwc, group: 3 }), [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(move('Int8ResizeNearest', { height_scale: { float: 2 } }), [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]);
    const reshape = opText({
      type: 'Int8Reshape',
      inputs: ['x'],
      outputs: ['y', 'old'],
      args: { shape: [0, -1], ...same },
    });
    const { graph } = importText(netText([...fills, reshape], [], ['y', 'old']));
    assert.deepEqual(run(graph, {}), [1, 2, 3, 4, 5, 6]);
  });

  it('ChannelShuffle of four channels in two groups', () => {
    const four = [image([1, 2, 3, 4], [1, 1, 1, 4], 0.5, 9)];
    assert.deepEqual(bytesOf('Int8ChannelShuffle', ['x'], { ...kNhwc, group: 2, ...same }, four), [1, 3, 2, 4]);
  });

  it('quantization must stay, for every piece', () => {
    assert.match(
      refusalOf('Int8Transpose', ['x'], { axes: [3, 2, 1, 0] }, fills),
      /does not rescale.*q\(0\.5,9\).*q\(1,0\)/,
    );
    const other = bytesFill('v', [1, 1, 2, 1], [7, 8], 0.5, 8);
    assert.match(
      refusalOf('Int8Concat', ['x', 'v'], { ...kNhwc, ...same }, [...fills, other]),
      /does not rescale.*q\(0\.5,8\)/,
    );
  });
});

describe('Int8RoIAlign', () => {
  it('averages samples whose weights are bytes', () => {
    const rois = opText({ type: 'GivenTensorFill', inputs: [], outputs: ['r'], args: { shape: [1, 4] } }).replace(
      /}$/,
      'arg { name: "values" floats: 0 floats: 0 floats: 2 floats: 2 } }',
    );
    const fills = [image([10, 20, 30, 40], [1, 2, 2, 1], 0.5, 2), rois];
    const args = { pooled_h: 1, pooled_w: 1, sampling_ratio: 1, ...scaled(0.5, 4) };
    // One sample at (1, 1), the last pixel: (40 - 2) * 255 / 255 + 4.
    assert.deepEqual(bytesOf('Int8RoIAlign', ['x', 'r'], args, fills), [42]);
    // Samples at 0.5 and 1.5, the latter beyond the last pixel. Weights 0.25 -> 64, 0.5 -> 128, 1 -> 255: 64 * (8 + 18 + 28 + 38) +
    // 128 * (18 + 38) + 128 * (28 + 38) + 255 * 38 = 31194; by 255 * 4: 30.6 -> 31; + 4.
    assert.deepEqual(bytesOf('Int8RoIAlign', ['x', 'r'], { ...args, sampling_ratio: 2 }, fills), [35]);
  });
});

describe('float and 8-bit blobs do not mix', () => {
  const fills = [image([1, 2], [2])];

  it('a float operator does not read quantized blobs', () => {
    assert.match(refusalOf('Relu', ['x'], {}, fills), /Relu cannot read the 8-bit quantized blob x.*Int8Dequantize/);
  });

  it('an Int8 operator does not read floats', () => {
    const net = netText([opText({ type: 'Int8Relu', inputs: ['x'], outputs: ['y'] })], ['x'], ['y']);
    assert.match(refusals(net, { inputs: ['x:3'] }).join(), /needs an 8-bit quantized tensor.*got f32\[3\]/);
  });

  it('engine DNNLOWP is refused', () => {
    const op = opText({ type: 'Int8Relu', inputs: ['x'], outputs: ['y'], args: scaled(0.5), engine: 'DNNLOWP' });
    assert.match(
      refusals(netText([...fills, op], [], ['y'])).join(),
      /engine DNNLOWP is an operator of the server library/,
    );
  });

  it('a quantization made at run time is refused', () => {
    const op = opText({ type: 'Int8Quantize', inputs: ['x', 's'], outputs: ['y'] });
    assert.match(refusals(netText([op], ['x', 's'], ['y']), { inputs: ['x:3', 's:1'] }).join(), /made at run time/);
  });

  it('fills must agree with their shape', () => {
    assert.match(refusals(netText([image([1, 2], [3])], [], ['x'])).join(), /number of values.*expected 3.*got 2/);
  });
});
