// Residual nets: ResNet-18 and ResNet-50 (arXiv 1512.03385; stride in the 3×3 as published implementations have it),
// MobileNet v2 (arXiv 1801.04381).

import { type BenchNet, type Blob, NetBuilder } from './net-builder.js';

const kImage = [1, 3, 224, 224];
/** Scale of a branch before it is added, so that sums grow slowly. */
const kBranchScale = 0.4;

class ResidualBuilder extends NetBuilder {
  /** Convolution and normalization; `scale` as in batchNorm. */
  unit(x: Blob, channels: number, kernel = 1, stride = 1, scale = 1): Blob {
    const conv = this.conv(x, channels, {
      kernel,
      stride,
      pad: (kernel - 1) / 2,
      bias: false,
      gain: scale === 1 ? 2 : 1,
    });
    return this.batchNorm(conv, scale);
  }

  stem(): Blob {
    return this.pool(this.relu(this.unit(this.input, 64, 7, 2)), 'MaxPool', 3, 2, 1);
  }

  join(x: Blob, branch: Blob, stride: number): Blob {
    const channels = branch.shape[1] ?? 1;
    const isPlain = stride === 1 && x.shape[1] === channels;
    return this.relu(this.sum(branch, isPlain ? x : this.unit(x, channels, 1, stride, 0.9)));
  }

  classify(x: Blob): BenchNet {
    return this.finish(this.softmax(this.fc(this.globalAverage(x), 1000, 1)));
  }
}

export function resnet18(): BenchNet {
  const net = new ResidualBuilder('resnet18', kImage);
  let x = net.stem();
  for (const channels of [64, 128, 256, 512]) {
    for (let i = 0; i < 2; i++) {
      const stride = i === 0 && channels > 64 ? 2 : 1;
      const inner = net.relu(net.unit(x, channels, 3, stride));
      x = net.join(x, net.unit(inner, channels, 3, 1, kBranchScale), stride);
    }
  }
  return net.classify(x);
}

export function resnet50(): BenchNet {
  const net = new ResidualBuilder('resnet50', kImage);
  let x = net.stem();
  for (const [channels, count] of [
    [64, 3],
    [128, 4],
    [256, 6],
    [512, 3],
  ] as const) {
    for (let i = 0; i < count; i++) {
      const stride = i === 0 && channels > 64 ? 2 : 1;
      const reduced = net.relu(net.unit(x, channels));
      const inner = net.relu(net.unit(reduced, channels, 3, stride));
      x = net.join(x, net.unit(inner, 4 * channels, 1, 1, kBranchScale), stride);
    }
  }
  return net.classify(x);
}

/** Expansion, channels, repeats, first stride: table 2 of the paper. */
const kInverted = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

export function mobilenetV2(): BenchNet {
  const net = new ResidualBuilder('mobilenet_v2', kImage);
  let x = net.relu6(net.unit(net.input, 32, 3, 2));
  for (const [expansion, channels, count, firstStride] of kInverted) {
    for (let i = 0; i < count; i++) x = invertedBlock(net, x, channels, expansion, i === 0 ? firstStride : 1);
  }
  return net.classify(net.relu6(net.unit(x, 1280)));
}

function invertedBlock(net: ResidualBuilder, x: Blob, channels: number, expansion: number, stride: number): Blob {
  const wide = (x.shape[1] ?? 1) * expansion;
  const expanded = expansion === 1 ? x : net.relu6(net.unit(x, wide));
  const spatial = net.conv(expanded, wide, { kernel: 3, stride, pad: 1, group: wide, bias: false });
  const isResidual = stride === 1 && x.shape[1] === channels;
  const reduced = net.unit(net.relu6(net.batchNorm(spatial)), channels, 1, 1, isResidual ? kBranchScale : 0.9);
  return isResidual ? net.sum(reduced, x) : reduced;
}
