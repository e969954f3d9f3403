// All nets of the benchmark, in the order of the table. Each is built when its turn comes: VGG-16 alone has 138 million
// weights.

import { densenet121, googlenet, shufflenetV2, squeezenet } from './concat-nets.js';
import type { BenchNet } from './net-builder.js';
import { mlp, mobilenetV1, vgg16 } from './plain-nets.js';
import { lstm } from './recurrent-net.js';
import { mobilenetV2, resnet18, resnet50 } from './residual-nets.js';
import { styleCaffe2Go, styleJohnson } from './style-nets.js';

export const kBenchNets: ReadonlyMap<string, () => BenchNet> = new Map([
  ['squeezenet_1_1', squeezenet],
  ['mobilenet_v1', mobilenetV1],
  ['mobilenet_v2', mobilenetV2],
  ['resnet18', resnet18],
  ['resnet50', resnet50],
  ['vgg16', vgg16],
  ['googlenet', googlenet],
  ['densenet_121', densenet121],
  ['shufflenet_v2', shufflenetV2],
  ['style_johnson', styleJohnson],
  ['style_caffe2go', styleCaffe2Go],
  ['lstm', lstm],
  ['mlp', mlp],
]);
