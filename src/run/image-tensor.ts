// Pictures as tensors and back: uint8 [n, h, w, 4] in BGRA (the stylizers), planar [n, 3, h, w] and [n, 1, h, w] in float32
// or uint8. Defaults are Caffe's: channels in blue, green, red order, no mean, scale 1.

import { fail, type Where } from '../errors.js';
import { dimMax, dimMin } from '../ir/dim.js';
import { getNumber, makeTensor, type NumericTensor, setNumber } from '../ir/tensor.js';
import { type TensorType, typeToString } from '../ir/type.js';
import type { Image } from './image-file.js';
import { type ResizeMode, resizeImage } from './resize-image.js';

/** value = (byte - mean[c]) * scale, c in the tensor's channel order. */
export interface PixelOptions {
  readonly mean?: readonly number[];
  readonly scale?: number;
  readonly channels?: 'bgr' | 'rgb';
  readonly resize?: ResizeMode;
}

interface ImageAxes {
  readonly isPlanar: boolean;
  readonly channels: number;
  readonly heightAxis: number;
  readonly widthAxis: number;
}

/** How a type holds pictures, or undefined when it does not. */
export function imageAxes(type: Pick<TensorType, 'dtype' | 'shape'>): ImageAxes | undefined {
  const { dtype, shape } = type;
  if (shape.length !== 4 || (dtype !== 'f32' && dtype !== 'u8')) return undefined;
  if (dtype === 'u8' && shape[3] === 4) return { isPlanar: false, channels: 4, heightAxis: 1, widthAxis: 2 };
  const channels = shape[1];
  if (channels !== 3 && channels !== 1) return undefined;
  return { isPlanar: true, channels, heightAxis: 2, widthAxis: 3 };
}

/** The picture as one image of the input. */
export function imageToTensor(image: Image, type: TensorType, options: PixelOptions, where: Where): NumericTensor {
  const axes = imageAxes(type);
  if (axes === undefined || dimMin(type.shape[0] ?? 1) > 1) {
    return fail('bad-option', 'a picture does not fit this input', {
      where,
      expected: typeToString(type),
      remedy: 'pictures fit uint8 [1,H,W,4] and [1,3,H,W] or [1,1,H,W]; give a .npy file',
    });
  }
  const fitted = fitSize(image, type, axes, options.resize ?? 'none', where);
  const { width, height } = fitted;
  const dims = axes.isPlanar ? [1, axes.channels, height, width] : [1, height, width, 4];
  const tensor = makeTensor(type.dtype === 'u8' ? 'u8' : 'f32', dims);
  for (let p = 0; p < width * height; p++) {
    for (let c = 0; c < axes.channels; c++) {
      const at = axes.isPlanar ? c * width * height + p : p * 4 + c;
      setNumber(
        tensor,
        at,
        axes.isPlanar ? planarValue(fitted, p, c, axes, options, tensor.dtype) : bgra(fitted, p, c),
      );
    }
  }
  return tensor;
}

/** The first image of a tensor as a picture; mean and scale are undone. */
export function tensorToImage(tensor: NumericTensor, options: PixelOptions, where: Where): Image {
  const axes = imageAxes({ dtype: tensor.dtype, shape: tensor.dims });
  if (axes === undefined) {
    return fail('bad-option', 'this output is no picture', {
      where,
      got: `${tensor.dtype} [${tensor.dims.join(',')}]`,
      remedy: 'write it as .npy or .txt',
    });
  }
  const height = tensor.dims[axes.heightAxis] ?? 0;
  const width = tensor.dims[axes.widthAxis] ?? 0;
  const plane = width * height;
  const rgba = new Uint8Array(plane * 4);
  for (let p = 0; p < plane; p++) {
    for (let c = 0; c < 4; c++) rgba[p * 4 + c] = pixelByte(tensor, axes, options, plane, p, c);
  }
  return { width, height, rgba };
}

/** Byte c (red, green, blue, alpha) of pixel p. */
function pixelByte(
  t: NumericTensor,
  axes: ImageAxes,
  options: PixelOptions,
  plane: number,
  p: number,
  c: number,
): number {
  if (!axes.isPlanar) return getNumber(t, p * 4 + sourceOf(c, 'bgr'));
  if (c === 3) return 255;
  const channel = axes.channels === 1 ? 0 : sourceOf(c, options.channels ?? 'bgr');
  const value = getNumber(t, channel * plane + p);
  if (t.dtype === 'u8') return value;
  return Math.max(0, Math.min(255, Math.round(value / (options.scale ?? 1) + meanOf(options, channel))));
}

function bgra({ rgba }: Image, p: number, c: number): number {
  return rgba[p * 4 + sourceOf(c, 'bgr')] ?? 0;
}

/** Swaps red and blue; its own inverse. */
function sourceOf(c: number, order: 'bgr' | 'rgb'): number {
  return order === 'rgb' || c === 3 ? c : 2 - c;
}

function planarValue(
  { rgba }: Image,
  p: number,
  c: number,
  axes: ImageAxes,
  options: PixelOptions,
  dtype: string,
): number {
  const at = (k: number): number => rgba[p * 4 + k] ?? 0;
  // Luma of ITU-R BT.601.
  const byte =
    axes.channels === 1 ? 0.299 * at(0) + 0.587 * at(1) + 0.114 * at(2) : at(sourceOf(c, options.channels ?? 'bgr'));
  if (dtype === 'u8') return Math.round(byte);
  return (byte - meanOf(options, c)) * (options.scale ?? 1);
}

function meanOf({ mean }: PixelOptions, c: number): number {
  return mean?.[Math.min(c, mean.length - 1)] ?? 0;
}

function fitSize(image: Image, type: TensorType, axes: ImageAxes, mode: ResizeMode, where: Where): Image {
  const [height, width] = [type.shape[axes.heightAxis] ?? 1, type.shape[axes.widthAxis] ?? 1];
  const fits = (dim: typeof height, size: number): boolean => size >= dimMin(dim) && size <= dimMax(dim);
  if (fits(height, image.height) && fits(width, image.width)) return image;
  if (mode !== 'none') return resizeImage(image, dimMax(width), dimMax(height), mode);
  return fail('bad-option', 'the picture has another size than the input', {
    where,
    expected: `${dimMax(width)}x${dimMax(height)} (width x height)`,
    got: `${image.width}x${image.height}`,
    remedy: 'add --resize crop, pad or stretch, or compile the net for this size with --input',
  });
}
