// Nets that join branches by concatenation: SqueezeNet 1.1 (arXiv 1602.07360), GoogLeNet (arXiv 1409.4842), DenseNet-121
// (arXiv 1608.06993), ShuffleNet v2 1.0x (arXiv 1807.11164).

import { type BenchNet, type Blob, NetBuilder } from './net-builder.js';

const kImage = [1, 3, 224, 224];

export function squeezenet(): BenchNet {
  const net = new NetBuilder('squeezenet_1_1', kImage);
  const fire = (x: Blob, squeeze: number, expand: number): Blob => {
    const s = net.relu(net.conv(x, squeeze));
    return net.concat(net.relu(net.conv(s, expand)), net.relu(net.conv(s, expand, { kernel: 3, pad: 1 })));
  };
  let x = net.pool(net.relu(net.conv(net.input, 64, { kernel: 3, stride: 2 })), 'MaxPool', 3, 2);
  x = net.pool(fire(fire(x, 16, 64), 16, 64), 'MaxPool', 3, 2);
  x = net.pool(fire(fire(x, 32, 128), 32, 128), 'MaxPool', 3, 2);
  x = fire(fire(fire(fire(x, 48, 192), 48, 192), 64, 256), 64, 256);
  x = net.relu(net.conv(net.dropout(x), 1000));
  return net.finish(net.softmax(net.globalAverage(x)));
}

/** 1×1; 3×3 reduce, 3×3; 5×5 reduce, 5×5; pool projection: table 1 of the paper. */
const kInception = [
  [
    [64, 96, 128, 16, 32, 32],
    [128, 128, 192, 32, 96, 64],
  ],
  [
    [192, 96, 208, 16, 48, 64],
    [160, 112, 224, 24, 64, 64],
    [128, 128, 256, 24, 64, 64],
    [112, 144, 288, 32, 64, 64],
    [256, 160, 320, 32, 128, 128],
  ],
  [
    [256, 160, 320, 32, 128, 128],
    [384, 192, 384, 48, 128, 128],
  ],
] as const;

export function googlenet(): BenchNet {
  const net = new NetBuilder('googlenet', kImage);
  const unit = (x: Blob, channels: number, kernel = 1, stride = 1): Blob =>
    net.relu(net.conv(x, channels, { kernel, stride, pad: (kernel - 1) / 2 }));
  let x = net.lrn(net.pool(unit(net.input, 64, 7, 2), 'MaxPool', 3, 2, 1));
  x = net.lrn(unit(unit(x, 64), 192, 3));
  for (const stage of kInception) {
    x = net.pool(x, 'MaxPool', 3, 2, 1);
    for (const [one, reduce3, three, reduce5, five, projected] of stage) {
      const pooled = net.pool(x, 'MaxPool', 3, 1, 1);
      x = net.concat(
        unit(x, one),
        unit(unit(x, reduce3), three, 3),
        unit(unit(x, reduce5), five, 5),
        unit(pooled, projected),
      );
    }
  }
  return net.finish(net.softmax(net.fc(net.dropout(net.globalAverage(x)), 1000, 1)));
}

export function densenet121(): BenchNet {
  const net = new NetBuilder('densenet_121', kImage);
  const growth = 32;
  const conv = (x: Blob, channels: number, kernel = 1, stride = 1): Blob =>
    net.conv(x, channels, { kernel, stride, pad: (kernel - 1) / 2, bias: false });
  const activate = (x: Blob): Blob => net.relu(net.batchNorm(x));
  let x = net.pool(activate(conv(net.input, 64, 7, 2)), 'MaxPool', 3, 2, 1);
  for (const [stage, count] of [6, 12, 24, 16].entries()) {
    if (stage > 0) x = net.pool(conv(activate(x), (x.shape[1] ?? 1) / 2), 'AveragePool', 2, 2);
    for (let i = 0; i < count; i++) x = net.concat(x, conv(activate(conv(activate(x), 4 * growth)), growth, 3));
  }
  return net.finish(net.softmax(net.fc(net.globalAverage(activate(x)), 1000, 1)));
}

export function shufflenetV2(): BenchNet {
  const net = new NetBuilder('shufflenet_v2', kImage);
  const conv = (x: Blob, channels: number, kernel = 1, stride = 1, group = 1): Blob =>
    net.batchNorm(
      net.conv(x, channels, { kernel, stride, pad: (kernel - 1) / 2, group, bias: false, gain: group === 1 ? 2 : 1 }),
    );
  const branch = (x: Blob, channels: number, stride: number): Blob => {
    const inner = net.relu(conv(x, channels));
    return net.relu(conv(conv(inner, channels, 3, stride, channels), channels));
  };
  let x = net.pool(net.relu(conv(net.input, 24, 3, 2)), 'MaxPool', 3, 2, 1);
  for (const [channels, count] of [
    [116, 4],
    [232, 8],
    [464, 4],
  ] as const) {
    const from = x.shape[1] ?? 1;
    const shortcut = net.relu(conv(conv(x, from, 3, 2, from), channels / 2));
    x = net.shuffle(net.concat(shortcut, branch(x, channels / 2, 2)), 2);
    for (let i = 1; i < count; i++) {
      const [kept, changed] = net.halves(x);
      x = net.shuffle(net.concat(kept, branch(changed, channels / 2, 1)), 2);
    }
  }
  return net.finish(net.softmax(net.fc(net.globalAverage(net.relu(conv(x, 1024))), 1000, 1)));
}
