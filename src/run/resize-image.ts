// Resizing of pictures: a triangle filter as wide as the reduction (so that shrinking averages), along one axis at a time.

import type { Image } from './image-file.js';

export const kResizeModes = ['none', 'stretch', 'crop', 'pad'] as const;
/** none: sizes must fit. stretch: both sides at once. crop: the shorter side fits, the middle is kept. pad: all of it fits. */
export type ResizeMode = (typeof kResizeModes)[number];

/** The picture in exactly width x height. */
export function resizeImage(image: Image, width: number, height: number, mode: Exclude<ResizeMode, 'none'>): Image {
  if (image.width === width && image.height === height) return image;
  const [sx, sy] = [width / image.width, height / image.height];
  if (mode === 'stretch') return scale(image, width, height);
  const factor = mode === 'crop' ? Math.max(sx, sy) : Math.min(sx, sy);
  const scaled = scale(
    image,
    Math.max(1, Math.round(image.width * factor)),
    Math.max(1, Math.round(image.height * factor)),
  );
  return place(scaled, width, height);
}

/** The picture in the middle of a black one, or the middle of the picture. */
function place(image: Image, width: number, height: number): Image {
  const rgba = new Uint8Array(width * height * 4);
  const left = Math.floor((image.width - width) / 2);
  const top = Math.floor((image.height - height) / 2);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [fx, fy] = [x + left, y + top];
      const isInside = fx >= 0 && fy >= 0 && fx < image.width && fy < image.height;
      for (let c = 0; c < 4; c++) {
        const outside = c === 3 ? 255 : 0;
        rgba[(y * width + x) * 4 + c] = isInside ? (image.rgba[(fy * image.width + fx) * 4 + c] ?? 0) : outside;
      }
    }
  }
  return { width, height, rgba };
}

function scale(image: Image, width: number, height: number): Image {
  const { rgba } = image;
  const wide = new Float32Array(width * image.height * 4);
  const columns = weights(image.width, width);
  for (let y = 0; y < image.height; y++) {
    columns.forEach((taps, x) => {
      for (let c = 0; c < 4; c++) {
        let sum = 0;
        for (const [from, weight] of taps) sum += weight * (rgba[(y * image.width + from) * 4 + c] ?? 0);
        wide[(y * width + x) * 4 + c] = sum;
      }
    });
  }
  const result = new Uint8Array(width * height * 4);
  weights(image.height, height).forEach((taps, y) => {
    for (let i = 0; i < width * 4; i++) {
      let sum = 0;
      for (const [from, weight] of taps) sum += weight * (wide[from * width * 4 + i] ?? 0);
      result[y * width * 4 + i] = Math.max(0, Math.min(255, Math.round(sum)));
    }
  });
  return { width, height, rgba: result };
}

/** For each target position the source positions and their weights, which add up to 1. */
function weights(source: number, target: number): readonly (readonly (readonly [from: number, weight: number])[])[] {
  const step = source / target;
  const radius = Math.max(1, step);
  return Array.from({ length: target }, (_, i) => {
    const center = (i + 0.5) * step - 0.5;
    const taps: [number, number][] = [];
    for (let from = Math.ceil(center - radius); from <= center + radius; from++) {
      const weight = 1 - Math.abs(from - center) / radius;
      if (weight > 0) taps.push([Math.min(source - 1, Math.max(0, from)), weight]);
    }
    const total = taps.reduce((sum, [, weight]) => sum + weight, 0);
    return taps.map(([from, weight]) => [from, weight / total] as const);
  });
}
