// Options that say how pictures become tensors.

import type { Command } from 'commander';
import type { PixelOptions } from '../run/image-tensor.js';
import { kResizeModes } from '../run/resize-image.js';
import { parseNumber, parseNumbers } from './model-options.js';
import { oneOf } from './one-of.js';

export interface PixelFlags {
  readonly resize: string;
  readonly mean?: readonly number[];
  readonly scale?: number;
  readonly channels: string;
}

export function addPixelOptions(command: Command): Command {
  return command
    .option('--resize <mode>', 'pictures of another size: none (an error), stretch, crop (middle) or pad', 'none')
    .option('--mean <a,b,c>', 'pictures: subtracted from each channel, in the channel order (default: 0)', parseNumbers)
    .option('--scale <s>', 'pictures: factor after the mean (default: 1)', parseNumber)
    .option('--channels <order>', 'pictures: bgr (as Caffe) or rgb', 'bgr');
}

export function pixelOptions(flags: PixelFlags): PixelOptions {
  return {
    resize: oneOf('--resize', flags.resize, kResizeModes),
    channels: oneOf('--channels', flags.channels, ['bgr', 'rgb'] as const),
    ...(flags.mean === undefined ? {} : { mean: flags.mean }),
    ...(flags.scale === undefined ? {} : { scale: flags.scale }),
  };
}
