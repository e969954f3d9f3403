// Nets without branches: VGG-16 (arXiv 1409.1556, D), MobileNet v1 (arXiv 1704.04861), and a multi-layer perceptron.

import { type BenchNet, type Blob, NetBuilder } from './net-builder.js';

const kImage = [1, 3, 224, 224];

export function vgg16(): BenchNet {
  const net = new NetBuilder('vgg16', kImage);
  let x = net.input;
  for (const [channels, count] of [
    [64, 2],
    [128, 2],
    [256, 3],
    [512, 3],
    [512, 3],
  ] as const) {
    for (let i = 0; i < count; i++) x = net.relu(net.conv(x, channels, { kernel: 3, pad: 1 }));
    x = net.pool(x, 'MaxPool', 2, 2);
  }
  for (let i = 0; i < 2; i++) x = net.dropout(net.relu(net.fc(x, 4096)));
  return net.finish(net.softmax(net.fc(x, 1000, 1)));
}

export function mobilenetV1(): BenchNet {
  const net = new NetBuilder('mobilenet_v1', kImage);
  const block = (x: Blob, channels: number, kernel: number, stride: number, group = 1): Blob =>
    net.relu(net.batchNorm(net.conv(x, channels, { kernel, stride, pad: (kernel - 1) / 2, group, bias: false })));
  let x = block(net.input, 32, 3, 2);
  const layers = [
    [64, 1],
    [128, 2],
    [128, 1],
    [256, 2],
    [256, 1],
    [512, 2],
  ] as const;
  const tail = [
    [1024, 2],
    [1024, 1],
  ] as const;
  for (const [channels, stride] of [...layers, ...new Array<readonly [512, 1]>(5).fill([512, 1]), ...tail]) {
    const group = x.shape[1] ?? 1;
    x = block(block(x, group, 3, stride, group), channels, 1, 1);
  }
  return net.finish(net.softmax(net.fc(net.globalAverage(x), 1000, 1)));
}

export function mlp(): BenchNet {
  const net = new NetBuilder('mlp', [1, 784]);
  let x = net.input;
  for (const width of [1024, 1024, 512]) x = net.relu(net.fc(x, width));
  return net.finish(net.softmax(net.fc(x, 10, 1)), false);
}
