// Style transfer at 256×256: the residual net of Johnson et al. (arXiv 1603.08155, with instance normalization and
// nearest upsampling) and the small net that shipped with Caffe2 on phones, its float part, on an image of 64×64 after
// its average pool by 4.

import { type BenchNet, type Blob, NetBuilder } from './net-builder.js';

export function styleJohnson(): BenchNet {
  const net = new NetBuilder('style_johnson', [1, 3, 256, 256]);
  const unit = (x: Blob, channels: number, kernel: number, stride: number): Blob =>
    net.instanceNorm(net.conv(x, channels, { kernel, stride, pad: (kernel - 1) / 2 }));
  let x = net.relu(unit(net.input, 32, 9, 1));
  x = net.relu(unit(net.relu(unit(x, 64, 3, 2)), 128, 3, 2));
  for (let i = 0; i < 5; i++) x = net.sum(x, unit(net.relu(unit(x, 128, 3, 1)), 128, 3, 1));
  for (const channels of [64, 32]) x = net.relu(unit(net.upsample(x), channels, 3, 1));
  return net.finish(net.tanh(net.conv(x, 3, { kernel: 9, pad: 4, gain: 0.05 })));
}

export function styleCaffe2Go(): BenchNet {
  const net = new NetBuilder('style_caffe2go', [1, 3, 256, 256]);
  let x = net.reflect(net.pool(net.input, 'AveragePool', 4, 4), 10);
  x = net.prelu(net.conv(x, 12, { kernel: 9 }));
  for (let i = 0; i < 6; i++) x = net.prelu(net.conv(x, 12, { kernel: 3 }));
  x = net.prelu(net.convTranspose(x, 6));
  return net.finish(net.convTranspose(x, 3));
}
