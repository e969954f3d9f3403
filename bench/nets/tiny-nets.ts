// Nets for microcontrollers: the topologies of MLPerf Tiny (arXiv 2106.07597), in float32 with weights of our own. Windows
// are padded as TensorFlow's SAME does: what is odd goes to the bottom and right.

import { type BenchNet, type Blob, type ConvOptions, NetBuilder } from './net-builder.js';

/** The nets by name, smallest first. */
export const kTinyNets: ReadonlyMap<string, () => BenchNet> = new Map([
  ['ad_autoencoder', autoencoder],
  ['kws_ds_cnn', dsCnn],
  ['ic_resnet8', resnet8],
  ['vww_mobilenet', mobilenetQuarter],
]);

/** Convolution padded to ceil(size / stride), batch norm. */
function same(net: NetBuilder, x: Blob, channels: number, options: ConvOptions): Blob {
  const { kernel = 1, kernelW = kernel, stride = 1 } = options;
  const [, , h = 1, w = 1] = x.shape;
  const total = (size: number, own: number): number =>
    Math.max(0, (Math.ceil(size / stride) - 1) * stride + own - size);
  const [rows, cols] = [total(h, kernel), total(w, kernelW)];
  const pads = [rows >> 1, cols >> 1, rows - (rows >> 1), cols - (cols >> 1)] as const;
  return net.batchNorm(net.conv(x, channels, { ...options, pads, bias: false }));
}

/** Keyword spotting: spectrogram of one second to twelve words. */
function dsCnn(): BenchNet {
  const net = new NetBuilder('kws_ds_cnn', [1, 1, 49, 10]);
  let x = net.relu(same(net, net.input, 64, { kernel: 10, kernelW: 4, stride: 2 }));
  for (let i = 0; i < 4; i++) {
    x = net.relu(same(net, x, 64, { kernel: 3, group: 64 }));
    x = net.relu(same(net, x, 64, { kernel: 1 }));
  }
  return net.finish(net.softmax(net.fc(net.globalAverage(net.dropout(x)), 12, 1)));
}

/** Image classification: 32 x 32 pictures to ten classes. */
function resnet8(): BenchNet {
  const net = new NetBuilder('ic_resnet8', [1, 3, 32, 32]);
  let x = net.relu(same(net, net.input, 16, { kernel: 3 }));
  for (const [channels, stride] of [
    [16, 1],
    [32, 2],
    [64, 2],
  ] as const) {
    const inner = net.relu(same(net, x, channels, { kernel: 3, stride }));
    const branch = same(net, inner, channels, { kernel: 3, gain: 1 });
    const shortcut = stride === 1 ? x : net.conv(x, channels, { kernel: 1, stride, gain: 1 });
    x = net.relu(net.sum(branch, shortcut));
  }
  return net.finish(net.softmax(net.fc(net.globalAverage(x), 10, 1)));
}

/** Visual wake words: is there a person in a picture of 96 x 96? */
function mobilenetQuarter(): BenchNet {
  const net = new NetBuilder('vww_mobilenet', [1, 3, 96, 96]);
  let x = net.relu(same(net, net.input, 8, { kernel: 3, stride: 2 }));
  const layers: readonly (readonly [channels: number, stride: number])[] = [
    [16, 1],
    [32, 2],
    [32, 1],
    [64, 2],
    [64, 1],
    [128, 2],
    ...new Array<readonly [number, number]>(5).fill([128, 1]),
    [256, 2],
    [256, 1],
  ];
  for (const [channels, stride] of layers) {
    const group = x.shape[1] ?? 1;
    x = net.relu(same(net, x, group, { kernel: 3, stride, group }));
    x = net.relu(same(net, x, channels, { kernel: 1 }));
  }
  return net.finish(net.softmax(net.fc(net.globalAverage(x), 2, 1)));
}

/** Anomaly detection: five frames of 128 mel bands through a bottleneck of 8. Batch norms are part of the weights. */
function autoencoder(): BenchNet {
  const net = new NetBuilder('ad_autoencoder', [1, 640]);
  let x = net.input;
  for (const width of [128, 128, 128, 128, 8, 128, 128, 128, 128]) x = net.relu(net.fc(x, width));
  return net.finish(net.fc(x, 640, 1), false);
}
